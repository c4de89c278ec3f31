"""Sealed streams: zstd, then age for the public keys; as they flow, so that neither disk nor memory holds a backup in clear."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import pyrage
import zstandard

from deploy.backup.settings import Settings, parts
from deploy.local.refusal import Refusal

SUFFIX = ".zst.age"  # `age -d -i key | zstd -d` opens it without us
_PIECE = 1 << 20


@contextmanager
def piped(work: Callable[[IO[bytes]], object]) -> Iterator[IO[bytes]]:
    """What `work` writes, to be read while it runs beside us. Its trouble is the reader's trouble, and comes first."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with os.fdopen(writing, "wb") as target:
                work(target)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as source:
            yield source
    finally:
        thread.join()
        if failed and not isinstance(failed[0], BrokenPipeError):
            raise failed[0]


@contextmanager
def sealed(settings: Settings, source: IO[bytes]) -> Iterator[IO[bytes]]:
    """The same bytes, compressed and encrypted."""
    settings.need("backup_key")
    recipients = [pyrage.x25519.Recipient.from_str(part) for part in parts(settings.backup_key)]
    small = zstandard.ZstdCompressor(level=3, threads=-1).stream_reader(source, read_size=_PIECE)
    with piped(lambda target: pyrage.encrypt_io(small, target, recipients)) as stream:
        yield stream


@contextmanager
def opened(settings: Settings, name: str, source: IO[bytes]) -> Iterator[IO[bytes]]:
    """The bytes in clear. A wrong key, a cut or a changed object is a refusal, at the latest at the end of the stream."""
    settings.need("backup_identity")
    identities = [pyrage.x25519.Identity.from_str(part) for part in parts(settings.backup_identity)]
    try:
        with (
            piped(lambda target: pyrage.decrypt_io(source, target, identities)) as plain,
            zstandard.ZstdDecompressor().stream_reader(plain, read_size=_PIECE, read_across_frames=True) as large,
        ):
            yield large
            while large.read(_PIECE):  # to the very end: only there is it certain that nothing is missing
                pass
            while plain.read(_PIECE):
                pass
    except pyrage.DecryptError:
        raise Refusal(f"{name}: BACKUP_IDENTITY 로 열리지 않습니다. 백업할 때 쓴 열쇠의 짝을 넣어 주세요.") from None
    except (OSError, zstandard.ZstdError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk or the net, not of the object
        raise Refusal(f"{name}: 백업 파일이 잘렸거나 손상되었습니다. 다른 백업을 쓰세요(make backup-list).") from None


def copy(source: IO[bytes], target: IO[bytes]) -> int:
    """All of it; how many bytes."""
    done = 0
    while piece := source.read(_PIECE):
        target.write(piece)
        done += len(piece)
    return done
