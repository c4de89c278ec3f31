"""Which failed messages may go again: those that certainly did not arrive and might, and nobody who is not to be written to."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from core.errors import InvalidInput, Violation
from core.rules.ledger import at
from core.rules.reasons import label
from core.rules.states import MessageState

# Worth another try without being asked.
BY_DEFAULT = frozenset({"POWER_OFF", "TIMED_OUT", "PROVIDER_REFUSED", "DELIVERY_FAILED"})
# Only when named. All others never: a refusal, a number without subscriber, or a message that may have arrived after all.
ALLOWED = BY_DEFAULT | {"NOT_TAKEN", "BLOCKED"}


def chosen(named: Iterable[str]) -> frozenset[str]:
    """The reasons to try again; refused when one of them must not be."""
    wanted = tuple(named)
    wrong = [
        Violation(f"reasons[{place}]", f"‘{label(reason)}’(으)로 실패한 메시지는 다시 보낼 수 없습니다.", "NOT_RETRYABLE")
        for place, reason in enumerate(wanted)
        if reason not in ALLOWED
    ]
    if wrong:
        raise InvalidInput(wrong[0].message, wrong, reason="NOT_RETRYABLE")
    return frozenset(wanted) or BY_DEFAULT


def positions(states: bytes, reasons: Mapping[str, str], wanted: frozenset[str]) -> list[int]:
    """Who of a batch goes again."""
    return [position for position in at(states, MessageState.FAILED) if reasons.get(str(position)) in wanted]


def cost(again: Iterable[int], tried: Iterable[tuple[Iterable[int], Decimal]]) -> Decimal:
    """What they cost if they go as before; `tried` are (positions, unit price) of the attempts, oldest first."""
    prices: dict[int, Decimal] = {}
    for places, price in tried:
        prices.update(dict.fromkeys(places, price))
    return sum((prices.get(position, Decimal(0)) for position in again), Decimal(0))
