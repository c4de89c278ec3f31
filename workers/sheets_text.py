"""Customer files that are text: csv and tsv in UTF-8, UTF-16 or CP949, whatever the delimiter."""

import codecs
import csv
import re
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

from core.rules import columns
from workers.sheets_source import DAMAGED, MAX_COLUMNS, WEB_PAGE, RawRow, refusal, trimmed

_HEAD = 64 * 1024
_CHUNK = 1024 * 1024
_LONGEST_LINE = 100_000
# A quote that was never closed must not swallow the file: a cell of more lines is no cell.
_LONGEST_CELL_LINES = 50
_DELIMITERS = ",\t;|"
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]")
_MARKUP = re.compile(rb"<(?:!doctype|html|table|\?xml|head|meta)\b", re.IGNORECASE)
_DIRECTIVE = re.compile(r'"?sep=(.)"?\s*')
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class TextSource:
    """A text file as one sheet that bears the file's name."""

    hidden_sheets: frozenset[str] = frozenset()

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        self._read, self._size = 0, max(path.stat().st_size, 1)
        self.encoding = _encoding(path)
        self.delimiter = self._sniffed()

    @property
    def sheet_names(self) -> tuple[str, ...]:
        return (self._name,)

    def rows(self, sheet: str) -> Generator[RawRow, None, None]:
        with self._path.open("rb") as binary, self._text(binary) as file:
            for number, record in enumerate(_records(file, self.delimiter), start=1):
                self._read = binary.tell()
                cells = trimmed(record[: MAX_COLUMNS + 1])
                if cells:
                    yield number, cells

    def most_rows(self, sheet: str) -> int | None:
        with self._path.open("rb") as file:
            lines = sum(max(chunk.count(b"\n"), chunk.count(b"\r")) for chunk in _chunks(file))
        return lines + 1

    def share(self) -> float:
        return min(self._read / self._size, 1.0)

    def _text(self, binary: BinaryIO) -> TextIOWrapper:
        return TextIOWrapper(binary, encoding=self.encoding, errors="replace", newline="")

    def _sniffed(self) -> str:
        """The delimiter under which most header words are known; then the one that gives the most even table."""
        with self._path.open("rb") as binary, self._text(binary) as file:
            directive = _DIRECTIVE.fullmatch(file.readline(_LONGEST_LINE))
        return directive.group(1) if directive else max(_DELIMITERS, key=self._fit)

    def _fit(self, delimiter: str) -> tuple[int, int]:
        self.delimiter = delimiter
        with closing(self.rows(self._name)) as rows:
            head = [cells for _, cells in islice(rows, 30)]
        widths = [len(cells) for cells in head if len(cells) > 1]
        known = max((len(columns.guess_mapping(cells)) for cells in head[:10]), default=0)
        return known, max((widths.count(width) for width in set(widths)), default=0)


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    wide = _wide(head)
    if not wide and len(_NOT_TEXT.findall(head)) * 200 > len(head):
        raise refusal("FILE_NOT_A_SPREADSHEET")
    if _MARKUP.search(head[:4096]):
        raise refusal("FILE_NOT_A_SPREADSHEET", WEB_PAGE)
    return wide or _narrow(path)


def _wide(head: bytes) -> str:
    """UTF-16 without its mark shows in its line ends."""
    if b"\n\x00" in head and head.index(b"\n\x00") % 2 == 0:
        return "utf-16-le"
    return "utf-16-be" if b"\x00\n" in head and head.index(b"\x00\n") % 2 == 0 else ""


def _narrow(path: Path) -> str:
    """UTF-8 or CP949: the one that reads the file without, or with the fewest, broken characters."""
    for encoding in ("utf-8", "cp949"):
        if not any(_broken(path, encoding)):
            return encoding
    utf8, cp949 = (sum(_broken(path, encoding)) for encoding in ("utf-8", "cp949"))
    if min(utf8, cp949) * 100 > path.stat().st_size:
        raise refusal("FILE_NOT_A_SPREADSHEET")
    return "utf-8" if utf8 < cp949 else "cp949"


def _broken(path: Path, encoding: str) -> Iterator[int]:
    """How many characters of each chunk cannot be read."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    with path.open("rb") as file:
        for chunk in _chunks(file):
            yield decoder.decode(chunk).count("\ufffd")
    yield len(decoder.decode(b"", True))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


class _Lines:
    """Lines for csv.reader that notice when a record asks for more lines than a cell may have."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.cut = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._next() if len(self.taken) < _LONGEST_CELL_LINES else ""
        if not line:
            self.cut = bool(self.taken)
            raise StopIteration
        self.taken.append(line)
        return line

    def start(self) -> None:
        self.taken, self.cut = [], False

    def give_back(self) -> str:
        """The first line of the failed record; the others will be read again."""
        first, *rest = self.taken
        self._again.extendleft(reversed(rest))
        return first

    def _next(self) -> str:
        line = self._again.popleft() if self._again else self._file.readline(_LONGEST_LINE)
        if len(line) >= _LONGEST_LINE:
            raise refusal("FILE_NOT_A_SPREADSHEET", DAMAGED)
        return line


def _records(file: TextIO, delimiter: str) -> Iterator[list[str]]:
    if not _DIRECTIVE.fullmatch(file.readline(_LONGEST_LINE)):
        file.seek(0)
    lines = _Lines(file)
    while True:
        lines.start()
        try:
            record = next(csv.reader(lines, delimiter=delimiter), None)
        except csv.Error:
            lines.cut, record = True, []
        if record is None:
            return
        yield _unquoted(lines.give_back(), delimiter) if lines.cut else record


def _unquoted(line: str, delimiter: str) -> list[str]:
    """A line with a quote that is never closed: quotes mean nothing in it."""
    return [cell.strip().strip('"') for cell in line.rstrip("\r\n").split(delimiter)]
