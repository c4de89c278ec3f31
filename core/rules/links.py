"""Addresses in a text: an advertisement hides neither who sends it nor where a link leads (R-PRO-3)."""

import re
from collections.abc import Iterator

from core.errors import Violation

# Shorteners that belong to nobody in particular: where they lead cannot be seen and can be changed afterwards.
_SHORTENERS = frozenset(
    [
        "bit.ly",
        "tinyurl.com",
        "goo.gl",
        "t.co",
        "is.gd",
        "v.gd",
        "ow.ly",
        "buff.ly",
        "rebrand.ly",
        "cutt.ly",
        "shorturl.at",
        "t.ly",
        "rb.gy",
        "lrl.kr",
        "han.gl",
        "me2.do",
        "url.kr",
        "buly.kr",
        "vo.la",
        "c11.kr",
        "zrr.kr",
        "abit.ly",
        "muz.so",
        "me2.kr",
        "durl.me",
        "asq.kr",
        "wo.to",
        "iii.im",
        "kko.to",
        "lnk.bio",
        "s.ly",
        "shrl.me",
    ]
)
_HOST = re.compile(r"(?<![\w@.-])(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?=[/?#:]|\b)", re.IGNORECASE)


def hosts(text: str) -> tuple[str, ...]:
    """Every host that a text names, in lower case."""
    return tuple(dict.fromkeys(found[1].lower().removeprefix("www.") for found in _HOST.finditer(text)))


def problems(text: str) -> Iterator[Violation]:
    """Why an advertisement with these links cannot go."""
    if hidden := [host for host in hosts(text) if host in _SHORTENERS]:
        sentence = f"누구의 것인지 알 수 없는 단축 주소는 광고에 쓸 수 없습니다: {', '.join(hidden)}. 우리 가게 주소를 써 주세요."
        yield Violation("campaign.body", sentence, "LINK_SHORTENED")
