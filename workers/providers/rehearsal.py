"""Rehearsal: the provider of test keys. No network and no memory: a message ends by the last digits of its number.

The digits are those of the provider sandbox, so that a program behaves the same against both.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from core.rules.channel import Channel
from core.rules.states import MessageState
from core.rules.template import Template
from workers.providers import (
    Accepted,
    Account,
    Balance,
    Cause,
    Forged,
    Hint,
    Listed,
    OptedOut,
    Parcel,
    Refused,
    Report,
    Result,
    Sighting,
    Unknown,
    forget,
)

NAME = "rehearsal"
DELIVERED = "발송완료"
WORDS = {"9002": "결번", "9003": "전원꺼짐", "9005": "수신거부", "9006": "스팸차단"}
PENDING, NOT_TAKEN = "9004", "9008"

_MOST = 500


class Adapter:
    """Plays a provider for whom it is told about: `receivers` are the numbers whose results can be asked for."""

    name = NAME
    references_before_sending = False

    def __init__(self, account: Account, receivers: Sequence[str] = ()) -> None:
        self._receivers = tuple(receivers)

    def batch_limit(self, channel: Channel) -> int:
        """The most messages one `send` may carry."""
        return _MOST

    def send(self, parcel: Parcel, note: Callable[[str], None] = forget) -> Accepted:
        """Accepted, and nothing leaves."""
        refused = sum(_ends(receiver, NOT_TAKEN) for receiver in parcel.receivers)
        if refused == len(parcel.receivers):
            raise Refused(NOT_TAKEN, "수신번호가 올바르지 않습니다.", Cause.MESSAGE)
        return Accepted(f"{NAME}-{uuid4()}", len(parcel.receivers) - refused, refused, parcel.channel)

    def status(self, reference: str) -> Accepted | None:
        """Never asked: no reference is known before the answer."""
        raise Unknown("a rehearsed call has no reference before its answer")

    def results(self, reference: str) -> Report:
        """What became of the numbers it was told about."""
        taken = [receiver for receiver in self._receivers if not _ends(receiver, NOT_TAKEN)]
        return Report([_result(receiver) for receiver in taken], complete=True)

    def sightings(self, *, sender: str, since: datetime, until: datetime, channel: Channel = Channel.SMS) -> Sequence[Sighting]:
        """Nothing: what was not answered did not happen, and may go again."""
        return ()

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Hint]:
        """Whoever pushes in its name is somebody else."""
        raise Forged("a rehearsal pushes nothing")

    def balance(self) -> Balance:
        """Enough."""
        return Balance(_MOST, _MOST, _MOST)

    def cancel(self, reference: str) -> None:
        """Nothing is ever reserved."""
        raise Refused(NOT_TAKEN, "예약된 메시지가 없습니다.", Cause.MESSAGE)

    def senders(self) -> Sequence[Listed] | None:
        """Every number will do."""
        return None

    def templates(self) -> Sequence[Template]:
        """None of its own: what is rehearsed is written with the templates of the real accounts."""
        return ()

    def optouts(self, since: datetime | None) -> Iterator[Sequence[OptedOut]]:
        """Nobody."""
        return iter(())


def _ends(receiver: str, digits: str) -> bool:
    return receiver.endswith(digits)


def _result(receiver: str) -> Result:
    if _ends(receiver, PENDING):
        return Result(receiver, None, "", "", known=True)
    words = next((text for digits, text in WORDS.items() if _ends(receiver, digits)), DELIVERED)
    state = MessageState.DELIVERED if words == DELIVERED else MessageState.FAILED
    return Result(receiver, state, words, "", known=True)
