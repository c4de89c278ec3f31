"""The contract every provider keeps: what goes in, what comes out, and the only three ways to fail."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.errors import NotFound
from core.rules.channel import Channel
from core.rules.states import MessageState
from core.rules.template import Template, Written, keeps

_NUMBER = re.compile(r"\+?\d(?:[\s().-]?\d){6,}")
_WORDS_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Account:
    """One provider account of one workspace, decrypted; its credentials never appear in a repr."""

    provider: str
    base_url: str
    credentials: Mapping[str, str] = field(repr=False, hash=False)
    test_mode: bool
    kakao_url: str = ""  # where Alimtalk has a host of its own

    def hide(self, words: str) -> str:
        """What a provider said, fit for a log: without this account's secrets, without long numbers, and short."""
        for secret in filter(None, self.credentials.values()):
            words = words.replace(secret, "***")
        return _NUMBER.sub("***", words).strip()[:_WORDS_LIMIT]


@dataclass(frozen=True, slots=True)
class Parcel:
    """The messages of one provider call; `texts` has one fully rendered text per receiver.

    An Alimtalk also has its template, and per receiver the template filled in.
    """

    channel: Channel
    sender: str
    receivers: Sequence[str] = field(repr=False)
    texts: Sequence[str] = field(repr=False)
    subject: str = field(default="", repr=False)
    image: bytes | None = field(default=None, repr=False)
    template: Template | None = field(default=None, repr=False)
    written: Sequence[Written] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the call. Which receivers it refused is known only from `results`."""

    reference: str
    accepted: int
    refused: int
    channel: Channel


class Cause(StrEnum):
    """Why nothing was sent."""

    MESSAGE = "MESSAGE"
    AUTH = "AUTH"
    IP = "IP"
    BALANCE = "BALANCE"
    SENDER = "SENDER"
    EDGE = "EDGE"


class Refused(Exception):
    """Nothing was sent, and repeating the same call will not help."""

    def __init__(self, code: str, message: str, cause: Cause) -> None:
        super().__init__(f"{cause} {code}: {message}")
        self.code = code
        self.message = message
        self.cause = cause

    @property
    def account_wide(self) -> bool:
        """True when the account, not the message, is the trouble: pause it, fail nothing."""
        return self.cause is not Cause.MESSAGE


class Busy(Exception):
    """Nothing was sent; the same call may work later."""

    def __init__(self, reason: str, retry_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_seconds = retry_seconds


class Unknown(Exception):
    """It may have been sent: ask the provider before anything else."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Forged(Exception):
    """A push that does not prove that it comes from this account's provider: ignore it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one message; `state` None is still pending, `known` False means the words were not recognised."""

    receiver: str = field(repr=False)
    state: MessageState | None
    text: str
    reference: str
    known: bool
    code: str = ""  # the provider's own, where it has codes


@dataclass(frozen=True, slots=True)
class Report:
    """The results of one call; `complete` when every page was read."""

    results: Sequence[Result]
    complete: bool


@dataclass(frozen=True, slots=True)
class Sighting:
    """One row of the provider's own list of sends."""

    reference: str
    channel: Channel
    count: int
    at: datetime
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hint:
    """A push says that something happened to a call, or to one message of it. Never believed: read the results."""

    reference: str
    message: str = ""
    event: str = ""  # the same for every repetition of one push


@dataclass(frozen=True, slots=True)
class OptedOut:
    """Somebody who said no to ads by the free number, as the provider lists it."""

    number: str = field(repr=False)
    event: str  # the same whenever it is listed
    at: datetime | None  # None: the provider does not say


@dataclass(frozen=True, slots=True)
class Balance:
    """How many messages of one kind the account could still pay for: alternatives, not a sum."""

    sms: int
    lms: int
    mms: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A sender number as the provider has it registered."""

    number: str = field(repr=False)
    usable: bool
    words: str  # the state it has there, for a person


def forget(reference: str) -> None:
    """What `send` calls with a reference when its caller does not want to know."""


class Provider(Protocol):
    """A company that delivers messages, for one account. Safe to use from several threads.

    What a lost answer came to is found in one of two ways. `references_before_sending`: `send` names its reference
    before anything can leave, and `status` has the word; a call that named none sent nothing. Otherwise nothing is
    known before the answer, and the provider's own list (`sightings`) is searched.
    """

    name: str
    references_before_sending: bool

    def batch_limit(self, channel: Channel) -> int:
        """The most messages one `send` may carry; 0 when the provider does not offer the channel."""
        ...

    def send(self, parcel: Parcel, note: Callable[[str], None] = forget) -> Accepted:
        """Hand one batch on. Raises Refused, Busy or Unknown and nothing else.

        Where there is a reference before sending, `note` gets it, once, before the step that can send; whatever
        `note` raises ends the call with nothing sent and is passed on.
        """
        ...

    def status(self, reference: str) -> Accepted | None:
        """What a noted call came to: Accepted, or None when it sent nothing and, from now on, never can.

        Takes back what has not been sent: ask only when the call is over or given up. Raises Busy (ask later),
        Refused (the account may not ask), or Unknown (the provider does not know the call: a person decides).
        """
        ...

    def results(self, reference: str) -> Report:
        """What became of a call's messages. Raises Refused or Busy."""
        ...

    def sightings(self, *, sender: str, since: datetime, until: datetime, channel: Channel = Channel.SMS) -> Sequence[Sighting]:
        """Every send of `sender` the provider saw in that time, complete or an exception: Refused or Busy.

        `channel` is what is looked for: a provider may keep Alimtalk in a list of its own.
        """
        ...

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Sequence[Hint]:
        """What a push hints at; parts that cannot be read are left out. Raises Forged."""
        ...

    def balance(self) -> Balance:
        """What is left. Raises Refused or Busy; the cheapest way to check key and IP."""
        ...

    def cancel(self, reference: str) -> None:
        """Take back a reserved call. Raises Refused, Busy or Unknown."""
        ...

    def senders(self) -> Sequence[Listed] | None:
        """Every sender number of the account, complete or an exception: Refused or Busy. None where it cannot be asked."""
        ...

    def templates(self) -> Sequence[Template]:
        """Every Alimtalk template of the account, complete or an exception: Refused or Busy. None where it offers none."""
        ...

    def optouts(self, since: datetime | None) -> Iterator[Sequence[OptedOut]]:
        """Page by page who said no since then, or ever; to the end, or an exception: Refused or Busy.

        None where the provider keeps no list (core.db.feeds names those that do).
        """
        ...


def check_templates(parcel: Parcel) -> str:
    """What is wrong with the template side of an Alimtalk, before anything is asked; empty when it may go."""
    template, written = parcel.template, parcel.written
    if template is None or len(written) != len(parcel.receivers):
        return "알림톡에는 템플릿과 수신자별 내용이 필요합니다."
    if any(one.text != text for one, text in zip(written, parcel.texts, strict=False)):
        return "알림톡의 본문과 채운 템플릿이 서로 다릅니다."
    if not all(keeps(template, one) for one in written):
        return "본문이 승인된 템플릿과 다릅니다."
    return ""


def names() -> Sequence[str]:
    """Every provider there is: the modules and packages of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find(account: Account) -> Provider:
    """The adapter for an account; the caller keeps it as long as the account lives."""
    if account.provider not in names():
        sentence = f"알 수 없는 발송사입니다: {account.provider} (가능: {', '.join(names())})"
        raise NotFound(sentence, facts={"provider": account.provider})
    place = f"{__name__}.{account.provider}"
    module = importlib.import_module(place)
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{place}.adapter")
    adapter: Provider = module.Adapter(account)
    return adapter
