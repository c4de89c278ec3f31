"""Report: write what became of everybody of a campaign into a file, page by page, in flat memory."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import dramatiq

from core import clock, images, jobs, telemetry
from core.db import accounts, recipients, reports
from core.db.listing import Page
from core.db.recipients import Found, Recipient, Sent, Wish
from core.db.session import Row, Tx, database
from core.errors import Unavailable
from core.rules import inert, report
from core.rules.phone import mask
from core.rules.report import Line
from core.rules.states import MessageState, ReportState
from workers.ledger import as_ids

CHUNK = 2_000
_NOWHERE = UUID(int=0)

_log = telemetry.log("report")


@dramatiq.actor(actor_name="write_report", queue_name=jobs.PLAN, max_retries=0, time_limit=3_600_000)
def write_report(workspace: str, report_id: str) -> None:
    """Job: write the file, from its beginning again where a worker was lost."""
    write(*as_ids(workspace, report_id))


def write(workspace: UUID, report_id: UUID) -> None:
    """DONE with a file that lasts a day, or FAILED."""
    with database().write(workspace) as tx:
        row = reports.claim(tx, report_id, clock.now())
        unseal = accounts.keys(tx, workspace).opener()
    if row is None:
        return
    try:
        ending = _written(_Writing(workspace, row, unseal))
    except Unavailable:
        raise  # the sweeper tries again when its lease is over
    except Exception as defect:
        telemetry.report(defect)
        _log.error("report_failed", report=str(report_id), error=type(defect).__name__)
        ending = {"state": ReportState.FAILED, "failure": "보고서를 쓰다가 내부 오류가 났습니다."}
    with database().write(workspace) as tx:
        reports.finish(tx, report_id, ending, clock.now())


def forget(tx: Tx, now: datetime) -> None:
    """Files whose time is over are deleted; across workspaces."""
    for row in reports.expired(tx, now):
        images.storage().delete(row.object_name)
        reports.emptied(tx, row.id)


@dataclass
class _Writing:
    """One run over a campaign."""

    workspace: UUID
    row: Row[Any]
    unseal: Callable[[bytes], str]
    sums: Counter[tuple[str, str]] = field(default_factory=Counter)

    def pieces(self) -> Iterator[str]:
        """The csv, a page at a time; how far it has come is told after each."""
        yield inert.MARK + inert.lines([report.HEADERS])
        after: tuple[str, ...] | None = None
        while True:
            with database().read(self.workspace) as tx:
                found, lines = self._page(tx, after)
            report.count(self.sums, lines)
            yield inert.lines(line.cells() for line in lines)
            with database().write(self.workspace) as tx:
                reports.progress(tx, self.row.id, self.sums.total(), clock.now())
            if found.next is None:
                return
            after = found.next

    def _page(self, tx: Tx, after: tuple[str, ...] | None) -> tuple[Found, list[Line]]:
        found = recipients.page(tx, self.row.campaign_id, Wish(), Page(CHUNK, after=after))
        batches = sorted({one.batch for one in found.people if one.batch})
        known = recipients.people(tx, [one.contact for one in found.people])
        sent, words = recipients.sent(tx, batches), recipients.words(tx, batches)
        return found, [
            self._line(one, known.get(one.contact), sent.get(place), words.get(place, ""))
            for one in found.people
            for place in [(one.batch or _NOWHERE, one.position)]
        ]

    def _line(self, one: Recipient, known: Row[Any] | None, sent: Sent | None, words: str) -> Line:
        silent = sent is not None and sent.silent and one.state is MessageState.ACCEPTED
        return Line(
            contact=one.contact,
            phone=mask(self.unseal(known.phone_sealed)) if known and known.phone_sealed else "",
            state=one.state,
            reason="NO_RESULT" if silent else one.reason,
            message=f"{one.batch}-{one.position}" if one.batch else "",
            provider=sent.provider if sent else "",
            channel=sent.channel if sent else "",
            sent_at=sent.at if sent else None,
            words=words,
        )


def _written(writing: _Writing) -> dict[str, Any]:
    row = writing.row
    with tempfile.TemporaryDirectory(prefix="jeondan-report-") as folder:
        path = Path(folder) / "report.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(writing.pieces())
        if writing.sums.total() != row.rows_total:  # everybody selected stands in it once, or it is none (R-OPT-8)
            raise RuntimeError(f"{writing.sums.total()} lines for {row.rows_total} people")
        name = f"reports/{writing.workspace}/{row.id}.csv"
        images.storage().put_file(name, path, "text/csv; charset=utf-8")
        size = path.stat().st_size
    done = {"state": ReportState.DONE, "object_name": name, "size_bytes": size, "sums": report.stored(writing.sums)}
    return {**done, "rows_done": row.rows_total, "expires_at": clock.now() + report.LASTS}
