"""A daily dump comes back into an empty database with every row, and says so when it does not."""

import psycopg
import pytest

from core.db.ids import new_id
from deploy.backup import checks, dump
from deploy.local.refusal import Refusal
from tests import stack as parts
from tests.deploy.backup.conftest import Site

WORKSPACE = "11111111-1111-7111-8111-111111111111"


@pytest.fixture(scope="module")
def filled(site: Site) -> Site:
    site.ask("INSERT INTO workspaces (id, name, data_key, lookup_key, created_at) VALUES (%s, 'shop', '', '', now())", WORKSPACE)
    log = "INSERT INTO access_log (id, workspace_id, actor, action, at) VALUES (%s, %s, 'owner', 'Look', now() - interval '2d')"
    for _ in range(5):
        site.ask(log, new_id(), WORKSPACE)
    told = "INSERT INTO events (id, workspace_id, transaction, kind, created_at) VALUES (%s, %s, 900000000, 'done', now())"
    site.ask(told, new_id(), WORKSPACE)
    return site


def empty(site: Site, name: str) -> str:
    url = parts.postgres(site.stack).superuser_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return parts.named(url, name)


def test_a_dump_comes_back_with_every_row_held_and_its_events_in_the_past(filled: Site) -> None:
    told = dump.take(filled.settings, filled.store)
    assert told["counts"]["public.access_log"] == 5 and told["wrong"] == {}
    url, said = empty(filled, "fresh"), list[str]()
    dump.load(filled.settings, filled.store, "", url, said.append)
    with psycopg.connect(url) as connection:
        assert checks.counts(connection) == told["counts"]
        assert checks.seals(connection) == told["access_log"]
        past = "max(transaction) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        row = connection.execute(f"SELECT {past}, to_regclass('restored')::text FROM events").fetchone()
    assert row == (True, "restored")
    assert [line for line in said if "틀림" in line] == []


def test_a_database_in_use_is_left_alone(filled: Site) -> None:
    with pytest.raises(Refusal, match="비어 있지 않습니다"):
        dump.load(filled.settings, filled.store, "", filled.superuser_url, print)


def test_a_dump_that_was_changed_in_the_bucket_is_refused(filled: Site) -> None:
    name = dump.take(filled.settings, filled.store)["name"]
    key = f"{name}data.dump.zst.age"
    with filled.store.get(key) as body:
        whole = bytearray(body.read())
    whole[len(whole) // 2] ^= 1
    filled.store.client.put_object(Bucket=filled.store.bucket, Key=key, Body=bytes(whole))
    with pytest.raises(Refusal, match="잘렸거나 손상"):
        dump.load(filled.settings, filled.store, name, empty(filled, "broken"), print)


def test_whoever_changes_the_access_log_or_an_old_manifest_is_found_out(filled: Site) -> None:
    assert dump.chain(filled.store) == []
    filled.ask("UPDATE access_log SET actor = 'nobody' WHERE id = (SELECT max(id::text)::uuid FROM access_log)")
    first = dump.dumps(filled.store)[0]
    dump.take(filled.settings, filled.store)
    assert any("접속기록이" in wrong for wrong in dump.chain(filled.store))
    filled.store.put_json(f"{first}manifest.json", {**filled.store.get_json(f"{first}manifest.json"), "access_log": {}})
    assert any("이어받은 것과 다릅니다" in wrong for wrong in dump.chain(filled.store))


def test_a_role_that_does_not_see_every_row_takes_no_dump(filled: Site) -> None:
    blind = filled.settings.model_copy(update={"backup_database_url": parts.postgres(filled.stack).url})
    with pytest.raises(Refusal, match="BYPASSRLS"):
        dump.take(blind, filled.store)
