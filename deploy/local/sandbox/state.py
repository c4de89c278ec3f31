"""Everything accepted: one small object per call, eight bytes per receiver, the texts on disk."""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from sys import intern
from typing import Any

from deploy.local.sandbox.accounts import Account, won
from deploy.local.sandbox.images import Images
from deploy.local.sandbox.journal import Journal, Record

FIRST_REFERENCE = 700_100_200
FIRST_MESSAGE = 915_000_331


@dataclass(slots=True)
class Batch:
    """One accepted call of a provider: its messages stand at `start` .. `start + count` in the order accepted."""

    reference: int
    provider: str
    user: str
    kind: str
    sender: str
    accepted_at: float
    count: int
    errors: int = 0
    reserved_for: float = 0.0
    test: bool = False
    cost: int = 0
    title: str = ""
    images: tuple[str, ...] = ()
    start: int = 0
    cancelled_at: float = 0.0
    failures: int = -1
    place: tuple[int, int] = (0, 0)
    group: str = ""
    template: str = ""
    endings: dict[int, str] = field(default_factory=dict)
    """Whose end was decided when they were accepted."""

    @property
    def due(self) -> float:
        """When the carriers get it."""
        return self.reserved_for or self.accepted_at

    @property
    def live(self) -> bool:
        """Whether it reaches, or may still reach, a handset."""
        return not self.test and not self.cancelled_at


@dataclass(slots=True)
class Draft:
    """What a provider hands over for keeping: one text for all receivers, or one for each."""

    provider: str
    user: str
    kind: str
    sender: str
    receivers: list[str]
    texts: list[str]
    subject: str
    errors: int = 0
    reserved_for: float = 0.0
    test: bool = False
    cost: int = 0
    title: str = ""
    images: tuple[str, ...] = field(default=())
    group: str = ""
    template: str = ""
    kakao: list[Record] = field(default_factory=list)
    """What a KakaoTalk message shows beside its text, for each receiver."""
    endings: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


class Store:
    """Accepts, remembers and counts. `subject` is the text a list of calls shows, stored beside the others.

    A provider may keep events of its own between the accepted calls: those found at the start stand in `events`.
    """

    def __init__(self, folder: Path) -> None:
        self.images = Images(folder / "images")
        self.accounts: dict[str, Account] = {}
        self._adjusted: set[str] = set()
        self.batches: list[Batch] = []
        self.receivers = array("Q")
        self._hashes = array("q")
        self._starts = array("Q")
        self._first = FIRST_REFERENCE
        self._counted: tuple[tuple[int, int], dict[str, Any]] | None = None
        self._cancels = 0
        self.events: list[tuple[tuple[int, int], Record]] = []
        self.forgetting: list[Callable[[], None]] = []
        self._journal = Journal(folder / "accepted.jsonl")
        self.read = lru_cache(maxsize=64)(self._journal.read)
        for place, length, record in self._journal.replay():
            self._replay((place, length), record)

    def open(self, account: Account) -> None:
        """Make an account known unless the journal knows better; what was already spent from it is spent."""
        if account.user not in self.accounts:
            account.balance -= sum(batch.cost for batch in self.batches if batch.user == account.user and batch.live)
            self.accounts[account.user] = account

    def accept(self, draft: Draft, now: float) -> Batch:
        """Write it down, then count it; only after this may the caller be told."""
        return self.accept_all([draft], now)[0]

    def accept_all(self, drafts: list[Draft], now: float) -> list[Batch]:
        """The same for drafts that are accepted together or not at all."""
        records = [_record(draft, now) for draft in drafts]
        batches = [self._remember(*pair) for pair in zip(self._journal.append(*records), records, strict=True)]
        for batch in batches:
            self.accounts[batch.user].balance -= batch.cost
        return batches

    def write(self, record: Record) -> tuple[int, int]:
        """Write an event of a provider; `read` gives it back by its place."""
        return self._journal.append(record)[0]

    def cancel(self, batch: Batch, now: float) -> None:
        self._journal.append({"e": "cancel", "ref": batch.reference, "at": round(now, 3)})
        self._cancelled(batch, now)
        self.accounts[batch.user].balance += batch.cost

    def adjust(self, account: Account) -> None:
        """Open or replace an account while running; replayed after a restart."""
        self._write_account(account)
        self._adjusted.add(account.user)
        self.accounts[account.user] = account

    def find(self, reference: str, user: str) -> Batch | None:
        """The call a user's reference names."""
        plain = reference.isascii() and reference.isdigit() and len(reference) < 20
        place = int(reference) - self._first if plain else -1
        batch = self.batches[place] if 0 <= place < len(self.batches) else None
        return batch if batch and batch.user == user else None

    def newest(self, user: str) -> Iterator[Batch]:
        return (batch for batch in reversed(self.batches) if batch.user == user)

    def batch_at(self, position: int) -> Batch:
        """The call that the message at this position came with."""
        return self.batches[bisect_right(self._starts, position) - 1]

    def subject(self, batch: Batch) -> str:
        return str(self.read(*batch.place)["msg"])

    def text(self, batch: Batch, index: int) -> str:
        texts = self.read(*batch.place)["txt"]
        return str(texts[index] if len(texts) > 1 else texts[0])

    def kakao(self, batch: Batch, index: int) -> Record:
        """What a KakaoTalk message shows beside its text."""
        shown = self.read(*batch.place).get("kakao", ())
        return dict(shown[index]) if index < len(shown) else {}

    def refused(self, batch: Batch) -> list[str]:
        """Receivers of a call that were no numbers, where a provider lists them."""
        return list(self.read(*batch.place).get("bad", ()))

    def positions(self, receiver: int) -> Iterator[int]:
        """Where the messages of one receiver stand, oldest first."""
        place = -1
        try:
            while True:
                place = self.receivers.index(receiver, place + 1)
                yield place
        except ValueError:
            return

    def stats(self) -> dict[str, Any]:
        """Counts over what can reach a handset; the same text twice to one receiver is a duplicate."""
        key = (len(self.batches), self._cancels)
        if self._counted is None or self._counted[0] != key:
            self._counted = (key, self._count())
        return self._counted[1]

    def reset(self) -> None:
        """Forget all messages, never a reference: a client keeps those it has seen."""
        following = self._first + len(self.batches)
        self._journal.clear()
        self._journal.append({"e": "reset", "next": following})
        self._forget(following)
        self.images.clear()
        for forget in self.forgetting:
            forget()
        for account in self.accounts.values():
            account.balance = account.opened_with
            if account.user in self._adjusted:
                self._write_account(account)

    def close(self) -> None:
        self._journal.close()

    def _write_account(self, account: Account) -> None:
        senders, ips = sorted(account.senders), sorted(account.ips)
        self._journal.append(
            {
                "e": "account",
                "u": account.user,
                "key": account.key,
                "s": senders,
                "won": account.balance / 100,
                "ips": ips,
            }
        )

    def _count(self) -> dict[str, Any]:
        receivers, hashes, kinds = self.receivers, self._hashes, Counter[str]()
        live = [batch for batch in self.batches if batch.live]
        for batch in live:
            kinds[batch.kind] += batch.count
        if len(live) < len(self.batches):
            receivers, hashes = array("Q"), array("q")
            for batch in live:
                span = slice(batch.start, batch.start + batch.count)
                receivers.extend(self.receivers[span])
                hashes.extend(self._hashes[span])
        per_receiver = Counter(receivers)
        return {
            "accepted_messages": len(receivers),
            "distinct_receivers": len(per_receiver),
            "max_per_receiver": max(per_receiver.values(), default=0),
            "duplicates": len(hashes) - len(set(hashes)),
            "malformed_receivers": sum(batch.errors for batch in live),
            "not_for_handsets": len(self.receivers) - len(receivers),
            "accepted_calls": len(self.batches),
            "by_type": dict(kinds),
        }

    def _remember(self, place: tuple[int, int], record: Record) -> Batch:
        numbers, texts = record["to"], record["txt"]
        start = len(self.receivers)
        self.receivers.extend(map(int, numbers))
        alike = texts * len(numbers) if len(texts) == 1 else texts
        self._hashes.extend(map(hash, zip(numbers, alike, strict=True)))
        self._starts.append(start)
        provider, user, kind, sender = (intern(record[name]) for name in ("p", "u", "k", "s"))
        batch = Batch(self._first + len(self.batches), provider, user, kind, sender, record["at"], len(numbers), place=place)
        batch.errors, batch.reserved_for, batch.test, batch.cost = (record[name] for name in ("err", "rsv", "test", "cost"))
        batch.title, batch.images, batch.start = intern(record["title"]), tuple(map(intern, record["img"])), start
        batch.group, batch.template = record.get("g", ""), record.get("tpl", "")
        batch.endings = {int(number): end for number, end in record.get("end", {}).items()}
        self.batches.append(batch)
        return batch

    def _cancelled(self, batch: Batch, at: float) -> None:
        batch.cancelled_at = at
        self._cancels += 1

    def _forget(self, following: int) -> None:
        self._first = following
        self.batches, self.receivers, self._hashes, self._starts = [], array("Q"), array("q"), array("Q")
        self._counted = None
        self.events = []
        self.read.cache_clear()

    def _replay(self, place: tuple[int, int], record: Record) -> None:
        match record["e"]:
            case "batch":
                batch = self._remember(place, record)
                if batch.user in self.accounts:
                    self.accounts[batch.user].balance -= batch.cost
            case "cancel":
                batch = self.batches[record["ref"] - self._first]
                self._cancelled(batch, record["at"])
                if batch.user in self.accounts:
                    self.accounts[batch.user].balance += batch.cost
            case "account":
                self._adjusted.add(record["u"])
                self.accounts[record["u"]] = Account(
                    record["u"], record["key"], frozenset(record["s"]), won(record["won"]), frozenset(record["ips"])
                )
            case "reset":
                self._forget(record["next"])
            case _:
                self.events.append((place, record))


def _record(draft: Draft, now: float) -> Record:
    record: Record = {
        "e": "batch",
        "p": draft.provider,
        "u": draft.user,
        "k": draft.kind,
        "s": draft.sender,
        "at": round(now, 3),
        "err": draft.errors,
        "rsv": draft.reserved_for,
        "test": draft.test,
        "cost": draft.cost,
        "title": draft.title,
        "img": list(draft.images),
        "msg": draft.subject,
        "to": draft.receivers,
        "txt": draft.texts,
    }
    more = {"g": draft.group, "tpl": draft.template, "kakao": draft.kakao, "end": draft.endings, "bad": draft.refused}
    return record | {name: value for name, value in more.items() if value}
