"""Looks at a zip's directory before anything is unpacked: bombs, locks and damage are found by its sizes."""

import struct
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from workers.sheets_source import DAMAGED, refusal

_MAX_UNPACKED = 1024**3
_MAX_RATIO = 200
_BIG = 10 * 1024 * 1024
_MAX_DIRECTORY = 4 * 1024 * 1024
_MAX_ENTRIES = 10_000
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"


def check_archive(path: Path) -> None:
    """Refuse what would fill memory or disk, what is locked, and what is cut off."""
    if _directory_size(path) > _MAX_DIRECTORY:
        raise refusal("FILE_BOMB")
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
    except (BadZipFile, ValueError, OSError, NotImplementedError) as broken:
        raise refusal("FILE_NOT_A_SPREADSHEET", DAMAGED) from broken
    if len(entries) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
        raise refusal("FILE_BOMB")
    if any(_inflated(entry) for entry in entries):
        raise refusal("FILE_BOMB")
    if any(entry.flag_bits & 1 for entry in entries):
        raise refusal("FILE_ENCRYPTED")


def _inflated(entry: ZipInfo) -> bool:
    return entry.file_size > _BIG and entry.file_size > _MAX_RATIO * max(entry.compress_size, 1)


def _directory_size(path: Path) -> int:
    """Size of the directory, which ZipFile would read into memory whole."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = file.seek(max(size - 66_000, 0))
        tail = file.read()
        at = tail.rfind(_END)
        if at < 0 or at + 22 > len(tail):
            raise refusal("FILE_NOT_A_SPREADSHEET", DAMAGED)
        directory: int = struct.unpack_from("<L", tail, at + 12)[0]
        if directory != 0xFFFFFFFF or at < 20 or tail[at - 20 : at - 16] != _LOCATOR64:
            return directory
        file.seek(min(struct.unpack_from("<Q", tail, at - 12)[0], start + at))
        record = file.read(56)
        return struct.unpack_from("<Q", record, 40)[0] if record[:4] == _END64 and len(record) == 56 else directory
