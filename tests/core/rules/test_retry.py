"""Which failures are worth another try, and which must never get one."""

from decimal import Decimal

import pytest

from core.errors import InvalidInput
from core.rules.reasons import LABELS
from core.rules.retry import ALLOWED, BY_DEFAULT, chosen, cost, positions
from core.rules.states import MessageState


def test_who_may_not_be_written_to_or_may_have_got_it_is_never_tried_again() -> None:
    never = {"OPTED_OUT", "NO_SUBSCRIBER", "REFUSED_BY_RECEIVER", "NO_RESULT", "UNRESOLVED", "NO_CONSENT", "ARCHIVED"}
    assert never & ALLOWED == set()
    assert BY_DEFAULT < ALLOWED < set(LABELS)


def test_nothing_named_is_the_default_and_what_is_named_is_all() -> None:
    assert chosen([]) == BY_DEFAULT
    assert chosen(["BLOCKED", "BLOCKED"]) == {"BLOCKED"}


@pytest.mark.parametrize("reason", ["OPTED_OUT", "NO_SUBSCRIBER", "무엇"])
def test_a_wrong_reason_is_named_at_its_place(reason: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        chosen(["TIMED_OUT", reason])
    [wrong] = refusal.value.violations
    assert (wrong.field, wrong.reason) == ("reasons[1]", "NOT_RETRYABLE")
    assert LABELS.get(reason, reason) in wrong.message


def test_only_the_failed_of_these_reasons_go() -> None:
    states = bytes([MessageState.FAILED, MessageState.DELIVERED, MessageState.FAILED, MessageState.FAILED, MessageState.EXCLUDED])
    reasons = {"0": "TIMED_OUT", "2": "OPTED_OUT", "3": "POWER_OFF", "4": "TIMED_OUT"}
    assert positions(states, reasons, BY_DEFAULT) == [0, 3]
    assert positions(states, reasons, frozenset({"POWER_OFF"})) == [3]


def test_it_costs_what_the_last_try_cost() -> None:
    tried = [([0, 1, 2], Decimal("8.4")), ([1], Decimal("25.9"))]
    assert cost([0, 1], tried) == Decimal("34.3")
    assert cost([7], tried) == 0
