"""Solapi's groups: opened, filled, started once; everything that happened to them stands in the journal."""

import secrets
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deploy.local.sandbox.calls import World
from deploy.local.sandbox.clock import KST
from deploy.local.sandbox.results import DELIVERED, PENDING, WAITING
from deploy.local.sandbox.solapi_codes import AT_CARRIER, BY_STATUS, ENDINGS, REGISTERED, Refusal
from deploy.local.sandbox.solapi_messages import PRICES, Entry
from deploy.local.sandbox.state import Batch, Draft
from deploy.local.sandbox.templates import CHANNEL_NAME

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(slots=True)
class Part:
    """The messages that came in one call; they stand in the journal."""

    place: tuple[int, int]
    first: int
    count: int
    at: float


@dataclass(slots=True)
class Group:
    """One group. Its entries are on disk; what it charges for and who is in it is counted here."""

    id: str
    user: str
    created_at: float
    options: dict[str, Any]
    updated_at: float = 0.0
    parts: list[Part] = field(default_factory=list)
    receivers: set[str] = field(default_factory=set)
    kinds: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    deleted_at: float = 0.0
    failed_at: float = 0.0
    batches: list[Batch] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(part.count for part in self.parts)

    @property
    def cost(self) -> int:
        return sum(PRICES[kind] * count for kind, count in self.kinds.items())


class Groups:
    """All groups of all accounts, oldest first."""

    def __init__(self, world: World) -> None:
        self._world, self._store = world, world.store
        self.hook_events = [record for _, record in self._store.events if record["e"] in ("solapi.hook", "solapi.unhook")]
        self._start(0, 0)
        for place, record in self._store.events:
            self._replay(place, record)
        self._store.events = []
        for batch in self._store.batches:
            if batch.group in self._groups:
                self._sent(self._groups[batch.group], [batch])
        self.ripe()  # nobody is told now of what ended before
        self._store.forgetting.append(self._forget)

    def open(self, user: str, options: dict[str, Any]) -> Group:
        record = {"e": "solapi.group", "n": self._opened + 1, "u": user, "at": self._now(), "o": options}
        self._store.write(record)
        return self._open(record)

    def find(self, name: str, user: str) -> Group:
        group = self._groups.get(name)
        if group is None or group.user != user:
            raise Refusal("ResourceNotFound")
        return group

    def of(self, user: str) -> Iterator[Group]:
        """Newest first."""
        return (group for group in reversed(self._groups.values()) if group.user == user)

    def keep(self, picture: str) -> str:
        """A file id for a picture."""
        name = "ST01FZ" + datetime.fromtimestamp(self._now(), KST).strftime("%y%m%d%H%M%S") + secrets.token_hex(8)
        self._store.write({"e": "solapi.file", "id": name, "hash": picture})
        self.pictures[name] = picture
        return name

    def add(self, group: Group, entries: list[Entry]) -> list[str]:
        """Put messages into a group that was not started; their ids."""
        self.must_be_pending(group)
        record = {"e": "solapi.add", "g": group.id, "at": self._now(), "n": self._messages, "m": entries}
        part = self._add(self._store.write(record), record)
        return [_name("M4V", part.at, number) for number in range(part.first, part.first + part.count)]

    def start(self, group: Group, reserved_for: float = 0.0) -> None:
        """Hand every good message of a group to the carriers, now or later. All of them, or none."""
        self.must_be_pending(group)
        if not group.total:
            raise Refusal("ValidationError", "그룹에 메시지가 없습니다.")
        if group.total == group.failed:
            raise Refusal("FailedGroup")
        if group.cost > self._store.accounts[group.user].balance:
            raise Refusal("NotEnoughBalance")
        drafts = self._drafts(group, reserved_for)
        self._sent(group, self._store.accept_all(drafts, self._world.clock.now()))

    def unschedule(self, group: Group) -> None:
        if self.status(group) != "SCHEDULED":
            raise Refusal("InvalidStatus", "예약된 그룹이 아닙니다.")
        for batch in group.batches:
            self._store.cancel(batch, self._world.clock.now())

    def end(self, group: Group, event: str) -> None:
        """`delete` it, or let it be one that has `failed`."""
        self.must_be_pending(group)
        record = {"e": f"solapi.{event}", "g": group.id, "at": self._now()}
        self._store.write(record)
        self._end(record)

    def must_be_pending(self, group: Group) -> None:
        status = self.status(group)
        if status != "PENDING":
            raise Refusal(BY_STATUS[status])

    def status(self, group: Group) -> str:
        if group.deleted_at:
            return "DELETED"
        if group.failed_at:
            return "FAILED"
        batch = group.batches[-1] if group.batches else None
        if batch is None or batch.cancelled_at:
            return "PENDING"
        if self._world.clock.now() < batch.reserved_for:
            return "SCHEDULED"
        return "COMPLETE" if self._is_ripe(batch) else "SENDING"

    def entries(self, group: Group, first: int = 0) -> Iterator[tuple[str, Entry]]:
        """The messages of a group with their ids, from the one with this serial number on."""
        for part in group.parts:
            if part.first + part.count <= first:
                continue
            rows = self._store.read(*part.place)["m"]
            for number in range(max(part.first, first), part.first + part.count):
                yield _name("M4V", part.at, number), rows[number - part.first]

    def code(self, group: Group, entry: Entry) -> str:
        """The status code of a message at this moment."""
        if entry["code"] != REGISTERED or not group.batches:
            return str(entry["code"])
        batch = group.batches[-1]
        state = self._world.state(batch, int(entry["to"]))
        if state == PENDING:
            early = self._world.clock.now() < batch.due + self._world.ripen / 4
            return REGISTERED if early else AT_CARRIER
        return REGISTERED if state == WAITING else ENDINGS[state]

    def message(self, name: str, user: str) -> tuple[Group, Entry] | None:
        """The message with this id."""
        number = _serial(name)
        place = bisect_right(self._firsts, number) - 1
        group = self._of_part[place] if place >= 0 else None
        if group is None or group.user != user:
            return None
        found = next(self.entries(group, number), None)
        return (group, found[1]) if found and found[0] == name else None

    def tally(self, group: Group) -> dict[str, int]:
        """How the messages that went have ended so far."""
        batches = [batch for batch in group.batches if batch.live]
        if not batches or self._world.clock.now() < batches[0].due:
            return {"sent": 0, "delivered": 0, "failed": 0}
        ends = [self._world.state(batch, receiver) for batch in batches for receiver in self._receivers(batch)]
        delivered, open_ones = ends.count(DELIVERED), ends.count(PENDING)
        return {"sent": len(ends), "delivered": delivered, "failed": len(ends) - delivered - open_ones}

    def ripe(self) -> list[Group]:
        """Groups whose messages have ended since the last time this was asked."""
        ended = [group for group in self._untold.values() if self.status(group) == "COMPLETE"]
        for group in ended:
            del self._untold[group.id]
        return ended

    def _receivers(self, batch: Batch) -> Iterator[int]:
        return iter(self._store.receivers[batch.start : batch.start + batch.count])

    def _is_ripe(self, batch: Batch) -> bool:
        return self._world.clock.now() >= batch.due + self._world.ripen

    def _drafts(self, group: Group, reserved_for: float) -> list[Draft]:
        """One draft for messages of the same type, sender, subject and picture."""
        drafts: dict[tuple[str, ...], Draft] = {}
        for _, entry in self.entries(group):
            if entry["code"] != REGISTERED:
                continue
            kind, image = entry["type"], entry["imageId"]
            template = entry.get("kakaoOptions", {}).get("templateId", "")
            key = (kind, entry["from"], entry["subject"], image, template)
            if key not in drafts:
                images = (self.pictures[image],) if image in self.pictures else ()
                draft = Draft("solapi", group.user, kind, entry["from"], [], [], entry["text"], title=entry["subject"])
                draft.images, draft.group, draft.reserved_for = images, group.id, reserved_for
                draft.template = template
                drafts[key] = draft
            drafts[key].receivers.append(entry["to"])
            drafts[key].texts.append(entry["text"])
            if kind == "ATA":
                drafts[key].kakao.append({"channel": CHANNEL_NAME, **entry["kakao"]})
        for draft in drafts.values():
            draft.cost = PRICES[draft.kind] * len(draft.receivers)
        next(iter(drafts.values())).errors = group.failed
        return list(drafts.values())

    def _now(self) -> float:
        return round(self._world.clock.now(), 3)

    def _start(self, opened: int, messages: int) -> None:
        self._opened, self._messages = opened, messages
        self._groups: dict[str, Group] = {}
        self._untold: dict[str, Group] = {}
        self._firsts: list[int] = []
        self._of_part: list[Group] = []
        self.pictures: dict[str, str] = {}

    def _forget(self) -> None:
        """Never an id twice, also after a reset."""
        self._start(self._opened, self._messages)
        self._store.write({"e": "solapi.next", "g": self._opened, "m": self._messages})

    def _replay(self, place: tuple[int, int], record: dict[str, Any]) -> None:
        match record["e"]:
            case "solapi.group":
                self._open(record)
            case "solapi.add":
                self._add(place, record)
            case "solapi.delete" | "solapi.failed":
                self._end(record)
            case "solapi.next":
                self._start(record["g"], record["m"])
            case "solapi.file":
                self.pictures[record["id"]] = record["hash"]

    def _open(self, record: dict[str, Any]) -> Group:
        self._opened = record["n"]
        group = Group(_name("G4V", record["at"], self._opened), record["u"], record["at"], record["o"])
        group.updated_at = record["at"]
        self._groups[group.id] = group
        return group

    def _add(self, place: tuple[int, int], record: dict[str, Any]) -> Part:
        group, entries = self._groups[record["g"]], record["m"]
        part = Part(place, record["n"], len(entries), record["at"])
        self._messages = part.first + part.count
        self._firsts.append(part.first)
        self._of_part.append(group)
        group.parts.append(part)
        group.updated_at = record["at"]
        for entry in entries:
            if entry["code"] == REGISTERED:
                group.receivers.add(entry["to"])
                group.kinds[entry["type"]] = group.kinds.get(entry["type"], 0) + 1
            else:
                group.failed += 1
        return part

    def _sent(self, group: Group, batches: list[Batch]) -> None:
        if group.batches and group.batches[-1].cancelled_at and not batches[0].cancelled_at:
            group.batches = []
        group.batches += batches
        self._untold[group.id] = group
        group.updated_at = batches[-1].accepted_at

    def _end(self, record: dict[str, Any]) -> None:
        group = self._groups[record["g"]]
        group.updated_at = record["at"]
        if record["e"] == "solapi.delete":
            group.deleted_at = record["at"]
        else:
            group.failed_at = record["at"]


def _name(kind: str, at: float, number: int) -> str:
    """An id as Solapi's: its kind, the Korean time, fifteen letters."""
    letters = ""
    for _ in range(15):
        number, letter = divmod(number, 26)
        letters = _LETTERS[letter] + letters
    return kind + datetime.fromtimestamp(at, KST).strftime("%Y%m%d%H%M%S") + letters


def _serial(name: str) -> int:
    number = 0
    for letter in name[-15:]:
        place = _LETTERS.find(letter)
        if place < 0:
            return -1
        number = number * 26 + place
    return number
