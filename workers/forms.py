"""Forms as providers read them: multipart/form-data, twenty times cheaper than percent-encoding Korean."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class File:
    """A file part; `name` and `filename` are ours, ASCII, never the user's."""

    name: str
    filename: str
    content_type: str
    content: bytes = field(repr=False)


def multipart(fields: Iterable[tuple[str, str]], files: Sequence[File] = ()) -> tuple[bytes, str]:
    """Body and content type. Field names are ours; values and files may hold any bytes, the boundary included."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields]
    while True:
        boundary = secrets.token_hex(16)
        body = _assemble(boundary, parts, files)
        if body.count(boundary.encode()) == len(parts) + len(files) + 1:
            return body, f"multipart/form-data; boundary={boundary}"


def _assemble(boundary: str, parts: Sequence[str], files: Sequence[File]) -> bytes:
    between = f"\r\n--{boundary}\r\n"
    # One join and one encode: with a thousand parts this is where the time goes.
    sections = [between.join(parts).encode()] if parts else []
    sections += (_head(file) + file.content for file in files)
    return f"--{boundary}\r\n".encode() + between.encode().join(sections) + f"\r\n--{boundary}--\r\n".encode()


def _head(file: File) -> bytes:
    names = f'name="{file.name}"; filename="{file.filename}"'
    return f"Content-Disposition: form-data; {names}\r\nContent-Type: {file.content_type}\r\n\r\n".encode()
