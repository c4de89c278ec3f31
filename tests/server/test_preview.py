"""The preview: the whole audience through the code that sends, in steps, with the numbers a launch will have."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from core.db import accounts, audience, campaigns
from core.db.session import database
from core.rules.channel import Channel
from core.rules.draft import Draft
from core.rules.letter import Letter
from core.rules.price import table
from core.settings import load
from server import preview

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
GOOD = Draft(True, "#{이름|고객}님 할인", "", "봄날커피", "0801234567", True, True, None)


@pytest.fixture
def campaign(process: None):
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "봄날커피", optout_number="0801234567")
    with database().write(workspace) as tx:
        by = audience.Recorder(workspace, "test", NOW)
        for at, name in enumerate(["하나", "나" * 40, "", "김이박최", "다" * 1000]):
            consent = audience.Consent(ads=at != 3, night=False, at=NOW, source="매장")
            values = {"name": name, "tags": ["단골"] if at % 2 else [], "attributes": {"등급": "VIP"} if at else {}}
            audience.add_contact(tx, by, f"0102000{at:04d}", values, consent)
        made = campaigns.add(tx, workspace, {"name": "가", "purpose": "AD", "body": "x"}, NOW)
        return workspace, campaigns.get(tx, made)


def rendered(campaign, body: str, samples: int = 10, **changes: object) -> preview.Preview:
    workspace, row = campaign
    with database().write(workspace) as tx:
        if changes:
            campaigns.update(tx, row.id, changes)
        return preview.render(tx, workspace, campaigns.get(tx, row.id), Letter(body), samples)


@pytest.mark.parametrize("chunk", [1, 2, 5, 10_000])
def test_everybody_is_counted_once_whatever_the_step(campaign, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "CHUNK", chunk)
    found = rendered(campaign, "#{이름|고객}님 안녕하세요 #{등급|손님} 여러분 반갑습니다")
    assert found.selected == 5
    assert dict(found.excluded) == {"NO_CONSENT": 1, "BODY_TOO_LONG": 1}
    assert dict(found.channels) == {Channel.SMS: 2, Channel.LMS: 1}
    assert found.cost(table("aligo")) == 2 * Decimal("8.4") + Decimal("25.9")


def test_the_longest_is_the_longest_and_samples_are_the_first(campaign) -> None:
    found = rendered(campaign, "#{이름|고객}님", samples=2)
    assert [one.text for one in found.samples] == ["하나님", "나" * 40 + "님"]
    assert found.longest is not None and found.longest.size == 82
    assert found.samples[0].phone == "010-****-0000"


def test_without_samples_there_is_still_the_longest(campaign) -> None:
    found = rendered(campaign, "#{이름|고객}님", samples=0)
    assert found.samples == [] and found.longest is not None


def test_tags_and_purpose_choose(campaign) -> None:
    assert rendered(campaign, "안녕", any_tags=["단골"]).selected == 2
    assert rendered(campaign, "안녕", any_tags=[], none_tags=["단골"]).selected == 3
    assert rendered(campaign, "안녕", none_tags=[], purpose="INFO").excluded == {}


def test_counting_alone_promises_no_message_and_no_price(campaign) -> None:
    workspace, row = campaign
    with database().read(workspace) as tx:
        found = preview.count(tx, workspace, row)
    assert (found.selected, dict(found.excluded), found.cost(table("aligo")), found.longest) == (5, {"NO_CONSENT": 1}, 0, None)


@pytest.mark.parametrize(
    ("name", "masked"), [("", ""), ("김", "김"), ("김하", "김*"), ("김하나", "김*나"), ("남궁하나둘", "남***둘"), ("Kim", "K*m")]
)
def test_a_name_is_masked(name: str, masked: str) -> None:
    assert preview.masked_name(name) == masked


def test_problems_of_the_text_come_before_an_empty_audience() -> None:
    nobody, somebody = preview.Preview(selected=3), preview.Preview(selected=1)
    somebody.channels[Channel.SMS] = 1
    assert [one.reason for one in preview.problems(GOOD, nobody)] == ["EMPTY_AUDIENCE"]
    assert preview.problems(GOOD, somebody) == []
    assert preview.problems(GOOD, None) == []
    bad = Draft(True, "", "", "봄날커피", "0801234567", True, True, None)
    assert [one.reason for one in preview.problems(bad, nobody)] == ["TEXT_REQUIRED"]


def test_the_letter_is_the_finished_text_with_or_without_a_picture() -> None:
    assert preview.letter_of(GOOD).write("하나", ()) == ("(광고)[봄날커피] 하나님 할인\n무료거부0801234567", 48, Channel.SMS)
    pictured = Draft(True, "원두 할인", "", "봄날커피", "0801234567", True, True, "READY")
    assert preview.letter_of(pictured).write("", ())[2] is Channel.MMS


def test_the_facts_of_a_draft_are_those_of_this_moment(campaign) -> None:
    workspace, row = campaign
    with database().write(workspace) as tx:
        number = accounts.add_sender_number(tx, workspace, "0212345678")
        campaigns.update(tx, row.id, {"sender_number_id": number, "expires_at": NOW})
        row = campaigns.get(tx, row.id)
        before = preview.draft_of(tx, row, NOW.replace(hour=2))
        assert (before.sender_active, before.account_known, before.flyer_state, before.too_late) == (True, False, None, False)
        assert preview.sender_of(tx, number) == "0212345678"
        tx.run("UPDATE sender_numbers SET active = false")
        accounts.add_provider_account(tx, workspace, "aligo", {"key": "k"})
        after = preview.draft_of(tx, row, NOW)
        assert not after.certified, "an account without its certificate carries no advertising"
        assert (after.sender_active, after.account_known, after.too_late) == (False, True, True)
        assert preview.sender_of(tx, UUID(int=1)) is None


def test_a_link_to_say_no_is_counted_at_its_length(campaign) -> None:
    """R-LBL-7: what everybody gets of their own is counted before it is known."""
    without = rendered(campaign, "#{이름|고객}님 ")
    found = rendered(campaign, "#{이름|고객}님 #{수신거부링크}")
    link = f"{load().link_base_url}/o/" + "0" * 18
    assert found.samples[0].text == f"하나님 {link}"
    assert found.samples[0].size == without.samples[0].size + len(link)
