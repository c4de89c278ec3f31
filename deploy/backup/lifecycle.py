"""How long backups live: the bucket's own rules, set by a command; and a broom for storages that have no rules."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from deploy.backup import basebackup, dump, wal
from deploy.backup.settings import Settings
from deploy.backup.store import Store
from deploy.local.refusal import Refusal

SPARE = 2  # days: a moment 30 days ago needs a base backup older than that
RETIRED = 1  # days that what was overwritten or deleted can still be fetched
LONGEST = 35  # days after which nothing is left: keep + spare + retired, and up to two for the storage's own daily round


def set_rules(settings: Settings, store: Store, say: Callable[[str], object]) -> None:
    """Versions on, everything gone after its time. Refused in plain words where the storage knows no rules."""
    days = settings.backup_keep_days + SPARE
    rule: Any = {
        "ID": "jeondan-backup",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": RETIRED},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    try:
        store.client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
        store.client.put_bucket_lifecycle_configuration(Bucket=store.bucket, LifecycleConfiguration={"Rules": [rule]})
        kept: Any = store.client.get_bucket_lifecycle_configuration(Bucket=store.bucket)["Rules"]
        versions = store.client.get_bucket_versioning(Bucket=store.bucket).get("Status")
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise Refusal(f"이 저장소는 보관 규칙을 받지 않습니다({code}). 대신 날마다 make backup-prune 을 돌리세요.") from None
    if versions != "Enabled" or not any(one.get("Expiration", {}).get("Days") == days for one in kept):
        raise Refusal("저장소가 규칙을 받았다고 하고는 갖고 있지 않습니다. 대신 날마다 make backup-prune 을 돌리세요.")
    say(f"버전 관리 켬, {days}일 뒤 만료, 지난 버전은 {RETIRED}일 뒤 삭제.")


def prune(settings: Settings, store: Store, say: Callable[[str], object], now: datetime | None = None) -> int:
    """The same by hand: what is older goes, except the last base backup before the window and the log that it needs."""
    before = (now or datetime.now(UTC)) - timedelta(days=settings.backup_keep_days)
    gone: list[str] = []
    for system in {one.system for one in basebackup.bases(store)}:
        bases = basebackup.bases(store, system)
        needed = max((one for one in bases if one.ended_at <= before), key=lambda one: one.ended_at, default=bases[0])
        first = wal.place(needed.first_segment)
        for old in (one for one in bases if one.ended_at < needed.ended_at):
            gone += [one.name for one in store.list(old.name)]
        pieces = (wal.Segment.of(one) for one in store.list(f"{system}/wal/"))
        gone += [one.kept.name for one in pieces if one is not None and one.place < first]
    for name in dump.dumps(store):
        if datetime.strptime(name.split("/")[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) < before:
            gone += [one.name for one in store.list(name)]
    for name in gone:
        store.delete(name)
    say(f"{len(gone)}개를 지웠습니다({settings.backup_keep_days}일보다 오래됨).")
    return len(gone)
