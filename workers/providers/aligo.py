"""Aligo: SMS, LMS and MMS. No reference of ours, no push; results by asking, lost answers by listing."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from core.clock import KST, kst
from core.errors import InvalidInput, Violation
from core.rules.channel import Channel
from core.rules.states import MessageState
from workers import forms, http
from workers.providers import (
    Accepted,
    Account,
    Balance,
    Busy,
    Cause,
    Forged,
    Hint,
    Parcel,
    Refused,
    Report,
    Result,
    Sighting,
    Unknown,
    forget,
)

# What a negative result_code means. There is no official table and the numbers are reused, so the words go first.
_LATER = "LATER"
_CAUSE_BY_WORDS: Sequence[tuple[re.Pattern[str], Cause | str]] = (
    (re.compile(r"-IP$|서버 ?IP"), Cause.IP),
    (re.compile(r"발신번호"), Cause.SENDER),
    (re.compile(r"(건수|포인트|잔액).*부족|부족.*(건수|포인트|잔액)"), Cause.BALANCE),
    (re.compile(r"인증"), Cause.AUTH),
    (re.compile(r"잠시 ?후|점검 ?중"), _LATER),
)
_CAUSE_BY_NUMBER = {-101: Cause.AUTH, -102: Cause.AUTH, -103: Cause.SENDER, -201: Cause.BALANCE}

# sms_state is free text without an official list.
_DELIVERED = frozenset({"성공", "전송성공", "발송성공", "전송완료", "발송완료"})
_PENDING = re.compile(r"$|전송중|발송중|대기|접수|예약")
_FAILED = re.compile(r"실패|거부|없음|불가|결번|초과|만료|취소|오류|제한|차단|꺼짐")

_CHANNELS = {"SMS": Channel.SMS, "LMS": Channel.LMS, "MMS": Channel.MMS, "AT": Channel.ALIMTALK}

_MASS_MAX = 500
_SAME_TEXT_MAX = 1000
# Aligo takes 500. A full LMS is 3.1 kB as a multipart part, so 300 (and for MMS 250 with a 200 kB image) stay below
# 1 MiB, the usual limit of a front server; Aligo names none.
_BATCH_LIMITS = {Channel.SMS: _MASS_MAX, Channel.LMS: 300, Channel.MMS: 250}
_PAGE_SIZE = 500
_PAGES_MAX = 100
_FORM = "application/x-www-form-urlencoded"


class Adapter:
    """One Aligo account. Holds no state between calls, so threads may share it."""

    name = "aligo"
    references_before_sending = False

    def __init__(self, account: Account, *, sending: http.Timeout = http.SEND, reading: http.Timeout = http.READ) -> None:
        missing = [name for name in ("key", "user_id") if not account.credentials.get(name)]
        if missing:
            violations = [Violation(f"credentials.{name}", "값이 필요합니다.") for name in missing]
            raise InvalidInput("알리고 계정에는 API 키와 아이디가 필요합니다.", violations)
        self._account = account
        self._login = {"key": account.credentials["key"], "user_id": account.credentials["user_id"]}
        self._address = account.base_url.rstrip("/")
        self._sending = sending
        self._reading = reading

    def batch_limit(self, channel: Channel) -> int:
        """The most messages one `send` may carry."""
        return _BATCH_LIMITS.get(channel, 0)

    def send(self, parcel: Parcel, note: Callable[[str], None] = forget) -> Accepted:
        """Hand one batch on. There is nothing to note: Aligo names a call only in its answer."""
        _check(parcel)
        path, own = _order(parcel)
        fields = [*self._login.items(), *own, *([("testmode_yn", "Y")] if self._account.test_mode else [])]
        files = [forms.File("image1", "flyer.jpg", "image/jpeg", parcel.image)] if parcel.image else []
        try:
            body, content_type = forms.multipart(fields, files)
        except UnicodeEncodeError:
            raise _local("보낼 수 없는 글자가 들어 있습니다.") from None
        return _accepted(self._ask(path, body, content_type, self._sending), parcel)

    def status(self, reference: str) -> Accepted | None:
        """Never asked: no reference is known before the answer."""
        raise Unknown("a call to Aligo has no reference before its answer")

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Hint]:
        """Aligo pushes nothing, so whoever pushes in its name is not Aligo."""
        raise Forged("Aligo pushes nothing")

    def results(self, reference: str) -> Report:
        """What became of a call's messages; what was read before a page failed is kept."""
        found: list[Result] = []
        try:
            for rows in self._pages("/sms_list/", mid=reference):
                found += map(_result, rows)
        except Busy:
            if not found:
                raise
            return Report(found, complete=False)
        return Report(found, complete=True)

    def sightings(self, *, sender: str, since: datetime, until: datetime) -> Sequence[Sighting]:
        """Every send of `sender` in that time, oldest first."""
        since = since.replace(microsecond=0)  # rows carry whole seconds
        seen: dict[str, Sighting] = {}
        for day in _days(since, until):
            for row in self._listed(day, since):
                sighting = _sighting(row)
                if sighting and _digits(row, "sender") == sender and since <= sighting.at <= until:
                    seen[sighting.reference] = sighting
        return sorted(seen.values(), key=lambda sighting: (sighting.at, sighting.reference))

    def balance(self) -> Balance:
        """How many of each kind the account could still pay for."""
        answer = self._read("/remain/")
        counts = [_number(answer.get(name)) for name in ("SMS_CNT", "LMS_CNT", "MMS_CNT")]
        sms, lms, mms = (_known(count) for count in counts)
        return Balance(sms, lms, mms)

    def cancel(self, reference: str) -> None:
        """Take back a reserved call, until five minutes before its time."""
        self._ask("/cancel/", urlencode({**self._login, "mid": reference}).encode(), _FORM, self._reading)

    def _listed(self, day: date, since: datetime) -> Iterator[Mapping[str, Any]]:
        """One day's sends: the direction of a longer window is disputed."""
        for rows in self._pages("/list/", start_date=f"{day:%Y%m%d}", limit_day="1"):
            yield from rows
            times = [_time(row) for row in rows]
            # Stop early only when the page itself proves that newest comes first.
            if times and times[-1] < since and times[-1] < times[0]:
                return

    def _pages(self, path: str, **fields: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Page after page; a list that does not end is Busy, because half a list must never look like a whole one."""
        for page in range(1, _PAGES_MAX + 1):
            answer = self._read(path, page=str(page), page_size=str(_PAGE_SIZE), **fields)
            rows = answer.get("list") or []
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise Busy("list not understood")
            yield rows
            more = _word(answer, "next_yn").upper()
            if more == "N" or (more != "Y" and len(rows) < _PAGE_SIZE):
                return
        raise Busy("list does not end")

    def _read(self, path: str, **fields: str) -> Mapping[str, Any]:
        """Ask something that changes nothing: no answer simply means asking again later."""
        try:
            return self._ask(path, urlencode({**self._login, **fields}).encode(), _FORM, self._reading)
        except Unknown as error:
            raise Busy(error.reason) from None

    def _ask(self, path: str, body: bytes, content_type: str, timeout: http.Timeout) -> Mapping[str, Any]:
        try:
            response = http.post(self._address + path, body, content_type, timeout=timeout)
        except http.NotSent as error:
            raise Busy(error.reason) from None
        except http.MaybeSent as error:
            raise Unknown(error.reason) from None
        return self._answer(response)

    def _answer(self, response: http.Response) -> Mapping[str, Any]:
        """The body of a success. The application always says HTTP 200; anything else came from a server before it."""
        status, answer = response.status, _decode(response.body)
        code = _number(answer.get("result_code"))
        if status == 429:
            raise Busy("HTTP 429", response.retry_seconds)
        if code is not None and code < 0 and status < 500:
            raise self._refusal(code, _word(answer, "message"))
        if 300 <= status < 500 and status != 408:
            raise Refused(f"HTTP {status}", self._account.hide(f"HTTP {status} {response.content_type}"), Cause.EDGE)
        if status != 200 or code != 1:
            raise Unknown(f"HTTP {status} without a readable answer")
        return answer

    def _refusal(self, code: int, message: str) -> Refused | Busy:
        cause = next((cause for words, cause in _CAUSE_BY_WORDS if words.search(message)), None)
        shown = self._account.hide(message)
        if cause == _LATER:
            return Busy(f"{code} {shown}")
        return Refused(str(code), shown, Cause(cause or _CAUSE_BY_NUMBER.get(code, Cause.MESSAGE)))


def _check(parcel: Parcel) -> None:
    """What Aligo would misread or charge differently never leaves."""
    most = _SAME_TEXT_MAX if _same_text(parcel) else _MASS_MAX
    complaints = (
        (parcel.channel not in _BATCH_LIMITS, "알리고 문자로 보낼 수 없는 채널입니다."),
        (len(parcel.receivers) != len(parcel.texts), "수신번호와 본문의 개수가 다릅니다."),
        (not 1 <= len(parcel.receivers) <= most, f"한 번에 1건에서 {most}건까지 보낼 수 있습니다."),
        ((parcel.image is None) == (parcel.channel is Channel.MMS), "이미지는 MMS에만, MMS에는 반드시 있어야 합니다."),
        (not all(number.isascii() and number.isdigit() for number in parcel.receivers), "수신번호는 숫자만 됩니다."),
    )
    for wrong, sentence in complaints:
        if wrong:
            raise _local(sentence)


def _local(sentence: str) -> Refused:
    return Refused("LOCAL", sentence, Cause.MESSAGE)


def _same_text(parcel: Parcel) -> bool:
    """MMS with one text for all goes as one text and many numbers; so does a single one."""
    return parcel.channel is Channel.MMS and len(set(parcel.texts)) == 1


def _order(parcel: Parcel) -> tuple[str, list[tuple[str, str]]]:
    """Path and fields of a send."""
    fields = [("sender", parcel.sender), ("msg_type", parcel.channel.value)]
    if parcel.subject and parcel.channel is not Channel.SMS:
        fields.append(("title", parcel.subject))
    if _same_text(parcel):
        return "/send/", [*fields, ("receiver", ",".join(parcel.receivers)), ("msg", parcel.texts[0])]
    fields.append(("cnt", str(len(parcel.receivers))))
    for number, (receiver, text) in enumerate(zip(parcel.receivers, parcel.texts, strict=True), 1):
        fields += ((f"rec_{number}", receiver), (f"msg_{number}", text))
    return "/send_mass/", fields


def _accepted(answer: Mapping[str, Any], parcel: Parcel) -> Accepted:
    reference, total = _word(answer, "msg_id"), len(parcel.receivers)
    success, errors = _number(answer.get("success_cnt")), _number(answer.get("error_cnt")) or 0
    accepted = min(max(total - errors if success is None else success, 0), total)
    if not accepted and errors >= total:
        raise Refused("1", f"success_cnt 0, error_cnt {errors}", Cause.MESSAGE)
    if not accepted or not reference:
        raise Unknown("success without a usable msg_id or count")
    return Accepted(reference, accepted, total - accepted, _CHANNELS.get(_word(answer, "msg_type"), parcel.channel))


def _result(row: Mapping[str, Any]) -> Result:
    text = _word(row, "sms_state")
    state, known = _state(text)
    return Result(_digits(row, "receiver"), state, text, _word(row, "mdid"), known)


def _state(text: str) -> tuple[MessageState | None, bool]:
    """State, and whether the words are known; words of both kinds wait, because a final state is never taken back."""
    if text in _DELIVERED:
        return MessageState.DELIVERED, True
    pending, failed = bool(_PENDING.match(text)), bool(_FAILED.search(text))
    if failed and not pending:
        return MessageState.FAILED, True
    return None, pending and not failed


def _days(since: datetime, until: datetime) -> list[date]:
    first, last = kst(since).date(), kst(until).date()
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def _sighting(row: Mapping[str, Any]) -> Sighting | None:
    """A row as a sighting; None for kinds of message this product never sends."""
    channel = _CHANNELS.get(_word(row, "type").upper())
    if channel is None:
        return None
    reference, count = _word(row, "mid"), _known(_number(row.get("sms_count")))
    if not reference:
        raise Busy("list row without a mid")
    return Sighting(reference, channel, count, _time(row), str(row.get("msg") or ""))


def _time(row: Mapping[str, Any]) -> datetime:
    try:
        return datetime.strptime(_word(row, "reg_date"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=KST).astimezone(UTC)
    except ValueError:
        raise Busy("list row without a readable time") from None


def _known(number: int | None) -> int:
    if number is None:
        raise Busy("answer without a readable count")
    return number


def _decode(body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _number(value: object) -> int | None:
    """Numbers come quoted or bare, by endpoint and by outcome."""
    try:
        return int(str(value))
    except ValueError:
        return None


def _word(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return str(value).strip() if isinstance(value, str | int) else ""


def _digits(row: Mapping[str, Any], name: str) -> str:
    return re.sub(r"\D", "", _word(row, name))
