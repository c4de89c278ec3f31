"""Every bad row of a customer file as a table to download: all of them, masked, and inert in a spreadsheet program."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from core import images
from core.rules import inert
from core.rules.customers import RowError

TYPE = "text/csv; charset=utf-8"
_TITLES = ("시트", "행", "열", "값", "사유", "설명")


class ErrorFile:
    """Written to the disk while the file is read, stored when it has been read; without a bad row there is none."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "errors.csv"
        self._any = False

    def add(self, rows: Sequence[Sequence[RowError]]) -> None:
        """The bad rows of one chunk, each with everything that is wrong with it."""
        lines = [(one.sheet, one.row, one.column, one.value, one.reason, one.message) for row in rows for one in row]
        if not lines:
            return
        with self._path.open("a", encoding="utf-8", newline="") as file:
            file.write("" if self._any else inert.MARK + inert.lines([_TITLES]))
            file.write(inert.lines(lines))
        self._any = True

    def store(self, workspace: UUID, import_id: UUID) -> str:
        """Its name in storage; empty when there is nothing to tell."""
        if not self._any:
            return ""
        name = f"import-errors/{workspace}/{import_id}.csv"
        images.storage().put_file(name, self._path, TYPE)
        return name
