"""The legal furniture of an advertisement: `(광고)[상호] ` first, the free opt-out last, once and undisguised."""

import re
import unicodedata

from core.errors import InvalidInput, Violation
from core.rules.channel import SUBJECT_LIMIT
from core.rules.personalise import clean_value
from core.rules.text import byte_length, normalise

LABEL = "(광고)"

_OPEN = r"(\[{<（［｛＜【〔〈《「『"
_CLOSE = r")\]}>）］｝＞】〕〉》」』"
_BRACKET = _OPEN + _CLOSE + r"\n"

# Any bracketed word that ends in 광고, whatever stands between the two syllables: exact or a disguise.
_LABELS = re.compile(
    rf"[{_OPEN}][^{_BRACKET}]{{0,6}}광[^가-힣{_BRACKET}]{{0,6}}고[^\w{_BRACKET}]{{0,6}}[{_CLOSE}]",
)

_REFUSE = re.compile(r"\[?\s?(?:무료\s?수신|무료|수신)\s?거부")
_ANY_NUMBER = re.compile(r"\]?\s?[:：]?\s?\(?(?:0|1[568])[0-9\-.() ]{5,}")
_FREE = r"\[?\s?무료\s?(?:수신)?\s?거부\s?\]?\s?[:：]?\s?(080[-. ]?[0-9]{3,4}[-. ]?[0-9]{4})(?![0-9])\s?\]?"
_FREE_CLOSING = re.compile(_FREE)
_AT_THE_END = re.compile(_FREE + r"\s*\Z")
_OPTOUT_NUMBER = re.compile("080[0-9]{7,8}")

_SENTENCES = {
    "LABEL_VARIANT": "광고 표기는 ‘(광고)’ 그대로여야 합니다. 빈칸·기호·다른 괄호를 넣은 표기는 쓸 수 없습니다.",
    "LABEL_NOT_FIRST": "‘(광고)’는 맨 앞에 한 번만 쓸 수 있습니다. 표기는 자동으로 붙으니 지워 주세요.",
    "LABEL_MISSING": "광고 문자는 ‘(광고)’로 시작해야 합니다.",
    "SENDER_NAME_MISSING": "광고 문자에는 ‘(광고)’ 바로 뒤에 상호가 있어야 합니다.",
    "OPTOUT_NOT_LAST": "무료 수신거부 번호는 본문의 맨 끝에 한 번만 쓸 수 있습니다. 자동으로 붙으니 지워 주세요.",
    "OPTOUT_NOT_FREE": "수신거부 안내는 ‘무료거부 080…’이어야 합니다. 자동으로 붙으니 지워 주세요.",
    "OPTOUT_MISSING": "광고 문자는 무료 수신거부 번호로 끝나야 합니다.",
    "OPTOUT_NUMBER_DIFFERENT": "본문의 무료 수신거부 번호가 등록한 번호와 다릅니다.",
    "OPTOUT_NUMBER_INVALID": "무료 수신거부 번호는 080으로 시작하는 10~11자리 번호여야 합니다.",
    "NO_OPTOUT_NUMBER": "무료 수신거부(080) 번호를 등록해야 광고를 보낼 수 있습니다.",
    "TEXT_REQUIRED": "광고 내용은 이미지만이 아니라 글로도 있어야 합니다.",
    "SUBJECT_TOO_LONG": f"제목은 ‘(광고) ’를 포함해 {SUBJECT_LIMIT}바이트까지 쓸 수 있습니다.",
}


def furnish(body: str, *, shop: str, optout_number: str) -> str:
    """The advertisement as it leaves; a text that carries its own furniture gets no second one."""
    prefix, suffix = _prefix(shop), _suffix(optout_number)
    text = normalise(body)
    if text.startswith(prefix) and text.endswith(suffix):
        return text
    bare = _without_label(text, prefix.removeprefix(LABEL).rstrip())
    return prefix + _without_closing(bare, check_optout_number(optout_number)) + suffix


def redirected(body: str, optout_number: str) -> str:
    """A finished advertisement with another free number to say no by: that of the account by which it leaves."""
    closing = _AT_THE_END.search(body)
    if closing is None:
        raise _wrong("body", "OPTOUT_MISSING")
    return body[: closing.start()].rstrip() + _suffix(optout_number)


def furnish_subject(subject: str) -> str:
    """`(광고) ` before a subject. An empty one stays empty: providers then show the body's first line, labelled."""
    text = normalise(subject).strip()
    return f"{LABEL} {text.removeprefix(LABEL).lstrip()}" if text else ""


def furniture_bytes(shop: str, optout_number: str) -> int:
    """How many bytes of every advertisement of this shop are not the merchant's to use."""
    return byte_length(_prefix(shop) + _suffix(optout_number))


def check(body: str, subject: str = "") -> None:
    """Refuse a merchant's own text whose label or opt-out line is disguised, displaced or not free."""
    if not body.strip():
        raise _wrong("body", "TEXT_REQUIRED")
    for place, text in (("body", body), ("subject", subject)):
        _check_label(place, text)
    _check_optout(normalise(body))
    if byte_length(furnish_subject(subject)) > SUBJECT_LIMIT:
        raise _wrong("subject", "SUBJECT_TOO_LONG")


def opens_with_label(text: str) -> bool:
    """Whether a text calls itself an advertisement: the label, exact or disguised, and nothing visible before it."""
    composed = unicodedata.normalize("NFC", text)
    found = _LABELS.search(composed)
    return found is not None and not _visible(composed[: found.start()])


def check_furnished(body: str, *, shop: str, optout_number: str) -> None:
    """The last look before a rendered advertisement leaves: label, shop and this shop's own opt-out number stand."""
    if not body.startswith(LABEL):
        raise _wrong("body", "LABEL_MISSING")
    if not body.startswith(_prefix(shop)):
        raise _wrong("body", "SENDER_NAME_MISSING")
    if not body.endswith(_suffix(optout_number)):
        raise _wrong("body", "OPTOUT_MISSING")
    _check_label("body", body)


def check_optout_number(number: str) -> str:
    """The digits of a free 080 number."""
    digits = _digits(number)
    if not digits:
        raise _wrong("optout_number", "NO_OPTOUT_NUMBER")
    if not _OPTOUT_NUMBER.fullmatch(digits):
        raise _wrong("optout_number", "OPTOUT_NUMBER_INVALID")
    return digits


def _prefix(shop: str) -> str:
    name = clean_value(shop)
    if not name:
        raise _wrong("shop", "SENDER_NAME_MISSING")
    return f"{LABEL}[{name}] "


def _suffix(optout_number: str) -> str:
    return f"\n무료거부{check_optout_number(optout_number)}"


def _without_label(text: str, shop: str) -> str:
    if not text.startswith(LABEL):
        return text
    return text.removeprefix(LABEL).lstrip(" ").removeprefix(shop).lstrip(" ")


def _without_closing(text: str, number: str) -> str:
    closing = _AT_THE_END.search(text)
    if closing is None:
        return text
    if _digits(closing[1]) != number:
        raise _wrong("body", "OPTOUT_NUMBER_DIFFERENT")
    return text[: closing.start()].rstrip()


def _check_label(place: str, text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    labels = [found for found in _LABELS.finditer(composed)]
    if any(found[0] != LABEL for found in labels) or composed.count(LABEL) != text.count(LABEL):
        raise _wrong(place, "LABEL_VARIANT")
    at = composed.rfind(LABEL)
    if at > 0:
        raise _wrong(place, "LABEL_NOT_FIRST" if _visible(composed[:at]) else "LABEL_VARIANT")


def _visible(text: str) -> bool:
    return any(unicodedata.category(character)[0] not in "ZC" for character in text)


def _check_optout(body: str) -> None:
    text = body.rstrip()
    for mention in _REFUSE.finditer(text):
        closing = _FREE_CLOSING.match(text, mention.start())
        if closing and closing.end() != len(text):
            raise _wrong("body", "OPTOUT_NOT_LAST")
        if not closing and _ANY_NUMBER.match(text, mention.end()):
            raise _wrong("body", "OPTOUT_NOT_FREE")


def _digits(number: str) -> str:
    return re.sub(r"[-. ]", "", number)


def _wrong(place: str, reason: str) -> InvalidInput:
    message = _SENTENCES[reason]
    return InvalidInput(message, [Violation(place, message, reason)], reason=reason)
