"""The states of everything that moves, which moves are allowed, and how news about a message is merged."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from functools import lru_cache

from core.errors import WrongState


class CampaignState(StrEnum):
    """From the first word to the last receipt."""

    DRAFT = "DRAFT"
    IN_REVIEW = "IN_REVIEW"
    APPROVED = "APPROVED"
    SCHEDULED = "SCHEDULED"
    PLANNING = "PLANNING"
    SENDING = "SENDING"
    PAUSED = "PAUSED"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class ImportState(StrEnum):
    """A customer file on its way into the audience."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


class ReportState(StrEnum):
    """A report about a campaign on its way into a file."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class FlyerState(StrEnum):
    """A flyer on its way through the composer."""

    PENDING = "PENDING"
    COMPOSING = "COMPOSING"
    READY = "READY"
    FAILED = "FAILED"


class ImageState(StrEnum):
    """An uploaded photo before and after somebody looked into it."""

    PENDING = "PENDING"
    READY = "READY"
    REFUSED = "REFUSED"


class TemplateState(StrEnum):
    """An Alimtalk template with Kakao; only an approved one can be sent with."""

    REGISTERED = "REGISTERED"
    IN_REVIEW = "IN_REVIEW"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    STOPPED = "STOPPED"


class BatchState(IntEnum):
    """The messages of one provider call."""

    READY = 0
    LEASED = 1
    UNKNOWN = 2
    SENT = 3
    CLOSED = 4


class Decision(StrEnum):
    """What a person says about a call of which nobody else can tell whether it was accepted."""

    RESEND = "RESEND"  # it was not: hand it over again, at its cost
    SENT = "SENT"  # it was: count it as accepted, its results stay unknown
    CLOSE = "CLOSE"  # whatever it was: count it as failed, and send nothing


class MessageState(IntEnum):
    """One text to one phone: the bucket this person is in. The numbers are stored."""

    PLANNED = 0
    HELD = 1
    CLAIMED = 2
    UNKNOWN = 3
    ACCEPTED = 4
    DELIVERED = 5
    FAILED = 6
    CANCELLED = 7
    EXPIRED = 8
    EXCLUDED = 9


_C = CampaignState

# An edit voids the approval, hence the ways back to DRAFT. A plan that excludes everybody is DONE without sending;
# what is DONE sends again when its failed messages are tried again.
MOVES: Mapping[CampaignState, frozenset[CampaignState]] = {
    _C.DRAFT: frozenset({_C.IN_REVIEW, _C.SCHEDULED, _C.PLANNING, _C.CANCELLED}),
    _C.IN_REVIEW: frozenset({_C.DRAFT, _C.APPROVED, _C.CANCELLED}),
    _C.APPROVED: frozenset({_C.DRAFT, _C.SCHEDULED, _C.PLANNING, _C.CANCELLED}),
    _C.SCHEDULED: frozenset({_C.DRAFT, _C.APPROVED, _C.PLANNING, _C.CANCELLED, _C.FAILED}),
    _C.PLANNING: frozenset({_C.SENDING, _C.PAUSED, _C.DONE, _C.CANCELLED, _C.FAILED}),
    _C.SENDING: frozenset({_C.PAUSED, _C.DONE, _C.CANCELLED, _C.FAILED}),
    _C.PAUSED: frozenset({_C.PLANNING, _C.SENDING, _C.DONE, _C.CANCELLED, _C.FAILED}),
    _C.DONE: frozenset({_C.SENDING}),
    _C.CANCELLED: frozenset(),
    _C.FAILED: frozenset(),
}

KOREAN: Mapping[CampaignState, str] = {
    _C.DRAFT: "작성 중",
    _C.IN_REVIEW: "검토 중",
    _C.APPROVED: "승인",
    _C.SCHEDULED: "예약",
    _C.PLANNING: "발송 준비",
    _C.SENDING: "발송 중",
    _C.PAUSED: "일시 정지",
    _C.DONE: "완료",
    _C.CANCELLED: "취소",
    _C.FAILED: "실패",
}


CANCELLABLE = frozenset({MessageState.PLANNED, MessageState.HELD})  # a message of its own, by whoever sent it

MESSAGE_KOREAN: Mapping[MessageState, str] = {
    MessageState.PLANNED: "발송 대기",
    MessageState.HELD: "아침까지 대기",
    MessageState.CLAIMED: "발송 중",
    MessageState.UNKNOWN: "접수 확인 중",
    MessageState.ACCEPTED: "접수",
    MessageState.DELIVERED: "도착",
    MessageState.FAILED: "실패",
    MessageState.CANCELLED: "취소",
    MessageState.EXPIRED: "기한 지남",
    MessageState.EXCLUDED: "제외",
}


def check_move(old: CampaignState, new: CampaignState) -> None:
    """Refuse a move that the life of a campaign does not have."""
    if new not in MOVES[old]:
        message = f"‘{KOREAN[old]}’ 상태인 캠페인은 ‘{KOREAN[new]}’ 상태로 바꿀 수 없습니다."
        raise WrongState(message, facts={"from": old.value, "to": new.value})


_M = MessageState

# Weakest news first. A provider that says "delivered" has the last word: even a cancelled message may have left before.
_ORDER = (
    _M.PLANNED,
    _M.HELD,
    _M.CLAIMED,
    _M.UNKNOWN,
    _M.ACCEPTED,
    _M.EXCLUDED,
    _M.CANCELLED,
    _M.EXPIRED,
    _M.FAILED,
    _M.DELIVERED,
)
_RANK = {state: rank for rank, state in enumerate(_ORDER)}
_FINAL = frozenset({_M.DELIVERED, _M.FAILED, _M.CANCELLED, _M.EXPIRED, _M.EXCLUDED})

NO_NEWS = 255
_BAD = 254
_RANK_OF_OLD = bytes(_RANK.get(_M(value), _BAD) if value in _M._value2member_map_ else _BAD for value in range(256))
_RANK_OF_NEW = _RANK_OF_OLD[:NO_NEWS] + bytes([0])
_STATE_OF_RANK = bytes(_ORDER[rank] if rank < len(_ORDER) else _BAD for rank in range(256))


def final(state: MessageState) -> bool:
    """Nothing is expected to happen to this message any more."""
    return state in _FINAL


def merge(old: MessageState, new: MessageState) -> MessageState:
    """The stronger of two pieces of news, so that their order of arrival does not matter."""
    return old if _RANK[old] >= _RANK[new] else new


def merge_states(old: bytes, new: bytes) -> bytes:
    """`merge` for a whole batch, one byte per message; 255 in `new` means no news about this one."""
    if len(old) != len(new):
        raise ValueError("old and new states differ in length")
    if len(set(new)) == 1:  # the same news about everybody: one look-up instead of one comparison each
        ranks = old.translate(_ranks_with(new[0]))
    else:
        ranks = bytes(map(max, old.translate(_RANK_OF_OLD), new.translate(_RANK_OF_NEW)))
    if _BAD in ranks:
        raise ValueError("not a message state")
    return ranks.translate(_STATE_OF_RANK)


@lru_cache(maxsize=256)
def _ranks_with(new: int) -> bytes:
    """By old state, the stronger of its rank and that of `new`."""
    return bytes(max(rank, _RANK_OF_NEW[new]) for rank in _RANK_OF_OLD)
