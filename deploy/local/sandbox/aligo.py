"""Aligo SMS: the doors that accept messages, and the checks in Aligo's order."""

import json
import re
from collections.abc import Mapping
from typing import Any

from deploy.local.sandbox import aligo_reads, forms
from deploy.local.sandbox.accounts import PRICES, Account
from deploy.local.sandbox.aligo_codes import Refusal, refusal
from deploy.local.sandbox.calls import Call, Handler, World
from deploy.local.sandbox.clock import minute
from deploy.local.sandbox.forms import Form
from deploy.local.sandbox.images import MAX_BYTES, media_type
from deploy.local.sandbox.results import MALFORMED
from deploy.local.sandbox.state import Draft
from deploy.local.sandbox.texts import LONG_BYTES, SMS_BYTES, TITLE_BYTES, carried, fallback_title
from deploy.local.sandbox.wire import Reply, busy_page

_NUMBER = re.compile(r"01(?:0\d{8}|[16789]\d{7,8})|050\d{8,9}", re.ASCII)
_PUNCTUATION = str.maketrans("", "", "- .()")
_NAME_MARK = "%고객명%"
_IMAGE_FIELDS = ("image1", "image2", "image3")
_BOOKING_AHEAD = 10 * 60
_NO_COUNTS = {"SMS_CNT": 0, "LMS_CNT": 0, "MMS_CNT": 0}


class Aligo:
    """Answers the six paths of `apis.aligo.in`: HTTP 200 and JSON called HTML, whatever happens."""

    name = "aligo"

    def __init__(self, world: World) -> None:
        self._world = world
        self._doors = {"/send/": self._send, "/send_mass/": self._send_mass} | aligo_reads.doors(world)
        self.paths: dict[str, Handler] = dict.fromkeys(self._doors, self.answer)

    def busy(self, status: int) -> Reply:
        return busy_page(status)

    def answer(self, call: Call) -> Reply:
        try:
            with self._world.seen_by(call):
                payload = self._doors[call.path](call, self._form(call))
        except Refusal as refused:
            payload = {"result_code": refused.code, "message": refused.message}
            payload |= _NO_COUNTS if call.path == "/remain/" else {}
        return Reply(json.dumps(payload, separators=(",", ":")).encode())

    def _form(self, call: Call) -> Form:
        """The form of a call whose account may use Aligo from where it is."""
        if call.method != "POST":
            raise refusal("method")
        form = forms.read(call.headers.get("content-type", ""), call.body, call.query)
        scripted = call.faults.get("code")
        if scripted:
            raise Refusal(scripted.code, scripted.message)
        account = self._authenticate(form.fields)
        if "ip_blocked" in call.faults or (account.ips and call.ip not in account.ips):
            raise refusal("ip")
        form.fields["user_id"] = account.user
        return form

    def _authenticate(self, fields: Mapping[str, str]) -> Account:
        if not fields.get("key"):
            raise refusal("no_key")
        user = fields.get("user_id") or fields.get("userid")
        if not user:
            raise refusal("no_user")
        account = self._world.store.accounts.get(user)
        if account is None or account.key != fields["key"]:
            raise refusal("account")
        return account

    def _send(self, call: Call, form: Form) -> dict[str, Any]:
        draft = self._draft(call, form)
        numbers = [number for number in form.fields.get("receiver", "").split(",") if number.strip()]
        if not numbers:
            raise refusal("receivers_missing")
        if len(numbers) > 1000:
            raise refusal("receivers_too_many")
        text = form.fields.get("msg", "")
        texts = _named(text, numbers, form.fields["destination"]) if _destined(text, form.fields) else [text]
        draft.subject = carried(text)[0]
        longest = self._fill(draft, call, numbers, texts)
        return self._accept(draft, call, form, longest)

    def _send_mass(self, call: Call, form: Form) -> dict[str, Any]:
        draft, fields = self._draft(call, form), form.fields
        count = forms.number(fields, "cnt", 0)
        if not 1 <= count <= 500:
            raise refusal("cnt")
        if not fields.get("msg_type"):
            raise refusal("type")
        numbers = [fields.get(f"rec_{place}", "") for place in range(1, count + 1)]
        if not any(numbers):
            raise refusal("receivers_missing")
        texts = [fields.get(f"msg_{place}", "") for place in range(1, count + 1)]
        draft.subject = carried(texts[0])[0]
        longest = self._fill(draft, call, numbers, texts)
        return self._accept(draft, call, form, longest)

    def _draft(self, call: Call, form: Form) -> Draft:
        user, sender = form.fields["user_id"], form.fields.get("sender", "").translate(_PUNCTUATION)
        if "sender_unregistered" in call.faults or sender not in self._world.store.accounts[user].senders:
            raise refusal("sender")
        return Draft("aligo", user, "", sender, [], [], "", test=form.fields.get("testmode_yn", "").upper() == "Y")

    def _fill(self, draft: Draft, call: Call, numbers: list[str], texts: list[str]) -> int:
        """Keep the well-formed receivers with their texts; the bytes of the longest text."""
        plain, sizes = zip(*map(carried, texts), strict=True)
        if not all(sizes):
            raise refusal("text_missing")
        if max(sizes) > LONG_BYTES:
            raise refusal("text_too_long")
        spoilt = call.faults["partial"].receivers if "partial" in call.faults else 0
        receivers = [receiver_of(number) if place >= spoilt else None for place, number in enumerate(numbers)]
        draft.receivers = [receiver for receiver in receivers if receiver]
        draft.errors = len(numbers) - len(draft.receivers)
        if len(plain) == 1:
            draft.texts = [plain[0]]
        else:
            draft.texts = [text for text, receiver in zip(plain, receivers, strict=True) if receiver]
        return int(max(sizes))

    def _accept(self, draft: Draft, call: Call, form: Form, longest: int) -> dict[str, Any]:
        pictures = _pictures(form)
        draft.kind = _kind(form.fields.get("msg_type", "").upper(), longest, bool(pictures))
        draft.title = _title(draft, form.fields.get("title", ""))
        now = self._world.clock.now()
        draft.reserved_for = _reservation(form.fields, now)
        cost = PRICES[draft.kind] * len(draft.receivers)
        if "no_balance" in call.faults or cost > self._world.store.accounts[draft.user].balance:
            raise refusal("balance")
        draft.cost = 0 if draft.test else cost
        draft.images = tuple(map(self._world.store.images.keep, pictures))
        batch = self._world.store.accept(draft, now)
        return {
            "result_code": "1",
            "message": "reserved" if batch.reserved_for else "success",
            "msg_id": str(batch.reference),
            "success_cnt": batch.count,
            "error_cnt": batch.errors,
            "msg_type": batch.kind,
        }


def receiver_of(number: str) -> str | None:
    """The digits of a well-formed number."""
    if not _NUMBER.fullmatch(number):
        number = number.translate(_PUNCTUATION)
        if not _NUMBER.fullmatch(number):
            return None
    return None if number.endswith(str(MALFORMED)) else number


def _destined(text: str, fields: Mapping[str, str]) -> bool:
    return bool(fields.get("destination")) and _NAME_MARK in text


def _named(text: str, numbers: list[str], destination: str) -> list[str]:
    """The text for each receiver with its name put in. Assumed: no name given leaves nothing in its place."""
    pairs = (entry.split("|", 1) for entry in destination.split(",") if "|" in entry)
    names = {number.translate(_PUNCTUATION): name for number, name in pairs}
    return [text.replace(_NAME_MARK, names.get(number.translate(_PUNCTUATION), "")) for number in numbers]


def _pictures(form: Form) -> list[bytes]:
    first = form.files.get("image1") or form.files.get("image")
    found = [first, *(form.files.get(name) for name in _IMAGE_FIELDS[1:])]
    pictures = [data for data in found if data]
    if any(media_type(data) is None for data in pictures):
        raise refusal("image_kind")
    if any(len(data) > MAX_BYTES for data in pictures):
        raise refusal("image_size")
    return pictures


def _kind(wanted: str, longest: int, pictured: bool) -> str:
    """The type really used: a picture makes it MMS, a long text promotes SMS, nothing is ever made shorter."""
    if wanted not in ("", "SMS", "LMS", "MMS"):
        raise refusal("type")
    if pictured:
        return "MMS"
    if wanted == "MMS":
        raise refusal("image_missing")
    return "LMS" if wanted == "LMS" or longest > SMS_BYTES else "SMS"


def _title(draft: Draft, wanted: str) -> str:
    title, size = carried(wanted)
    if draft.kind == "SMS":
        return ""
    if size > TITLE_BYTES:
        raise refusal("title_too_long")
    return title or fallback_title(draft.subject)


def _reservation(fields: Mapping[str, str], now: float) -> float:
    """When it is to be sent; 0 for now. Assumed: half a reservation is an error."""
    date, time_of_day = fields.get("rdate", ""), fields.get("rtime", "")
    if not date and not time_of_day:
        return 0.0
    at = minute(date, time_of_day)
    if at is None:
        raise refusal("reservation_form")
    if at < now + _BOOKING_AHEAD:
        raise refusal("reservation_early")
    return at
