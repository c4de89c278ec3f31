"""Old xls workbooks, read by calamine in a child process: a hostile file may end the child, never the worker."""

import json
import mmap
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Generator
from pathlib import Path

from workers.sheets_source import DAMAGED, RawRow, refusal, trimmed

_READER = str(Path(__file__).with_name("sheets_xls_reader.py"))
_LOCKED = 3
_LOCKED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_BOOKS = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))


class XlsSource:
    """A workbook of Excel 97-2003. Its format ends at 65,536 rows and 256 columns a sheet."""

    def __init__(self, path: Path) -> None:
        _check_container(path)
        self._path = _named_xls(self, path)
        self._share = 0.0
        self._sheets: dict[str, bool] = dict(self._read_names())
        if not self._sheets:
            raise refusal("FILE_NOT_A_SPREADSHEET", DAMAGED)

    @property
    def sheet_names(self) -> tuple[str, ...]:
        return tuple(self._sheets)

    @property
    def hidden_sheets(self) -> frozenset[str]:
        return frozenset(name for name, visible in self._sheets.items() if not visible)

    def rows(self, sheet: str) -> Generator[RawRow, None, None]:
        child = _started(self._path, sheet)
        try:
            for line in child.stdout or ():
                number, self._share, cells = json.loads(line)
                cells = trimmed(cells)
                if cells:
                    yield number, cells
            _check_end(child.wait())
        finally:
            _stop(child)

    def most_rows(self, sheet: str) -> int | None:
        return 65_536

    def share(self) -> float:
        return self._share

    def _read_names(self) -> list[tuple[str, bool]]:
        child = _started(self._path, None)
        try:
            output = child.communicate()[0]
            _check_end(child.returncode)
            return [(name, visible) for name, visible in json.loads(output)]
        finally:
            _stop(child)


def _named_xls(owner: object, path: Path) -> Path:
    """The same file under a name that ends in .xls: calamine goes by the name and says less about others."""
    folder = tempfile.mkdtemp(prefix="xls-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    link = Path(folder) / "book.xls"
    link.symlink_to(path.resolve())
    return link


def _started(path: Path, sheet: str | None) -> subprocess.Popen[bytes]:
    arguments = [str(path)] if sheet is None else [str(path), sheet]
    # -I: the child imports nothing from the product's folders (workers/http.py would hide the library's http).
    return subprocess.Popen([sys.executable, "-I", _READER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _check_end(code: int) -> None:
    if code == _LOCKED:
        raise refusal("FILE_ENCRYPTED")
    if code:
        raise refusal("FILE_NOT_A_SPREADSHEET", DAMAGED)


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.kill()
    if child.stdout:
        child.stdout.close()
    child.wait()


def _check_container(path: Path) -> None:
    """The same container holds locked xlsx files, Word and Hangul documents."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        is_book = any(content.find(name) >= 0 for name in _BOOKS)
        if content.find(_LOCKED_PACKAGE) >= 0 and not is_book:
            raise refusal("FILE_ENCRYPTED")
    if not is_book:
        raise refusal("FILE_NOT_A_SPREADSHEET")
