"""The XML of a workbook, read in chunks: rows, shared strings, and which number formats are dates."""

import os
import re
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import IO
from xml.parsers.expat import ParserCreate, XMLParserType
from zipfile import ZipFile

from core.rules.cells import FORMULA_WITHOUT_VALUE
from workers.sheets_source import DAMAGED, MAX_CELL, MAX_COLUMNS, RawRow, refusal, trimmed

_CHUNK = 64 * 1024
_LONGEST_TAG = 4 * 1024 * 1024
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_BLOCK = 256
_CACHED_BLOCKS = 512
_DAY_FORMATS = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)


def fed(stream: IO[bytes], parser: XMLParserType) -> Iterator[int]:
    """Feed the parser chunk by chunk; gives the bytes read so far. One endless tag is refused, not collected."""
    total = 0
    while chunk := stream.read(_CHUNK):
        parser.Parse(chunk, False)
        total += len(chunk)
        if total - parser.CurrentByteIndex > _LONGEST_TAG:
            raise refusal("FILE_NOT_A_SPREADSHEET", DAMAGED)
        yield total
    parser.Parse(b"", True)
    yield total


def plain(archive: ZipFile, part: str) -> Iterator[tuple[str, dict[str, str]]]:
    """(tag without prefix, attributes) of a small part, one by one."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = _parser()
    parser.StartElementHandler = lambda name, attributes: found.append((name.rpartition(":")[2], attributes))
    with archive.open(part) as stream:
        for _ in fed(stream, parser):
            yield from found
            found.clear()


def _parser() -> XMLParserType:
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_doctype
    return parser


def _no_doctype(*_: object) -> None:
    """Entities are declared there, and no spreadsheet program writes any."""
    raise refusal("FILE_BOMB")


class DateStyles:
    """The cell styles under which a number is a date."""

    def __init__(self) -> None:
        self._formats: set[int] = set(_DAY_FORMATS)
        self._in_cell_styles = False
        self._count = 0
        self.found: set[str] = set()

    def read(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "numFmt" and _is_date_format(attributes.get("formatCode", "")):
            self._formats.add(int(attributes.get("numFmtId", "-1")))
        elif tag in ("cellXfs", "cellStyleXfs", "cellStyles"):
            self._in_cell_styles = tag == "cellXfs"
        elif tag == "xf" and self._in_cell_styles:
            if int(attributes.get("numFmtId", "0")) in self._formats:
                self.found.add(str(self._count))
            self._count += 1


def _is_date_format(code: str) -> bool:
    code = _NOT_FORMAT.sub("", code.split(";")[0]).lower()
    return "general" not in code and bool(re.search("[ymdhs]", code))


class SharedStrings:
    """The workbook's texts, kept in a file of the system's temporary folder, read back block by block."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(prefix="strings-")
        os.unlink(name)
        self._file = handle
        weakref.finalize(self, os.close, handle)
        self._starts = array("Q", [0])
        self._waiting: list[str] = []
        self._block = lru_cache(maxsize=_CACHED_BLOCKS)(self._loaded)

    def __getitem__(self, at: int) -> str:
        return self._block(at // _BLOCK)[at % _BLOCK]

    def load(self, stream: IO[bytes]) -> None:
        parser = _parser()
        _Texts(parser, self._add)
        for _ in fed(stream, parser):
            pass
        self._write()

    def _add(self, text: str) -> None:
        self._waiting.append(text)
        if len(self._waiting) == _BLOCK:
            self._write()

    def _write(self) -> None:
        block = "\0".join(self._waiting).encode("utf-8", "replace")
        self._starts.append(self._starts[-1] + os.pwrite(self._file, block, self._starts[-1]))
        self._waiting = []

    def _loaded(self, block: int) -> list[str]:
        start, end = self._starts[block], self._starts[block + 1]
        return [unescaped(text) for text in os.pread(self._file, end - start, start).decode().split("\0")]


class _Texts:
    """Calls `add` with the text of every <si>: runs joined, phonetic guides left out."""

    def __init__(self, parser: XMLParserType, add: Callable[[str], None]) -> None:
        self._add = add
        self._text: list[str] = []
        self._length = 0
        self._inside, self._guide = False, False
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters

    def _start(self, name: str, _: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag == "si":
            self._text, self._length = [], 0
        elif tag == "rPh":
            self._guide = True
        else:
            self._inside = tag == "t" and not self._guide

    def _end(self, name: str) -> None:
        tag = name.rpartition(":")[2]
        if tag == "si":
            self._add("".join(self._text)[:MAX_CELL])
        elif tag == "rPh":
            self._guide = False
        self._inside = False

    def _characters(self, text: str) -> None:
        if self._inside and self._length < MAX_CELL:
            self._text.append(text)
            self._length += len(text)


class SheetParser:
    """Collects the rows of one sheet; `taken` hands over those that are complete."""

    def __init__(self, strings: SharedStrings, dates: DateStyles, date1904: bool) -> None:
        self._strings, self._dates = strings, dates.found
        self._epoch = datetime(1904, 1, 1) if date1904 else datetime(1899, 12, 30)
        self._rows: list[RawRow] = []
        self._number, self._column, self._cells = 0, -1, list[str]()
        self._kind, self._style = "n", ""
        self._text: list[str] = []
        self._length = 0
        self._collecting = self._formula = self._has_value = self._guide = False
        self.expat = _parser()
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self._characters

    def taken(self) -> list[RawRow]:
        rows, self._rows = self._rows, []
        return rows

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = _local(name)
        if tag == "c":
            self._start_cell(attributes)
        elif tag == "v":
            self._collecting = self._has_value = True
        elif tag == "t":
            self._collecting = self._has_value = not self._guide
        elif tag == "row":
            self._number = int(attributes.get("r", self._number + 1))
            self._column, self._cells = -1, []
        elif tag == "f":
            self._formula = True
        elif tag == "rPh":
            self._guide = True

    def _start_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r")
        self._column = _column(place.rstrip("0123456789")) if place else self._column + 1
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
        self._text, self._length = [], 0
        self._formula = self._has_value = False

    def _end(self, name: str) -> None:
        tag = _local(name)
        if tag in ("v", "t"):
            self._collecting = False
        elif tag == "c":
            self._put(self._value())
        elif tag == "row":
            cells = trimmed(self._cells)
            if cells:
                self._rows.append((self._number, cells))
            self._cells = []
        elif tag == "rPh":
            self._guide = False

    def _characters(self, text: str) -> None:
        if self._collecting and self._length < MAX_CELL:
            self._text.append(text)
            self._length += len(text)

    def _put(self, value: str) -> None:
        if not value:
            return
        # Whatever stands further right only shows that there is too much.
        column = min(self._column, MAX_COLUMNS)
        self._cells.extend([""] * (column + 1 - len(self._cells)))
        self._cells[column] = value

    def _value(self) -> str:
        text = "".join(self._text)[:MAX_CELL]
        if self._formula and (not self._has_value or (not text and self._kind != "str")):
            return FORMULA_WITHOUT_VALUE
        if self._kind == "s":
            return self._strings[int(text)] if text else ""
        if self._kind == "n":
            return self._number_or_date(text)
        if self._kind == "b":
            return "TRUE" if text.strip() in ("1", "true") else "FALSE"
        return text.replace("T", " ") if self._kind == "d" else unescaped(text)

    def _number_or_date(self, text: str) -> str:
        if self._style in self._dates and text:
            return _date(text, self._epoch)
        return text if text.isdigit() else number_text(text)


def unescaped(text: str) -> str:
    """`_x000D_` is how a workbook writes what XML cannot carry."""
    return _ESCAPE.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    code = int(found.group(1), 16)
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)


def number_text(text: str) -> str:
    """A stored number as a person would type it: 1012345678.0 and 1.012345678E9 are 1012345678."""
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else repr(value)


def _date(text: str, epoch: datetime) -> str:
    try:
        moment = epoch + timedelta(seconds=round(float(text) * 86_400))
    except (ValueError, OverflowError):
        return text
    return f"{moment:%Y-%m-%d}" if float(text).is_integer() else f"{moment:%Y-%m-%d %H:%M:%S}"


@lru_cache(maxsize=1024)
def _local(name: str) -> str:
    return name.rpartition(":")[2]


@lru_cache(maxsize=20_000)
def _column(letters: str) -> int:
    at = 0
    for letter in letters[:4]:
        at = at * 26 + ord(letter) - 64
    return at - 1
