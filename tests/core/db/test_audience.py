"""Contacts one by one: consent is recorded, archived ones come back, another workspace sees nothing."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.db import accounts, audience, optouts
from core.db.audience import Consent, Recorder
from core.db.ids import new_id
from core.db.session import Tx, database
from core.errors import AlreadyExists, NotFound

pytestmark = pytest.mark.usefixtures("process")

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=300)
PHONE = "01023456789"
PLAIN = {"name": "김하나", "tags": ["단골"], "attributes": {"등급": "VIP"}}


@pytest.fixture
def by() -> Recorder:
    with database().system() as tx:
        return Recorder(accounts.create_workspace(tx, "봄날커피"), "user:1", NOW)


def said(tx: Tx, contact: int) -> list[tuple[str, bool]]:
    return [(row.scope, row.granted) for row in audience.consents(tx, contact)]


def test_only_what_was_said_is_recorded(by: Recorder) -> None:
    with database().write(by.workspace) as tx:
        silent = audience.add_contact(tx, by, PHONE, PLAIN, Consent())
        refusing = audience.add_contact(tx, by, "01011112222", PLAIN, Consent(ads=False, at=LONG_AGO, source="앱"))
        willing = audience.add_contact(tx, by, "01033334444", PLAIN, Consent(True, True, LONG_AGO, "앱"))
        assert said(tx, silent) == []
        assert said(tx, refusing) == [("ADS", False)]
        assert said(tx, willing) == [("ADS", True), ("NIGHT", True)]


def test_a_present_number_is_refused_an_archived_one_comes_back(by: Recorder) -> None:
    with database().write(by.workspace) as tx:
        first = audience.add_contact(tx, by, PHONE, PLAIN, Consent(True, False, LONG_AGO, "앱"))
    with pytest.raises(AlreadyExists), database().write(by.workspace) as tx:
        audience.add_contact(tx, by, PHONE, PLAIN, Consent())
    with database().write(by.workspace) as tx:
        audience.archive_contact(tx, first, NOW)
        before = audience.get_contact(tx, first)
        audience.archive_contact(tx, first, NOW + timedelta(days=1))
        assert audience.get_contact(tx, first) == before
        assert audience.add_contact(tx, by, PHONE, {**PLAIN, "name": "새 이름"}, Consent()) == first
        row = audience.get_contact(tx, first)
        assert (row.name, row.archived_at, row.ad_consent) == ("새 이름", None, False)


def test_every_change_of_consent_is_recorded_with_its_proof(by: Recorder) -> None:
    with database().write(by.workspace) as tx:
        contact = audience.add_contact(tx, by, PHONE, PLAIN, Consent(True, False, LONG_AGO, "앱"))
        for consent in [
            Consent(True, False, LONG_AGO, "앱"),  # nothing new
            Consent(True, True, LONG_AGO, "앱"),
            Consent(True, True, NOW, "매장"),  # the same, proven anew
            Consent(False, False, NOW, "전화"),
        ]:
            audience.update_contact(tx, by, audience.get_contact(tx, contact, lock=True), PLAIN, consent)
        assert said(tx, contact) == [
            ("ADS", True),
            ("NIGHT", True),
            ("ADS", True),
            ("NIGHT", True),
            ("ADS", False),
            ("NIGHT", False),
        ]
        last = audience.consents(tx, contact)[-1]
        assert (last.source, last.given_at, last.recorded_by, last.recorded_at) == ("전화", NOW, "user:1", NOW)


def test_a_recorded_consent_cannot_be_changed_or_removed(by: Recorder) -> None:
    with database().write(by.workspace) as tx:
        audience.add_contact(tx, by, PHONE, PLAIN, Consent(True, False, LONG_AGO, "앱"))
    for statement in ["UPDATE consents SET granted = false", "DELETE FROM consents"]:
        with pytest.raises(Exception, match="permission denied"), database().write(by.workspace) as tx:
            tx.run(statement)


def test_another_workspace_neither_sees_nor_collides(by: Recorder) -> None:
    with database().write(by.workspace) as tx:
        contact = audience.add_contact(tx, by, PHONE, PLAIN, Consent())
        no = optouts.of_number(tx, by.workspace, PHONE, "1", NOW)
        assert optouts.say_no(tx, optouts.Way(by.workspace, "MANUAL"), [no], NOW) == 1
        assert audience.get_contact(tx, contact).suppressed
    with database().system() as tx:
        other: UUID = accounts.create_workspace(tx, "가을서점")
    with database().write(other) as tx:
        theirs = audience.add_contact(tx, Recorder(other, "user:2", NOW), PHONE, PLAIN, Consent())
        assert not audience.get_contact(tx, theirs).suppressed
        with pytest.raises(NotFound):
            audience.get_contact(tx, contact)
    with database().read(new_id()) as tx:
        assert tx.value("SELECT count(*) FROM contacts") == 0
