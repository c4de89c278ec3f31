"""Which column of a merchant's file is what, by the words people write above it."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from core.rules import cells

FIELDS = (
    "phone",
    "name",
    "night_consent",
    "refused",
    "consent",
    "consent_at",
    "consent_source",
    "consent_wording",
    "consent_proof",
    "birth_year",
    "guardian_proof",
    "adult_at",
    "tags",
)
# A customer's birthday is also worth an attribute: only its year goes into the field.
ALSO_ATTRIBUTES = frozenset({"birth_year"})
MAX_ATTRIBUTES = 20
MAX_ATTRIBUTE_NAME = 30

_WHO = r"(?:고객|회원|수신자|받는사람|받는분|수령인|주문자|구매자|예약자|가입자)"
# Consent for e-mail, push or KakaoTalk is not consent for text messages (R-CON-1): those words match nothing here.
_AD = r"(?:sms|lms|mms|문자|메시지|메세지)*(?:광고|마케팅|홍보|이벤트|혜택)*(?:성)?(?:정보)?(?:활용)?(?:sms|문자)?"
_MARK = r"(?:여부|유무|상태|yn|ox)?"
_NUMBER = r"(?:no|number|num)?"
# In each field the best words first: a file often has a mobile and a land line column. Matched against `key(header)`.
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "phone": (
        rf"{_WHO}?(?:휴대폰|핸드폰|휴대전화기?|핸폰|무선전화|모바일)(?:번호|연락처|전화번호)?1?",
        rf"(?:mobile|cell|handphone|hp|cellphone)(?:phone)?{_NUMBER}1?",
        rf"{_WHO}?(?:수신번호|전화번호|연락처|전화|연락번호)1?",
        rf"(?:customer)?(?:phone|tel|telephone|contact|recipient){_NUMBER}1?",
    ),
    "name": (rf"{_WHO}?(?:이름|성명|성함)", rf"{_WHO}명", r"(?:full|customer|user|member)?name", _WHO),
    "night_consent": (
        rf"야간{_AD}(?:수신)?동의{_MARK}",
        rf"야간{_AD}(?:수신|발송|전송)(?:가능)?{_MARK}",
        r"night(?:time)?(?:ad|sms|marketing)?(?:consent|optin)|consentnight",
    ),
    "refused": (
        rf"{_AD}(?:무료)?(?:수신)?거부{_MARK}",
        r"080(?:수신)?거부|블랙리스트|optout|unsubscribed?|donotcontact",
    ),
    "consent": (
        rf"{_AD}(?:수신)?동의{_MARK}",
        rf"{_AD}수신{_MARK}",
        r"(?:ad|marketing|sms|adsms)?(?:consent|optin|agree|agreed|agreement)(?:yn)?",
    ),
    "consent_at": (
        rf"{_AD}(?:수신)?동의(?:한)?(?:일시|일자|날짜|일|시각|시간)",
        r"(?:ad|marketing|sms)?(?:consent|optin|agreed?)(?:ed)?(?:at|on|date|time|datetime)",
    ),
    "consent_source": (
        rf"{_AD}(?:수신)?동의(?:한)?(?:경로|방법|매체|출처|채널|수단)",
        r"(?:ad|marketing|sms)?(?:consent|optin)(?:source|method|channel|via)",
    ),
    "consent_wording": (rf"{_AD}(?:수신)?동의(?:문구|서식|양식)(?:버전|판|번호|이름)?", r"(?:consent)?wording(?:version)?"),
    "consent_proof": (
        rf"{_AD}(?:수신)?동의(?:증빙|증거|근거|서류|문서|기록|신청서)(?:자료|번호|id)?",
        r"(?:consent|optin)(?:proof|evidence|document)(?:id|no)?",
    ),
    "birth_year": (
        rf"{_WHO}?(?:출생|생|태어난)(?:년도|연도|년|해)",
        rf"{_WHO}?생년월일",
        r"(?:year|date)?ofbirth|birth(?:year|date|day)|dob|yob",
    ),
    "guardian_proof": (
        r"(?:법정)?(?:대리인|보호자)(?:의)?동의(?:여부|증빙|확인|방법|서|서류|기록|번호)?",
        r"(?:guardian|parental?)(?:consent|proof)",
    ),
    "adult_at": (r"성인(?:인증|확인)(?:일시|일자|날짜|일|시각)?", r"adult(?:verified)?(?:at|on)"),
    "tags": (rf"{_WHO}?(?:태그|라벨|그룹)|tags?|labels?|groups?",),
}
# Personal data that must not be collected at all (R-PII-2): such a column never becomes an attribute.
_FORBIDDEN = re.compile(
    "주민(?:등록)?번호|외국인등록번호|여권번호|면허번호|카드번호|계좌번호|비밀번호|"
    "password|passport|card(?:no|number)|account(?:no|number)"
)


@lru_cache(maxsize=4096)
def key(header: str) -> str:
    """A header for comparing: case, width, blanks, punctuation and "(필수)" do not matter."""
    text = unicodedata.normalize("NFKC", cells.clean(header[:200])).casefold()
    text = re.sub(r"[(\[](?:필수|선택|required|optional|[yo] ?[/,] ?[nx]|yn|ox)[^)\]]*[)\]]", "", text)
    return re.sub(r"[\W_]+", "", text)


def guess_mapping(headers: Sequence[str]) -> dict[str, int]:
    """Which column holds which field; a column serves one field at most, the rest may become attributes."""
    keys = [key(header) for header in headers]
    mapping: dict[str, int] = {}
    for field in FIELDS:
        at = _best(_SYNONYMS[field], keys, frozenset(mapping.values()))
        if at is not None:
            mapping[field] = at
    return mapping


def forbidden_columns(headers: Sequence[str]) -> tuple[str, ...]:
    """Columns left out because the law forbids collecting them (the importer names them as a warning)."""
    return tuple(cells.clean(header) for header in headers if is_forbidden(header))


def is_forbidden(header: str) -> bool:
    """Whether the law forbids collecting what this header names (R-PII-2)."""
    return bool(_FORBIDDEN.search(key(header)))


def attribute_name(header: str) -> str:
    """What an attribute is called whose column bears this header; empty when it has no name."""
    return re.sub(r"[#{}|]", "", cells.clean(header))[:MAX_ATTRIBUTE_NAME].strip()


Named = tuple[tuple[int, str], ...]


@lru_cache(maxsize=64)
def attribute_columns(headers: tuple[str, ...], taken: frozenset[int], given: Named = ()) -> Named:
    """(column, attribute name): those that a person named, then every named column that is not `taken`; the first 20."""
    named = {name: at for at, name in given}
    for at, header in enumerate(headers):
        name = attribute_name(header)
        if name and at not in taken and not is_forbidden(header):
            named[_free(name, named)] = at
    return tuple((at, name) for name, at in list(named.items())[:MAX_ATTRIBUTES])


def _best(patterns: Sequence[str], keys: Sequence[str], taken: frozenset[int]) -> int | None:
    return next(
        (at for pattern in patterns for at, word in enumerate(keys) if word and at not in taken and re.fullmatch(pattern, word)),
        None,
    )


def _free(name: str, named: Mapping[str, int]) -> str:
    """The same header twice must not lose a column: the second becomes "메모 2"."""
    candidate, count = name, 1
    while candidate in named:
        count += 1
        candidate = f"{name[: MAX_ATTRIBUTE_NAME - 4]} {count}"
    return candidate
