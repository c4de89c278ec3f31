"""Solapi: one message as it was handed over, and what is wrong with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.local.sandbox.results import MALFORMED
from deploy.local.sandbox.solapi_codes import REGISTERED
from deploy.local.sandbox.templates import APPROVED, Templates, fill, fits
from deploy.local.sandbox.texts import LONG_BYTES, SMS_BYTES

PRICES = {"SMS": 1800, "LMS": 4500, "MMS": 11000, "ATA": 1300}  # hundredths of a won; the documentation's sample
SUBJECT_BYTES = 40
_NUMBER = re.compile(r"01(?:0\d{8}|[16789]\d{7,8})|050\d{8,9}", re.ASCII)
_CONTROL = re.compile("[\x00-\x09\x0b-\x0c\x0e-\x1f\x7f]")

Entry = dict[str, Any]


@dataclass(slots=True)
class Desk:
    """What decides about messages besides themselves."""

    senders: frozenset[str]
    files: Mapping[str, Any]
    strict: bool
    templates: Templates
    taken: set[str] | None
    """The receivers so far, when none may come twice."""
    spoilt: int = 0
    """How many of the next receivers are to be called malformed."""


def spread(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """One message for each receiver."""
    receivers = raw.get("to")
    return [{**raw, "to": one} for one in receivers] if isinstance(receivers, list) else [raw]


def entry(raw: Mapping[str, Any], desk: Desk) -> Entry:
    """A message as it is kept, with the code it is registered under."""
    wanted = {name: _text(raw, name) for name in ("to", "from", "type", "text", "subject", "imageId")}
    if wanted["type"] == "ATA":
        return _notice(raw, wanted, desk)
    text, code = _carried(wanted["text"], desk.strict)
    kept: Entry = {
        **wanted,
        "text": text,
        "country": _text(raw, "country") or "82",
        "auto": raw.get("autoTypeDetect") is not False,
    }
    kept["type"] = _kind(kept) if kept["auto"] or not kept["type"] else kept["type"]
    kept["customFields"] = raw.get("customFields") or {}
    kept["code"] = _fault(kept, desk) or code or REGISTERED
    return _once(kept, desk)


def _notice(raw: Mapping[str, Any], wanted: dict[str, str], desk: Desk) -> Entry:
    """An Alimtalk: Solapi fills the template in; a text given beside it must be the same."""
    options = raw.get("kakaoOptions")
    options = options if isinstance(options, dict) else {}
    channel, code = str(options.get("pfId", "")), str(options.get("templateId", ""))
    given = options.get("variables")
    values = {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    template = desk.templates.find("solapi", channel, code)
    text = fill(template.content, values) if template else wanted["text"]
    kept: Entry = {
        **wanted,
        "text": text,
        "country": _text(raw, "country") or "82",
        "auto": raw.get("autoTypeDetect") is not False,
    }
    kept["customFields"] = raw.get("customFields") or {}
    kept["kakaoOptions"] = {"pfId": channel, "templateId": code, "variables": values,
                            "disableSms": options.get("disableSms") is True, "buttons": []}  # fmt: skip
    spoilt = desk.spoilt > 0
    desk.spoilt -= spoilt
    complaints = (
        ("1010", not kept["to"] or not kept["from"]),
        ("1011", spoilt or not _NUMBER.fullmatch(kept["to"]) or kept["to"].endswith(str(MALFORMED))),
        ("1062", kept["from"] not in desk.senders),
        ("1041", not any(desk.templates.of("solapi", channel))),
        ("1042", template is None or template.state != APPROVED),
        ("1043", "#{" in text or (template is not None and not fits(template.content, text))),
        ("1043", bool(wanted["text"]) and wanted["text"].replace("\r\n", "\n") != text.replace("\r\n", "\n")),
        ("1031", len(text) > 1000),
        ("1032", not _are_fields(kept["customFields"])),
    )
    kept["code"] = next((code for code, wrong in complaints if wrong), REGISTERED)
    if template:
        buttons = [{name: fill(value, values) for name, value in button.items()} for button in template.buttons]
        kept["kakao"] = {"title": fill(template.title, values), "buttons": buttons}
    return _once(kept, desk)


def _once(kept: Entry, desk: Desk) -> Entry:
    """Nobody twice, unless that is allowed."""
    if desk.taken is not None and kept["code"] == REGISTERED:
        kept["code"] = "1026" if kept["to"] in desk.taken else REGISTERED
        desk.taken.add(kept["to"])
    return kept


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""


def _carried(text: str, strict: bool) -> tuple[str, str]:
    """The text without what carriers lack, and the code for having had it."""
    text = text.replace("\r\n", "\n")
    plain = _CONTROL.sub("", text).encode("cp949", "ignore").decode("cp949")
    if plain == text or not strict:
        return plain, ""
    return text, "1028" if _CONTROL.search(text) else "1029"


def _kind(kept: Entry) -> str:
    """What the content makes of a message whose type was left to Solapi."""
    if kept["type"] not in ("", *PRICES):
        return str(kept["type"])
    if kept["imageId"]:
        return "MMS"
    return "LMS" if kept["subject"] or _size(kept["text"]) > SMS_BYTES else "SMS"


def _fault(kept: Entry, desk: Desk) -> str:
    """The first thing wrong, as its code."""
    kind, spoilt = kept["type"], desk.spoilt > 0
    desk.spoilt -= spoilt
    complaints = (
        ("1010", not kept["to"] or not kept["from"] or not kept["text"]),
        ("1025", kind not in PRICES),
        ("1011", spoilt or not _NUMBER.fullmatch(kept["to"]) or kept["to"].endswith(str(MALFORMED))),
        ("1062", kept["from"] not in desk.senders),
        ("1013", kind == "SMS" and bool(kept["subject"])),
        ("1014", _size(kept["subject"]) > SUBJECT_BYTES),
        ("1031", _size(kept["text"]) > (SMS_BYTES if kind == "SMS" else LONG_BYTES)),
        ("1010", kind == "MMS" and not kept["imageId"]),
        ("1023", bool(kept["imageId"]) and kept["imageId"] not in desk.files),
        ("1032", not _are_fields(kept["customFields"])),
    )
    return next((code for code, wrong in complaints if wrong), "")


def _size(text: str) -> int:
    return len(text.encode("cp949", "replace"))


def _are_fields(fields: object) -> bool:
    return (
        isinstance(fields, dict)
        and len(fields) <= 10
        and all(isinstance(value, str) and len(name) <= 30 and len(value) <= 100 for name, value in fields.items())
    )
