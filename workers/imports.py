"""Import: read a customer file chunk by chunk; good rows go in, bad rows are kept with their reason, memory stays flat."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import dramatiq

from core import clock, images, jobs, telemetry
from core.db import accounts, imports
from core.db.audience import Recorder
from core.db.session import Row as DbRow
from core.db.session import database
from core.errors import InvalidInput, NotFound, Unavailable
from core.rules import customers
from core.rules.customers import Customer, RowError
from core.rules.states import ImportState
from workers.ledger import as_ids
from workers.sheets import Row, Table, open_table
from workers.sheets_source import MAX_BYTES

CHUNK = 2_000
MAX_ERRORS = 10_000  # kept for reading; all are counted

_log = telemetry.log("imports")


class Overtaken(Exception):
    """Another worker has stored these rows: this one steps aside and says nothing about how it ends."""


@dramatiq.actor(actor_name="import_customers", queue_name=jobs.PLAN, max_retries=0, time_limit=3_600_000)
def import_customers(workspace: str, import_id: str) -> None:
    """Job: read the file to its end, or on from where a lost worker stopped."""
    read(*as_ids(workspace, import_id))


def read(workspace: UUID, import_id: UUID) -> None:
    """DONE, or REFUSED with one sentence when it is no file that can be read."""
    with database().write(workspace) as tx:
        row = imports.claim_import(tx, import_id, clock.now())
    if row is None:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="jeondan-import-") as folder:
            path = Path(folder) / "file"
            images.storage().download(row.object_name, path, most=MAX_BYTES)
            table = open_table(path, row.file_name)
            reading = _Reading(workspace, row, table, _mapping(table, row.mapping))
            reading.run()
            ending = reading.ending()
    except (InvalidInput, NotFound) as refusal:
        ending = {"state": ImportState.REFUSED, "refusal": refusal.message, "refusal_reason": refusal.reason}
    except Overtaken:
        return
    except Unavailable:
        raise  # the sweeper tries again when its lease is over
    except Exception as defect:
        telemetry.report(defect)
        _log.error("import_failed", import_id=str(import_id), error=type(defect).__name__)
        ending = {"state": ImportState.FAILED, "refusal": "파일을 읽다가 내부 오류가 났습니다.", "refusal_reason": "INTERNAL"}
    with database().write(workspace) as tx:
        imports.finish_import(tx, import_id, ending, clock.now())


def _mapping(table: Table, wanted: dict[str, str]) -> dict[str, int]:
    """field -> column: as the merchant said, else as guessed from the headers."""
    if not wanted:
        return dict(table.mapping)
    missing = sorted(set(wanted) - set(table.headers))
    if missing:
        raise InvalidInput(f"파일에 이런 열이 없습니다: {', '.join(missing)}", reason="FILE_NO_HEADER")
    mapping = {name: table.headers.index(header) for header, name in wanted.items()}
    if "phone" not in mapping:
        raise InvalidInput("휴대폰 번호가 든 열을 골라 주세요.", reason="FILE_NO_PHONE_COLUMN")
    return mapping


@dataclass
class _Reading:
    """One run over a file. `seen` holds 8 bytes per customer: a number that stands earlier in the file is a duplicate."""

    workspace: UUID
    row: DbRow[Any]
    table: Table
    mapping: dict[str, int]
    seen: set[int] = field(default_factory=set)
    errors: int = 0
    done: int = 0

    def run(self) -> None:
        """Chunk by chunk; the chunks that an earlier run stored are only read for their numbers."""
        rows = self.table.rows()
        with database().read(self.workspace) as tx:
            self.lookup = accounts.keys(tx, self.workspace).lookup
        for chunk in _chunks(rows, self.row.rows_done):
            good, bad, duplicates = self._sorted(chunk)
            if self.done >= self.row.rows_done:
                self._store(chunk, good, bad, duplicates)
            self.done += len(chunk)
            self.errors += len(bad)

    def _sorted(self, chunk: Sequence[Row]) -> tuple[list[Customer], list[RowError], int]:
        good, bad, duplicates, now = [], [], 0, clock.now()
        for row in chunk:
            found = customers.check(row.cells, self.mapping, self.table.headers, sheet=row.sheet, number=row.number, now=now)
            if not isinstance(found, Customer):
                bad.append(found[0])
                continue
            mark = int.from_bytes(self.lookup(found.phone)[:8])
            if mark in self.seen:
                duplicates += 1
            else:
                self.seen.add(mark)
                good.append(self._tagged(found))
        return good, bad, duplicates

    def _tagged(self, customer: Customer) -> Customer:
        tag = self.row.tag
        if not tag or tag in customer.tags:
            return customer
        return Customer(
            customer.phone,
            customer.name,
            customer.consent,
            customer.consent_at,
            customer.consent_source,
            customer.night_consent,
            (*customer.tags, tag),
            customer.attributes,
        )

    def _store(self, chunk: Sequence[Row], good: list[Customer], bad: list[RowError], duplicates: int) -> None:
        """One transaction: contacts, errors, progress."""
        now, before, after = clock.now(), self.done, self.done + len(chunk)
        with database().write(self.workspace) as tx:
            by = Recorder(self.workspace, f"import:{self.row.id}", now)
            created, updated = imports.upsert_contacts(tx, by, good)
            kept = {self.errors + place: error for place, error in enumerate(bad) if self.errors + place < MAX_ERRORS}
            imports.add_import_errors(tx, self.workspace, self.row.id, kept)
            step = imports.Step(before, after, self._total(after), created, updated, duplicates, len(bad))
            if not imports.progress_import(tx, self.row.id, step, now):
                raise Overtaken

    def _total(self, done: int) -> int:
        share = self.table.share
        return max(done, int(done / share)) if share > 0 else 0

    def ending(self) -> dict[str, object]:
        """What is worth knowing at the end."""
        warnings = [f"‘{sheet}’ 시트는 읽지 않았습니다." for sheet in self.table.ignored_sheets]
        forbidden = customers.forbidden_columns(self.table.headers)
        warnings += [f"‘{name}’ 열은 수집하면 안 되는 개인정보라 읽지 않았습니다." for name in forbidden]
        if self.errors > MAX_ERRORS:
            warnings.append(f"오류 {self.errors:,}건 가운데 처음 {MAX_ERRORS:,}건만 보관했습니다.")
        mapping = {self.table.headers[at]: name for name, at in self.mapping.items()}
        return {"state": ImportState.DONE, "rows_total": self.done, "warnings": warnings, "mapping": mapping}


def _chunks(rows: Iterator[Row], stop_at: int) -> Iterator[list[Row]]:
    """Chunks of rows; one of them ends exactly where an earlier run stopped."""
    done = 0
    while chunk := list(islice(rows, min(CHUNK, stop_at - done) if done < stop_at else CHUNK)):
        done += len(chunk)
        yield chunk
