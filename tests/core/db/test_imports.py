"""Imports: contacts by the thousand, once, with consent that only moves forward; and where an import is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.db import accounts, audience, import_refusals, imports, listing, wordings
from core.db.audience import Consent, Recorder
from core.db.imports import LEASE, Step
from core.db.session import database
from core.rules.customers import Customer, RowError

pytestmark = pytest.mark.usefixtures("process")

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
MARCH, JUNE = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
HANA = Customer("01023456789", "김하나", True, MARCH, "매장 신청서", False, ("단골",), {"등급": "VIP"})


@pytest.fixture
def by() -> Recorder:
    with database().system() as tx:
        return Recorder(accounts.create_workspace(tx, "봄날커피"), "import:1", NOW)


def upsert(by: Recorder, *people: Customer) -> tuple[int, int]:
    with database().write(by.workspace) as tx:
        return imports.upsert_contacts(tx, by, people)


def only(by: Recorder) -> Any:
    with database().read(by.workspace) as tx:
        (row,) = tx.rows("SELECT * FROM contacts")
        return row


def said(by: Recorder) -> list[tuple[str, bool, str]]:
    with database().read(by.workspace) as tx:
        return [(row.scope, row.granted, row.source) for row in tx.rows("SELECT * FROM consents ORDER BY id")]


def test_new_people_go_in_with_their_consent(by: Recorder) -> None:
    assert upsert(by, HANA) == (1, 0)
    row = only(by)
    assert (row.name, row.tags, row.attributes) == ("김하나", ["단골"], {"등급": "VIP"})
    assert (row.ad_consent, row.night_consent, row.consent_at, row.consent_source) == (True, False, MARCH, "매장 신청서")
    assert said(by) == [("ADS", True, "매장 신청서")]
    with database().read(by.workspace) as tx:
        assert accounts.keys(tx, by.workspace).opener()(bytes(row.phone_sealed)) == HANA.phone


def test_the_same_chunk_again_changes_nothing(by: Recorder) -> None:
    people = [replace(HANA, phone=f"010{number:08}", name=f"고객 {number}") for number in range(1, 2001)]
    assert upsert(by, *people) == (2000, 0)
    with database().read(by.workspace) as tx:
        before = tx.rows("SELECT * FROM contacts ORDER BY id")
    assert upsert(by, *people) == (0, 2000)
    with database().read(by.workspace) as tx:
        assert tx.rows("SELECT * FROM contacts ORDER BY id") == before
        assert tx.value("SELECT count(*) FROM consents") == 2000


def test_what_the_file_says_wins_and_what_it_leaves_out_stays(by: Recorder) -> None:
    upsert(by, HANA)
    assert upsert(by, replace(HANA, name="", tags=("봄",), attributes={"지점": "강남"})) == (0, 1)
    row = only(by)
    assert (row.name, row.tags, row.attributes) == ("김하나", ["단골", "봄"], {"등급": "VIP", "지점": "강남"})
    upsert(by, replace(HANA, name="김두나", attributes={"등급": "일반"}))
    row = only(by)
    assert (row.name, row.attributes, row.version) == ("김두나", {"등급": "일반", "지점": "강남"}, 3)


@pytest.mark.parametrize(
    ("given", "expected", "recorded"),
    [
        (Consent(False, False, JUNE, "전화"), (False, False, JUNE, "전화"), [("ADS", False, "전화")]),
        (Consent(True, True, JUNE, "앱"), (True, True, JUNE, "앱"), [("ADS", True, "앱"), ("NIGHT", True, "앱")]),
        (Consent(False, False, MARCH - timedelta(days=1), "옛 파일"), (True, False, MARCH, "매장 신청서"), []),
        (Consent(False, False, MARCH, "같은 날"), (True, False, MARCH, "매장 신청서"), []),
        (Consent(False, False, None, ""), (True, False, MARCH, "매장 신청서"), []),
        (Consent(True, True, None, "증빙 없음"), (True, False, MARCH, "매장 신청서"), []),
    ],
)
def test_consent_moves_only_forward(
    by: Recorder, given: Consent, expected: tuple[object, ...], recorded: Sequence[tuple[str, bool, str]]
) -> None:
    upsert(by, HANA)
    proof = {"consent_at": given.at, "consent_source": given.source}
    upsert(by, replace(HANA, name="새 이름", consent=given.ads, night_consent=given.night, **proof))
    row = only(by)
    assert (row.ad_consent, row.night_consent, row.consent_at, row.consent_source) == expected
    assert said(by)[1:] == recorded


def test_a_later_proof_completes_an_unproven_consent(by: Recorder) -> None:
    upsert(by, replace(HANA, consent_at=None, consent_source=""))
    upsert(by, HANA)
    assert (only(by).consent_at, only(by).consent_source) == (MARCH, "매장 신청서")
    assert said(by) == [("ADS", True, ""), ("ADS", True, "매장 신청서")]


def test_night_consent_withdrawn_is_recorded(by: Recorder) -> None:
    upsert(by, replace(HANA, night_consent=True))
    upsert(by, replace(HANA, night_consent=False, consent_at=JUNE))
    assert [(scope, granted) for scope, granted, _ in said(by)][2:] == [("ADS", True), ("NIGHT", False)]


def test_the_proof_of_a_consent_goes_in_and_stays_where_a_file_is_silent(by: Recorder) -> None:
    """R-CON-5: wording and document with every yes; R-CON-6: year of birth and guardian."""
    with database().write(by.workspace) as tx:
        wording = wordings.add(tx, by.workspace, "v3", "광고를 받겠습니다", NOW)
    proof = {"consent_proof": "신청서 17쪽", "wording_id": wording}
    upsert(by, replace(HANA, **proof, birth_year=2013, guardian_proof="통화 8", adult_at=MARCH))
    with database().read(by.workspace) as tx:
        assert [tuple(row) for row in tx.rows("SELECT wording_id, proof FROM consents")] == [(wording, "신청서 17쪽")]
    before = only(by)
    assert (before.birth_year, before.guardian_proof, before.adult_at) == (2013, "통화 8", MARCH)
    upsert(by, HANA)
    assert only(by) == before, "nothing new, nothing changed"
    upsert(by, replace(HANA, birth_year=2012, guardian_proof="서면 9"))
    assert (only(by).birth_year, only(by).guardian_proof, only(by).adult_at) == (2012, "서면 9", MARCH)


def test_what_would_go_in_is_counted(by: Recorder) -> None:
    upsert(by, HANA)
    with database().read(by.workspace) as tx:
        assert imports.count_contacts(tx, by, [HANA, replace(HANA, phone="01023456780")]) == (1, 1)
        assert imports.count_contacts(tx, by, []) == (0, 0)


def follow(by: Recorder, *people: Customer) -> list[tuple[str, str]]:
    """The people go in; which notices wait then."""
    with database().write(by.workspace) as tx:
        imports.upsert_contacts(tx, by, people)
        import_refusals.follow(tx, by, people, "file:1")
        return [(row.kind, row.scope) for row in tx.rows("SELECT kind, scope FROM notices ORDER BY kind, scope")]


def test_people_are_told_of_a_yes_whose_term_still_runs(by: Recorder) -> None:
    """R-NTC-1: within 14 days of the yes itself; a yes without its proof is none."""
    fresh = NOW - timedelta(days=2)
    assert follow(by, HANA) == []
    assert follow(by, replace(HANA, phone="01023456780", consent_at=fresh, consent_source="")) == []
    assert follow(by, replace(HANA, phone="01023456781", consent_at=fresh)) == [("GRANTED", "ADS")]
    both = replace(HANA, phone="01023456782", consent_at=fresh, night_consent=True)
    assert follow(by, both) == [("GRANTED", "ADS"), ("GRANTED", "ADS_AND_NIGHT")]
    assert len(follow(by, both)) == 2, "the same file again is no news"


def test_a_yes_that_a_file_takes_back_is_a_no(by: Recorder) -> None:
    """R-OPT-2, R-CON-4: also for somebody who has bought something."""
    never = replace(HANA, phone="01023456780", consent=False)
    follow(by, HANA, never)
    follow(by, replace(HANA, consent=False, consent_at=NOW - timedelta(days=1)), replace(never, consent_at=JUNE))
    with database().read(by.workspace) as tx:
        stopped = tx.rows("SELECT c.phone_hash FROM contacts c JOIN suppressions s USING (workspace_id, phone_hash)")
        assert [bytes(row.phone_hash) for row in stopped] == [accounts.keys(tx, by.workspace).lookup(HANA.phone)]


def test_archived_people_come_back(by: Recorder) -> None:
    upsert(by, HANA)
    with database().write(by.workspace) as tx:
        audience.archive_contact(tx, only(by).id, NOW)
    assert upsert(by, HANA) == (0, 1)
    assert only(by).archived_at is None


def test_tags_stop_at_the_limit_and_equal_numbers_count_once(by: Recorder) -> None:
    upsert(by, replace(HANA, tags=("단골",)))
    for month in range(30):
        upsert(by, replace(HANA, tags=(f"{month}월",)))
    assert only(by).tags[0] == "단골", "a tag given by hand outlives the tags of many imports"
    upsert(by, replace(HANA, tags=tuple(f"새 태그{number}" for number in range(imports.KEPT_TAGS))))
    assert len(only(by).tags) == imports.KEPT_TAGS
    assert only(by).tags[-1] == f"새 태그{imports.KEPT_TAGS - 1}", "the newest stay"
    assert upsert(by, replace(HANA, name="첫째"), replace(HANA, name="둘째")) == (0, 1)
    assert only(by).name == "첫째"
    assert upsert(by) == (0, 0)


def test_a_contact_made_by_hand_is_the_same_person(by: Recorder) -> None:
    with database().write(by.workspace) as tx:
        audience.add_contact(tx, by, HANA.phone, {"name": "하나", "tags": [], "attributes": {}}, Consent())
    assert upsert(by, HANA) == (0, 1)
    assert only(by).ad_consent


def ordered(by: Recorder) -> Any:
    values = {"object_name": "uploads/x", "file_name": "고객.xlsx", "tag": "", "mapping": {}}
    with database().write(by.workspace) as tx:
        return imports.add_import(tx, by.workspace, values, NOW).id


def test_an_import_belongs_to_one_worker_until_it_is_silent(by: Recorder) -> None:
    made = ordered(by)
    with database().write(by.workspace) as tx:
        assert imports.claim_import(tx, made, NOW).rows_done == 0
        assert imports.claim_import(tx, made, NOW + LEASE) is None
        assert imports.progress_import(tx, made, Step(0, 500, 1000, created=400, errors=100), NOW)
        again = imports.claim_import(tx, made, NOW + LEASE + timedelta(seconds=1))
        assert (again.rows_done, again.created_count) == (500, 400)
        imports.finish_import(tx, made, {"state": "DONE"}, NOW)
        assert imports.claim_import(tx, made, NOW + timedelta(days=1)) is None


def test_a_slower_worker_cannot_count_a_chunk_twice(by: Recorder) -> None:
    made = ordered(by)
    with database().write(by.workspace) as tx:
        imports.claim_import(tx, made, NOW)
        assert imports.progress_import(tx, made, Step(0, 500, 0, created=500), NOW)
        assert not imports.progress_import(tx, made, Step(0, 500, 0, created=500), NOW)
        assert imports.progress_import(tx, made, Step(500, 900, 900, updated=400, duplicates=3), NOW)
        row = imports.get_import(tx, made)
        assert (row.rows_done, row.created_count, row.updated_count, row.duplicate_count) == (900, 500, 400, 3)


def test_what_is_finished_stays_finished(by: Recorder) -> None:
    made = ordered(by)
    with database().write(by.workspace) as tx:
        imports.finish_import(tx, made, {"state": "REFUSED", "refusal": "빈 파일", "refusal_reason": "FILE_EMPTY"}, NOW)
        imports.finish_import(tx, made, {"state": "DONE"}, NOW)
        row = imports.get_import(tx, made)
        assert (row.state, row.refusal_reason, row.ended_at) == ("REFUSED", "FILE_EMPTY", NOW)
        assert not imports.progress_import(tx, made, Step(0, 1), NOW)


def test_forgotten_imports_are_found(by: Recorder) -> None:
    waiting, running, done = ordered(by), ordered(by), ordered(by)
    with database().write(by.workspace) as tx:
        imports.claim_import(tx, running, NOW)
        imports.finish_import(tx, done, {"state": "DONE"}, NOW)
    with database().system() as tx:
        soon, late = NOW + timedelta(seconds=1), NOW + LEASE + timedelta(seconds=1)
        assert [row.id for row in imports.forgotten_imports(tx, NOW)] == []
        assert [row.id for row in imports.forgotten_imports(tx, soon)] == [waiting]
        assert {row.id for row in imports.forgotten_imports(tx, late)} == {waiting, running}


def test_bad_rows_are_kept_once_in_file_order(by: Recorder) -> None:
    made = ordered(by)
    wrong = RowError("고객", 7, "연락처", "02-***-**67", "PHONE_LANDLINE", "유선 번호입니다.")
    with database().write(by.workspace) as tx:
        imports.add_import_errors(tx, by.workspace, made, {9: replace(wrong, row=9), 7: wrong})
        imports.add_import_errors(tx, by.workspace, made, {7: replace(wrong, value="again")})
        imports.add_import_errors(tx, by.workspace, made, {})
        page = listing.Page(10, order="place", descending=False)
        rows = imports.list_import_errors(tx, made, page).rows
        assert [(row.row, row.value, row.column_name) for row in rows] == [
            (7, "02-***-**67", "연락처"),
            (9, "02-***-**67", "연락처"),
        ]


def notices(by: Recorder) -> list[tuple[str, str, datetime]]:
    with database().read(by.workspace) as tx:
        return [(row.kind, row.scope, row.said_at) for row in tx.rows("SELECT * FROM notices ORDER BY id")]


def test_a_young_consent_in_a_file_is_confirmed_an_old_one_is_not(by: Recorder) -> None:
    """R-NTC-1: told once, for what was recorded now; a consent of last year was another's to confirm."""
    young = NOW - timedelta(days=2)
    both = replace(HANA, phone="01011110001", night_consent=True, consent_at=young)
    unproven = replace(HANA, phone="01011110002", consent_at=young, consent_source="")
    upsert(by, both, unproven, HANA)
    assert notices(by) == [("GRANTED", "ADS_AND_NIGHT", young)]
    with database().write(by.workspace) as tx:
        tx.run("UPDATE notices SET state = 'DONE'")
    upsert(replace(by, now=NOW + timedelta(hours=1)), both, unproven, HANA)
    assert len(notices(by)) == 1


def test_a_newer_consent_in_a_file_begins_two_years_of_its_own(by: Recorder) -> None:
    """R-NTC-2: what an earlier one was confirmed to counts no more."""
    upsert(by, HANA)
    with database().write(by.workspace) as tx:
        tx.run("UPDATE contacts SET confirmed_at = :now", now=JUNE)
    upsert(by, replace(HANA, name="김하나나"))
    assert only(by).confirmed_at == JUNE
    upsert(by, replace(HANA, consent_at=JUNE))
    assert only(by).confirmed_at is None
