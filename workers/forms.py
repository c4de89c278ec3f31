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
    text = (between.join(("", *parts)) if parts else "").encode().removeprefix(b"\r\n")
    pieces = [text]
    for file in files:
        head = f'Content-Disposition: form-data; name="{file.name}"; filename="{file.filename}"\r\n'
        pieces += [between.encode(), head.encode(), f"Content-Type: {file.content_type}\r\n\r\n".encode(), file.content]
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    return b"".join(pieces)
