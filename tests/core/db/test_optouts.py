"""Every no is kept once, stops the advertising at once, and gives way only to a newer yes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest

from core.db import accounts, audience, optouts, suppressions
from core.db.audience import Consent, Recorder
from core.db.optouts import Way
from core.db.session import Tx, database

pytestmark = pytest.mark.usefixtures("process")

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(days=10), NOW + timedelta(days=10)
PHONE, OTHER = "01023456789", "01098765432"


@pytest.fixture
def shop() -> UUID:
    with database().system() as tx:
        return accounts.create_workspace(tx, "봄날커피", optout_number="0801234567")


def say(tx: Tx, way: Way, *said: tuple[str, str, datetime], now: datetime = NOW) -> int:
    """(number, event, when) of each."""
    return optouts.say_no(tx, way, [optouts.of_number(tx, way.workspace, *one) for one in said], now)


def kept(tx: Tx) -> Sequence[Any]:
    return tx.rows("SELECT * FROM optouts ORDER BY recorded_at, id")


def in_force(tx: Tx, workspace: UUID, number: str = PHONE) -> Any:
    row: Any = suppressions.of_number(tx, workspace, number)
    return row if row and row.lifted_at is None else None


def lift(tx: Tx, workspace: UUID, consented_at: datetime) -> None:
    """A yes with its proof, after the no."""
    tx.run("UPDATE suppressions SET lifted_at = :at", at=consented_at)
    by = Recorder(workspace, "user:1", consented_at)
    audience.add_contact(
        tx, by, PHONE, {"name": "", "tags": [], "attributes": {}}, Consent(True, False, consented_at, "신청서 12")
    )


def test_a_no_is_an_event_and_a_suppression(shop: UUID) -> None:
    """R-OPT-2: every way of saying no ends in the same two rows."""
    with database().write(shop) as tx:
        assert say(tx, Way(shop, "MANUAL", by="user:1"), (PHONE, "1", EARLIER)) == 1
        [event] = kept(tx)
        assert (event.source, event.source_event_id, event.channel) == ("MANUAL", "1", "TEXT")
        assert (event.said_at, event.recorded_by, event.recorded_at) == (EARLIER, "user:1", NOW)
        no = in_force(tx, shop)
        assert (no.source, no.created_at, no.channels) == ("MANUAL", EARLIER, ["TEXT"])
        assert no.phone_hash == event.phone_hash
        assert accounts.keys(tx, shop).opener()(no.phone_sealed) == PHONE


def test_the_same_event_is_one_and_the_first_no_stays_as_it_was_said(shop: UUID) -> None:
    """R-OPT-2: idempotent on merchant, recipient, channel, source and event."""
    with database().write(shop) as tx:
        assert say(tx, Way(shop, "OPTOUT_CALL"), (PHONE, "1", EARLIER), (PHONE, "1", EARLIER)) == 1
        first = in_force(tx, shop)
        assert say(tx, Way(shop, "OPTOUT_CALL"), (PHONE, "1", EARLIER)) == 0
        assert say(tx, Way(shop, "OPTOUT_CALL"), (PHONE, "2", NOW)) == 0
        assert say(tx, Way(shop, "LINK"), (PHONE, "1", NOW)) == 0
        assert in_force(tx, shop) == first
        assert [(row.source, row.source_event_id) for row in kept(tx)] == [
            ("OPTOUT_CALL", "1"), ("OPTOUT_CALL", "2"), ("LINK", "1"),
        ]  # fmt: skip


def test_nobody_says_no_in_the_future_and_nobody_at_all_is_nothing(shop: UUID) -> None:
    with database().write(shop) as tx:
        assert say(tx, Way(shop, "LINK")) == 0
        say(tx, Way(shop, "LINK"), (PHONE, "1", LATER))
        assert kept(tx)[0].said_at == in_force(tx, shop).created_at == NOW


def test_a_no_counts_for_every_channel_of_the_080_number(shop: UUID) -> None:
    """R-OPT-4: one 080 number for two channels takes people from both; a channel that is not bound to it stays its own."""
    with database().write(shop) as tx:
        tx.run("UPDATE workspaces SET optout_channels = '{TEXT,KAKAO}'")
        say(tx, Way(shop, "OPTOUT_CALL"), (PHONE, "1", NOW))
        assert in_force(tx, shop).channels == ["TEXT", "KAKAO"]
        tx.run("UPDATE workspaces SET optout_channels = '{TEXT}'")
        assert say(tx, Way(shop, "MANUAL", channel="KAKAO"), (OTHER, "1", NOW)) == 1
        assert in_force(tx, shop, OTHER).channels == ["KAKAO"]
        assert say(tx, Way(shop, "OPTOUT_CALL"), (OTHER, "2", NOW)) == 1
        assert in_force(tx, shop, OTHER).channels == ["KAKAO", "TEXT"]


def test_it_is_of_one_merchant_only(shop: UUID) -> None:
    """R-OPT-4: the scope is the sender whom the recipient sees."""
    with database().system() as tx:
        theirs = accounts.create_workspace(tx, "가을서점")
    with database().write(shop) as tx:
        say(tx, Way(shop, "LINK"), (PHONE, "1", NOW))
    with database().write(theirs) as tx:
        assert in_force(tx, theirs) is None
        assert kept(tx) == []
        assert say(tx, Way(theirs, "LINK"), (PHONE, "1", NOW)) == 1


def test_a_newer_no_counts_after_a_yes_and_an_older_one_does_not(shop: UUID) -> None:
    """R-CON-4: of a no and a yes the newer one counts, in whichever order they are heard."""
    with database().write(shop) as tx:
        say(tx, Way(shop, "OPTOUT_CALL"), (PHONE, "1", EARLIER))
        lift(tx, shop, NOW)
        for event, said_at in (("1", EARLIER), ("2", EARLIER + timedelta(days=1)), ("3", NOW - timedelta(seconds=1))):
            assert say(tx, Way(shop, "OPTOUT_CALL"), (PHONE, event, said_at), now=LATER) == 0
            assert in_force(tx, shop) is None
        assert say(tx, Way(shop, "PROVIDER"), (PHONE, "4", NOW + timedelta(seconds=1)), now=LATER) == 1
        again = in_force(tx, shop)
        assert (again.source, again.created_at) == ("PROVIDER", NOW + timedelta(seconds=1))
        assert len(kept(tx)) == 4


def test_a_late_no_that_is_newer_than_the_consent_counts_although_it_was_lifted_meanwhile(shop: UUID) -> None:
    """R-CON-4: the yes was given before this no, and only recorded after it."""
    with database().write(shop) as tx:
        say(tx, Way(shop, "OPTOUT_CALL"), (PHONE, "1", EARLIER))
        lift(tx, shop, EARLIER + timedelta(days=1))
        tx.run("UPDATE suppressions SET lifted_at = :at", at=LATER)
        assert say(tx, Way(shop, "OPTOUT_CALL"), (PHONE, "2", NOW), now=LATER) == 1
        assert in_force(tx, shop)


def test_who_is_erased_stays_suppressed_by_a_hash_alone(shop: UUID) -> None:
    """R-OPT-7: the number is gone, the no is not; another one changes nothing."""
    with database().write(shop) as tx:
        say(tx, Way(shop, "LINK"), (PHONE, "1", EARLIER))
        tx.run("UPDATE suppressions SET phone_sealed = ''")
        assert say(tx, Way(shop, "LINK"), (PHONE, "2", NOW)) == 0
        assert in_force(tx, shop).phone_sealed == b""
        by = Recorder(shop, "user:1", LATER)
        back = audience.add_contact(
            tx, by, PHONE, {"name": "", "tags": [], "attributes": {}}, Consent(True, False, LATER, "엑셀")
        )
        assert audience.get_contact(tx, back).suppressed, "a file that says yes does not bring anybody back"


def test_events_cannot_be_changed_or_removed(shop: UUID) -> None:
    with database().write(shop) as tx:
        say(tx, Way(shop, "LINK"), (PHONE, "1", NOW))
    for statement in ("UPDATE optouts SET said_at = now()", "DELETE FROM optouts"):
        with pytest.raises(Exception, match="permission denied"), database().write(shop) as tx:
            tx.run(statement)


def test_two_who_hear_the_same_people_in_other_orders_do_not_wait_for_each_other(shop: UUID) -> None:
    numbers = [f"0102345{at:04d}" for at in range(300)]
    barrier, stopped = Barrier(2), []

    def hear(source: str, told: Sequence[str]) -> None:
        with database().write(shop) as tx:
            barrier.wait(10)
            stopped.append(say(tx, Way(shop, source), *((number, "1", NOW) for number in told)))

    threads = [Thread(target=hear, args=("LINK", numbers)), Thread(target=hear, args=("PROVIDER", numbers[::-1]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with database().read(shop) as tx:
        assert sorted(stopped) == [0, 300]
        assert (len(kept(tx)), tx.value("SELECT count(*) FROM suppressions")) == (600, 300)


def test_no_number_shows_in_what_is_printed(shop: UUID) -> None:
    with database().read(shop) as tx:
        assert "sealed" not in repr(optouts.of_number(tx, shop, PHONE, "1", NOW))
