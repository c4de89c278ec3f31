"""Aligo: SMS, LMS and MMS, and Alimtalk on a host of its own. No reference of ours, no push; results by asking."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any

from core.errors import InvalidInput, Violation
from core.rules.channel import Channel
from core.rules.template import Template
from workers import forms, http
from workers.providers import (
    Accepted,
    Account,
    Balance,
    Busy,
    Cause,
    Forged,
    Hint,
    Listed,
    OptedOut,
    Parcel,
    Refused,
    Report,
    Result,
    Sighting,
    Unknown,
    forget,
)
from workers.providers.aligo import words
from workers.providers.aligo.client import Client, days, local, rows, time
from workers.providers.aligo.kakao import Kakao, is_kakao
from workers.providers.aligo.words import CHANNELS, digits, known, number, word

_MASS_MAX = 500
_SAME_TEXT_MAX = 1000
# Aligo takes 500. A full LMS is 3.1 kB as a multipart part, so 300 (and for MMS 250 with a 200 kB image) stay below
# 1 MiB, the usual limit of a front server; Aligo names none.
_BATCH_LIMITS = {Channel.SMS: _MASS_MAX, Channel.LMS: 300, Channel.MMS: 250}
_PAGE_SIZE = 500
_PAGES_MAX = 100


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
        self._client = Client(account, account.base_url, self._login, (sending, reading), 1)
        self._kakao = Kakao(account, (sending, reading))

    def batch_limit(self, channel: Channel) -> int:
        """The most messages one `send` may carry."""
        return self._kakao.batch_limit if channel is Channel.ALIMTALK else _BATCH_LIMITS.get(channel, 0)

    def send(self, parcel: Parcel, note: Callable[[str], None] = forget) -> Accepted:
        """Hand one batch on. There is nothing to note: Aligo names a call only in its answer."""
        if parcel.channel is Channel.ALIMTALK:
            return self._kakao.send(parcel)
        _check(parcel)
        path, own = _order(parcel)
        fields = [*self._login.items(), *own, *([("testmode_yn", "Y")] if self._account.test_mode else [])]
        files = [forms.File("image1", "flyer.jpg", "image/jpeg", parcel.image)] if parcel.image else []
        try:
            body, content_type = forms.multipart(fields, files)
        except UnicodeEncodeError:
            raise local("보낼 수 없는 글자가 들어 있습니다.") from None
        return _accepted(self._client.send(path, body, content_type), parcel)

    def status(self, reference: str) -> Accepted | None:
        """Never asked: no reference is known before the answer."""
        raise Unknown("a call to Aligo has no reference before its answer")

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Hint]:
        """Aligo pushes nothing, so whoever pushes in its name is not Aligo."""
        raise Forged("Aligo pushes nothing")

    def results(self, reference: str) -> Report:
        """What became of a call's messages; what was read before a page failed is kept."""
        if is_kakao(reference):
            return self._kakao.results(reference)
        found: list[Result] = []
        try:
            for page in self._pages("/sms_list/", mid=reference):
                found += map(_result, page)
        except Busy:
            if not found:
                raise
            return Report(found, complete=False)
        return Report(found, complete=True)

    def sightings(self, *, sender: str, since: datetime, until: datetime, channel: Channel = Channel.SMS) -> Sequence[Sighting]:
        """Every send of `sender` in that time, oldest first; Alimtalk has a list of its own."""
        if channel is Channel.ALIMTALK:
            return self._kakao.sightings(sender=sender, since=since, until=until)
        since = since.replace(microsecond=0)  # rows carry whole seconds
        seen: dict[str, Sighting] = {}
        for day in days(since, until):
            for row in self._listed(day, since):
                sighting = _sighting(row)
                if sighting and digits(row, "sender") == sender and since <= sighting.at <= until:
                    seen[sighting.reference] = sighting
        return sorted(seen.values(), key=lambda sighting: (sighting.at, sighting.reference))

    def balance(self) -> Balance:
        """How many of each kind the account could still pay for."""
        answer = self._client.read("/remain/")
        counts = [number(answer.get(name)) for name in ("SMS_CNT", "LMS_CNT", "MMS_CNT")]
        sms, lms, mms = (known(count) for count in counts)
        return Balance(sms, lms, mms)

    def cancel(self, reference: str) -> None:
        """Take back a reserved call, until five minutes before its time."""
        if is_kakao(reference):
            return self._kakao.cancel(reference)
        self._client.change("/cancel/", mid=reference)

    def senders(self) -> Sequence[Listed] | None:
        """Aligo answers no such question: what is wrong with a number is seen at the first send."""
        return None

    def templates(self) -> Sequence[Template]:
        """The Alimtalk templates of every Kakao channel of the account."""
        return self._kakao.templates()

    def optouts(self, since: datetime | None) -> Iterator[Sequence[OptedOut]]:
        """There is no list of them; results say it one by one."""
        return iter(())

    def _listed(self, day: date, since: datetime) -> Iterator[Mapping[str, Any]]:
        """One day's sends: the direction of a longer window is disputed."""
        for page in self._pages("/list/", start_date=f"{day:%Y%m%d}", limit_day="1"):
            yield from page
            times = [time(row, "reg_date") for row in page]
            # Stop early only when the page itself proves that newest comes first.
            if times and times[-1] < since and times[-1] < times[0]:
                return

    def _pages(self, path: str, **fields: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Page after page; a list that does not end is Busy, because half a list must never look like a whole one."""
        for page in range(1, _PAGES_MAX + 1):
            answer = self._client.read(path, page=str(page), page_size=str(_PAGE_SIZE), **fields)
            found = rows(answer)
            yield found
            more = word(answer, "next_yn").upper()
            if more == "N" or (more != "Y" and len(found) < _PAGE_SIZE):
                return
        raise Busy("list does not end")


# The names of the fields of everybody in one call.
_RECEIVER, _TEXT = ([f"{name}_{place}" for place in range(1, _MASS_MAX + 1)] for name in ("rec", "msg"))


def _check(parcel: Parcel) -> None:
    """What Aligo would misread or charge differently never leaves."""
    most = _SAME_TEXT_MAX if _same_text(parcel) else _MASS_MAX
    complaints = (
        (parcel.channel not in _BATCH_LIMITS, "알리고 문자로 보낼 수 없는 채널입니다."),
        (len(parcel.receivers) != len(parcel.texts), "수신번호와 본문의 개수가 다릅니다."),
        (not 1 <= len(parcel.receivers) <= most, f"한 번에 1건에서 {most}건까지 보낼 수 있습니다."),
        ((parcel.image is None) == (parcel.channel is Channel.MMS), "이미지는 MMS에만, MMS에는 반드시 있어야 합니다."),
        (not _digits(parcel.receivers), "수신번호는 숫자만 됩니다."),
    )
    for wrong, sentence in complaints:
        if wrong:
            raise local(sentence)


def _digits(numbers: Sequence[str]) -> bool:
    """Whether each is one or more digits; looked at together, for there are 500."""
    together = "".join(numbers)
    return all(numbers) and together.isascii() and together.isdigit()


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
    receivers, texts = zip(_RECEIVER, parcel.receivers, strict=False), zip(_TEXT, parcel.texts, strict=False)
    return "/send_mass/", [*fields, *chain.from_iterable(zip(receivers, texts, strict=True))]


def _accepted(answer: Mapping[str, Any], parcel: Parcel) -> Accepted:
    reference, total = word(answer, "msg_id"), len(parcel.receivers)
    success, errors = number(answer.get("success_cnt")), number(answer.get("error_cnt")) or 0
    accepted = min(max(total - errors if success is None else success, 0), total)
    if not accepted and errors >= total:
        raise Refused("1", f"success_cnt 0, error_cnt {errors}", Cause.MESSAGE)
    if not accepted or not reference:
        raise Unknown("success without a usable msg_id or count")
    return Accepted(reference, accepted, total - accepted, CHANNELS.get(word(answer, "msg_type"), parcel.channel))


def _result(row: Mapping[str, Any]) -> Result:
    text = word(row, "sms_state")
    state, recognised = words.state(text)
    return Result(digits(row, "receiver"), state, text, word(row, "mdid"), recognised)


def _sighting(row: Mapping[str, Any]) -> Sighting | None:
    """A row as a sighting; None for kinds of message this product never sends."""
    channel = CHANNELS.get(word(row, "type").upper())
    if channel is None:
        return None
    reference, count = word(row, "mid"), known(number(row.get("sms_count")))
    if not reference:
        raise Busy("list row without a mid")
    return Sighting(reference, channel, count, time(row, "reg_date"), str(row.get("msg") or ""))
