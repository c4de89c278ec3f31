"""What is told: a kind for every news about a message, one event for everybody who shares it, unfolded the same way for ever."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.rules import events
from core.rules.events import EVERYBODY, News, news, of_messages, of_move
from core.rules.states import CampaignState, MessageState

S, C = MessageState, CampaignState
EVENT, BATCH = UUID(int=1), UUID(int=2)
states = some.lists(some.sampled_from(MessageState), min_size=1, max_size=12)


def told(before: list[MessageState], after: list[MessageState], reasons: dict[str, str] | None = None) -> list[News]:
    return news(bytes(before), bytes(after), reasons or {})


def test_a_whole_batch_needs_no_positions() -> None:
    assert told([S.CLAIMED] * 3, [S.ACCEPTED] * 3) == [News("message.accepted", events.WHOLE, {})]


def test_each_kind_names_its_people() -> None:
    before = [S.ACCEPTED, S.ACCEPTED, S.ACCEPTED, S.DELIVERED]
    after = [S.DELIVERED, S.FAILED, S.ACCEPTED, S.DELIVERED]
    found = told(before, after, {"1": "POWER_OFF"})
    assert found == [News("message.delivered", [0], {}), News("message.failed", [1], {EVERYBODY: "POWER_OFF"})]


def test_reasons_are_kept_by_person_unless_everybody_shares_one() -> None:
    [different] = told([S.ACCEPTED] * 2, [S.FAILED] * 2, {"0": "BLOCKED", "1": "POWER_OFF"})
    assert different.reasons == {"0": "BLOCKED", "1": "POWER_OFF"}
    [shared] = told([S.ACCEPTED] * 2, [S.FAILED] * 2, {"0": "BLOCKED", "1": "BLOCKED"})
    assert shared.reasons == {EVERYBODY: "BLOCKED"}
    [partly] = told([S.ACCEPTED] * 2, [S.FAILED] * 2, {"0": "BLOCKED"})
    assert partly.reasons == {"0": "BLOCKED"}


@pytest.mark.parametrize("after", [S.PLANNED, S.HELD, S.CLAIMED])
def test_what_happens_inside_is_not_told(after: MessageState) -> None:
    assert told([S.FAILED, S.PLANNED], [after, after]) == []


def test_no_news_is_not_told() -> None:
    assert told([S.DELIVERED, S.FAILED], [S.DELIVERED, S.FAILED], {"1": "BLOCKED"}) == []


def test_every_state_the_outside_may_see_has_a_kind() -> None:
    assert set(events.MESSAGE_KINDS) == set(MessageState) - {S.PLANNED, S.HELD, S.CLAIMED}
    assert len(set(events.KINDS)) == len(events.KINDS)


@given(states, some.data())
def test_whoever_changed_is_told_of_once_and_nobody_else(before: list[MessageState], data: some.DataObject) -> None:
    after = data.draw(some.lists(some.sampled_from(MessageState), min_size=len(before), max_size=len(before)))
    reasons = {str(at): f"R{at % 2}" for at, state in enumerate(after) if state in (S.FAILED, S.EXCLUDED)}
    found = {}
    for one in told(before, after, reasons):
        for position, event, message, reason in of_messages(EVENT, one, len(before), BATCH):
            assert position not in found
            assert (event, message) == (f"{EVENT}-{position}", f"{BATCH}-{position}")
            found[position] = (one.kind, reason)
    assert found == {
        at: (events.MESSAGE_KINDS[new], reasons.get(str(at), ""))
        for at, (old, new) in enumerate(zip(before, after, strict=True))
        if old != new and new in events.MESSAGE_KINDS
    }


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (C.DRAFT, C.PLANNING, "campaign.started"),
        (C.SCHEDULED, C.PLANNING, "campaign.started"),
        (C.PLANNING, C.SENDING, ""),
        (C.SENDING, C.PAUSED, "campaign.paused"),
        (C.PAUSED, C.SENDING, "campaign.resumed"),
        (C.PAUSED, C.PLANNING, "campaign.resumed"),
        (C.SENDING, C.DONE, "campaign.done"),
        (C.DRAFT, C.CANCELLED, "campaign.cancelled"),
        (C.DRAFT, C.IN_REVIEW, ""),
        (C.PAUSED, C.PAUSED, ""),
    ],
)
def test_what_is_told_of_a_campaign(old: CampaignState, new: CampaignState, kind: str) -> None:
    assert of_move(old, new) == kind
