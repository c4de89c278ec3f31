"""Retention: what is past its time is destroyed, who was erased stays erased, and what other laws keep lies apart."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from core import clock, images
from core.db import access, erasing, exports, partitions, privacy, troubles
from core.db.ids import first_id, new_id
from core.db.session import database
from core.db.session import database as opened
from core.rules import personal
from core.rules.alerts import Kind
from tests.workers.shop import Logs, Shop
from workers import retention, sweep

DAY = timedelta(days=1)


def erase(shop: Shop, contact: int) -> erasing.Erased:
    with database().write(shop.workspace) as tx:
        erased = erasing.erase(tx, shop.workspace, contact, "user:test", clock.now())
    assert erased is not None
    return erased


def first(shop: Shop) -> int:
    return int(shop.value("SELECT min(id) FROM contacts"))


def file(shop: Shop, folder: str) -> str:
    name = f"{folder}/{shop.workspace}/{new_id()}/x"
    images.storage().put(name, b"x", "text/csv")
    return name


def imported(shop: Shop, name: str, days: float) -> UUID:
    made = new_id()
    shop.sql(
        "INSERT INTO imports (id, workspace_id, object_name, state, created_at, touched_at, ended_at)"
        " VALUES (:id, :w, :name, 'DONE', :then, :then, :then)",
        id=made, w=shop.workspace, name=name, then=clock.now() - days * DAY,
    )  # fmt: skip
    return made


def proof(shop: Shop, contact: int) -> None:
    """What other laws keep: a consent, an order, a notice."""
    shop.sql(
        "INSERT INTO consents (workspace_id, contact_id, scope, granted, source, recorded_at)"
        " VALUES (:w, :c, 'ADS', true, '매장', now())", w=shop.workspace, c=contact,
    )  # fmt: skip
    shop.sql(
        "INSERT INTO trades (workspace_id, order_id, kind, contact_id, ended_on, created_at)"
        " VALUES (:w, 'A-1', '원두', :c, :day, now())", w=shop.workspace, c=contact, day=date(2026, 8, 1),
    )  # fmt: skip
    shop.sql(
        "INSERT INTO notices (id, workspace_id, contact_id, phone_hash, phone_sealed, kind, scope, said_at, state, due_at,"
        " deadline_at, created_at) SELECT :id, workspace_id, id, phone_hash, phone_sealed, 'RESULT', 'ADS', now(), 'DUE', now(),"
        " now(), now() FROM contacts WHERE id = :c", id=new_id(), c=contact,
    )  # fmt: skip


def test_consents_orders_and_notices_of_somebody_erased_lie_apart(shop: Shop) -> None:
    """R-PII-11: gone from where the product looks; found by the number, by a role that nothing else has."""
    shop.customers(2)
    gone = first(shop)
    proof(shop, gone)
    erased = erase(shop, gone)
    for table in ("consents", "trades", "notices"):
        assert shop.value(f"SELECT count(*) FROM {table}") == 0, table
    with database().write(shop.workspace) as tx:
        kept = erasing.records(tx, erased.phone_hash)
    assert [row.kind for row in kept] == ["consents", "notices", "trades"]
    assert kept[2].record["order_id"] == "A-1" and "phone_sealed" not in kept[1].record
    assert shop.value("SELECT count(*) FROM contacts") == 1


@pytest.mark.parametrize("role", ["app", "system"])
@pytest.mark.parametrize("table", ["apart.people", "apart.records"])
def test_the_product_itself_reads_nothing_of_what_lies_apart(shop: Shop, role: str, table: str) -> None:
    """R-PII-11"""
    opened = database().system() if role == "system" else database().write(shop.workspace)
    with pytest.raises(Exception, match="permission denied"), opened as tx:
        tx.rows(f"SELECT * FROM {table}")


def test_what_lies_apart_is_of_one_workspace_too(shop: Shop) -> None:
    shop.customers(1)
    erased = erase(shop, first(shop))
    with database().write(new_id()) as tx:
        assert (erasing.remembered(tx), erasing.records(tx, erased.phone_hash)) == ([], [])


def test_what_lies_apart_ends_after_five_years(shop: Shop) -> None:
    """R-PII-9, R-PII-11"""
    shop.customers(1)
    contact = first(shop)
    proof(shop, contact)
    erased = erase(shop, contact)
    for years, left in ((4.9, {"consents", "notices"}), (5.1, set())):
        with database().write(shop.workspace) as tx:
            erasing.forget(tx, erased.at + timedelta(days=365.25 * years))
            assert {row.kind for row in erasing.records(tx, erased.phone_hash)} == left
            assert bool(erasing.remembered(tx)) is bool(left)


def test_a_no_survives_the_erasure_as_a_hash(shop: Shop) -> None:
    """R-OPT-7, R-PII-9"""
    shop.customers(1)
    shop.opt_out()
    erase(shop, first(shop))
    assert shop.sql("SELECT phone_sealed, lifted_at FROM suppressions") == [(b"", None)]
    assert shop.value("SELECT count(*) FROM optouts WHERE source = 'ERASURE'") == 1


def test_single_messages_to_somebody_erased_are_gone_with_their_texts(shop: Shop) -> None:
    """R-PII-9"""
    shop.customers(2)
    contact = first(shop)
    shop.sql(
        "INSERT INTO direct_messages (batch_id, position, workspace_id, phone_sealed, phone_hash, text_sealed)"
        " SELECT :b, row_number() OVER (ORDER BY id), workspace_id, phone_sealed, phone_hash, 'x' FROM contacts", b=new_id(),
    )  # fmt: skip
    erase(shop, contact)
    assert shop.value("SELECT count(*) FROM direct_messages") == 1


def test_whoever_a_restored_backup_brings_back_is_erased_again(shop: Shop) -> None:
    """R-PII-9: the list of the erased is outside the database; whoever comes anew later is somebody else."""
    shop.customers(3)
    one, two = first(shop), first(shop) + 1
    kept = shop.sql(
        "SELECT workspace_id, phone_sealed, phone_hash, created_at FROM contacts WHERE id < :c ORDER BY id", c=two + 1
    )
    gone = [erase(shop, contact) for contact in (one, two)]
    retention.keep_house(clock.now())
    assert {erased.tombstone for erased in gone} == set(retention.tombstones()[shop.workspace])
    for contact, (workspace, sealed, phone_hash, made) in zip((one, two), kept, strict=True):
        came = made if contact == one else clock.now() + DAY
        shop.sql(
            "INSERT INTO contacts (id, workspace_id, phone_sealed, phone_hash, created_at, updated_at)"
            " OVERRIDING SYSTEM VALUE VALUES (:id, :w, :sealed, :hash, :came, :came)",
            id=contact, w=workspace, sealed=sealed, hash=phone_hash, came=came,
        )  # fmt: skip
    retention.keep_house(clock.now())
    assert [row.id for row in shop.sql("SELECT id FROM contacts ORDER BY id")] == [two, two + 1]
    [entry] = shop.sql("SELECT subject, reason FROM access_log")
    assert entry == (f"contact {one}", "erased before a backup was restored")


def test_customers_archived_for_a_year_are_erased(shop: Shop) -> None:
    """R-PII-9"""
    shop.customers(3)
    old, fresh = first(shop), first(shop) + 1
    shop.sql("UPDATE contacts SET archived_at = :then WHERE id = :c", then=clock.now() - 366 * DAY, c=old)
    shop.sql("UPDATE contacts SET archived_at = :then WHERE id = :c", then=clock.now() - 364 * DAY, c=fresh)
    retention.keep_house(clock.now())
    assert [row.id for row in shop.sql("SELECT id FROM contacts ORDER BY id")] == [fresh, fresh + 1]


def test_uploaded_customer_files_and_expired_exports_are_destroyed(shop: Shop) -> None:
    """R-PII-4, R-PII-9"""
    old, fresh, expired, errors = (file(shop, folder) for folder in ("uploads", "uploads", "exports", "errors"))
    imported(shop, old, 8), imported(shop, fresh, 6)
    shop.sql("UPDATE imports SET errors_object = :errors WHERE object_name = :old", errors=errors, old=old)
    with database().write(shop.workspace) as tx:
        export = exports.add(tx, shop.workspace, {"masked": True}, clock.now())
        exports.claim(tx, export.id, clock.now())
        exports.end(tx, export.id, {"state": "DONE", "object_name": expired, "expires_at": clock.now()}, clock.now())
    retention.keep_house(clock.now())
    assert [images.storage().head(name) is not None for name in (old, fresh, expired, errors)] == [False, True, False, False]
    assert shop.value("SELECT count(*) FROM imports WHERE object_name = '' AND errors_object = ''") == 1
    assert shop.sql("SELECT state, object_name FROM exports") == [("EXPIRED", "")]


def test_answered_requests_go_after_three_years(shop: Shop) -> None:
    """R-PII-10"""
    shop.customers(1)
    with database().write(shop.workspace) as tx:
        made = privacy.add(tx, shop.workspace, {"contact_id": first(shop), "kind": "ACCESS", "note": ""}, clock.now())
        privacy.end(tx, made.id, {"state": "DONE", "ended_at": clock.now()})
    for days, left in ((3 * 365, 1), (3 * 365 + 2, 0)):
        retention.keep_house(clock.now() + days * DAY)
        assert shop.value("SELECT count(*) FROM privacy_requests") == left


def test_the_access_log_is_kept_for_two_years(shop: Shop) -> None:
    """R-PII-5: whole months are dropped, by the owner of the schema, and nothing else can take a row out."""
    now = clock.now()
    with database().owner() as tx:
        for years in (3, 2):
            partitions.ensure(tx, now - timedelta(days=365 * years))
        dropped = partitions.drop(tx, "access_log", now - personal.ACCESS_LOG_LASTS)
    assert dropped and max(dropped) < f"access_log_{now - timedelta(days=730):%Y_%m}"
    with database().write(shop.workspace) as tx:
        access.record(tx, shop.workspace, access.Access("user:x", "", "Test"), now)


def test_one_workspace_that_fails_does_not_keep_the_others(shop: Shop, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.expect("retention_failed")
    monkeypatch.setattr(retention.privacy, "forget", lambda *_: 1 / 0)
    retention.keep_house(clock.now())


def test_the_clock_keeps_house(shop: Shop) -> None:
    shop.customers(2)
    sweep.upkeep()
    assert shop.value("SELECT people FROM workspaces") == 2


def test_a_request_that_nobody_answered_for_a_week_is_an_incident(shop: Shop) -> None:
    """R-PII-10: three days are left then."""
    shop.customers(1)
    with database().write(shop.workspace) as tx:
        privacy.add(tx, shop.workspace, {"contact_id": first(shop), "kind": "ERASE", "note": ""}, clock.now())
    for days, seen in ((6.9, []), (7.1, [Kind.PRIVACY_REQUEST_DUE])):
        with database().system() as tx:
            found = list(troubles.privacy_requests(tx, clock.now() + days * DAY - personal.ALARM_AFTER))
        assert [one.kind for one in found] == seen
    assert found[0].facts["requests"] == "1" and found[0].workspace == shop.workspace


def test_a_shop_that_passes_ten_thousand_people_is_told_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-PII-13"""
    duties = (personal.Duty(2, "내부 관리계획", "R-PII-13"), *personal.DUTIES)
    monkeypatch.setattr(personal, "DUTIES", duties)
    shop.customers(2)
    retention.keep_house(clock.now())

    def told(days: float) -> list[str]:
        with database().system() as tx:
            return [one.facts["duty"] for one in troubles.people_levels(tx, clock.now() + days * DAY - 7 * DAY)]

    assert (told(0), told(8)) == (["내부 관리계획"], [])
    retention.keep_house(clock.now() + 5 * DAY)
    assert told(8) == []


def call(shop: Shop, kind: str, days: float) -> UUID:
    made = first_id(clock.now() - days * DAY)
    shop.sql(
        "INSERT INTO campaigns (id, workspace_id, kind, name, purpose, state, created_at)"
        " VALUES (:id, :w, :kind, '', 'INFO', 'DONE', now())", id=made, w=shop.workspace, kind=kind,
    )  # fmt: skip
    shop.sql("INSERT INTO campaign_counters (campaign_id, shard, workspace_id) VALUES (:id, 0, :w)", id=made, w=shop.workspace)
    return made


def test_calls_of_single_messages_go_when_their_ledger_is_gone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call is a row, too: without an end there would be a hundred million of them a month."""
    monkeypatch.setattr(sweep, "CALLS_AT_ONCE", 2)
    years = personal.DECISIONS_LAST / DAY
    for more in (33, 34, 35, 36, 37):
        call(shop, "SEND", years + more)
    kept = {call(shop, "SEND", years + 29), call(shop, "SEND", 1), call(shop, "CAMPAIGN", years + 40)}
    sweep._forget_calls(clock.now())
    for column, table in (("id", "campaigns"), ("campaign_id", "campaign_counters")):
        assert {UUID(str(row)) for row in shop.value(f"SELECT array_agg({column}) FROM {table}")} == kept


def test_a_month_that_somebody_reads_does_not_keep_the_others(shop: Shop, database: str) -> None:
    with opened().owner() as tx:
        partitions.ensure(tx, datetime(2019, 3, 3, tzinfo=UTC))
    with psycopg.connect(database) as report:
        report.execute("SELECT count(*) FROM batches")
        sweep._drop_months(clock.now())
    with opened().owner() as tx:
        left = tx.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE '%\\_2019\\_03'")
    assert [row.relname for row in left] == ["batches_2019_03"]
