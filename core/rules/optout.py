"""How a no comes in: by a link with a code that nobody can guess, and by the provider's list, which must not be out of sight."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core.errors import Violation

VARIABLE = "수신거부링크"  # in a body: #{수신거부링크}
LENGTH = 18
PATH = "/o/"

# The list of who said no by the 080 number, where the provider keeps one: how long it may be out of sight.
READ_EVERY = timedelta(minutes=4)
WARN_AFTER, STOP_AFTER = timedelta(minutes=60), timedelta(hours=24)
HOLD = timedelta(minutes=5)  # so long a batch waits before it asks again

_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {sign: value for value, sign in enumerate(_SIGNS)}
_EPOCH = 1_735_689_600_000  # 2025-01-01, in milliseconds: 40 bits last until 2059
_PLACE, _PROOF = 16, 48  # bits
_OF_IDS = 80  # the bits of an identifier behind its milliseconds


@dataclass(frozen=True, slots=True)
class Code:
    """What a code says: the millisecond in which the batch was made, the place in it, and the proof."""

    moment: int
    position: int
    proof: int

    @property
    def bounds(self) -> tuple[UUID, UUID]:
        """[first, next) identifiers of that millisecond."""
        return UUID(int=self.moment << _OF_IDS), UUID(int=(self.moment + 1) << _OF_IDS)

    def names(self, batch: UUID, key: bytes) -> bool:
        """Whether this batch is meant: only who has the key could write so."""
        expected = _proof(batch, self.position, key)
        return hmac.compare_digest(self.proof.to_bytes(8, "big"), expected.to_bytes(8, "big"))


def code(batch: UUID, position: int, key: bytes) -> str:
    """The code of one message; `key` is its workspace's own."""
    moment = (batch.int >> _OF_IDS) - _EPOCH
    number = (moment << _PLACE | position) << _PROOF | _proof(batch, position, key)
    signs = []
    for _ in range(LENGTH):
        number, value = divmod(number, len(_SIGNS))
        signs.append(_SIGNS[value])
    return "".join(reversed(signs))


def read(text: str) -> Code | None:
    """What a code says; None when it is none."""
    if len(text) != LENGTH or any(sign not in _VALUES for sign in text):
        return None
    number = 0
    for sign in text:
        number = number * len(_SIGNS) + _VALUES[sign]
    moment = (number >> _PLACE + _PROOF) + _EPOCH
    if moment >= 1 << 48:
        return None
    return Code(moment, (number >> _PROOF) & ((1 << _PLACE) - 1), number & ((1 << _PROOF) - 1))


def address(base: str, written: str) -> str:
    """The link as it stands in a message."""
    return f"{base.rstrip('/')}{PATH}{written}"


def sample(base: str) -> str:
    """A link of the right length that leads nowhere, for previews."""
    return address(base, "0" * LENGTH)


def sampled(keys: Sequence[str], values: Sequence[str], base: str) -> Sequence[str]:
    """The values of a person's variables, with a sample where the link stands."""
    if VARIABLE not in keys:
        return values
    return [sample(base) if name == VARIABLE else value for name, value in zip(keys, values, strict=True)]


def missing_long(read_at: datetime | None, now: datetime) -> bool:
    """Whether the list was out of sight for so long that no advertising may leave; None: there is no list."""
    return read_at is not None and now - read_at > STOP_AFTER


def late(read_at: datetime | None, now: datetime) -> list[Violation]:
    """The warning that who said no on the telephone may not be known yet, and what follows from that."""
    if read_at is None or now - read_at <= WARN_AFTER:
        return []
    hours = (now - read_at) // timedelta(hours=1)
    follows = (
        "그래서 광고를 보내지 않고 기다립니다." if missing_long(read_at, now) else "하루 동안 읽지 못하면 광고를 보내지 않습니다."
    )
    sentence = f"080 수신거부 목록을 {hours}시간째 읽지 못했습니다. {follows} 발송사 연결을 확인해 주세요."
    return [Violation("campaign.purpose", sentence, "OPTOUT_FEED_STALE")]


def _proof(batch: UUID, position: int, key: bytes) -> int:
    digest = hmac.digest(key, b"opt-out" + batch.bytes + position.to_bytes(2, "big"), "sha256")
    return int.from_bytes(digest[: _PROOF // 8], "big")
