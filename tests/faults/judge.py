"""The judge of a drill: the sandbox's own log against the ledger, person by person."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from core import clock
from core.rules import night
from core.rules.states import MessageState
from deploy.local.sandbox.results import DELIVERED, outcome
from tests import invariants
from tests.faults.log import Taken, doubled
from tests.faults.shop import Shop
from tests.invariants import Ledger

FAILING_PERCENT = 3  # of the sandbox, as children.sandbox starts it


@dataclass
class Verdict:
    """What a drill came to. `words` says of everything that is wrong what it is."""

    recipients: int = 0
    lost: int = 0
    doubled: int = 0
    unknown: int = 0
    refused: int = 0
    attempts: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)  # of the attempts
    carried: dict[str, int] = field(default_factory=dict)  # messages, by who took them
    words: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)  # when it is not good: every attempt

    @property
    def good(self) -> bool:
        """Nothing lost, doubled or unexplained."""
        return not (self.lost or self.doubled or self.unknown or self.words)


def judge(shop: Shop, campaign: UUID) -> Verdict:
    """After the last message: every person once at the provider, and a ledger that says so."""
    taken = shop.ground.log.of(shop.users)
    look = shop.ground.look
    ledger = look(lambda connection: Ledger(connection, campaign))
    found = look(lambda connection: invariants.violations(connection, campaign))
    found += look(lambda connection: invariants.days(connection, shop.workspace))
    got = Counter(receiver for call in taken for receiver in call.receivers)
    refused = sum(call.errors for call in taken)
    refused += sum(shop.ground.log.turned_away(one["reference"]) for one in ledger.attempts if one["outcome"] == "REFUSED")
    missing = shop.wanted - got.keys()
    verdict = Verdict(
        recipients=len(shop.wanted),
        lost=max(0, len(missing) - refused),
        doubled=sum(doubled(taken).values()),
        unknown=int(ledger.counters["unknown"]),
        refused=refused,
        attempts=len(ledger.attempts),
        outcomes=dict(Counter(attempt["outcome"] for attempt in ledger.attempts)),
        carried=carried(ledger),
        words=found,
    )
    if strangers := got.keys() - shop.wanted:
        verdict.words.append(f"{len(strangers)} people got it who may not")
    verdict.words += same_calls(shop, ledger, taken) + lawful(shop, taken)
    verdict.evidence = [] if verdict.good else [_told(attempt) for attempt in ledger.attempts]
    return verdict


def _told(attempt: dict[str, Any]) -> str:
    names = ("batch_id", "number", "channel", "started_at", "finished_at", "outcome", "reference", "words", "positions")
    return " ".join(str(attempt[name]) for name in names)


def same_calls(shop: Shop, ledger: Ledger, taken: list[Taken]) -> list[str]:
    """Accepted attempts and the provider's calls are the same, one to one, with the same receivers."""
    theirs: dict[str, Counter[str]] = {}
    for call in filter(lambda one: one.receivers, taken):  # a call of which nobody was taken is a refusal
        theirs.setdefault(call.reference, Counter()).update(call.receivers)
    ours = {}
    people = {batch["id"]: batch["contact_ids"] for batch in ledger.batches}
    for attempt in ledger.accepted:
        ours[attempt["reference"]] = Counter(shop.people[people[attempt["batch_id"]][at]] for at in attempt["positions"])
    found = [f"the provider has call {one}, the ledger has not" for one in theirs.keys() - ours.keys()]
    found += [f"the ledger has call {one}, the provider has not" for one in ours.keys() - theirs.keys()]
    for one in ours.keys() & theirs.keys():
        if theirs[one] - ours[one]:
            found.append(f"call {one} reached people the ledger does not name")
    counts = {attempt["reference"]: (attempt["accepted"], attempt["refused"]) for attempt in ledger.accepted}
    errors = Counter({call.reference: call.errors for call in taken})
    for one in ours.keys() & theirs.keys():
        if counts[one] != (truth := (theirs[one].total(), errors[one])):
            found.append(f"call {one}: accepted and refused are {counts[one]}, at the provider {truth}")
    return found


def lawful(shop: Shop, taken: list[Taken]) -> list[str]:
    """I5: by night only those who agreed to it."""
    found = []
    for call in taken:
        at = datetime.fromtimestamp(call.at, UTC)
        if not night.may_leave(at, night_consent=False, window=night.STATUTORY):
            sleeping = set(call.receivers) - shop.at_night
            if sleeping:
                found.append(f"{len(sleeping)} people were written to at {clock.kst(at):%H:%M:%S} without having agreed")
    return found


def ended(shop: Shop, campaign: UUID) -> list[str]:
    """I4: when all results are in, everybody ended as the provider says, whatever order it came in."""
    ledger = shop.ground.look(lambda connection: Ledger(connection, campaign))
    got = {receiver for call in shop.ground.log.of(shop.users) for receiver in call.receivers}
    wrong: Counter[str] = Counter()
    for batch in ledger.batches:
        for contact, byte in zip(batch["contact_ids"], batch["states"], strict=True):
            state, wanted = MessageState(byte), _end(shop.people[contact], got)
            if state not in wanted:
                wrong[f"{state.name} instead of {' or '.join(sorted(one.name for one in wanted))}"] += 1
    return [f"{people} people are {words}" for words, people in wrong.items()]


def _end(phone: str, got: set[str]) -> set[MessageState]:
    if phone not in got:
        return {MessageState.FAILED, MessageState.EXCLUDED}
    return {MessageState.DELIVERED if outcome(int(phone), FAILING_PERCENT) == DELIVERED else MessageState.FAILED}


def carried(ledger: Ledger) -> dict[str, int]:
    """Who carried how many."""
    by_provider: Counter[str] = Counter()
    for attempt in ledger.accepted:
        by_provider[attempt["provider"]] += attempt["accepted"]
    return dict(by_provider)
