"""Aligo's Kakao host: Alimtalk by template. Other names, other codes, other ids than for SMS."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from core.rules.channel import Channel
from core.rules.states import TemplateState
from core.rules.template import Button, Template, Written
from workers import forms, http
from workers.providers import Accepted, Account, Busy, Cause, Parcel, Refused, Report, Result, Sighting, Unknown, check_templates
from workers.providers.aligo import words
from workers.providers.aligo.client import Client, days, local, rows, time
from workers.providers.aligo.words import digits, known, number, word

_BATCH_LIMIT = 500
_PAGE_SIZE = 500
_PAGES_MAX = 100
# The ids of this host and those of the SMS host may meet: ours say which it is.
_PREFIX = "AT"
_KINDS = {"WL": "웹링크", "AL": "앱링크", "DS": "배송조회", "BK": "봇키워드", "MD": "메시지전달", "AC": "채널추가"}
_LINKS = {"mobile": "linkMo", "pc": "linkPc", "ios": "linkIos", "android": "linkAnd"}
_INSPECTIONS = {"REG": TemplateState.REGISTERED, "REQ": TemplateState.IN_REVIEW, "REJ": TemplateState.REJECTED}


def is_kakao(reference: str) -> bool:
    """Whether a reference is one of this host's."""
    return reference.startswith(_PREFIX)


class Kakao:
    """The Alimtalk side of one Aligo account. Holds no state between calls."""

    def __init__(self, account: Account, waits: tuple[http.Timeout, http.Timeout]) -> None:
        self._account = account
        self.batch_limit = _BATCH_LIMIT if account.kakao_url else 0
        self._login = {"apikey": account.credentials["key"], "userid": account.credentials["user_id"]}
        self._client = Client(account, account.kakao_url, self._login, waits, 0)
        self._cancelling = Client(account, account.kakao_url, self._login, waits, 0, 1)  # documented as 1, said to be 0

    def send(self, parcel: Parcel) -> Accepted:
        """Hand one batch on. The fallback is never Aligo's: an SMS that our ledger knows nothing of."""
        template = self._checked(parcel)
        fields = [*self._login.items(), ("senderkey", template.channel_key), ("tpl_code", template.code)]
        fields += [("sender", parcel.sender), ("failover", "N"), ("testMode", "Y" if self._account.test_mode else "N")]
        for place, (receiver, written) in enumerate(zip(parcel.receivers, parcel.written, strict=True), 1):
            fields += _message(place, receiver, template, written)
        try:
            body, content_type = forms.multipart(fields, [])
        except UnicodeEncodeError:
            raise local("보낼 수 없는 글자가 들어 있습니다.") from None
        return _accepted(self._client.send("/akv10/alimtalk/send/", body, content_type), len(parcel.receivers))

    def results(self, reference: str) -> Report:
        """What became of a call's messages; what was read before a page failed is kept."""
        found: list[Result] = []
        try:
            for page in self._pages("/akv10/history/detail/", mid=reference.removeprefix(_PREFIX)):
                found += map(_result, page)
        except Busy:
            if not found:
                raise
            return Report(found, complete=False)
        return Report(found, complete=True)

    def sightings(self, *, sender: str, since: datetime, until: datetime) -> Sequence[Sighting]:
        """Every Alimtalk of `sender` in that time, oldest first."""
        since = since.replace(microsecond=0)  # rows carry whole seconds
        seen: dict[str, Sighting] = {}
        for day in days(since, until):
            text = f"{day:%Y%m%d}"
            for page in self._pages("/akv10/history/list/", startdate=text, enddate=text):
                for row in page:
                    at = time(row, "regdate", "reg_date")
                    if word(row, "type").upper() == "AT" and digits(row, "sender") == sender and since <= at <= until:
                        sighting = _sighting(row, at)
                        seen[sighting.reference] = sighting
        return sorted(seen.values(), key=lambda sighting: (sighting.at, sighting.reference))

    def templates(self) -> Sequence[Template]:
        """The templates of every channel of the account; none when it has no channel."""
        if not self._account.kakao_url:
            return ()
        channels = rows(self._client.read("/akv10/profile/list/"))
        found: list[Template] = []
        for key in (word(channel, "senderKey") for channel in channels):
            if key:
                found += (_template(key, row) for row in rows(self._client.read("/akv10/template/list/", senderkey=key)))
        return found

    def cancel(self, reference: str) -> None:
        """Take back a reserved call."""
        self._cancelling.change("/akv10/cancel/", mid=reference.removeprefix(_PREFIX))

    def _checked(self, parcel: Parcel) -> Template:
        """What Aligo would take and never deliver does not leave: it reports a text unlike its template only later."""
        complaints = (
            (not self.batch_limit, "알림톡을 보낼 주소가 없습니다."),
            (not 1 <= len(parcel.receivers) <= _BATCH_LIMIT, f"한 번에 1건에서 {_BATCH_LIMIT}건까지 보낼 수 있습니다."),
            (len(parcel.receivers) != len(parcel.texts), "수신번호와 본문의 개수가 다릅니다."),
            (not all(one.isascii() and one.isdigit() for one in parcel.receivers), "수신번호는 숫자만 됩니다."),
        )
        for wrong, sentence in complaints:
            if wrong:
                raise local(sentence)
        if (sentence := check_templates(parcel)) or parcel.template is None:
            raise local(sentence)
        return parcel.template

    def _pages(self, path: str, **fields: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Page after page; a list that does not end is Busy, because half a list must never look like a whole one."""
        for page in range(1, _PAGES_MAX + 1):
            answer = self._client.read(path, page=str(page), limit=str(_PAGE_SIZE), **fields)
            found, last = rows(answer), number(answer.get("totalPage"))
            yield found
            if not found or (len(found) < _PAGE_SIZE if last is None else page >= last):
                return
        raise Busy("list does not end")


def _message(place: int, receiver: str, template: Template, written: Written) -> list[tuple[str, str]]:
    fields = [(f"receiver_{place}", receiver), (f"subject_{place}", template.name or template.code)]
    fields.append((f"message_{place}", written.text))
    if written.title:
        fields.append((f"emtitle_{place}", written.title))
    if written.buttons:
        shown = {"button": [_shown(button) for button in written.buttons]}
        fields.append((f"button_{place}", json.dumps(shown, ensure_ascii=False, separators=(",", ":"))))
    return fields


def _shown(button: Button) -> dict[str, str]:
    links = {_LINKS[name]: link for name in _LINKS if (link := getattr(button, name))}
    return {"name": button.name, "linkType": button.kind, "linkTypeName": _KINDS.get(button.kind, button.kind), **links}


def _accepted(answer: Mapping[str, Any], total: int) -> Accepted:
    inside = answer.get("info")
    info = inside if isinstance(inside, dict) else {}
    reference, refused = word(info, "mid"), number(info.get("fcnt")) or 0
    success = number(info.get("scnt"))
    accepted = min(max(total - refused if success is None else success, 0), total)
    if not accepted and refused >= total:
        raise Refused("0", f"scnt 0, fcnt {refused}", Cause.MESSAGE)
    if not accepted or not reference:
        raise Unknown("success without a usable mid or count")
    return Accepted(_PREFIX + reference, accepted, total - accepted, Channel.ALIMTALK)


def _result(row: Mapping[str, Any]) -> Result:
    state, recognised = words.kakao_state(row)
    return Result(digits(row, "phone"), state, words.kakao_text(row), word(row, "msgid"), recognised, word(row, "rslt"))


def _sighting(row: Mapping[str, Any], at: datetime) -> Sighting:
    reference, count = word(row, "mid"), known(number(row.get("msg_count")))
    if not reference:
        raise Busy("list row without a mid")
    return Sighting(_PREFIX + reference, Channel.ALIMTALK, count, at, str(row.get("mbody") or ""))


def _template(key: str, row: Mapping[str, Any]) -> Template:
    code = word(row, "templtCode")
    if not code:
        raise Busy("template without a code")
    return Template(
        code=code,
        channel_key=word(row, "senderKey") or key,
        content=str(row.get("templtContent") or ""),
        name=word(row, "templtName"),
        emphasis_title=word(row, "templtTitle") if word(row, "templateEmType") == "TEXT" else "",
        buttons=tuple(_button(button) for button in _in_order(rows(row, "buttons"))),
        state=_state(row),
        comment=_comment(row),
    )


def _state(row: Mapping[str, Any]) -> TemplateState:
    """Only what is approved and in normal use can be sent with."""
    status, inspection = word(row, "status"), word(row, "inspStatus")
    if status == "S":
        return TemplateState.STOPPED
    if inspection == "APR":
        return TemplateState.APPROVED if status == "A" else TemplateState.IN_REVIEW
    return _INSPECTIONS.get(inspection, TemplateState.IN_REVIEW)


def _comment(row: Mapping[str, Any]) -> str:
    """What the reviewer said last."""
    listed = row.get("comments")
    said = [word(one, "content") if isinstance(one, dict) else str(one) for one in listed] if isinstance(listed, list) else []
    return said[-1][:500] if said else ""


def _in_order(buttons: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(buttons, key=lambda button: number(button.get("ordering")) or 0)


def _button(row: Mapping[str, Any]) -> Button:
    links = {name: word(row, wire) for name, wire in _LINKS.items()}
    return Button(word(row, "linkType"), word(row, "name"), **links)
