"""Pictures of MMS messages: recognised by their first bytes, kept once by hash."""

from hashlib import sha256
from pathlib import Path

MAX_BYTES = 300 * 1024
_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def media_type(data: bytes) -> str | None:
    """`image/jpeg`, `image/png`, `image/gif`, or nothing for anything else."""
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)


class Images:
    """A folder of pictures named by their hash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._sizes = {path.name: path.stat().st_size for path in folder.iterdir() if not path.name.endswith(".part")}

    def keep(self, data: bytes) -> str:
        name = sha256(data).hexdigest()
        if name not in self._sizes:
            part = self._folder / f"{name}.part"
            part.write_bytes(data)
            part.rename(self._folder / name)
            self._sizes[name] = len(data)
        return name

    def get(self, name: str) -> bytes | None:
        return (self._folder / name).read_bytes() if name in self._sizes else None

    def size(self, name: str) -> int:
        return self._sizes.get(name, 0)

    def clear(self) -> None:
        for name in self._sizes:
            (self._folder / name).unlink(missing_ok=True)
        self._sizes.clear()
