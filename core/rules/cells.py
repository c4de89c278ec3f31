"""What one spreadsheet cell says: clean text, yes or no, a Korean date, and how it may be shown to a person."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache


def _words(text: str) -> frozenset[str]:
    return frozenset(unicodedata.normalize("NFKC", text).casefold().split())


FORMULA_WITHOUT_VALUE = "#NOVALUE!"
ERRORS = frozenset(
    {"#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", FORMULA_WITHOUT_VALUE}
)

# Korea has had no summer time since 1988, so the wall clock is a fixed offset here.
_KST = timezone(timedelta(hours=9))
_EXCEL_EPOCH = datetime(1899, 12, 30, tzinfo=_KST)
_FIRST_SERIAL, _LAST_SERIAL = 32874, 73050  # 1990-01-01 .. 2099-12-31
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufff9-\ufffb]"
)
_FILLERS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]")
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u3164\uffa0]+")
_FORMULA_TEXT = re.compile(r'^=\s*"(.*)"$', re.DOTALL)
_SCIENTIFIC = re.compile(r"[+-]?(\d+)(?:\.(\d+))?[eE]\+?(\d{1,3})")
_WHOLE_FLOAT = re.compile(r"(\d+)\.0+")
_BLANKS = frozenset({"", "-", "--", "–", "—"})
YES = _words(
    "y yes true t on 1 o ok v ○ ◯ ● ✓ ✔ √ ☑ ㅇ 예 네 유 참 동의 동의함 동의합니다 수신 수신동의 수신함 수신허용 허용 가능"
)
NO = _words(
    "n no false f off 0 x × ✕ ✗ ✘ ☐ 아니오 아니요 아니 무 거짓 거부 거부함 미동의 비동의 부동의 "
    "동의안함 동의하지않음 미수신 수신거부 수신안함 불가 해지 철회"
)
_DATE = re.compile(
    r"(?P<y>\d{4})\s*(?:[-./]|년)\s*(?P<m>\d{1,2})\s*(?:[-./]|월)\s*(?P<d>\d{1,2})\s*(?:일|\.)?"
    r"(?:\s*\([월화수목금토일]\))?(?:[T\s]+(?P<time>\S.*))?"
)
_COMPACT_DATE = re.compile(r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)(?:[T\s]?(?P<time>\d{4}|\d{6}))?")
_TIME = re.compile(
    r"(?P<half>오전|오후|AM|PM)?\s*(?P<h>\d{1,2})\s*(?::|시)\s*(?P<min>\d{1,2})?\s*"
    r"(?:(?::|분)\s*(?:(?P<s>\d{1,2})(?:\.\d+)?\s*초?)?)?\s*(?P<half2>AM|PM)?\s*(?P<zone>Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)


def clean(raw: str) -> str:
    """NFC, without invisible and control characters, every kind of white space one blank, trimmed."""
    if raw.isprintable() and "  " not in raw and (raw.isascii() or _is_plain(raw)):
        return raw.strip()
    return _SPACES.sub(" ", unicodedata.normalize("NFC", _INVISIBLE.sub("", raw))).strip()


def _is_plain(printable: str) -> bool:
    return unicodedata.is_normalized("NFC", printable) and not _FILLERS.search(printable)


def folded(raw: str) -> str:
    """The form in which words are compared: full-width and case do not matter, blanks and dots fall away."""
    return unicodedata.normalize("NFKC", clean(raw)).casefold().replace(" ", "").rstrip(".!")


def is_blank(cleaned: str) -> bool:
    """Nothing was entered, or only a dash that means nothing."""
    return cleaned in _BLANKS


def unwrapped(cleaned: str) -> str:
    """The text inside `="010..."` and after a leading apostrophe: how people keep Excel from eating a zero."""
    found = _FORMULA_TEXT.match(cleaned)
    return (found.group(1) if found else cleaned).lstrip("'`’").strip()


def whole_number(cleaned: str) -> str | None:
    """The digits of `1012345678.0` or `1.012345678E+09`; None when some are lost, other text as is."""
    float_text = _WHOLE_FLOAT.fullmatch(cleaned)
    if float_text:
        return float_text.group(1)
    found = _SCIENTIFIC.fullmatch(cleaned)
    if found is None:
        return cleaned
    fraction, exponent = found.group(2) or "", int(found.group(3))
    # Excel shows 1.01235E+09 for 1012345678: fewer digits than the exponent promises means the rest is gone.
    return found.group(1) + fraction if len(fraction) == exponent else None


@lru_cache(maxsize=1024)
def listed(cleaned: str) -> tuple[str, ...]:
    """The words of a cell that holds several: `단골, 커피;#vip`."""
    parts = (part.strip().lstrip("#").strip() for part in re.split(r"[,;|/、，]", cleaned))
    return tuple(dict.fromkeys(part for part in parts if not is_blank(part)))


@lru_cache(maxsize=1024)
def yes_no(cleaned: str) -> bool | None:
    """True or False for a word of consent, None when it cannot be read. Blank is no."""
    word = _WHOLE_FLOAT.sub(r"\1", folded(cleaned))
    if is_blank(word) or word in NO:
        return False
    return True if word in YES else None


@lru_cache(maxsize=1024)
def instant(cleaned: str) -> datetime | None:
    """A date, or date and time, on a Korean wall clock as a UTC instant; None when it cannot be read."""
    text = unicodedata.normalize("NFKC", cleaned).strip()
    found = _DATE.fullmatch(text) or _COMPACT_DATE.fullmatch(text)
    try:
        local = _from_parts(found) if found else _from_serial(text)
        return local.astimezone(UTC) if local and 1990 <= local.year < 2100 else None
    except (ValueError, OverflowError):
        return None


_YEAR = re.compile(r"(?P<y>\d{4})\s*(?:년|년생)?\.?0?")
_SHORT = re.compile(r"(?P<y>\d\d)(?:\s*년생|[-./ ]?(?:0[1-9]|1[0-2])[-./ ]?(?:0[1-9]|[12]\d|3[01]))")
_DAY = re.compile(
    r"(?P<y>\d{4})(?:\s*[-./년 ]\s*(?:0?[1-9]|1[0-2])\s*[-./월 ]\s*(?:0?[1-9]|[12]\d|3[01])(?:\D.*)?"
    r"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
)
_OLDEST = 120


@lru_cache(maxsize=1024)
def birth_year(cleaned: str, now: datetime) -> int | None:
    """The year in `1990`, `90년생`, `1990-03-02` or `900302`; of two centuries the later. None when it cannot be read."""
    text, this_year = unicodedata.normalize("NFKC", cleaned).strip(), now.astimezone(_KST).year
    found = _YEAR.fullmatch(text) or _DAY.fullmatch(text)
    short = None if found else _SHORT.fullmatch(text)
    year = int(found["y"]) if found else 0
    if short:
        century = this_year - this_year % 100
        year = century + int(short["y"]) - (100 if century + int(short["y"]) > this_year else 0)
    return year if this_year - _OLDEST <= year <= this_year else None


def _from_parts(found: re.Match[str]) -> datetime | None:
    day = datetime(int(found["y"]), int(found["m"]), int(found["d"]), tzinfo=_KST)
    return _with_time(day, found["time"]) if found["time"] else day


def _with_time(day: datetime, text: str) -> datetime | None:
    if text.isdigit() and len(text) in (4, 6):
        text = ":".join(text[at : at + 2] for at in range(0, len(text), 2))
    found = _TIME.fullmatch(text.strip())
    if found is None or (found["min"] is None and "시" not in text):
        return None
    hour = _hour(int(found["h"]), (found["half"] or found["half2"] or "").upper())
    moment = day.replace(hour=hour, minute=int(found["min"] or 0), second=int(found["s"] or 0))
    return moment.replace(tzinfo=_zone(found["zone"])) if found["zone"] else moment


def _hour(hour: int, half: str) -> int:
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError
    return hour % 12 + (12 if half in ("PM", "오후") else 0)


def _zone(text: str) -> timezone:
    if text in "Zz":
        return timezone(timedelta(0))
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _from_serial(text: str) -> datetime | None:
    """Excel's own count of days, for date columns that were exported as plain numbers."""
    if not re.fullmatch(r"\d{5}(\.\d+)?", text) or not _FIRST_SERIAL <= float(text) < _LAST_SERIAL:
        return None
    return _EXCEL_EPOCH + timedelta(seconds=round(float(text) * 86400))


def masked(cleaned: str) -> str:
    """Only the last two characters stay; error cells are no secret."""
    if cleaned in ERRORS:
        return cleaned
    return "*" * min(len(cleaned) - 2, 20) + cleaned[-2:] if len(cleaned) > 2 else "*" * len(cleaned)


def masked_name(cleaned: str) -> str:
    """김하나 -> 김*나, 김하 -> 김*."""
    if cleaned in ERRORS:
        return cleaned
    if len(cleaned) <= 2:
        return cleaned[:1] + "*" * (len(cleaned) - 1) if len(cleaned) == 2 else "*" * len(cleaned)
    return cleaned[0] + "*" * min(len(cleaned) - 2, 20) + cleaned[-1]
