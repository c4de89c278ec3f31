"""Retention: once an hour destroy what is past its time, and erase again whoever a restored backup brought back (R-PII-9)."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from core import images, telemetry
from core.db import access, erasing, exports, privacy
from core.db.erasing import TOMBSTONES, Erased
from core.db.session import Tx, database
from core.rules import personal

AT_ONCE = 500  # customers and files of a workspace in one hour
ACTOR = "system:retention"

_log = telemetry.log("retention")


def keep_house(now: datetime) -> None:
    """Every workspace for itself: one that fails does not keep the others."""
    with database().system() as tx:
        workspaces = privacy.workspaces(tx)
    outside = tombstones()
    for workspace in workspaces:
        try:
            _keep(workspace, outside[workspace], now)
        except Exception as error:
            telemetry.report(error)
            _log.error("retention_failed", workspace=str(workspace), error=type(error).__name__)


def tombstones() -> Mapping[UUID, dict[str, Erased]]:
    """Who was erased, as it is remembered outside the database."""
    found: defaultdict[UUID, dict[str, Erased]] = defaultdict(dict)
    for name in images.storage().names(TOMBSTONES):
        erased = Erased.read(name)
        found[erased.workspace][name] = erased
    return found


def _keep(workspace: UUID, outside: dict[str, Erased], now: datetime) -> None:
    with database().write(workspace) as tx:
        back = [erased for erased in outside.values() if erasing.is_back(tx, erased)]
        _erase(tx, workspace, [erased.contact for erased in back], "erased before a backup was restored", now)
        old = privacy.long_archived(tx, now - personal.ARCHIVED_LASTS, AT_ONCE)
        _erase(tx, workspace, old, "archived for longer than is kept", now)
        privacy.forget(tx, now - personal.REQUEST_LASTS)
        erasing.forget(tx, now)
        privacy.count_people(tx, workspace, now)
        inside = erasing.remembered(tx)
    for erased in inside:
        if erased.tombstone not in outside:
            images.storage().put(erased.tombstone, b"", "application/octet-stream")
    _files(workspace, now)


def _erase(tx: Tx, workspace: UUID, contacts: list[int], reason: str, now: datetime) -> None:
    gone = [contact for contact in contacts if erasing.erase(tx, workspace, contact, ACTOR, now)]
    if gone:
        subject = f"contact {' '.join(map(str, gone))}"
        access.record(tx, workspace, access.Access(ACTOR, "", "Erase", subject, len(gone), reason), now)


def _files(workspace: UUID, now: datetime) -> None:
    """Exports past their time, and uploaded customer files that were read long ago. First the file, then what points at it."""
    with database().read(workspace) as tx:
        expired = exports.expired(tx, now)
        read = privacy.read_files(tx, now - personal.CUSTOMER_FILE_LASTS, AT_ONCE)
    for row in (*expired, *read):
        images.storage().delete(row.object_name)
    with database().write(workspace) as tx:
        for row in expired:
            exports.file_is_gone(tx, row.id)
        for row in read:
            privacy.files_are_gone(tx, row.id)
