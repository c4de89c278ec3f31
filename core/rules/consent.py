"""What makes a yes count: asked for by itself, in words that are known, proven, and newer than any no."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from core.errors import InvalidInput, Violation, WrongState
from core.rules.law import Medium


@dataclass(frozen=True, slots=True)
class Asked:
    """How a person was asked."""

    ads: bool
    night: bool
    bundled: bool  # in one with something else, as with the terms of service
    prechecked: bool  # the box was ticked already
    wording: bool  # which words they saw is known
    source: str


@dataclass(frozen=True, slots=True)
class Yes:
    """A consent as it was given."""

    ads: bool
    night: bool
    at: datetime
    source: str
    medium: Medium = Medium.TEXT
    wording: UUID | None = None
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for a person, and their last no."""

    ads: bool = False
    night: bool = False
    at: datetime | None = None
    source: str = ""
    confirmed_at: datetime | None = None
    refused: bool = False  # suppressed
    no_at: datetime | None = None


def check_asked(asked: Asked) -> None:
    """Refuse what was no consent of its own (R-CON-2), or says not what was agreed to and where (R-CON-5)."""
    if wrong := list(_faults(asked)):
        raise InvalidInput(wrong[0].message, wrong, reason=wrong[0].reason)


def _faults(asked: Asked) -> Iterator[Violation]:
    if not (asked.ads or asked.night):
        yield Violation("ads", "무엇에 동의했는지 골라 주세요: 광고 수신(ads), 야간 수신(night).", "CONSENT_OF_NOTHING")
    if asked.bundled:
        message = "이용약관 등 다른 동의와 한 번에 받은 동의는 쓸 수 없습니다. 광고 수신동의를 따로 받아 주세요."
        yield Violation("bundled", message, "CONSENT_BUNDLED")
    if asked.prechecked:
        message = "미리 체크된 칸으로 받은 동의는 쓸 수 없습니다. 고객이 직접 체크해야 합니다."
        yield Violation("prechecked", message, "CONSENT_PRECHECKED")
    if not asked.wording:
        yield Violation("wording_id", "고객이 읽은 동의 문구를 골라 주세요.", "CONSENT_WORDING_MISSING")
    if not asked.source.strip():
        yield Violation("source", "동의를 받은 경로를 적어 주세요. 예: 매장 신청서", "CONSENT_SOURCE_MISSING")


def after(before: Standing, yes: Yes) -> Standing:
    """What holds after a yes to text messages; refused when it cannot count.

    After a no it needs a proof and has to be newer (R-CON-4): only then is the no lifted. Night is nothing by itself
    (R-NGT-6). The clock of two years goes by the oldest yes that holds: it begins anew only with all that was agreed to.
    """
    _check_newer(before, yes)
    back = before.refused or not before.ads
    if not yes.ads:
        _check_night(before, yes, back=back)
        return replace(before, night=True)
    proven = before.at is not None and bool(before.source)
    if before.at is not None and proven and not back and (yes.at <= before.at or (before.night and not yes.night)):
        return before
    return Standing(ads=True, night=yes.night, at=yes.at, source=yes.source, no_at=before.no_at)


def _check_night(before: Standing, yes: Yes, *, back: bool) -> None:
    if back or (before.at is not None and yes.at < before.at):
        message = "야간 수신동의는 광고 수신동의가 있는 고객에게서만, 그와 함께 또는 그 뒤에 받을 수 있습니다."
        raise WrongState(message, reason="NIGHT_WITHOUT_ADS")


def _check_newer(before: Standing, yes: Yes) -> None:
    if before.no_at is not None and yes.at <= before.no_at:
        message = "고객이 그 뒤에 수신거부를 했습니다. 거부보다 나중에 받은 동의만 쓸 수 있습니다."
        raise WrongState(message, reason="CONSENT_OLDER_THAN_REFUSAL")
    if before.refused and not yes.proof.strip():
        message = "수신거부한 고객입니다. 다시 받은 동의는 증빙(신청서 번호, 접속 기록 등)이 있어야 합니다."
        raise WrongState(message, reason="CONSENT_PROOF_MISSING")
