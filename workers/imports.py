"""Import: read a customer file chunk by chunk; good rows go in, bad rows are kept with their reason, memory stays flat."""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import dramatiq

from core import clock, images, jobs, telemetry
from core.db import attributes, import_memory, import_refusals, imports
from core.db.audience import Recorder
from core.db.session import Row as DbRow
from core.db.session import Tx, database
from core.errors import InvalidInput, NotFound, Unavailable
from core.rules import cells, customers, mapping, reading
from core.rules.customers import Customer, RowError, Terms
from core.rules.mapping import Origin
from core.rules.numbers import Numbers
from core.rules.reading import Flag
from core.rules.states import ImportState
from workers.error_file import ErrorFile
from workers.import_layout import Opened, opened
from workers.ledger import as_ids
from workers.sheets import Row
from workers.sheets_source import MAX_BYTES, NoPhoneColumn

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
    """DONE, or REFUSED with one sentence when it is no file that can be read. What a dry run read stays for the real one."""
    with database().write(workspace) as tx:
        row = imports.claim_import(tx, import_id, clock.now())
    if row is None:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="jeondan-import-") as folder:
            ending = _read(workspace, row, Path(folder))
    except (InvalidInput, NotFound) as refusal:
        ending = {"state": ImportState.REFUSED, "refusal": refusal.message, "refusal_reason": refusal.reason}
        ending |= {"headers": _shown(refusal.headers)} if isinstance(refusal, NoPhoneColumn) else {}
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
    if ending["state"] == ImportState.DONE and not row.dry_run:
        _throw_away(row.object_name)


def _read(workspace: UUID, row: DbRow[Any], folder: Path) -> dict[str, Any]:
    path = folder / "file"
    images.storage().download(row.object_name, path, most=MAX_BYTES)
    file_hash = _hash(path)
    with database().read(workspace) as tx:
        remembered = import_memory.mappings(tx, workspace)
        terms = Terms(row.created_at, kinds=attributes.kinds(tx), wordings=import_memory.wordings(tx))
        same = import_memory.same_file(tx, row.id, file_hash)
    found = opened(path, row, remembered)
    if found.origin is Origin.REMEMBERED and not row.mapping:
        with database().write(workspace) as tx:  # whoever reads on after this worker reads the same
            imports.settle_mapping(tx, row.id, found.said, found.origin)
    run = _Reading(workspace, row, found, replace(terms, attributes=found.layout.attributes), file_hash, folder)
    run.run()
    if found.origin is Origin.GIVEN and not row.dry_run:
        with database().write(workspace) as tx:
            hash_ = mapping.headers_hash(found.table.headers)
            import_memory.remember(tx, workspace, hash_, found.said, clock.now())
    return {**run.ending(same), "file_hash": file_hash, "errors_object": run.error_file.store(workspace, row.id)}


def _hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _shown(headers: Sequence[str]) -> list[str]:
    """Headers to choose from; never a cell that could be a customer's number."""
    names = (cells.clean(header)[:100] for header in headers)
    return [name for name in names if sum(sign.isdigit() for sign in name) < 7]


def _throw_away(object_name: str) -> None:
    """Whoever is in the file is in the database now (R-PII-9)."""
    try:
        images.storage().delete(object_name)
    except Unavailable:
        _log.warning("upload_stays")


@dataclass
class _Reading:
    """One run over a file. `numbers` holds a bit per number: one that stands earlier in the file is a duplicate."""

    workspace: UUID
    row: DbRow[Any]
    opened: Opened
    terms: Terms
    file_hash: bytes
    folder: Path
    numbers: Numbers = field(default_factory=Numbers)
    errors: int = 0
    refusing: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        self.table, self.error_file = self.opened.table, ErrorFile(self.folder)

    def run(self) -> None:
        """Chunk by chunk; the chunks that an earlier run stored are only read for their numbers and errors."""
        for chunk in _chunks(self.table.rows(), self.row.rows_done):
            good, bad, duplicates = self._sorted(chunk)
            if self.done >= self.row.rows_done:
                self._store(chunk, good, [errors[0] for errors in bad], duplicates)
            self.error_file.add(bad)
            self.done += len(chunk)
            self.errors += len(bad)
            self.refusing += sum(customer.refused for customer in good)

    def _sorted(self, chunk: Sequence[Row]) -> tuple[list[Customer], list[tuple[RowError, ...]], int]:
        good, bad, duplicates = [], [], 0
        fields, headers = self.opened.layout.fields, self.table.headers
        for row in chunk:
            found = customers.check(row.cells, fields, headers, sheet=row.sheet, number=row.number, terms=self.terms)
            if not isinstance(found, Customer):
                bad.append(found)
            elif self.numbers.add(found.phone):
                good.append(self._tagged(found))
            else:
                duplicates += 1
        return good, bad, duplicates

    def _tagged(self, customer: Customer) -> Customer:
        tag = self.row.tag
        return customer if not tag or tag in customer.tags else replace(customer, tags=(*customer.tags, tag))

    def _store(self, chunk: Sequence[Row], good: list[Customer], bad: list[RowError], duplicates: int) -> None:
        """One transaction: contacts, errors, progress. A dry run only counts them."""
        now, before, after = clock.now(), self.done, self.done + len(chunk)
        with database().write(self.workspace) as tx:
            by = Recorder(self.workspace, f"import:{self.row.id}", now)
            created, updated = self._put(tx, by, good)
            kept = {self.errors + place: error for place, error in enumerate(bad) if self.errors + place < MAX_ERRORS}
            imports.add_import_errors(tx, self.workspace, self.row.id, kept)
            unproven = sum(customer.consent and not customer.consent_proven for customer in good)
            step = imports.Step(before, after, self._total(after), created, updated, duplicates, len(bad), unproven)
            if not imports.progress_import(tx, self.row.id, step, now):
                raise Overtaken

    def _put(self, tx: Tx, by: Recorder, good: list[Customer]) -> tuple[int, int]:
        if self.row.dry_run:
            return imports.count_contacts(tx, by, good)
        found = imports.upsert_contacts(tx, by, good)
        import_refusals.follow(tx, by, good, f"file:{self.file_hash.hex()}")
        return found

    def _total(self, done: int) -> int:
        share = self.table.share
        return max(done, int(done / share)) if share > 0 else 0

    def ending(self, same: DbRow[Any] | None) -> dict[str, Any]:
        """What is worth knowing at the end."""
        run = self.numbers.run()
        flags = [flag for flag, raised in ((Flag.FILE_SEEN_BEFORE, same), (Flag.CONSECUTIVE_NUMBERS, run)) if raised]
        return {
            "state": ImportState.DONE,
            "rows_total": self.done,
            "headers": list(map(cells.clean, self.table.headers)),
            "mapping": self.opened.layout.said(),
            "mapping_from": self.opened.origin,
            "flags": flags,
            "same_as": same.id if same else None,
            "warnings": [*reading.flagged(clock.kst(same.created_at) if same else None, run), *self._warnings()],
        }

    def _warnings(self) -> list[str]:
        notes = [reading.sheet_unread(sheet) for sheet in self.table.ignored_sheets]
        notes += map(reading.column_forbidden, customers.forbidden_columns(self.table.headers))
        notes += reading.columns_unread(self.opened.layout.unread())
        notes += reading.people_refusing(self.refusing)
        return notes + reading.errors_kept(self.errors, MAX_ERRORS)


def _chunks(rows: Iterator[Row], stop_at: int) -> Iterator[list[Row]]:
    """Chunks of rows; one of them ends exactly where an earlier run stopped."""
    done = 0
    while chunk := list(islice(rows, min(CHUNK, stop_at - done) if done < stop_at else CHUNK)):
        done += len(chunk)
        yield chunk
