"""Backups end after their time: by the bucket's rules where there are any, by the broom where there are none."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from moto.server import ThreadedMotoServer

from deploy.backup import basebackup, dump, lifecycle, wal
from deploy.backup.settings import Settings
from deploy.backup.store import Store
from deploy.local.refusal import Refusal


def opened(url: str, bucket: str, key: str = "key", secret: str = "secret") -> tuple[Settings, Store]:
    settings = Settings(aws_endpoint_url_s3=url, backup_s3_bucket=bucket, aws_access_key_id=key, aws_secret_access_key=secret)
    store = Store(settings)
    store.prepare()
    return settings, store


@pytest.fixture
def amazon() -> Iterator[tuple[Settings, Store]]:
    """A storage that knows rules."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield opened(f"http://{host}:{port}", "rules")
    server.stop()


def test_the_rules_are_set_and_read_back(amazon: tuple[Settings, Store]) -> None:
    settings, store = amazon
    said: list[str] = []
    lifecycle.set_rules(settings, store, said.append)
    assert said == ["버전 관리 켬, 32일 뒤 만료, 지난 버전은 1일 뒤 삭제."]
    assert settings.backup_keep_days + lifecycle.SPARE + lifecycle.RETIRED + 2 == lifecycle.LONGEST


def test_a_storage_without_rules_says_so_and_the_broom_keeps_what_the_window_needs(storage: dict[str, str]) -> None:
    keys = storage["AWS_ACCESS_KEY_ID"], storage["AWS_SECRET_ACCESS_KEY"]
    settings, store = opened(storage["AWS_ENDPOINT_URL_S3"], "broom", *keys)
    with pytest.raises(Refusal, match="backup-prune"):
        lifecycle.set_rules(settings, store, print)
    now = datetime(2026, 11, 25, tzinfo=UTC)
    for days, segment in ((40, 1), (31, 5), (29, 9)):
        at = now - timedelta(days=days)
        told = {"system": "7", "started_at": at, "ended_at": at, "first_segment": f"{1:08X}{0:08X}{segment:08X}"}
        name = f"7/base/{at:%Y%m%dT%H%M%SZ}/"
        store.put_json(
            f"{name}{basebackup.MANIFEST}", {**told, "plain_bytes": 1, "sealed_bytes": 1, "sha256": "", "server": "18.0"}
        )
        store.put_json(f"dump/{at:%Y%m%dT%H%M%SZ}/manifest.json", {})
    for segment in range(1, 12):
        store.put_json(f"7/wal/{1:08X}{0:08X}{segment:08X}.zst.age", {})
    lifecycle.prune(settings, store, print, now)
    assert [(now - one.ended_at).days for one in basebackup.bases(store)] == [31, 29]
    assert [one.place for one in wal.segments(store, "7")] == list(range(5, 12))
    assert len(dump.dumps(store)) == 1
