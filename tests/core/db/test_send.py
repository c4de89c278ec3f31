"""The ledger's queries: who may take what, a reference has one owner, and several takers never take the same."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from core.db import accounts, campaigns, provider_accounts, send
from core.db.ids import new_id
from core.db.session import database
from core.rules.routing import Route

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


class Ledger:
    """A workspace with one account, one running campaign, and batches of two people as a test wants them."""

    def __init__(self) -> None:
        with database().system() as tx:
            self.workspace = accounts.create_workspace(tx, "가게")
        with database().write(self.workspace) as tx:
            self.account = accounts.add_provider_account(tx, self.workspace, "aligo", {"key": "k"}, certificate="C-1")
            self.campaign = campaigns.add(tx, self.workspace, {"name": "가", "purpose": "AD", "body": "x"}, NOW)
            sender = accounts.add_sender_number(tx, self.workspace, "0212345678")
            routes = [Route(self.account, "aligo", {}).frozen()]
            campaigns.update(tx, self.campaign, {"state": "SENDING", "sender_number_id": sender, "routes": routes})

    def batch(self, state: int = 0, due_at: datetime = NOW, lease_owner: UUID | None = None) -> UUID:
        with database().write(self.workspace) as tx:
            made = new_id()
            tx.run(
                "INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, state,"
                " due_at, lease_owner, lease_until) VALUES (:id, :w, :c, 1, 2, '{1,2}', :states, :state, :due, :owner, :until)",
                id=made, w=self.workspace, c=self.campaign, states=b"\0\0", state=state, due=due_at, owner=lease_owner,
                until=NOW + timedelta(seconds=150),
            )  # fmt: skip
            return made

    def attempt(self, poll_at: datetime | None = None) -> UUID:
        with database().write(self.workspace) as tx:
            made = new_id()
            tx.run(
                "INSERT INTO attempts (id, workspace_id, batch_id, campaign_id, number, provider_account_id, provider, channel,"
                " sender, positions, text_hashes, unit_price, started_at, poll_at) VALUES (:id, :w, :id, :c, 1, :a,"
                " 'aligo', 'SMS', '02', '{0,1}', '', 8.4, :now, :poll)",
                id=made, w=self.workspace, c=self.campaign, a=self.account, now=NOW, poll=poll_at,
            )  # fmt: skip
            return made


@pytest.fixture
def ledger(process: None) -> Ledger:
    return Ledger()


def test_a_batch_is_in_one_hand(ledger: Ledger) -> None:
    batch = ledger.batch()
    with database().write(ledger.workspace) as mine:
        assert send.lock_batch(mine, batch, NOW).campaign_state == "SENDING"
        with database().write(ledger.workspace) as theirs:
            assert send.lock_batch(theirs, batch, NOW) is None
            assert send.get_batch(theirs, batch) is not None
    with database().write(Ledger().workspace) as tx:
        assert send.lock_batch(tx, batch, NOW) is None


def accept(ledger: Ledger, attempt: UUID, reference: str, channel: str = "SMS", accepted: int = 10) -> bool:
    cost = accepted * {"SMS": Decimal("8.40"), "LMS": Decimal("25.90")}[channel]
    values = {"outcome": "ACCEPTED", "reference": reference, "channel": channel, "accepted": accepted, "refused": 0}
    with database().write(ledger.workspace) as tx:
        return send.accept_attempt(tx, attempt, values, date(2026, 11, 23), cost)


def test_a_reference_belongs_to_whoever_had_it_first(ledger: Ledger) -> None:
    first, second = ledger.attempt(), ledger.attempt()
    assert accept(ledger, first, "77")
    assert not accept(ledger, second, "77")
    with database().write(ledger.workspace) as tx:
        one, two = send.get_attempt(tx, first), send.get_attempt(tx, second)
        assert (one.outcome, one.reference, two.outcome, two.reference) == ("ACCEPTED", "77", "OPEN", "")
        assert tx.value("SELECT sum(accepted) FROM workspace_days") == 10, "what was not owned is not counted"
    assert accept(ledger, second, "78")
    with database().write(ledger.workspace) as tx:
        assert send.owned_references(tx, ledger.account, ["77", "78", "79"]) == {"77", "78"}
        assert send.owned_references(tx, ledger.account, []) == set()


def test_takers_at_once_take_each_thing_once(ledger: Ledger) -> None:
    unknown = {ledger.batch(state=2, due_at=NOW - timedelta(seconds=at)) for at in range(12)}
    polls = {ledger.attempt(poll_at=NOW - timedelta(seconds=at)) for at in range(12)}

    def take(_: int) -> tuple[list[UUID], list[UUID]]:
        with database().system() as tx:
            later = NOW + timedelta(seconds=30)
            return (
                [row.id for row in send.take_unknown_batches(tx, NOW, later, 5)],
                [row.id for row in send.take_due_polls(tx, NOW, later, 5)],
            )

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(take, range(8)))
    for expected, found in (
        (unknown, [one for batches, _ in taken for one in batches]),
        (polls, [one for _, due in taken for one in due]),
    ):
        assert len(found) == len(set(found)) and set(found) == expected


def test_due_is_what_waits_runs_and_has_a_working_account(ledger: Ledger) -> None:
    """R-SND-5: what no certified account may carry is not taken up again and again."""
    old, new = ledger.batch(due_at=NOW - timedelta(minutes=2)), ledger.batch(due_at=NOW - timedelta(minutes=1))
    ledger.batch(due_at=NOW + timedelta(seconds=1)), ledger.batch(state=1), ledger.batch(state=2), ledger.batch(state=4)

    def due(limit: int = 10) -> list[UUID]:
        with database().system() as tx:
            return [row.id for row in send.due_batches(tx, NOW, NOW, limit)]

    assert due() == [old, new]
    assert due(1) == [old]
    in_the_way = (
        "provider_accounts SET certificate_until = '2026-11-22'",
        "campaigns SET state = 'PAUSED'",
        "provider_accounts SET state = 'PAUSED'",
        "provider_accounts SET breaker = 'OPEN', breaker_until = '2027-01-01'",
        "provider_senders SET refused_at = now()",
        "campaigns SET routes = '[]'",
    )
    for change in in_the_way:
        with database().write(ledger.workspace) as tx:
            tx.run(f"UPDATE {change}")
        assert due() == []
        with database().write(ledger.workspace) as tx:
            provider_accounts.enable(tx, ledger.account)
            tx.run("UPDATE provider_accounts SET certificate_until = NULL")
            campaigns.update(tx, ledger.campaign, {"state": "SENDING", "routes": [Route(ledger.account, "aligo", {}).frozen()]})


def test_abandoned_is_what_nobody_alive_holds(ledger: Ledger) -> None:
    alive, silent, gone = new_id(), new_id(), new_id()
    with database().owner() as tx:
        send.beat(tx, alive, "bulk", NOW)
        send.beat(tx, silent, "bulk", NOW - timedelta(seconds=30))
        send.beat(tx, silent, "bulk", NOW - timedelta(seconds=20))
    kept = ledger.batch(state=1, lease_owner=alive)
    lost = {ledger.batch(state=1, lease_owner=owner) for owner in (silent, gone, None)}

    def abandoned(now: datetime) -> set[UUID]:
        with database().system() as tx:
            return {row.id for row in send.abandoned_batches(tx, now, NOW - timedelta(seconds=12))}

    assert abandoned(NOW) == lost
    assert abandoned(NOW + timedelta(seconds=151)) == lost | {kept}, "held too long"
    with database().owner() as tx:
        send.leave(tx, alive)
        send.forget_workers(tx, NOW - timedelta(seconds=15))
        assert tx.value("SELECT count(*) FROM worker_processes") == 0
    assert abandoned(NOW) == lost | {kept}


def test_a_day_is_a_sum_by_channel_whoever_counts(ledger: Ledger) -> None:
    calls = [(ledger.attempt(), channel) for channel in ("SMS", "SMS", "LMS", "SMS")]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda call: accept(ledger, call[0], str(call[0]), call[1]), calls))
    with database().read(ledger.workspace) as tx:
        rows = tx.rows("SELECT channel, sum(accepted), sum(cost) FROM workspace_days GROUP BY channel ORDER BY channel")
    assert rows == [("LMS", 10, Decimal("259.00")), ("SMS", 30, Decimal("252.00"))]


def test_receipts_are_never_changed_or_removed(ledger: Ledger) -> None:
    from sqlalchemy.exc import ProgrammingError

    with database().write(ledger.workspace) as tx:
        ids = dict.fromkeys(("id", "batch_id", "attempt_id"), new_id())
        send.add_receipt(
            tx, {**ids, "workspace_id": ledger.workspace, "positions": [0], "states": b"\5", "words": "{}", "received_at": NOW}
        )
    for statement in ("UPDATE receipts SET words = '{}'", "DELETE FROM receipts"):
        with pytest.raises(ProgrammingError, match="permission denied"), database().write(ledger.workspace) as tx:
            tx.run(statement)
