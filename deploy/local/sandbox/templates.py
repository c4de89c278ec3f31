"""Alimtalk templates that Kakao has approved or not: seeded, and to be changed by script while running."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CHANNEL = {"aligo": "ab12cd34ef56ab12cd34ef56ab12cd34ef56ab12", "solapi": "KA01PF260930112001000abcdefghij"}
CHANNEL_NAME, CHANNEL_ID = "봄날커피", "@bomnal"
APPROVED = "APPROVED"
STATES = ("REGISTERED", "IN_REVIEW", APPROVED, "REJECTED", "STOPPED")
KAKAO = frozenset({"AT", "ATA"})  # what the providers call an Alimtalk
_VARIABLE = re.compile(r"#\{([^{}]+)\}")
_LINKS = ("linkMo", "linkPc", "linkIos", "linkAnd")


class BadTemplate(ValueError):
    """A template that makes no sense; says why."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template of one provider; buttons as in Aligo's lists."""

    provider: str
    code: str
    name: str
    content: str
    title: str = ""
    buttons: tuple[Mapping[str, str], ...] = ()
    state: str = APPROVED
    comment: str = ""
    channel: str = ""
    made_at: str = "2026-09-30 11:20:01"

    def shown(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Template.__dataclass_fields__}


@dataclass(slots=True)
class Templates:
    """All templates by provider and code, in the order they came."""

    known: dict[tuple[str, str], Template] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Back to what every sandbox starts with."""
        self.known = {(one.provider, one.code): one for one in _seed()}

    def put(self, wanted: Mapping[str, Any]) -> Template:
        """Add a template or replace it."""
        names = set(Template.__dataclass_fields__)
        if unknown := set(wanted) - names:
            raise BadTemplate(f"모르는 항목입니다: {', '.join(sorted(unknown))}")
        provider, code = str(wanted.get("provider", "")), str(wanted.get("code", ""))
        if provider not in CHANNEL or not code:
            raise BadTemplate(f"provider({', '.join(CHANNEL)})와 code가 필요합니다.")
        before = self.known.get((provider, code))
        merged = {**(before.shown() if before else {"name": code, "content": "", "channel": CHANNEL[provider]}), **wanted}
        if merged.get("state", APPROVED) not in STATES:
            raise BadTemplate(f"state는 다음 중 하나여야 합니다: {', '.join(STATES)}")
        made = Template(**{**merged, "buttons": tuple(merged.get("buttons", ()))})
        self.known[provider, code] = made
        return made

    def remove(self, provider: str, code: str) -> bool:
        return self.known.pop((provider, code), None) is not None

    def of(self, provider: str, channel: str = "") -> Iterator[Template]:
        return (one for one in self.known.values() if one.provider == provider and channel in ("", one.channel))

    def find(self, provider: str, channel: str, code: str) -> Template | None:
        found = self.known.get((provider, code))
        return found if found and found.channel == channel else None


def fits(pattern: str, text: str) -> bool:
    """Whether a finished text is its template's. Assumed: line breaks must be the template's own, too."""
    parts = _VARIABLE.split(pattern)
    literals, names = parts[::2], parts[1::2]
    made, seen = re.escape(literals[0]), set[str]()
    for name, literal in zip(names, literals[1:], strict=True):
        group = f"v{names.index(name)}"
        made += f"(?P={group})" if name in seen else f"(?P<{group}>.+?)"
        made += re.escape(literal)
        seen.add(name)
    return re.fullmatch(made, text, re.DOTALL) is not None


def fit_buttons(wanted: tuple[Mapping[str, str], ...], given: Sequence[Mapping[str, Any]]) -> bool:
    """Same buttons in the same order, their links filled in."""
    if len(wanted) != len(given):
        return False
    return all(
        ours["linkType"] == theirs.get("linkType")
        and ours["name"] == theirs.get("name")
        and all(fits(ours.get(link, ""), str(theirs.get(link) or "")) for link in _LINKS)
        for ours, theirs in zip(wanted, given, strict=True)
    )


def fill(pattern: str, values: Mapping[str, str]) -> str:
    """With the values put in; a variable without one stays as it is."""
    return _VARIABLE.sub(lambda found: values.get(found[0]) or found[0], pattern)


def _seed() -> Iterator[Template]:
    order = "#{고객명}님,\r\n주문번호 #{주문번호} 접수되었습니다."
    link = "https://shop.example/o/#{주문번호}"
    button = {"name": "주문 보기", "linkType": "WL", "linkTypeName": "웹링크", "linkMo": link, "linkPc": link}
    notice = "#{이름}님, 구매로 쌓인 봄날커피 적립금이 #{만료일}에 사라집니다.\r\n\r\n매장에서 쓰실 수 있습니다."
    for provider, codes in (("aligo", ("TX_0412", "TX_0413", "TX_0414")), ("solapi", ("KA01TP0412", "KA01TP0413", "KA01TP0414"))):
        channel = CHANNEL[provider]
        yield Template(provider, codes[0], "주문접수", order, buttons=(button,), channel=channel)
        yield Template(provider, codes[1], "적립금 안내", notice, title="#{만료일} 소멸", channel=channel)
        yield Template(provider, codes[2], "가입 안내", "#{이름}님, 반갑습니다.", state="IN_REVIEW", channel=channel)
