"""Export: write customers into an encrypted archive piece by piece; what lies on a disk is never in clear, memory stays flat."""

import csv
import io
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import dramatiq
import pyzipper

from core import clock, images, jobs, telemetry
from core.db import accounts, exports
from core.db.session import Row, database
from core.errors import Unavailable
from core.rules import inert, personal, phone
from workers.ledger import as_ids

CHUNK = 2_000
HEADERS = ("휴대폰", "이름", "태그", "속성", "광고동의", "야간동의", "동의일시", "동의경로")

_log = telemetry.log("exports")


@dramatiq.actor(actor_name="export_customers", queue_name=jobs.PLAN, max_retries=0, time_limit=3_600_000)
def export_customers(workspace: str, export: str) -> None:
    """Job: write the file, from its beginning again where a worker was lost."""
    write(*as_ids(workspace, export))


def write(workspace: UUID, export: UUID) -> None:
    """DONE with a file that lasts a day, or FAILED."""
    with database().write(workspace) as tx:
        row = exports.claim(tx, export, clock.now())
        keys = accounts.keys(tx, workspace)
    if row is None:
        return
    name = images.export_name(workspace, export)
    try:
        with tempfile.TemporaryDirectory(prefix="jeondan-export-") as folder:
            path = Path(folder) / "archive"
            lines = _Lines(workspace, row, keys.opener())
            _archive(path, lines, keys.opener()(row.password_sealed))
            size = images.storage().put_file(name, path, "application/zip")
    except Unavailable:
        raise  # the sweeper tries again when its lease is over
    except Exception as defect:
        telemetry.report(defect)
        _log.error("export_failed", export=str(export), error=type(defect).__name__)
        ending: dict[str, Any] = {"state": exports.FAILED, "failure": "INTERNAL"}
    else:
        ending = {"state": exports.DONE, "object_name": name, "size_bytes": size, "rows_done": lines.done}
        ending |= {"rows_total": lines.done, "expires_at": clock.now() + personal.EXPORT_LASTS}
    with database().write(workspace) as tx:
        exports.end(tx, export, ending, clock.now())


def _archive(path: Path, lines: "_Lines", password: str) -> None:
    with pyzipper.AESZipFile(path, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        with archive.open("customers.csv", "w", force_zip64=True) as member:
            for piece in lines.pieces():
                member.write(piece)


class _Lines:
    """The csv, made as it is read: UTF-8 with its mark, so that Excel knows."""

    def __init__(self, workspace: UUID, row: Row[Any], unseal: Callable[[bytes], str]) -> None:
        self.done = 0
        self._workspace, self._row, self._unseal = workspace, row, unseal

    def pieces(self) -> Iterator[bytes]:
        """Piece by piece, with the progress told after each."""
        yield (inert.MARK + _csv([HEADERS])).encode()
        after = 0
        while people := self._next(after):
            after = people[-1].id
            yield _csv([self._cells(one) for one in people]).encode()
            self.done += len(people)
            with database().write(self._workspace) as tx:
                exports.progress(tx, self._row.id, self.done, clock.now())

    def _next(self, after: int) -> list[Row[Any]]:
        with database().read(self._workspace) as tx:
            return list(exports.customers(tx, self._row.filter.get("tag", ""), after, CHUNK))

    def _cells(self, one: Row[Any]) -> tuple[str, ...]:
        number, masked = self._unseal(one.phone_sealed), self._row.masked
        return (
            phone.mask(number) if masked else phone.format(number),
            personal.masked_name(one.name) if masked else one.name,
            ", ".join(one.tags),
            ", ".join(f"{name}: {value}" for name, value in sorted(one.attributes.items())),
            _yes(one.ad_consent),
            _yes(one.night_consent),
            _day(one.consent_at),
            one.consent_source,
        )


def _csv(rows: list[tuple[str, ...]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows([inert.cell(cell) for cell in row] for row in rows)
    return written.getvalue()


def _yes(answer: bool) -> str:
    return "Y" if answer else "N"


def _day(instant: datetime | None) -> str:
    return f"{clock.kst(instant):%Y-%m-%d %H:%M}" if instant else ""
