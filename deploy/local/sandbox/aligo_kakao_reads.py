"""Aligo Kakao: what was sent, what became of it, channels and templates, what is left, taking a reservation back."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from deploy.local.sandbox.accounts import PRICES
from deploy.local.sandbox.aligo_codes import KAKAO_ENDINGS, kakao_missing, kakao_refusal
from deploy.local.sandbox.calls import Call, World
from deploy.local.sandbox.clock import day, stamp
from deploy.local.sandbox.forms import Form, number
from deploy.local.sandbox.results import CANCELLED, PENDING, WAITING
from deploy.local.sandbox.state import FIRST_MESSAGE, Batch
from deploy.local.sandbox.templates import CHANNEL, CHANNEL_ID, CHANNEL_NAME, Template

_DAY = 24 * 3600
_CANCEL_AHEAD = 5 * 60
_FOUND = {"code": 0, "message": "정상적으로 조회하였습니다."}
_STATES = {  # status and inspStatus
    "REGISTERED": ("R", "REG"),
    "IN_REVIEW": ("R", "REQ"),
    "APPROVED": ("A", "APR"),
    "REJECTED": ("R", "REJ"),
    "STOPPED": ("S", "APR"),
}
Door = Callable[[Call, Form], dict[str, Any]]


def doors(world: World) -> dict[str, Door]:
    reads = KakaoReads(world)
    return {
        "/akv10/profile/list/": reads.channels,
        "/akv10/template/list/": reads.templates,
        "/akv10/history/list/": reads.calls,
        "/akv10/history/detail/": reads.messages,
        "/akv10/heartinfo/": reads.remain,
        "/akv10/cancel/": reads.cancel,
    }


class KakaoReads:
    """The doors that accept no message."""

    def __init__(self, world: World) -> None:
        self._world = world

    def channels(self, call: Call, form: Form) -> dict[str, Any]:
        keys = dict.fromkeys(one.channel for one in self._world.templates.of("aligo"))
        return {**_FOUND, "list": [_channel(key) for key in (keys or {CHANNEL["aligo"]: None})]}

    def templates(self, call: Call, form: Form) -> dict[str, Any]:
        key, code = form.fields.get("senderkey", ""), form.fields.get("tpl_code", "")
        if not key:
            raise kakao_missing("senderkey")
        found = [one for one in self._world.templates.of("aligo", key) if code in ("", one.code)]
        info = dict.fromkeys(("REG", "REQ", "APR", "REJ"), 0)
        for one in found:
            info[_STATES[one.state][1]] += 1
        return {**_FOUND, "list": [_template(one) for one in found], "info": info}

    def calls(self, call: Call, form: Form) -> dict[str, Any]:
        """One row per accepted call, newest first."""
        first, last = day(form.fields.get("startdate", "")), day(form.fields.get("enddate", ""))
        if first is None or last is None:
            raise kakao_missing("startdate")
        delay = call.faults["list_delay"].delay if "list_delay" in call.faults else 0.0
        until = min(last + _DAY, self._world.clock.now() - delay if delay else last + _DAY)
        newest = self._world.store.newest(form.fields["userid"])
        return _page([one for one in newest if one.kind == "AT" and first <= one.accepted_at < until], form, self._call_row)

    def messages(self, call: Call, form: Form) -> dict[str, Any]:
        """One row per message of one call; numbers that are none come last."""
        batch = self._find(form)
        places: list[int | str] = [*range(batch.start, batch.start + batch.count), *self._world.store.refused(batch)]
        return _page(places, form, lambda place: self._message_row(batch, place))

    def remain(self, call: Call, form: Form) -> dict[str, Any]:
        account = self._world.store.accounts[form.fields["userid"]]
        return {**_FOUND, "list": {**account.counts(), "ALT_CNT": max(account.balance, 0) // PRICES["AT"]}}

    def cancel(self, call: Call, form: Form) -> dict[str, Any]:
        batch, now = self._find(form), self._world.clock.now()
        if not batch.live or not batch.reserved_for or now > batch.reserved_for - _CANCEL_AHEAD:
            raise kakao_refusal("cancel")
        self._world.store.cancel(batch, now)
        return {"code": 1, "message": "예약이 취소되었습니다."}

    def _find(self, form: Form) -> Batch:
        if not form.fields.get("mid"):
            raise kakao_missing("mid")
        batch = self._world.store.find(form.fields["mid"], form.fields["userid"])
        if batch is None or batch.kind != "AT":
            raise kakao_refusal("mid")
        return batch

    def _call_row(self, batch: Batch) -> dict[str, Any]:
        return {
            "mid": str(batch.reference),
            "type": "AT",
            "sender": batch.sender,
            "msg_count": str(batch.count + len(self._world.store.refused(batch))),
            "mbody": self._world.store.subject(batch),
            "reserve_date": stamp(batch.reserved_for),
            "reserve_state": "" if batch.live else CANCELLED,
            "regdate": stamp(batch.accepted_at),
        }

    def _message_row(self, batch: Batch, place: int | str) -> dict[str, Any]:
        shared = {"type": "AT", "sender": batch.sender, "reqdate": stamp(batch.accepted_at), "tpl_code": batch.template}
        shared |= {"senderKey": CHANNEL["aligo"], "smid": "0"}
        if isinstance(place, str):
            none = dict.fromkeys(("sentdate", "rsltdate", "reportdate", "message", "button_json"), "")
            return {"msgid": "", "phone": place, "status": "2", "rslt": "", "rslt_message": "", **none, **shared}
        store = self._world.store
        state = self._world.state(batch, store.receivers[place])
        queued, done = state == WAITING, stamp(batch.due + self._world.ripen)
        letter, said = KAKAO_ENDINGS.get(state, ("", ""))
        extra = store.kakao(batch, place - batch.start)
        return {
            "msgid": f"{'Q' if queued or state == PENDING else ''}{FIRST_MESSAGE + place}",
            "phone": f"0{store.receivers[place]}",
            "status": "3",
            "sentdate": "" if queued else stamp(batch.due),
            "rsltdate": done if letter else "",
            "reportdate": done if letter else "",
            "rslt": letter,
            "rslt_message": said,
            "message": store.text(batch, place - batch.start),
            "button_json": json.dumps({"button": extra["buttons"]}) if extra.get("buttons") else "",
            **shared,
        }


def _channel(key: str) -> dict[str, Any]:
    return {"senderKey": key, "uuid": CHANNEL_ID, "name": CHANNEL_NAME, "status": "A", "profileStat": "A",
            "catCode": "00100010001", "alimUseYn": True, "license": "1234567890", "licenseNum": "",
            "cdate": "2026-09-01 10:00:00", "udate": "2026-09-01 10:00:00"}  # fmt: skip


def _template(one: Template) -> dict[str, Any]:
    status, inspection = _STATES[one.state]
    return {
        "senderKey": one.channel,
        "templtCode": one.code,
        "templtName": one.name,
        "templtContent": one.content,
        "templateType": "BA",
        "templateEmType": "TEXT" if one.title else "NONE",
        "templtTitle": one.title,
        "templtSubtitle": "",
        "templtImageName": "",
        "templtImageUrl": "",
        "status": status,
        "inspStatus": inspection,
        "cdate": one.made_at,
        "comments": [{"content": one.comment}] if one.comment else [],
        "buttons": [{"ordering": str(at), "linkIos": "", "linkAnd": "", **button} for at, button in enumerate(one.buttons, 1)],
    }


def _page(found: Sequence[Any], form: Form, row: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """One page; past the end an empty list. Assumed: sizes outside 50..500 are moved to the nearest."""
    size = min(max(number(form.fields, "limit", 50), 50), 500)
    page = max(number(form.fields, "page", 1), 1)
    rows = [row(one) for one in found[(page - 1) * size : page * size]]
    pages = max(-(-len(found) // size), 1)
    return {**_FOUND, "list": rows, "currentPage": str(page), "totalPage": str(pages), "totalCount": str(len(found))}
