"""xlsx as a stream in flat memory: formulas by their stored value, errors as errors."""

import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile, ZipInfo

from workers.sheets_archive import check_archive
from workers.sheets_source import DAMAGED, MAX_ROWS, RawRow, refusal
from workers.sheets_xml import DateStyles, SharedStrings, SheetParser, fed, plain

_CHUNK = 128 * 1024
_TAIL = 128 * 1024
_ROW_NUMBER = re.compile(rb"<(?:[\w.-]+:)?row\b[^>]*?\sr=[\"'](\d{1,9})[\"']")
# No row that holds something can be written in fewer bytes, so a small sheet needs no counting.
_SMALLEST_ROW = len("<row><c><v>1</v></c></row>")
_BROKEN = (BadZipFile, zlib.error, ExpatError, EOFError, KeyError, IndexError, ValueError, NotImplementedError, OSError)


class XlsxSource:
    """A workbook in Office Open XML."""

    def __init__(self, path: Path) -> None:
        check_archive(path)
        self._path = path
        self._read, self._size = 0, 1
        with self._opened() as archive:
            book = _Workbook(archive)
            if not book.sheets:
                raise refusal("FILE_NOT_A_SPREADSHEET", DAMAGED)
            self._parts, self.hidden_sheets, self._date1904 = book.sheets, book.hidden, book.date1904
            self._dates = _date_styles(archive, book.part("styles"))
            self._strings = _shared_strings(archive, book.part("sharedStrings"))

    @property
    def sheet_names(self) -> tuple[str, ...]:
        return tuple(self._parts)

    def rows(self, sheet: str) -> Generator[RawRow, None, None]:
        with self._opened() as archive, archive.open(self._parts[sheet]) as stream:
            self._size = max(archive.getinfo(self._parts[sheet]).file_size, 1)
            parser = SheetParser(self._strings, self._dates, self._date1904)
            for self._read in fed(stream, parser.expat):
                yield from parser.taken()

    def most_rows(self, sheet: str) -> int | None:
        with self._opened() as archive:
            part = archive.getinfo(self._parts[sheet])
            last = _last_row(archive, part)
        smallest = part.file_size // _SMALLEST_ROW
        return smallest if smallest <= MAX_ROWS else last

    def share(self) -> float:
        return min(self._read / self._size, 1.0)

    @contextmanager
    def _opened(self) -> Iterator[ZipFile]:
        """The archive; whatever is broken in it becomes one sentence."""
        try:
            with ZipFile(self._path) as archive:
                yield archive
        except _BROKEN as broken:
            raise refusal("FILE_NOT_A_SPREADSHEET", DAMAGED) from broken


class _Workbook:
    """Which parts of the archive are sheets, and in which calendar they count."""

    def __init__(self, archive: ZipFile) -> None:
        self._names = {name.lower(): name for name in archive.namelist()}
        main = self._main_part(archive)
        self._parts = _relations(archive, self._found(_relations_of(main)), PurePosixPath(main).parent)
        self.sheets: dict[str, str] = {}
        self.date1904 = False
        hidden: set[str] = set()
        for tag, found in plain(archive, main):
            if tag == "workbookPr":
                self.date1904 = found.get("date1904") in ("1", "true")
            elif tag == "sheet" and self._is_sheet(found):
                self.sheets[found.get("name", "")] = self._found(self._parts[_relation(found)][1])
                hidden.update({found.get("name", "")} if found.get("state", "visible") != "visible" else ())
        self.hidden = frozenset(hidden)

    def part(self, kind: str) -> str:
        """The archive's name of the styles or the shared strings; empty when there are none."""
        targets = (target for found, target in self._parts.values() if found == kind)
        return self._names.get(next(targets, "").lower(), "")

    def _is_sheet(self, found: dict[str, str]) -> bool:
        return self._parts.get(_relation(found), ("", ""))[0] == "worksheet"

    def _main_part(self, archive: ZipFile) -> str:
        root = _relations(archive, self._names.get("_rels/.rels", ""), PurePosixPath(""))
        targets = [target for kind, target in root.values() if kind == "officeDocument"]
        main = self._names.get((targets[0] if targets else "xl/workbook.xml").lower(), "")
        if "workbook" not in main.lower() or not main.lower().endswith(".xml"):
            raise refusal("FILE_NOT_A_SPREADSHEET")
        return main

    def _found(self, name: str) -> str:
        return self._names[name.lower()]


def _relations_of(part: str) -> str:
    path = PurePosixPath(part)
    return str(path.parent / "_rels" / f"{path.name}.rels")


def _relations(archive: ZipFile, part: str, folder: PurePosixPath) -> dict[str, tuple[str, str]]:
    """id -> (kind, target) of one .rels file."""
    if not part:
        return {}
    return {
        found.get("Id", ""): (found.get("Type", "").rpartition("/")[2], _resolved(folder, found.get("Target", "")))
        for tag, found in plain(archive, part)
        if tag == "Relationship"
    }


def _resolved(folder: PurePosixPath, target: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath("/") / folder / target.replace("\\", "/")).parts[1:]:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def _relation(sheet: dict[str, str]) -> str:
    return next((value for name, value in sheet.items() if name.endswith(":id")), "")


def _date_styles(archive: ZipFile, part: str) -> DateStyles:
    styles = DateStyles()
    for tag, found in plain(archive, part) if part else ():
        styles.read(tag, found)
    return styles


def _shared_strings(archive: ZipFile, part: str) -> SharedStrings:
    strings = SharedStrings()
    if part:
        with archive.open(part) as stream:
            strings.load(stream)
    return strings


def _last_row(archive: ZipFile, part: ZipInfo) -> int | None:
    """The number of the last row; the sheet is read to its end, so that damage shows before any row goes in."""
    tail = b""
    with archive.open(part) as stream:
        while chunk := _chunk(stream):
            tail = (tail + chunk)[-_TAIL:]
    numbers = _ROW_NUMBER.findall(tail)
    return int(numbers[-1]) if numbers else None


def _chunk(stream: IO[bytes]) -> bytes:
    return stream.read(_CHUNK)
