"""Aligo SMS: what was sent, what became of it, what is left, and taking a reservation back."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar

from deploy.local.sandbox.aligo_codes import refusal
from deploy.local.sandbox.calls import Call, World
from deploy.local.sandbox.clock import day, stamp
from deploy.local.sandbox.forms import Form, number
from deploy.local.sandbox.results import CANCELLED, PENDING, WAITING
from deploy.local.sandbox.state import FIRST_MESSAGE, Batch

_DAY = 24 * 3600
_CANCEL_AHEAD = 5 * 60
_Item = TypeVar("_Item")
Door = Callable[[Call, Form], dict[str, Any]]


def doors(world: World) -> dict[str, Door]:
    reads = Reads(world)
    return {"/list/": reads.calls, "/sms_list/": reads.messages, "/remain/": reads.remain, "/cancel/": reads.cancel}


class Reads:
    """The doors that accept no message."""

    def __init__(self, world: World) -> None:
        self._world = world

    def calls(self, call: Call, form: Form) -> dict[str, Any]:
        """One row per accepted call, newest first."""
        delay = call.faults["list_delay"].delay if "list_delay" in call.faults else 0.0
        first, last = self._window(form)
        last = min(last, self._world.clock.now() - delay if delay else last)
        found = (batch for batch in self._world.store.newest(form.fields["user_id"]) if first <= batch.accepted_at < last)
        rows, more = _page(found, form)
        return _listing([self._call_row(batch) for batch in rows], more)

    def messages(self, call: Call, form: Form) -> dict[str, Any]:
        """One row per message of one call, in the order they were given."""
        batch = self._world.store.find(form.fields.get("mid", ""), form.fields["user_id"])
        if batch is None or batch.kind == "AT":
            raise refusal("list_mid")
        places, more = _page(iter(range(batch.start, batch.start + batch.count)), form)
        return _listing([self._message_row(batch, place) for place in places], more)

    def remain(self, call: Call, form: Form) -> dict[str, Any]:
        account = self._world.store.accounts[form.fields["user_id"]]
        return {"result_code": 1, "message": "success", **account.counts()}

    def cancel(self, call: Call, form: Form) -> dict[str, Any]:
        reference, now = form.fields.get("mid", ""), self._world.clock.now()
        if not reference:
            raise refusal("cancel_no_mid")
        batch = self._world.store.find(reference, form.fields["user_id"])
        if batch is None:
            raise refusal("cancel_wrong_mid")
        if not batch.live:
            raise refusal("cancel_other")
        if not batch.reserved_for:
            raise refusal("cancel_no_reservation")
        if now >= batch.reserved_for:
            raise refusal("cancel_sent")
        if now > batch.reserved_for - _CANCEL_AHEAD:
            raise refusal("cancel_too_late")
        self._world.store.cancel(batch, now)
        return {"result_code": 1, "message": "success", "cancel_date": stamp(now)}

    def _window(self, form: Form) -> tuple[float, float]:
        """`limit_day` days that end with `start_date`, as documented. Assumed: without a limit, everything before."""
        start = day(form.fields.get("start_date", ""))
        days = number(form.fields, "limit_day", 0)
        if start is None:
            return (self._world.clock.now() - days * _DAY if days else 0.0), float("inf")
        return (start - (days - 1) * _DAY if days else 0.0), start + _DAY

    def _call_row(self, batch: Batch) -> dict[str, Any]:
        state, booked = self._booking(batch)
        return {
            "mid": self._number(batch.reference),
            "type": batch.kind,
            "sender": batch.sender,
            "sms_count": self._number(batch.count),
            "reserve_state": state,
            "msg": self._world.store.subject(batch),
            "fail_count": self._number(self._world.failures(batch)),
            "reg_date": stamp(batch.accepted_at),
            "reserve": booked,
        }

    def _message_row(self, batch: Batch, place: int) -> dict[str, Any]:
        receiver = self._world.store.receivers[place]
        state = self._world.state(batch, receiver)
        sent = state not in (PENDING, WAITING, CANCELLED)
        return {
            "mdid": self._number(FIRST_MESSAGE + place),
            "type": batch.kind,
            "sender": batch.sender,
            "receiver": f"0{receiver}",
            "sms_state": state,
            "reg_date": stamp(batch.accepted_at),
            "send_date": stamp(batch.due + self._world.ripen) if sent else "",
            "reserve_date": stamp(batch.reserved_for),
        }

    def _booking(self, batch: Batch) -> tuple[str, str]:
        """`reserve_state` and `reserve`. Assumed: a waiting reservation shows its time in the second."""
        if not batch.live:
            return CANCELLED, CANCELLED
        waiting = self._world.clock.now() < batch.reserved_for
        return (WAITING, stamp(batch.reserved_for)) if waiting else ("", stamp(batch.reserved_for))

    def _number(self, value: int) -> int | str:
        return value if self._world.list_ints else str(value)


def _page(items: Iterator[_Item], form: Form) -> tuple[list[_Item], bool]:
    """One page and whether another follows. Assumed: sizes outside 30..500 are moved to the nearest."""
    size = min(max(number(form.fields, "page_size", 30), 30), 500)
    start = (max(number(form.fields, "page", 1), 1) - 1) * size
    found = list(islice(items, start, start + size + 1))
    return found[:size], len(found) > size


def _listing(rows: list[dict[str, Any]], more: bool) -> dict[str, Any]:
    return {"result_code": 1, "message": "success", "list": rows, "next_yn": "Y" if more else "N"}
