"""Aligo Kakao: Alimtalk as `kakaoapi.aligo.in` takes it. A text unlike its template is taken too, and fails later."""

import json
from collections.abc import Callable
from typing import Any

from deploy.local.sandbox import aligo_kakao_reads, forms
from deploy.local.sandbox.accounts import PRICES, Account
from deploy.local.sandbox.aligo import receiver_of
from deploy.local.sandbox.aligo_codes import Refusal, kakao_missing, kakao_refusal
from deploy.local.sandbox.calls import Call, Handler, World
from deploy.local.sandbox.clock import second
from deploy.local.sandbox.forms import Form
from deploy.local.sandbox.journal import Record
from deploy.local.sandbox.results import DIFFERS
from deploy.local.sandbox.state import Draft
from deploy.local.sandbox.templates import APPROVED, CHANNEL_NAME, Template, fit_buttons, fits
from deploy.local.sandbox.wire import Reply, busy_page

_MOST = 500
_BOOKING_AHEAD = 10 * 60
_LINKS = ("linkMo", "linkPc", "linkIos", "linkAnd")
_PUNCTUATION = str.maketrans("", "", "- .()")


class AligoKakao:
    """Answers `/akv10/...`: HTTP 200 and JSON called HTML, whatever happens; 0 is success here."""

    name = "aligo"

    def __init__(self, world: World) -> None:
        self._world = world
        self._doors: dict[str, Callable[[Call, Form], dict[str, Any]]] = {"/akv10/alimtalk/send/": self._send}
        self._doors |= aligo_kakao_reads.doors(world)
        self.paths: dict[str, Handler] = dict.fromkeys(self._doors, self.answer)

    def busy(self, status: int) -> Reply:
        return busy_page(status)

    def answer(self, call: Call) -> Reply:
        try:
            with self._world.seen_by(call):
                payload = self._doors[call.path](call, self._form(call))
        except Refusal as refused:
            payload = {"code": refused.code, "message": refused.message}
        return Reply(json.dumps(payload, separators=(",", ":")).encode())

    def _form(self, call: Call) -> Form:
        if call.method != "POST":
            raise kakao_refusal("method")
        form = forms.read(call.headers.get("content-type", ""), call.body, call.query)
        scripted = call.faults.get("code")
        if scripted:
            raise Refusal(scripted.code, scripted.message)
        account = self._authenticate(form)
        if "ip_blocked" in call.faults or (account.ips and call.ip not in account.ips):
            raise kakao_refusal("ip")
        return form

    def _authenticate(self, form: Form) -> Account:
        for name in ("apikey", "userid"):
            if not form.fields.get(name):
                raise kakao_missing(name)
        account = self._world.store.accounts.get(form.fields["userid"])
        if account is None or account.key != form.fields["apikey"]:
            raise kakao_refusal("key")
        return account

    def _send(self, call: Call, form: Form) -> dict[str, Any]:
        template, fields = self._template(form), form.fields
        sender = fields.get("sender", "").translate(_PUNCTUATION)
        account = self._world.store.accounts[fields["userid"]]
        if "sender_unregistered" in call.faults or sender not in account.senders:
            raise kakao_refusal("sender")
        draft = Draft("aligo", account.user, "AT", sender, [], [], "", test=fields.get("testMode", "").upper() == "Y")
        draft.template, draft.title = template.code, template.name
        self._fill(draft, call, form, template)
        cost = PRICES["AT"] * len(draft.receivers)
        if "no_balance" in call.faults or cost > account.balance:
            raise kakao_refusal("balance")
        now = self._world.clock.now()
        draft.cost, draft.reserved_for = 0 if draft.test else cost, _reservation(fields.get("senddate", ""), now)
        info = {"type": "AT", "mid": "", "current": account.balance / 100, "unit": 6.5, "total": draft.cost / 100}
        if draft.receivers:
            info["mid"] = str(self._world.store.accept(draft, now).reference)
        info |= {"current": account.balance / 100, "scnt": len(draft.receivers), "fcnt": len(draft.refused)}
        return {"code": 0, "message": "성공적으로 전송요청 하였습니다.", "info": info}

    def _template(self, form: Form) -> Template:
        for name in ("senderkey", "tpl_code", "sender"):
            if not form.fields.get(name):
                raise kakao_missing(name)
        if not any(self._world.templates.of("aligo", form.fields["senderkey"])):
            raise kakao_refusal("channel")
        template = self._world.templates.find("aligo", form.fields["senderkey"], form.fields["tpl_code"])
        if template is None:
            raise kakao_refusal("template")
        if template.state != APPROVED:
            raise kakao_refusal("template_state")
        return template

    def _fill(self, draft: Draft, call: Call, form: Form, template: Template) -> None:
        """Receivers are numbered from 1 without a gap; each with its text, and with its title and buttons where there are."""
        fields, place = form.fields, 1
        spoilt = call.faults["partial"].receivers if "partial" in call.faults else 0
        while number := fields.get(f"receiver_{place}", ""):
            if place > _MOST:
                raise kakao_refusal("too_many")
            for name in (f"subject_{place}", f"message_{place}"):
                if not fields.get(name):
                    raise kakao_missing(name)
            receiver = None if place <= spoilt else receiver_of(number)
            if receiver is None:
                draft.refused.append(number)
            else:
                self._add(draft, form, place, receiver, template)
            place += 1
        if place == 1:
            raise kakao_missing("receiver_1")
        draft.subject = fields["message_1"]

    def _add(self, draft: Draft, form: Form, place: int, receiver: str, template: Template) -> None:
        text, title = form.fields[f"message_{place}"], form.fields.get(f"emtitle_{place}", "")
        buttons = _buttons(form.fields.get(f"button_{place}", ""))
        if not (fits(template.content, text) and fits(template.title, title) and fit_buttons(template.buttons, buttons)):
            draft.endings[receiver] = DIFFERS
        draft.receivers.append(receiver)
        draft.texts.append(text)
        shown: Record = {"channel": CHANNEL_NAME, "title": title, "buttons": buttons}
        draft.kakao.append(shown)


def _buttons(text: str) -> list[dict[str, Any]]:
    """The buttons given; what cannot be read is a button unlike any."""
    if not text:
        return []
    try:
        listed = json.loads(text)["button"]
        return [{name: str(one.get(name, "")) for name in ("name", "linkType", *_LINKS)} for one in listed]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [{"name": "?", "linkType": "?"}]


def _reservation(text: str, now: float) -> float:
    if not text:
        return 0.0
    at = second(text)
    if at is None or at < now + _BOOKING_AHEAD:
        raise kakao_refusal("reservation")
    return at
