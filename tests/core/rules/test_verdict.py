"""Record and rules put together: what counts, what else stood in the way, whether they agree."""

from datetime import UTC, datetime

import pytest

from core.rules.law import Allow, Block, Defer
from core.rules.reasons import why
from core.rules.states import MessageState
from core.rules.verdict import HANDED_OVER, Case, Verdict, explain

MORNING = datetime(2026, 11, 25, 23, tzinfo=UTC)
WAITS = (MessageState.PLANNED, MessageState.HELD)


def test_whoever_is_not_selected_has_that_as_the_only_reason() -> None:
    found = explain(Case(None, "ADDED_LATER"), Block(("NO_CONSENT",)))
    assert (found.verdict, found.reasons, found.reproduced) == (Verdict.NOT_SELECTED, ("ADDED_LATER",), True)
    assert found.sentence == why("ADDED_LATER").sentence


@pytest.mark.parametrize("state", sorted(HANDED_OVER))
def test_what_was_handed_over_was_allowed_and_the_rules_have_to_agree(state: MessageState) -> None:
    reason = "POWER_OFF" if state is MessageState.FAILED else ""
    found = explain(Case(state, reason), Allow())
    assert (found.verdict, found.reasons, found.reproduced) == (Verdict.ALLOW, (), True) and found.sentence.endswith(".")
    assert not explain(Case(state, reason), Block(("OPTED_OUT",))).reproduced
    assert not explain(Case(state, reason), Defer(MORNING)).reproduced


def test_the_recorded_reason_comes_first_and_the_others_follow() -> None:
    found = explain(Case(MessageState.EXCLUDED, "OPTED_OUT"), Block(("OPTED_OUT", "NO_CONSENT", "MINOR")))
    assert (found.verdict, found.reasons, found.reproduced) == (Verdict.BLOCK, ("OPTED_OUT", "NO_CONSENT", "MINOR"), True)


def test_rules_that_say_something_else_do_not_change_the_record() -> None:
    found = explain(Case(MessageState.EXCLUDED, "NO_CONSENT"), Block(("OPTED_OUT", "NO_CONSENT")))
    assert (found.reasons, found.reproduced) == (("NO_CONSENT", "OPTED_OUT"), False)
    assert not explain(Case(MessageState.EXCLUDED, "NO_CONSENT"), Allow()).reproduced


def test_about_a_text_the_rules_say_nothing() -> None:
    assert explain(Case(MessageState.EXCLUDED, "MISSING_VARIABLE"), Allow()).reproduced
    assert not explain(Case(MessageState.EXCLUDED, "MISSING_VARIABLE"), Block(("NO_CONSENT",))).reproduced
    assert explain(Case(MessageState.EXCLUDED, "GONE"), Block(("NO_CONSENT",))).reproduced


@pytest.mark.parametrize(("state", "reason"), [(MessageState.CANCELLED, "CANCELLED"), (MessageState.EXPIRED, "EXPIRED")])
def test_an_end_is_its_own_reason(state: MessageState, reason: str) -> None:
    found = explain(Case(state), Block(("NO_CONSENT",)))
    assert (found.verdict, found.reasons, found.reproduced) == (Verdict.BLOCK, (reason,), True)


@pytest.mark.parametrize("state", WAITS)
def test_whoever_waits_is_told_what_would_happen_now(state: MessageState) -> None:
    assert explain(Case(state), Allow()).verdict is Verdict.ALLOW
    waits = explain(Case(state), Defer(MORNING))
    assert (waits.verdict, waits.reasons, waits.defer_until) == (Verdict.DEFER, ("QUIET_HOURS",), MORNING)
    assert "11월 26일 08:00" in waits.sentence
    late = explain(Case(state), Block(("OPTED_OUT",)))
    assert (late.verdict, late.reasons, late.reproduced) == (Verdict.BLOCK, ("OPTED_OUT",), True)


def test_a_dry_run_that_the_rules_contradict_is_a_defect() -> None:
    assert not explain(Case(MessageState.PLANNED, dry=True), Block(("OPTED_OUT",))).reproduced
    assert (
        explain(Case(MessageState.PLANNED, dry=True), Allow()).sentence != explain(Case(MessageState.PLANNED), Allow()).sentence
    )
