"""The child of sheets_xls: prints the sheets, or the rows of one, as JSON lines. Stands alone on purpose."""

import datetime
import json
import resource
import sys

from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

LOCKED = 3
_MAX_MEMORY = 1024**3
_MAX_CPU_SECONDS = 120
_MAX_COLUMNS = 200
_MAX_CELL = 32_767


def main(path: str, sheet: str | None) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_MAX_CPU_SECONDS, _MAX_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with CalamineWorkbook.from_path(path) as book:
            _print_sheets(book) if sheet is None else _print_rows(book, sheet)
    except PasswordError:
        return LOCKED
    return 0


def _print_sheets(book: CalamineWorkbook) -> None:
    found = [
        (sheet.name, sheet.visible == SheetVisibleEnum.Visible)
        for sheet in book.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet
    ]
    json.dump(found, sys.stdout)


def _print_rows(book: CalamineWorkbook, sheet: str) -> None:
    found = book.get_sheet_by_name(sheet)
    height = found.end[0] + 1 if found.end else 1
    for number, row in enumerate(found.iter_rows(), start=1):
        cells = [_text(cell) for cell in row[: _MAX_COLUMNS + 1]]
        if any(cells):
            sys.stdout.write(json.dumps([number, number / height, cells]) + "\n")


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if abs(cell) < 1e15 and cell == int(cell) else repr(cell)
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time(0):
        return cell.date().isoformat()
    if isinstance(cell, datetime.datetime):
        return cell.replace(microsecond=0).isoformat(" ")
    return str(cell)[:_MAX_CELL]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
