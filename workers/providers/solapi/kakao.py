"""Solapi's Alimtalk: it fills the template in by itself, so what is handed over is the values."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from core.rules.states import TemplateState
from core.rules.template import Button, Template
from workers.providers import Busy, Parcel
from workers.providers.solapi.client import Client, word

_PAGE_SIZE = 100
_PAGES_MAX = 100
_LINKS = {"mobile": "linkMo", "pc": "linkPc", "ios": "linkIos", "android": "linkAnd"}
_STATES = {
    "PENDING": TemplateState.REGISTERED,
    "INSPECTING": TemplateState.IN_REVIEW,
    "APPROVED": TemplateState.APPROVED,
    "REJECTED": TemplateState.REJECTED,
    "STOPPED": TemplateState.STOPPED,
}


def messages(parcel: Parcel) -> list[dict[str, object]]:
    """One entry per receiver. The fallback is never Solapi's: an SMS that our ledger knows nothing of."""
    template = parcel.template
    if template is None:
        raise ValueError("an Alimtalk without its template")
    shared = {"from": parcel.sender, "type": "ATA", "autoTypeDetect": False}
    options = {"pfId": template.channel_key, "templateId": template.code, "disableSms": True}
    return [
        {"to": receiver, **shared, "kakaoOptions": {**options, "variables": _marked(written.variables)}}
        for receiver, written in zip(parcel.receivers, parcel.written, strict=True)
    ]


def templates(client: Client) -> Sequence[Template]:
    """Page after page, hidden ones left out as Solapi does; half a list must never look like a whole one."""
    found: list[Template] = []
    fields = {"limit": str(_PAGE_SIZE)}
    for _ in range(_PAGES_MAX):
        answer = client.harmless("GET", f"/kakao/v2/templates?{urlencode(fields)}")
        found += map(_template, _rows(answer, "templateList"))
        fields["startKey"] = word(answer, "nextKey")
        if not fields["startKey"]:
            return found
    raise Busy("list of templates does not end")


def _marked(variables: Mapping[str, str]) -> dict[str, str]:
    return {f"#{{{name}}}": value for name, value in variables.items()}


def _rows(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    listed = answer.get(name)
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise Busy(f"{name} not understood")
    return listed


def _template(row: Mapping[str, Any]) -> Template:
    code = word(row, "templateId")
    if not code:
        raise Busy("template without an id")
    return Template(
        code=code,
        channel_key=word(row, "channelId") or word(row, "pfId"),
        content=str(row.get("content") or ""),
        name=word(row, "name"),
        emphasis_title=word(row, "emphasizeTitle") if word(row, "emphasizeType") == "TEXT" else "",
        buttons=tuple(map(_button, _rows({"buttons": [], **row}, "buttons"))),
        state=_STATES.get(word(row, "status"), TemplateState.IN_REVIEW),
        comment=_comment(row),
    )


def _button(row: Mapping[str, Any]) -> Button:
    links = {name: word(row, wire) for name, wire in _LINKS.items()}
    return Button(word(row, "buttonType"), word(row, "buttonName"), **links)


def _comment(row: Mapping[str, Any]) -> str:
    """What the reviewer said last."""
    listed = row.get("comments")
    said = [word(one, "content") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return said[-1][:500] if said else ""
