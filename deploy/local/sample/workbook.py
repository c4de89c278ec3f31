"""A small, fast xlsx writer for sample files: the same input gives the same bytes, formulas may lack their value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo


@dataclass(frozen=True)
class Formula:
    """A formula and the value a program stored with it; None when no program ever calculated it."""

    text: str
    value: str | None


Cell = str | int | datetime | Formula

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/>'
    '</numFmts><fonts count="1"><font><sz val="11"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/>'
    '</fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf numFmtId="0" xfId="0"/>'
    '<xf numFmtId="164" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def write_workbook(path: Path, sheets: Mapping[str, Iterable[list[Cell]]], *, title: tuple[str, int]) -> None:
    """Sheets in order; the first cell of sheet `title[0]` is merged over `title[1]` columns."""
    strings: dict[str, int] = {}
    with ZipFile(path, "w") as archive:
        for at, (name, rows) in enumerate(sheets.items(), start=1):
            merged = f'<mergeCells count="1"><mergeCell ref="A1:{_letter(title[1])}1"/></mergeCells>'
            _put(archive, f"xl/worksheets/sheet{at}.xml", _sheet(rows, strings, merged if name == title[0] else ""))
        _put(archive, "xl/sharedStrings.xml", _shared(strings))
        _put(archive, "xl/styles.xml", _STYLES)
        _put(archive, "xl/workbook.xml", _book(list(sheets)))
        _put(archive, "xl/_rels/workbook.xml.rels", _book_relations(len(sheets)))
        _put(archive, "_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
        _put(archive, "[Content_Types].xml", _content_types(len(sheets)))


def _put(archive: ZipFile, name: str, content: str) -> None:
    entry = ZipInfo(name, date_time=(2026, 11, 20, 9, 0, 0))
    entry.compress_type = ZIP_DEFLATED
    archive.writestr(entry, content)


def _sheet(rows: Iterable[list[Cell]], strings: dict[str, int], merged: str) -> str:
    parts = [f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>']
    for number, row in enumerate(rows, start=1):
        if row:
            cells = "".join(_cell(f"{_letter(at)}{number}", cell, strings) for at, cell in enumerate(row, start=1))
            parts.append(f'<row r="{number}">{cells}</row>')
    return "".join([*parts, f"</sheetData>{merged}</worksheet>"])


def _cell(place: str, cell: Cell, strings: dict[str, int]) -> str:
    if isinstance(cell, str):
        return f'<c r="{place}" t="s"><v>{strings.setdefault(cell, len(strings))}</v></c>' if cell else ""
    if isinstance(cell, int):
        return f'<c r="{place}"><v>{cell}</v></c>'
    if isinstance(cell, datetime):
        serial = (cell - datetime(1899, 12, 30)).total_seconds() / 86_400
        return f'<c r="{place}" s="1"><v>{serial!r}</v></c>'
    return _formula(place, cell)


def _formula(place: str, cell: Formula) -> str:
    if cell.value is None:
        return f'<c r="{place}"><f>{escape(cell.text)}</f></c>'
    kind = "e" if cell.value.startswith("#") else "str"
    return f'<c r="{place}" t="{kind}"><f>{escape(cell.text)}</f><v>{escape(cell.value)}</v></c>'


def _shared(strings: Mapping[str, int]) -> str:
    items = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in strings)
    return f'{_HEAD}<sst xmlns="{_MAIN}" uniqueCount="{len(strings)}">{items}</sst>'


def _book(names: list[str]) -> str:
    sheets = "".join(f'<sheet name={quoteattr(name)} sheetId="{at}" r:id="rId{at}"/>' for at, name in enumerate(names, start=1))
    return f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'


def _book_relations(sheets: int) -> str:
    parts = [("worksheet", f"worksheets/sheet{at}.xml") for at in range(1, sheets + 1)]
    return _relations([*parts, ("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")])


def _relations(parts: list[tuple[str, str]]) -> str:
    items = "".join(
        f'<Relationship Id="rId{at}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(parts, start=1)
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{items}</Relationships>'


def _content_types(sheets: int) -> str:
    parts = {f"worksheets/sheet{at}": "worksheet" for at in range(1, sheets + 1)}
    parts |= {"workbook": "sheet.main", "styles": "styles", "sharedStrings": "sharedStrings"}
    items = "".join(f'<Override PartName="/xl/{part}.xml" ContentType="{_TYPE}{kind}+xml"/>' for part, kind in parts.items())
    relations = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    return f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">{relations}{items}</Types>'


def _letter(column: int) -> str:
    return chr(64 + column) if column <= 26 else _letter((column - 1) // 26) + chr(65 + (column - 1) % 26)
