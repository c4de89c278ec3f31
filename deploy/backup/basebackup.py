"""Base backups: the whole cluster as one sealed stream, with a manifest that is written when everything else is there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from deploy.backup import programs, sealing, wal
from deploy.backup.settings import Settings
from deploy.backup.store import Counted, Store
from deploy.local.refusal import Refusal

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Base:
    """One base backup: it can be rolled forward to any time after `ended_at`."""

    name: str
    system: str
    started_at: datetime
    ended_at: datetime
    first_segment: str
    plain_bytes: int
    sealed_bytes: int
    sha256: str
    server: str

    @classmethod
    def read(cls, name: str, told: dict[str, Any]) -> "Base":
        """From its manifest."""
        times = {key: datetime.fromisoformat(told[key]) for key in ("started_at", "ended_at")}
        return cls(**{**told, **times, "name": name})


def take(settings: Settings, store: Store) -> Base:
    """A new one, now."""
    settings.need("backup_key", "backup_database_url")
    system, started = wal.system_of(settings), datetime.now(UTC)
    with psycopg.connect(settings.backup_database_url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn()), current_setting('server_version')").fetchone()
    assert row is not None
    name = f"{system}/base/{started:%Y%m%dT%H%M%SZ}/"
    command = (
        "pg_basebackup",
        "-D",
        "-",
        "-F",
        "tar",
        "-X",
        "fetch",
        "-c",
        "fast",
        "--no-password",
        "-l",
        f"jeondan {started:%F %T}",
    )
    with programs.flowing(settings, settings.backup_database_url, *command) as stream:
        plain = Counted(stream)
        with sealing.sealed(settings, plain) as flow:  # type: ignore[arg-type]
            sent = store.put(f"{name}base.tar{sealing.SUFFIX}", flow)
    told = {
        "system": system,
        "started_at": started,
        "ended_at": datetime.now(UTC),
        "first_segment": row[0],
        "plain_bytes": plain.size,
        "sealed_bytes": sent.size,
        "sha256": sent.digest,
        "server": row[1],
    }
    store.put_json(f"{name}{MANIFEST}", told)
    return Base.read(name, store.get_json(f"{name}{MANIFEST}"))


def bases(store: Store, system: str = "") -> list[Base]:
    """Every complete one, the oldest first."""
    found = [one.name for one in store.list(f"{system}/base/" if system else "") if one.name.endswith(f"/{MANIFEST}")]
    made = [Base.read(name.removesuffix(MANIFEST), store.get_json(name)) for name in found if "/base/" in name]
    return sorted(made, key=lambda one: one.ended_at)


def choose(store: Store, to: datetime | None, system: str = "") -> Base:
    """The newest from which that time can be reached."""
    known = bases(store, system)
    if not known:
        raise Refusal("백업 저장소에 기본 백업이 없습니다. BACKUP_S3_BUCKET 이 맞는지 확인하세요.")
    fit = [one for one in known if to is None or one.ended_at <= to]
    if not fit:
        raise Refusal(
            f"그 시각에는 백업이 없습니다. 가장 이른 복구 시각은 {known[0].ended_at.astimezone():%Y-%m-%d %H:%M:%S%z} 입니다."
        )
    return fit[-1]
