"""What a Korean carrier can carry: CP949 bytes, unsupported characters, their repair, and the channel that follows."""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from core.errors import InvalidInput
from core.rules.channel import BODY_LIMIT, Channel

# Only looked up for characters that CP949 lacks. Everything not named here falls back to its base letters, or goes.
_REPLACEMENTS = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\u2043\ufe58\ufe63", "-"),
    **dict.fromkeys("\u2022\u2023\u2027\u2219\u22c5\u30fb\uff65", "·"),
    **dict.fromkeys("\u301c\u2053\u02dc", "~"),
    **dict.fromkeys("✔✓☑✅", "√"),
    **dict.fromkeys("➜➔➞➡", "→"),
    **dict.fromkeys("❤❣💙💚💛💜🧡🖤🤍🤎", "♥"),
    **dict.fromkeys("✕✖❌", "×"),
    **dict.fromkeys("⭐🌟", "★"),
    **dict.fromkeys("📞📱", "☎"),
    **dict.fromkeys("\u2028\u2029\x85\x0b\x0c", "\n"),
    "₩": "\uffe6",
    "©": "(c)",
    "¥": "\uffe5",
    "£": "\uffe1",
    "¢": "\uffe0",
    "⬅": "←",
    "⬆": "↑",
    "⬇": "↓",
    "«": "《",
    "»": "》",
    "‚": ",",
    "„": "“",
    "⁄": "/",
    "\t": " ",
}

# CP949 does encode these; no handset shows them and Solapi refuses them (1028). The soft hyphen is invisible as well.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f\xad]")

_NAMED_AT_MOST = 5

# Half the time of str.encode, which looks the codec up on every call. Never euc_kr: it lies about rare syllables.
_encode = codecs.getencoder("cp949")


@dataclass(frozen=True, slots=True)
class Unsupported:
    """One character that will not arrive as written. An empty suggestion means: delete it."""

    character: str
    code_point: str
    index: int
    suggestion: str

    def __str__(self) -> str:
        shown = f"‘{self.character}’({self.code_point})" if self.character.isprintable() else self.code_point
        instead = f"‘{self.suggestion}’" if self.suggestion.strip() else "빈칸" if self.suggestion == " " else "삭제"
        return f"{shown} → {'줄바꿈' if self.suggestion == chr(10) else instead}"


class UnsupportedText(InvalidInput):
    """The text contains characters that the carriers cannot carry; says which, and what to write instead."""

    reason = "UNSUPPORTED_CHARACTERS"

    def __init__(self, found: tuple[Unsupported, ...]) -> None:
        self.found = found
        named = {one.character: one for one in found}
        listed = ", ".join(str(one) for one in list(named.values())[:_NAMED_AT_MOST])
        more = f" 외 {len(named) - _NAMED_AT_MOST}자" if len(named) > _NAMED_AT_MOST else ""
        points = ",".join(one.code_point for one in named.values())
        super().__init__(f"문자로 보낼 수 없는 글자가 있습니다: {listed}{more}", facts={"characters": points})


def normalise(text: str) -> str:
    """Composed Hangul (NFC) and plain line feeds. Never NFKC: it breaks the won sign, ① and ㈜."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", text)


def byte_length(text: str) -> int:
    """CP949 bytes as the provider counts them: every line break is 2. Control characters are not looked for here."""
    if "\r" not in text:
        try:
            return len(_encode(text)[0]) + text.count("\n")
        except UnicodeEncodeError:
            pass
    text = normalise(text)
    if not _encodable(text):
        raise UnsupportedText(find_unsupported(text))
    return len(_encode(text)[0]) + text.count("\n")


def find_unsupported(text: str) -> tuple[Unsupported, ...]:
    """Every character CP949 cannot carry, and control characters; the index counts in the normalised text."""
    text = normalise(text)
    if _encodable(text) and not _CONTROL.search(text):
        return ()
    return tuple(
        Unsupported(character, _code_point(character), index, _suggestion(character))
        for index, character in enumerate(text)
        if not _carried(character)
    )


def find_rare(text: str) -> tuple[Unsupported, ...]:
    """Characters that travel but may show as "?": syllables outside KS X 1001, and the late €. A warning only."""
    return tuple(
        Unsupported(character, _code_point(character), index, "")
        for index, character in enumerate(normalise(text))
        if character > "\x7f" and _rare(character)
    )


def repair(text: str) -> str:
    """The normalised text with every suggestion of `find_unsupported` applied."""
    text = normalise(text)
    if _encodable(text) and not _CONTROL.search(text):
        return text
    return "".join(character if _carried(character) else _suggestion(character) for character in text)


def channel_for(text: str, *, has_image: bool = False, byte_count: int | None = None) -> Channel:
    """The cheapest channel that carries this text whole; a known byte count spares counting again."""
    count = byte_length(text) if byte_count is None else byte_count
    limit = BODY_LIMIT[Channel.LMS]
    if count > limit:
        message = f"본문이 {count:,}바이트입니다. {limit:,}바이트까지 보낼 수 있습니다."
        raise InvalidInput(message, reason="BODY_TOO_LONG", facts={"bytes": str(count), "limit": str(limit)})
    if has_image:
        return Channel.MMS
    return Channel.SMS if count <= BODY_LIMIT[Channel.SMS] else Channel.LMS


def _encodable(text: str) -> bool:
    try:
        _encode(text)
    except UnicodeEncodeError:
        return False
    return True


def _carried(character: str) -> bool:
    return _encodable(character) and not _CONTROL.match(character)


def _rare(character: str) -> bool:
    # Python's euc_kr writes a syllable outside the 2,350 as eight bytes instead of refusing it.
    return character == "€" or ("가" <= character <= "힣" and len(character.encode("euc_kr")) > 2)


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


@lru_cache(maxsize=4096)
def _suggestion(character: str) -> str:
    if character in _REPLACEMENTS:
        return _REPLACEMENTS[character]
    # Compatibility decomposition is safe here, and only here: the character itself cannot be sent anyway.
    parts = unicodedata.normalize("NFKD", character)
    parts = unicodedata.normalize("NFC", "".join(part for part in parts if not unicodedata.combining(part)))
    return "".join(part if _carried(part) else _REPLACEMENTS.get(part, "") for part in parts if part != character)
