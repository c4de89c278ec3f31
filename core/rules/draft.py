"""What stands in the way of a launch: the merchant's text and choices checked as a whole, and the finished text they become."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.errors import InvalidInput, Violation
from core.rules import alimtalk, alimtalk_policy, goods, label, links, purpose
from core.rules import schedule as schedules
from core.rules import template as templates
from core.rules.channel import SUBJECT_LIMIT, Channel
from core.rules.personalise import parse
from core.rules.text import UnsupportedText, byte_length, channel_for, find_unsupported, normalise

SHORTEST_TEXT = 5  # letters beside a picture


@dataclass(frozen=True, slots=True)
class Notice:
    """The Alimtalk template of a campaign; None: the provider has it no more."""

    template: templates.Template | None
    carried: bool = True  # by an account that knows the sender number


@dataclass(frozen=True, slots=True)
class Flyer:
    """What the picture shows, in words, and what may not be shown."""

    offers: tuple[str, ...] = ()  # names, badges and prices, as the picture has them
    prohibited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A campaign with the facts around it, as a launch needs them."""

    ad: bool
    body: str
    subject: str
    shop: str
    optout_number: str
    sender_active: bool
    account_known: bool
    flyer_state: str | None  # None: no flyer
    too_late: bool = False  # its expire time is over
    schedule: schedules.Schedule | None = None  # None: at once
    notice: Notice | None = None  # None: no Alimtalk
    fallback: str = ""  # for whom the Alimtalk does not reach
    segment_archived: bool = False
    certified: bool = True  # by one of the accounts that know the sender number advertising may leave today
    flyer: Flyer = Flyer()
    info_reason: str = ""
    overruled: bool = False  # two people said that it is information, whatever the words look like


def problems(draft: Draft) -> tuple[Violation, ...]:
    """Everything that must be mended, in the order a person would mend it; empty = it can go."""
    found = {(violation.field, violation.reason): violation for check in _CHECKS for violation in check(draft)}
    return tuple(found.values())


def warnings(draft: Draft) -> tuple[Violation, ...]:
    """What does not stand in the way but should be seen by a person."""
    return (*goods.warnings((draft.body, draft.subject, *draft.flyer.offers)), *_pictured(draft))


def finished_body(draft: Draft) -> str:
    """The text as it will leave: for advertising with the label first and the opt-out line last."""
    if draft.notice and draft.notice.template:
        return alimtalk.bound(draft.notice.template, draft.body)
    body = normalise(draft.body)
    return label.furnish(body, shop=draft.shop, optout_number=draft.optout_number) if draft.ad else body


def finished_subject(draft: Draft) -> str:
    """The title as it will leave."""
    subject = normalise(draft.subject).strip()
    return label.furnish_subject(subject) if draft.ad else subject


def likely_channel(draft: Draft) -> Channel:
    """What most of it goes as, by the text without what varies."""
    if draft.notice:
        return Channel.ALIMTALK
    if draft.flyer_state is not None:
        return Channel.MMS
    try:
        return channel_for(_literals(draft))
    except InvalidInput:
        return Channel.LMS


def _literals(draft: Draft) -> str:
    return _constant(finished_body(draft))


def _constant(body: str) -> str:
    return "".join(part for part in parse(body).segments if isinstance(part, str))


def _text(draft: Draft) -> Iterator[Violation]:
    reason = "TEXT_REQUIRED"
    if not draft.body.strip() and not draft.notice:
        yield Violation("campaign.body", "본문이 비어 있습니다. 그림만으로는 보낼 수 없습니다.", reason)
    elif draft.flyer_state is not None and _letters(draft.body) < SHORTEST_TEXT:
        sentence = f"광고 내용은 그림만이 아니라 글로도 있어야 합니다. 본문을 {SHORTEST_TEXT}자 이상 써 주세요."
        yield Violation("campaign.body", sentence, reason)


def _letters(body: str) -> int:
    """What is left of a text without variables, blanks and symbols."""
    return sum(map(str.isalnum, re.sub(r"#\{[^}]*\}", "", body)))


def _pictured(draft: Draft) -> Iterator[Violation]:
    """R-LBL-6: nothing of what the picture offers is said in words."""
    said = re.sub(r"[\s,]", "", draft.body)
    words = [word for offer in draft.flyer.offers for word in re.split(r"\s+", offer.replace(",", "")) if len(word) > 1]
    if words and not any(word in said for word in words):
        sentence = "전단의 상품·가격이 본문에는 하나도 없습니다. 광고 내용은 그림만이 아니라 글로도 있어야 합니다."
        yield Violation("campaign.body", sentence, "OFFER_ONLY_IN_IMAGE")


def _purpose(draft: Draft) -> Iterator[Violation]:
    """Information has a reason, and none of the marks of advertising; a template is looked at by Kakao's rules, too."""
    if draft.ad:
        return
    if not draft.info_reason:
        sentence = "정보성 메시지로 보내는 이유를 골라 주세요. 해당하는 이유가 없으면 광고(AD)입니다."
        yield Violation("campaign.info_reason", sentence, "INFO_REASON_MISSING")
    template = draft.notice.template if draft.notice else None
    buttons = [button.name for button in template.buttons] if template else []
    shown = [template.content, template.emphasis_title] if template else []
    texts = [draft.body, draft.subject, draft.fallback, *shown, *buttons]
    yield from purpose.problems(texts, shop=draft.shop, overruled=draft.overruled)
    if template:
        yield from alimtalk_policy.problems("\n".join(filter(None, (*shown, draft.body))), buttons)


def _goods(draft: Draft) -> Iterator[Violation]:
    yield from goods.problems(draft.flyer.prohibited)


def _links(draft: Draft) -> Iterator[Violation]:
    if draft.ad:
        yield from links.problems(draft.body)


def _characters(draft: Draft) -> Iterator[Violation]:
    texts = (("campaign.subject", draft.subject), ("campaign.fallback_body", draft.fallback))
    # KakaoTalk carries every character
    for field, text in texts if draft.notice else (("campaign.body", draft.body), *texts):
        if found := find_unsupported(normalise(text)):
            yield Violation(field, UnsupportedText(found).message, "UNSUPPORTED_CHARACTERS")


def _variables(draft: Draft) -> Iterator[Violation]:
    yield from _refused("campaign.body", lambda: parse(draft.body))


def _label(draft: Draft) -> Iterator[Violation]:
    if draft.ad and draft.body.strip():
        subject = "" if find_unsupported(draft.subject) else draft.subject  # said already
        yield from _refused("campaign.body", lambda: label.check(draft.body, subject))
    if draft.ad and draft.optout_number:
        yield from _refused("campaign.body", lambda: finished_body(draft))


def _optout(draft: Draft) -> Iterator[Violation]:
    if draft.ad and not draft.optout_number:
        reason = "NO_OPTOUT_NUMBER"
        yield Violation("workspace.optout_number", "광고를 보내려면 무료 수신거부 번호(080)가 있어야 합니다.", reason)


def _subject(draft: Draft) -> Iterator[Violation]:
    if find_unsupported(draft.subject):
        return
    size = byte_length(finished_subject(draft))
    if size > SUBJECT_LIMIT:
        sentence = f"제목이 표시 문구를 포함해 {size}바이트입니다. {SUBJECT_LIMIT}바이트까지 쓸 수 있습니다."
        yield Violation("campaign.subject", sentence, "SUBJECT_TOO_LONG")


def _sender(draft: Draft) -> Iterator[Violation]:
    if not draft.sender_active:
        sentence = "등록된 발신번호를 골라 주세요."
        yield Violation("campaign.sender_number_id", sentence, "SENDER_NOT_REGISTERED")


def _account(draft: Draft) -> Iterator[Violation]:
    if not draft.account_known:
        yield Violation("workspace", "발송사 계정이 없습니다. 설정에서 먼저 연결해 주세요.", "NO_PROVIDER_ACCOUNT")


def _certificate(draft: Draft) -> Iterator[Violation]:
    if draft.ad and draft.account_known and draft.sender_active and not draft.certified:
        sentence = "전송자격인증이 확인된 발송사 계정이 없습니다. 발송사에서 인증을 확인하고 설정에 인증 번호를 등록해 주세요."
        yield Violation("workspace", sentence, "GATEWAY_NOT_QUALIFIED")


def _flyer(draft: Draft) -> Iterator[Violation]:
    if draft.flyer_state is None:
        return
    if not draft.ad:
        yield Violation("campaign.purpose", "상품 전단을 넣은 캠페인은 광고(AD)입니다.", "FLYER_IS_AD")
    if draft.flyer_state != "READY":
        yield Violation("campaign.flyer_id", "전단이 아직 완성되지 않았습니다.", "FLYER_NOT_READY")


def _segment(draft: Draft) -> Iterator[Violation]:
    if draft.segment_archived:
        yield Violation("campaign.audience.segment_id", "보관된 세그먼트입니다. 다른 세그먼트를 골라 주세요.", "SEGMENT_ARCHIVED")


def _time(draft: Draft) -> Iterator[Violation]:
    if draft.too_late:
        yield Violation("campaign.expire_time", "마감 시각이 이미 지났습니다.", "EXPIRE_TIME_PAST")
    elif draft.schedule is not None:
        yield from schedules.problems(draft.schedule)


def _length(draft: Draft) -> Iterator[Violation]:
    """Too long for everybody: what varies is not counted."""
    if not draft.notice:
        yield from _too_long("campaign.body", lambda: _literals(draft))
    yield from _too_long("campaign.fallback_body", lambda: _constant(normalise(draft.fallback)))


def _too_long(field: str, literals: Callable[[], str]) -> Iterator[Violation]:
    try:
        channel_for(literals())
    except InvalidInput as refusal:
        if refusal.reason == "BODY_TOO_LONG":
            yield Violation(field, refusal.message, refusal.reason)


def _notice(draft: Draft) -> Iterator[Violation]:
    """By template only what its template allows; the text for the others is a text like any."""
    if draft.notice is None:
        if draft.fallback:
            sentence = "알림톡 템플릿이 없으면 대체 문자도 없습니다. 템플릿을 고르거나 대체 문자를 비워 주세요."
            yield Violation("campaign.fallback_body", sentence, "FALLBACK_WITHOUT_TEMPLATE")
        return
    yield from templates.problems(draft.notice.template, ad=draft.ad)
    if draft.flyer_state is not None:
        yield Violation("campaign.flyer_id", "알림톡에는 전단을 넣을 수 없습니다.", "TEMPLATE_WITH_FLYER")
    if draft.notice.template and (different := templates.differs(draft.notice.template, draft.body)):
        yield different
    if draft.notice.template and not draft.notice.carried:
        sentence = "이 템플릿이 있는 발송사 계정에 발신번호가 등록되어 있지 않습니다."
        yield Violation("campaign.sender_number_id", sentence, "SENDER_NOT_REGISTERED")
    yield from _refused("campaign.fallback_body", lambda: parse(draft.fallback))


def _refused(field: str, check: Callable[[], object]) -> Iterator[Violation]:
    try:
        check()
    except InvalidInput as refusal:
        places = [_FIELDS.get(violation.field, field) for violation in refusal.violations] or [field]
        yield from (Violation(place, refusal.message, refusal.reason) for place in places)


# What the rules call a place, and where the merchant finds it.
_FIELDS = {
    "body": "campaign.body",
    "subject": "campaign.subject",
    "shop": "workspace.name",
    "optout_number": "workspace.optout_number",
}
_CHECKS: tuple[Callable[[Draft], Iterator[Violation]], ...] = (
    _text, _characters, _variables, _length, _label, _optout, _subject, _sender, _account, _certificate, _flyer, _goods, _links,
    _purpose, _segment, _time, _notice,
)  # fmt: skip
