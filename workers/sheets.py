"""A customer file as a table: its kind is told by its content, its header is found, its rows come as a stream."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.rules import columns
from core.rules import mapping as mappings
from workers.sheets_source import MAX_BYTES, MAX_COLUMNS, MAX_ROWS, NoPhoneColumn, RawRow, Source, refusal
from workers.sheets_text import TextSource
from workers.sheets_xls import XlsSource
from workers.sheets_xlsx import XlsxSource

_HEADER_WITHIN = 10
_MAX_SHEETS = 50
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Two document locks that Korean offices put on every file (Fasoo, SoftCamp).
_LOCKS = (b"\x9b DRMONE", b"SCDSA")
_OTHER_KINDS = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"{\\rtf")


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `number` is 1-based as Excel shows it."""

    sheet: str
    number: int
    cells: tuple[str, ...]


# What a row of names stands for, if it is known; empty when it is not.
Known = Callable[[Sequence[str]], mappings.Said]


def _unknown(_: Sequence[str]) -> mappings.Said:
    return {}


@dataclass(frozen=True, slots=True)
class _Header:
    """Where a table begins: the number of its last header row, the names of its columns, and what is known about them."""

    number: int
    names: tuple[str, ...]
    mapping: dict[str, int]
    said: mappings.Said

    @property
    def rank(self) -> tuple[bool, int]:
        return bool(self.said), len(self.mapping)


class Table:
    """The sheet that holds the customers. `rows` may be called again and starts anew."""

    def __init__(self, source: Source, sheet: str, header: _Header, *, ragged: bool) -> None:
        self._source, self._header, self._ragged = source, header, ragged
        self.sheet = sheet
        self.headers = header.names
        self.header_row = header.number
        self.mapping = dict(header.mapping)
        self.said = dict(header.said)
        self.sheet_names = source.sheet_names
        self.ignored_sheets = _ignored(source, sheet)

    def rows(self) -> Generator[Row, None, None]:
        """Every row below the header that holds something; the header repeated in the middle is left out."""
        count = 0
        for number, cells in self._source.rows(self.sheet):
            if number <= self.header_row or self._is_header(cells):
                continue
            count += 1
            if count > MAX_ROWS:
                raise refusal("FILE_TOO_MANY_ROWS")
            yield Row(self.sheet, number, self._fitted(cells))

    @property
    def share(self) -> float:
        """How much of the file `rows` has read: 0 to 1."""
        return self._source.share()

    def _is_header(self, cells: list[str]) -> bool:
        at = self._header.mapping.get("phone", 0)
        return at < len(cells) and cells[at] == self.headers[at]

    def _fitted(self, cells: list[str]) -> tuple[str, ...]:
        """As many cells as headers. In a text file more are kept: there they mean that the row has shifted."""
        width = len(self.headers)
        if len(cells) > width:
            return tuple(cells if self._ragged else cells[:width])
        return tuple(cells) + ("",) * (width - len(cells))


def open_table(
    path: Path, file_name: str, *, sheet: str | None = None, header_row: int | None = None, known: Known = _unknown
) -> Table:
    """Find the customers in a file. `sheet` and `header_row` are a person's choice, `known` knows headers from before."""
    source = _source(path, file_name)
    chosen, header = _chosen(source, sheet, header_row, known)
    if len(header.names) > MAX_COLUMNS:
        raise refusal("FILE_TOO_MANY_COLUMNS")
    table = Table(source, chosen, header, ragged=isinstance(source, TextSource))
    _check_size(source, table)
    return table


def _source(path: Path, file_name: str) -> Source:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise refusal("FILE_TOO_LARGE")
    with path.open("rb") as file:
        head = file.read(64)
    if not head.strip():
        raise refusal("FILE_EMPTY")
    if head.startswith(_LOCKS):
        raise refusal("FILE_ENCRYPTED")
    if head.startswith(_OTHER_KINDS):
        raise refusal("FILE_NOT_A_SPREADSHEET")
    if head.startswith(_ZIP):
        return XlsxSource(path)
    return XlsSource(path) if head.startswith(_OLE) else TextSource(path, file_name)


def _chosen(source: Source, sheet: str | None, header_row: int | None, known: Known) -> tuple[str, _Header]:
    """The first visible sheet with a phone column below one of its first rows."""
    names = [sheet] if sheet else [name for name in source.sheet_names if name not in source.hidden_sheets]
    heads = {name: _head(source, name, header_row or 1) for name in names[:_MAX_SHEETS]}
    found = {name: _given(head, header_row, known) if header_row else _found(head, known) for name, head in heads.items()}
    first = next(((name, header) for name, header in found.items() if header and header.said), None)
    first = first or next(((name, header) for name, header in found.items() if header), None)
    if first:
        return first
    raise _why_none([row for head in heads.values() for row in head])


def _head(source: Source, sheet: str, first: int) -> list[RawRow]:
    with closing(source.rows(sheet)) as rows:
        upper = (row for row in rows if row[0] >= first)
        return list(islice(upper, _HEADER_WITHIN + 1))


def _given(head: list[RawRow], number: int, known: Known) -> _Header | None:
    names = next((cells for at, cells in head if at == number), None)
    return _header(number, names, known) if names else None


def _header(number: int, names: Sequence[str], known: Known) -> _Header:
    said = known(names)
    found = mappings.fields(said, names) if said else columns.guess_mapping(names)
    return _Header(number, tuple(names), found, said)


def _found(head: list[RawRow], known: Known) -> _Header | None:
    """The row that is known from before; else that with the most known words, phone among them; merged cells are joined."""
    candidates = [candidate for at in range(len(head)) for candidate in _candidates(head, at, known)]
    return max(candidates, key=lambda header: header.rank, default=None)


def _candidates(head: list[RawRow], at: int, known: Known) -> list[_Header]:
    number, names = head[at]
    found = [_header(number, names, known)]
    if at + 1 < len(head):
        below, parts = head[at + 1]
        joined = _joined(names, parts)
        found.append(_header(below, joined, known) if joined else found[0])
    return [header for header in found if "phone" in header.mapping]


def _joined(upper: list[str], lower: list[str]) -> tuple[str, ...]:
    """A header of two rows: "동의" over "여부" and "일시" reads "동의 여부", "동의 일시"."""
    width = max(len(upper), len(lower))
    above, below = (cells + [""] * (width - len(cells)) for cells in (upper, lower))
    if any(any(sign.isdigit() for sign in cell) for cell in below) or all(below):
        return ()
    names, group = [], ""
    for name, part in zip(above, below, strict=True):
        group = name or group
        names.append(f"{group} {part}".strip() if part else name)
    return tuple(names)


def _why_none(head: list[RawRow]) -> Exception:
    if not head:
        return refusal("FILE_EMPTY")
    if max(len(cells) for _, cells in head) > MAX_COLUMNS:
        return refusal("FILE_TOO_MANY_COLUMNS")
    best = max((cells for _, cells in head), key=lambda cells: len(columns.guess_mapping(cells)))
    known = len(columns.guess_mapping(best))
    digits = any(sum(sign.isdigit() for sign in cell) >= 7 for _, cells in head for cell in cells)
    if known >= 2 or (known and not digits):
        return NoPhoneColumn(best)
    is_prose = max(len(cells) for _, cells in head) == 1 and not digits
    return refusal("FILE_NOT_A_SPREADSHEET" if is_prose else "FILE_NO_HEADER")


def _check_size(source: Source, table: Table) -> None:
    with closing(table.rows()) as rows:
        if next(rows, None) is None:
            raise refusal("FILE_EMPTY")
    most = source.most_rows(table.sheet)
    if most is None or most > MAX_ROWS:
        for _ in table.rows():
            pass


def _ignored(source: Source, chosen: str) -> tuple[str, ...]:
    others = [name for name in source.sheet_names if name != chosen]
    return tuple(name for name in others if name in others[_MAX_SHEETS:] or _holds_something(source, name))


def _holds_something(source: Source, sheet: str) -> bool:
    with closing(source.rows(sheet)) as rows:
        return next(rows, None) is not None
