"""What the ledger recorded about a person and what the rules say about the same inputs, put together into one explanation."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.rules import night
from core.rules.law import Block, Decision, Defer, Reason
from core.rules.reasons import why
from core.rules.states import MessageState

_M = MessageState
HANDED_OVER = frozenset({_M.CLAIMED, _M.UNKNOWN, _M.ACCEPTED, _M.DELIVERED, _M.FAILED})
_WAITING = frozenset({_M.PLANNED, _M.HELD})
ENDED = {_M.CANCELLED: "CANCELLED", _M.EXPIRED: "EXPIRED"}  # states that are their own reason

_SENTENCES = {
    _M.PLANNED: "차례가 오면 이 고객에게 보냅니다.",
    _M.HELD: "아침이 되면 이 고객에게 보냅니다.",
    _M.CLAIMED: "지금 보내고 있습니다.",
    _M.UNKNOWN: "발송사가 접수했는지 확인하고 있습니다. 확인될 때까지 다시 보내지 않습니다.",
    _M.ACCEPTED: "발송사가 접수했고 결과를 기다리고 있습니다.",
    _M.DELIVERED: "이 고객에게 도착했습니다.",
}
_WOULD_GO = "지금 시작하면 이 고객에게 보냅니다."


class Verdict(StrEnum):
    """What the rules say about a person."""

    ALLOW = "ALLOW"
    DEFER = "DEFER"
    BLOCK = "BLOCK"
    NOT_SELECTED = "NOT_SELECTED"


@dataclass(frozen=True, slots=True)
class Case:
    """What is recorded: `state` None for whom the campaign does not select; `dry` when it is what a launch would do now."""

    state: MessageState | None
    reason: str = ""
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Explained:
    """The verdict with everything that stood in the way; `reproduced`: rules and record agree."""

    verdict: Verdict
    sentence: str
    reasons: tuple[str, ...] = ()
    defer_until: datetime | None = None
    reproduced: bool = True


def explain(case: Case, decision: Decision) -> Explained:
    """The record first: it is what happened. The rules add what else stood in the way, and whether they agree."""
    if case.state is None:
        return Explained(Verdict.NOT_SELECTED, why(case.reason).sentence, (case.reason,))
    blocked = decision.reasons if isinstance(decision, Block) else ()
    if case.state in HANDED_OVER:
        return Explained(Verdict.ALLOW, _sentence(case), reproduced=not blocked and not isinstance(decision, Defer))
    if case.state in _WAITING and not case.reason:
        return _waiting(case, decision, blocked)
    recorded = ENDED.get(case.state, case.reason)
    others = tuple(reason for reason in blocked if reason != recorded) if case.state is _M.EXCLUDED else ()
    return Explained(Verdict.BLOCK, why(recorded).sentence, (recorded, *others), reproduced=_agrees(case, blocked))


def _waiting(case: Case, decision: Decision, blocked: tuple[str, ...]) -> Explained:
    if blocked:  # since the plan something has changed: the claim will leave them out. A dry run would have said so.
        return Explained(Verdict.BLOCK, why(blocked[0]).sentence, blocked, reproduced=not case.dry)
    if isinstance(decision, Defer):
        sentence = f"야간 광고에 동의하지 않은 고객이라 {night.spoken(decision.until)}에 보냅니다."
        return Explained(Verdict.DEFER, sentence, ("QUIET_HOURS",), decision.until)
    return Explained(Verdict.ALLOW, _sentence(case))


def _sentence(case: Case) -> str:
    assert case.state is not None
    if case.reason:
        return why(case.reason).sentence
    return _WOULD_GO if case.dry else _SENTENCES[case.state]


def _agrees(case: Case, blocked: tuple[str, ...]) -> bool:
    """Of reasons that are none of the law's the rules say nothing: the text, or that the customer is gone."""
    if case.state is not _M.EXCLUDED:
        return True
    return blocked[:1] == (case.reason,) if case.reason in Reason.__members__ else not blocked or case.reason == "GONE"
