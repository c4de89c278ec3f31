"""An append-only file of JSON lines: what the sandbox accepted survives its own restart."""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Journal:
    """Records are written through to the system before anybody is told about them, and read back by place."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._end = os.fstat(self._file).st_size

    def append(self, *records: Record) -> list[tuple[int, int]]:
        """Write records as one; where each stands and how long it is."""
        lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") for record in records]
        places, place = [], self._end
        for line in lines:
            places.append((place, len(line) + 1))
            place += len(line) + 1
        rest = memoryview(b"".join(line + b"\n" for line in lines))
        while rest:
            written = os.pwrite(self._file, rest, self._end)
            self._end += written
            rest = rest[written:]
        return places

    def read(self, place: int, length: int) -> Record:
        record: Record = json.loads(os.pread(self._file, length, place))
        return record

    def replay(self) -> Iterator[tuple[int, int, Record]]:
        """Every whole record from the start; half a record at the end (a killed process) is cut away."""
        place = 0
        with os.fdopen(os.dup(self._file), "rb") as lines:
            lines.seek(0)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                yield place, len(line), json.loads(line)
                place += len(line)
        self._cut(place)

    def clear(self) -> None:
        self._cut(0)

    def close(self) -> None:
        os.close(self._file)

    def _cut(self, end: int) -> None:
        os.ftruncate(self._file, end)
        self._end = end
