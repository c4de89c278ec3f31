"""Solapi: SMS, LMS, MMS and Alimtalk. Sent in groups, whose id is known before anything can leave and read whenever in doubt."""

import base64
import hmac
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha1, sha256
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from core.errors import InvalidInput, Violation
from core.rules.channel import Channel
from core.rules.template import Template
from workers import http
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
    check_templates,
    forget,
)
from workers.providers.solapi import answers, blacks, kakao, senders
from workers.providers.solapi.client import Client, about_the_group, certain, decode, encode, local, number, word
from workers.providers.solapi.words import REGISTERED, text

_NEVER = {"DELETED", "FAILED"}

_SENT_HERE = (Channel.SMS, Channel.LMS, Channel.MMS, Channel.ALIMTALK)
_BATCH_LIMIT = 500  # what this product plans; Solapi itself takes _GROUP_MAX in _BODY_MAX
_GROUP_MAX = 10_000
_BODY_MAX = 15_000_000
_IMAGE_MAX = 200 * 1024
_JPEG = b"\xff\xd8\xff"
_PAGE_SIZE = 500
_PAGES_MAX = 100
_GROUPS = "/messages/v4/groups"
_KEY_LENGTH = 16

_IMAGES_KEPT = 256
_images: OrderedDict[tuple[str, str, bytes], str] = OrderedDict()  # adapters live a minute, uploaded files much longer
_images_lock = Lock()


class Adapter:
    """One Solapi account. Threads may share it.

    A send is three calls, and only the third can make anything leave:
    1. a group is opened. An answer lost here leaves an empty group: Busy.
    2. the messages are put into it. An answer lost here leaves a group that nobody will start; it is deleted: Busy.
    3. the group is started. An answer lost here is Unknown, and `status` has the word: the group went, or it is
       deleted, so that not even a start still on its way can send it any more.
    """

    name = "solapi"
    references_before_sending = True

    def __init__(self, account: Account, *, sending: http.Timeout = http.SEND, reading: http.Timeout = http.READ) -> None:
        key, secret = account.credentials.get("api_key", ""), account.credentials.get("api_secret", "")
        violations = [] if secret else [Violation("credentials.api_secret", "값이 필요합니다.")]
        if len(key) != _KEY_LENGTH:  # Solapi would call it a ValidationError, like any mistake in a message
            violations.append(Violation("credentials.api_key", f"API 키는 {_KEY_LENGTH}자입니다."))
        if violations:
            raise InvalidInput("솔라피 계정에는 API 키와 시크릿이 필요합니다.", violations)
        self._account, self._client = account, Client(account, sending, reading)

    def batch_limit(self, channel: Channel) -> int:
        """The most messages one `send` may carry."""
        return _BATCH_LIMIT if channel in _SENT_HERE else 0

    def send(self, parcel: Parcel, note: Callable[[str], None] = forget) -> Accepted:
        """Hand one batch on; `note` gets the id of the group before any message is in it."""
        self._check(parcel)
        image = self._upload(parcel.image) if parcel.image else ""
        body = encode({"messages": _messages(parcel, image)})
        if len(body) > _BODY_MAX:
            raise local("한 번에 보낼 수 있는 크기를 넘었습니다.")
        reference = self._open()
        note(reference)
        return self._start(self._fill(reference, body, parcel))

    def status(self, reference: str) -> Accepted | None:
        """What a noted call came to; a group that has not been started never will be after this.

        Solapi decides between a start and a deletion that meet, and the group is read again afterwards: whatever
        shows that it went (its status, its time of sending, its counts) outweighs every answer that says otherwise.
        """
        group = self._group(reference)
        if word(group, "status") == "PENDING" and not answers.went(group):
            deleted = self._delete(reference)
            try:
                group = self._group(reference)
            except Unknown:
                if deleted:
                    return None
                raise
        if answers.went(group):
            return self._adopt(reference, group)
        if word(group, "status") in _NEVER:
            return None
        raise Busy(f"group is {word(group, 'status')[:20]}")

    def results(self, reference: str) -> Report:
        """What became of a call's messages; what was read before a page failed is kept."""
        found: list[Result] = []
        try:
            for rows in self._pages(groupId=reference):
                found += (answers.result(row) for row in rows if word(row, "groupId") == reference)
        except Busy:
            if not found:
                raise
            return Report(found, complete=False)
        return Report(found, complete=True)

    def sightings(self, *, sender: str, since: datetime, until: datetime, channel: Channel = Channel.SMS) -> Sequence[Sighting]:
        """Never asked: a call without a noted group sent nothing, and any other has its `status`."""
        raise local("솔라피의 발송은 그룹 번호로 조회합니다.")

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Hint]:
        """The calls and messages a report names, in either of its two shapes. The secret is not a signature."""
        given = next((value for name, value in headers.items() if name.lower() == "x-solapi-secret"), "")
        secret = self._account.credentials.get("webhook_secret", "")
        if not secret or not hmac.compare_digest(sha1(secret.encode()).hexdigest().encode(), given.strip().lower().encode()):
            raise Forged("X-Solapi-Secret missing or wrong")
        items = decode(raw).get("list")
        items = items if isinstance(items, list) else []
        return [hint for item in items if isinstance(item, dict) and (hint := answers.hint(item))]

    def balance(self) -> Balance:
        """Money by list price, because Solapi counts in won."""
        self._refuse_tests()
        money = self._client.harmless("GET", "/cash/v1/balance")
        prices = answers.korean(self._client.harmless("GET", "/pricing/v1/messaging/default"))
        won = answers.won(money, "balance") + answers.won({"point": 0, **money}, "point")
        return Balance(*(int(won // answers.price(prices, name)) for name in ("sms", "lms", "mms")))

    def cancel(self, reference: str) -> None:
        """Take back a reserved call."""
        self._client.ask("DELETE", f"{_path(reference)}/schedule")

    def senders(self) -> Sequence[Listed]:
        """The numbers that may send from this account."""
        self._refuse_tests()
        return senders.listed(self._client)

    def templates(self) -> Sequence[Template]:
        """The Alimtalk templates of every Kakao channel of the account."""
        return kakao.templates(self._client)

    def optouts(self, since: datetime | None) -> Iterator[Sequence[OptedOut]]:
        """The list of its 080 numbers."""
        return blacks.pages(self._client, since)

    # the steps of a send

    def _check(self, parcel: Parcel) -> None:
        """What Solapi would refuse or charge differently never leaves."""
        self._refuse_tests()
        image = parcel.image
        complaints = (
            (parcel.channel not in _SENT_HERE, "솔라피 문자로 보낼 수 없는 채널입니다."),
            (len(parcel.receivers) != len(parcel.texts), "수신번호와 본문의 개수가 다릅니다."),
            (not 1 <= len(parcel.receivers) <= _GROUP_MAX, f"한 번에 1건에서 {_GROUP_MAX:,}건까지 보낼 수 있습니다."),
            ((image is None) == (parcel.channel is Channel.MMS), "이미지는 MMS에만, MMS에는 반드시 있어야 합니다."),
            (bool(image) and len(image or b"") > _IMAGE_MAX, "이미지가 200KB를 넘습니다."),
            (image is not None and not image.startswith(_JPEG), "이미지는 JPEG여야 합니다."),
            (not all(number.isascii() and number.isdigit() for number in parcel.receivers), "수신번호는 숫자만 됩니다."),
        )
        for wrong, sentence in complaints:
            if wrong:
                raise local(sentence)
        if parcel.channel is Channel.ALIMTALK and (sentence := check_templates(parcel)):
            raise local(sentence)

    def _refuse_tests(self) -> None:
        """Solapi knows no test mode, so what is only a test would really be sent."""
        if self._account.test_mode:
            sentence = "솔라피에는 시험 발송이 없습니다. 계정의 시험 모드를 꺼야 보낼 수 있습니다."
            raise Refused("LOCAL", sentence, Cause.AUTH)

    def _upload(self, image: bytes) -> str:
        """The file id of an image, uploaded once per account. A lost answer leaves a file behind, nothing more."""
        known = self._image_key(image)
        with _images_lock:
            if known in _images:
                _images.move_to_end(known)
                return _images[known]
        payload = encode({"file": base64.b64encode(image).decode(), "name": "flyer.jpg", "type": "MMS"})
        file = word(self._client.harmless("POST", "/storage/v1/files", payload, self._client.sending, Cause.MESSAGE), "fileId")
        if not file:
            raise Busy("upload without a fileId")
        with _images_lock:
            _images[known] = file
            while len(_images) > _IMAGES_KEPT:
                _images.popitem(last=False)
        return file

    def _image_key(self, image: bytes) -> tuple[str, str, bytes]:
        return *self._client.identity, sha256(image).digest()

    def _open(self) -> str:
        """Step 1. Nothing in it is about a message."""
        payload = encode({"strict": True, "allowDuplicates": False})
        reference = word(self._client.harmless("POST", f"{_GROUPS}/", payload), "groupId")
        if not answers.REFERENCE.fullmatch(reference):
            raise Busy("group without a usable id")
        return reference

    def _fill(self, reference: str, body: bytes, parcel: Parcel) -> Accepted:
        """Step 2: what would be accepted. Whatever ends here ends the group as well."""
        try:
            entries = answers.entries(
                self._client.harmless("PUT", f"{_path(reference)}/messages", body, self._client.sending, Cause.MESSAGE)
            )
            codes = Counter(code for entry in entries if (code := word(entry, "statusCode") or REGISTERED) != REGISTERED)
            self._judge(codes, parcel)
        except (Busy, Refused) as outcome:
            with suppress(Busy, Refused, Unknown):
                self._client.ask("DELETE", _path(reference))
            raise _unless_about_the_group(outcome) from None
        kinds = {answers.CHANNELS.get(word(entry, "type"), parcel.channel) for entry in entries}
        channel = kinds.pop() if len(kinds) == 1 else parcel.channel
        return Accepted(reference, len(parcel.receivers) - codes.total(), codes.total(), channel)

    def _judge(self, codes: Counter[str], parcel: Parcel) -> None:
        """What some of the messages were refused for may concern them all, and so far none has left."""
        for code, cause in (("1020", Cause.AUTH), ("1030", Cause.BALANCE), ("1062", Cause.SENDER)):
            if code in codes:
                raise Refused(code, text(code), cause)
        if "1023" in codes and parcel.image:
            with _images_lock:
                _images.pop(self._image_key(parcel.image), None)
            raise Busy("1023: the image is not there any more")
        if codes.total() < len(parcel.receivers):
            return
        [(code, _)] = codes.most_common(1)
        if code == "1024":
            raise Busy("1024 for every message")
        raise Refused(code, text(code), Cause.MESSAGE)

    def _start(self, taken: Accepted) -> Accepted:
        """Step 3. After a refusal, what happened is the group's word; what it has not sent is taken back."""
        try:
            group = self._client.ask("POST", f"{_path(taken.reference)}/send", b"{}", self._client.sending)
        except (Busy, Refused) as outcome:
            return self._after_refusal(taken.reference, outcome)
        if word(group, "groupId") != taken.reference or word(group, "status") in _NEVER:
            raise Unknown("start without a group that went")
        return answers.counted(group, taken)

    def _after_refusal(self, reference: str, outcome: Busy | Refused) -> Accepted:
        try:
            fate = self.status(reference)
        except (Busy, Refused, Unknown):
            if certain(outcome):
                raise outcome from None
            raise Unknown("start refused, and the group could not be read") from None
        if fate is None:
            raise _unless_about_the_group(outcome) from None
        return fate

    # groups

    def _group(self, reference: str) -> Mapping[str, Any]:
        try:
            return self._client.harmless("GET", _path(reference))
        except Refused as refusal:
            if refusal.code.lower() == "resourcenotfound":  # the keys of another account, perhaps: it proves nothing
                raise Unknown("group not known to this account") from None
            raise

    def _delete(self, reference: str) -> bool:
        """Whether Solapi said that the group is deleted; why not, the group itself tells better than the refusal."""
        try:
            self._client.harmless("DELETE", _path(reference))
        except Refused as refusal:
            if refusal.account_wide:
                raise
            return False
        return True

    def _adopt(self, reference: str, group: Mapping[str, Any]) -> Accepted:
        """A group that went, as the acceptance it is."""
        count = group.get("count")
        total = number(count.get("total")) if isinstance(count, dict) else None
        if not total:
            raise Busy("group without a count")
        return answers.counted(group, Accepted(reference, total, 0, self._channel(reference, group)))

    def _channel(self, reference: str, group: Mapping[str, Any]) -> Channel:
        """What the group is charged for, or else what its first message is."""
        charged = group.get("countForCharge")
        for name, places in charged.items() if isinstance(charged, dict) else ():
            if name.upper() in answers.CHANNELS and isinstance(places, dict) and any(map(number, places.values())):
                return answers.CHANNELS[name.upper()]
        for rows in self._pages(groupId=reference):
            for row in rows:
                if word(row, "type") in answers.CHANNELS:
                    return answers.CHANNELS[word(row, "type")]
        raise Busy("group of no known type")

    # asking

    def _pages(self, **query: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Page after page; a list that does not end is Busy, because half a list must never look like a whole one."""
        fields = {**query, "limit": str(_PAGE_SIZE)}
        for _ in range(_PAGES_MAX):
            answer = self._client.harmless("GET", f"/messages/v4/list?{urlencode(fields)}")
            yield answers.rows(answer)
            fields["startKey"] = word(answer, "nextKey")
            if not fields["startKey"]:
                return
        raise Busy("list does not end")


def _messages(parcel: Parcel, image: str) -> list[dict[str, object]]:
    """One entry per receiver; the type is ours to say, because it decides the price."""
    if parcel.channel is Channel.ALIMTALK:
        return kakao.messages(parcel)
    shared: dict[str, object] = {"from": parcel.sender, "type": parcel.channel.value, "autoTypeDetect": False}
    if parcel.subject and parcel.channel is not Channel.SMS:
        shared["subject"] = parcel.subject
    if image:
        shared["imageId"] = image
    pairs = zip(parcel.receivers, parcel.texts, strict=True)
    return [{"to": receiver, "text": text, **shared} for receiver, text in pairs]


def _path(reference: str) -> str:
    if not answers.REFERENCE.fullmatch(reference):
        raise local("솔라피의 그룹 번호가 아닙니다.")
    return f"{_GROUPS}/{reference}"


def _unless_about_the_group(outcome: Busy | Refused) -> Busy | Refused:
    """A refusal because of the group, which is given up now, is none of the messages: another group may take them."""
    return Busy(outcome.code) if isinstance(outcome, Refused) and about_the_group(outcome) else outcome
