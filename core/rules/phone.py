"""Phone numbers as people write them, made into the digits that providers and look-up keys use."""

import re
import unicodedata

from core.errors import InvalidInput

_USUAL = re.compile("(010)[- ]?([0-9]{4})[- ]?([0-9]{4})").fullmatch
_MOBILE = re.compile("010[0-9]{8}|01[16789][0-9]{7,8}").fullmatch
_WITHOUT_ZERO = re.compile("10[0-9]{8}|1[16789][0-9]{7,8}").fullmatch
_ABROAD = re.compile(r"(?:\+|00)?82(?=0?1|0?[2-7])").match

_AREA = "02|03[1-3]|04[1-4]|05[1-5]|06[1-4]"
_REPRESENTATIVE = "1[568][0-9]{6}"
_FIXED = f"(?:{_AREA})(?!{_REPRESENTATIVE}$)[1-9][0-9]{{6,7}}"

# Fixed lines, 030 050 060 070 080, and representative numbers with or without an area code.
_LANDLINE = re.compile(f"(?:{_AREA})[0-9]{{7,8}}|0[35678]0[0-9]{{7,9}}|{_REPRESENTATIVE}").fullmatch
_SENDER = re.compile(f"010[0-9]{{8}}|{_FIXED}|070[0-9]{{8}}|030[0-9]{{8,9}}|{_REPRESENTATIVE}").fullmatch
_AREA_AND_REPRESENTATIVE = re.compile(f"(?:{_AREA}){_REPRESENTATIVE}").fullmatch

# Dashes of all kinds, blanks, dots, brackets, and the apostrophe with which a spreadsheet forces text.
_SEPARATORS = re.compile(r"[\s\-.()\[\]'’‘`·ㆍ_\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2212\u2060\ufeff]+")

_PARTS = re.compile("(02|1[568][0-9]{2}|0[35][0-9]{2}(?=[0-9]{8}$)|0[0-9]{2})([0-9]{3,4})?([0-9]{4})").fullmatch

_MESSAGES = {
    "PHONE_EMPTY": "휴대전화 번호가 비어 있습니다.",
    "PHONE_INVALID": "휴대전화 번호의 형식이 아닙니다.",
    "PHONE_LANDLINE": "휴대전화가 아닌 번호(유선·070·대표번호·안심번호)에는 문자를 보낼 수 없습니다.",
}
_NOT_A_SENDER = "발신번호로 쓸 수 없는 번호입니다. 지역번호를 포함한 유선, 010, 070, 15xx·16xx·18xx 번호를 입력해 주세요."


class BadPhone(InvalidInput):
    """Not a number we may send to (or from). The number itself is never part of the message."""

    reason = "PHONE_INVALID"

    def __init__(self, reason: str, message: str | None = None) -> None:
        super().__init__(message or _MESSAGES[reason], reason=reason)


def normalise(raw: str) -> str:
    """The digits of a Korean mobile number, `01011112222`, however it was written."""
    usual = _USUAL(raw)
    if usual:
        return usual[1] + usual[2] + usual[3]
    digits = _domestic(_stripped(raw))
    if _MOBILE(digits):
        return digits
    raise BadPhone(_why_not(digits))


def normalise_sender(raw: str) -> str:
    """The digits of a number that may be registered as a sender; its registration is checked elsewhere."""
    digits = _domestic(_stripped(raw))
    if _SENDER(digits):
        return digits
    if _AREA_AND_REPRESENTATIVE(digits):
        raise BadPhone("SENDER_NUMBER_INVALID", "대표번호는 지역번호 없이 8자리로 입력해 주세요.")
    if digits.startswith("050"):
        raise BadPhone("SENDER_NUMBER_INVALID", "050 번호는 발신번호로 등록할 수 없습니다.")
    raise BadPhone("SENDER_NUMBER_INVALID", _NOT_A_SENDER)


def mask(number: str) -> str:
    """`010-****-2222`: enough to recognise, too little to call. Takes a wrong cell of an import as well."""
    mobile = _domestic(_stripped(number))
    if _MOBILE(mobile):
        return f"{mobile[:3]}-{'*' * (len(mobile) - 7)}-{mobile[-4:]}"
    digits = sum(character.isdigit() for character in number)
    return "".join(_hidden(number, digits))


def format(digits: str) -> str:
    """Normalised digits as a Korean reads them; anything else unchanged."""
    parts = _PARTS(digits)
    return "-".join(part for part in parts.groups() if part) if parts else digits


def _stripped(raw: str) -> str:
    text = unicodedata.normalize("NFKC", raw).strip()
    # A spreadsheet hands a number cell over as a float.
    return _SEPARATORS.sub("", text.removesuffix(".0"))


def _domestic(digits: str) -> str:
    abroad = _ABROAD(digits)
    if abroad and len(digits) > 10:
        rest = digits[abroad.end() :]
        return rest if rest.startswith("0") else "0" + rest
    return "0" + digits if _WITHOUT_ZERO(digits) else digits


def _why_not(digits: str) -> str:
    if not digits:
        return "PHONE_EMPTY"
    return "PHONE_LANDLINE" if _LANDLINE(digits) else "PHONE_INVALID"


def _hidden(text: str, digits: int) -> list[str]:
    shown: list[str] = []
    seen = 0
    for character in text:
        seen += character.isdigit()
        keep = digits >= 9 and (seen <= 2 or seen > digits - 2) if character.isdigit() else character in " -.()+"
        shown.append(character if keep else "*")
    return shown
