"""Builds the customer files that the tests of the sheet readers open."""

import struct
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from core.errors import InvalidInput
from deploy.local.sample.workbook import Cell, write_workbook
from workers.sheets import Table, open_table

HEADERS = ["이름", "휴대폰", "메모"]
CSV = "이름,휴대폰,메모\r\n김하나,010-0123-4567,첫 손님\r\n,010-0123-4568,\r\n"


def table(path: Path, content: bytes | str, *, name: str = "고객.csv") -> Table:
    file = path / "file"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_table(file, name)


def workbook(path: Path, *rows: list[Cell]) -> Path:
    file = path / "book.xlsx"
    write_workbook(file, {"고객": rows}, title=("", 1))
    return file


def cells(found: Table) -> list[tuple[str, ...]]:
    return [row.cells for row in found.rows()]


def reason(path: Path, content: bytes | str) -> str:
    with pytest.raises(InvalidInput) as refused:
        table(path, content)
    assert refused.value.message.endswith(".")
    return refused.value.reason


def sheet_xml(tmp_path: Path, xml: str, **others: str) -> Path:
    """A workbook with this XML as its sheet (written by hand, as odd programs do)."""
    source, target = workbook(tmp_path, [*HEADERS]), tmp_path / "odd.xlsx"
    with ZipFile(source) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            changed = xml if name.endswith("sheet1.xml") else others.get(Path(name).stem)
            new.writestr(name, changed if changed else old.read(name))
    return target


# xls: no writer is at hand, so the few records it takes are written here.


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def label(row: int, column: int, text: str) -> bytes:
    return record(0x204, struct.pack("<HHHHB", row, column, 0, len(text), 1) + text.encode("utf-16-le"))


def xls(names: list[str], sheet: bytes, *, locked: bool = False) -> bytes:
    """A BIFF8 stream whose sheets all hold the same records."""
    begin = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + (
        record(0x2F, b"\1\0\1\0\1\0" + bytes(48)) if locked else b""
    )
    body = record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)) + sheet + record(0x0A, b"")
    start = len(begin) + sum(4 + 8 + 2 * len(name) for name in names) + 4
    for at, name in enumerate(names):
        begin += record(0x85, struct.pack("<IBBBB", start + at * len(body), 0, 0, len(name), 1) + name.encode("utf-16-le"))
    return begin + record(0x0A, b"") + body * len(names)


def container(stream: bytes, name: str = "Workbook") -> bytes:
    """An OLE file with one stream."""
    stream = stream.ljust(4096, b"\0")
    sectors = -(-len(stream) // 512)
    fat = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, sectors + 2), 0xFFFFFFFE]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0) + struct.pack("<I", 0) + b"\xff" * 432
    entries = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry(name, 2, 0xFFFFFFFF, 2, len(stream)) + bytes(256)
    return header + struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff") + entries + stream.ljust(sectors * 512, b"\0")


def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le")
    links = struct.pack("<HBBIII", len(text) + 2, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
    return text.ljust(64, b"\0") + links + bytes(36) + struct.pack("<IQ", start, size)
