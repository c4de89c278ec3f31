"""Drills with a name of their own: the sizes and moments at which others were measured, and what they came to there."""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.faults.kinds import BEFORE, SENDS, Blow, Kind, hang_redis, lose_provider, lose_redis, lose_storage

ALIGO_SENDS = SENDS.partition(",")[0]


@dataclass(frozen=True)
class Named:
    """One campaign at full size. `beside` is what somebody else's system did with the same."""

    kind: Kind
    recipients: int
    by: int = 0  # people in a batch; 0: as many as the provider takes
    providers: tuple[str, ...] = ("aligo",)
    launcher: tuple[str, ...] = ()
    bulk: int = 2
    beside: str = ""


def _workers(number: int) -> Kind:
    """A signal to all that hand over, when 30 % is with the provider."""
    word = signal.Signals(number).name

    def blows(chance: Random) -> Sequence[Blow]:
        return [Blow(0.3, f"{word} to every bulk worker", lambda ground: [ground.hit(name, number) for name in ground.bulk])]

    return Kind(word, 0, blows, joins=False)


def _fault(kind: str, **rule: object) -> Kind:
    """The provider misbehaves from the first call on, until the end."""
    words = f"provider: {kind} {' '.join(f'{name}={value}' for name, value in rule.items())}"
    blow = Blow(BEFORE, words.strip(), lambda ground: ground.fault(kind, **rule))
    return Kind(kind, 0, lambda chance: [blow], holds=True, joins=False)


def _outage(name: str, part: Callable[[float, float], list[Blow]], *, pictured: bool = False) -> Named:
    """A part is gone for a minute, in the middle of a campaign of 20,000."""
    kind = Kind(name, 0, lambda chance: part(0.3, 60.0), holds=True, joins=False, pictured=pictured)
    return Named(kind, 20_000, by=100)


_BOTH = ("aligo", "solapi")

NAMED = {
    "kill20k": Named(_workers(signal.SIGKILL), 20_000, beside="listmonk, kill -9: 10,860 of 20,000 never got it"),
    "term20k": Named(_workers(signal.SIGTERM), 20_000, beside="listmonk, SIGTERM: 10,774 of 20,000 never got it"),
    "down60": Named(
        _fault("down", path="*", count=1, delay=60), 900, by=100, beside="listmonk: finished after 1.2 s, 900 of 900 never got it"
    ),
    "redis60": _outage("redis60", lose_redis),
    "storage60": _outage("storage60", lose_storage, pictured=True),
    "provider60": _outage("provider60", lose_provider),
    "redis_hung60": _outage("redis_hung60", hang_redis),
    "twice": Named(
        Kind("every job queued twice", 0, lambda chance: ()),
        2_000,
        by=20,
        launcher=("tests.faults.twice",),
        bulk=4,
        beside="GOV.UK Notify: two workers with one id make two provider calls for one row",
    ),
    "half_500": Named(_fault("error_500", path=ALIGO_SENDS, probability=0.5, seed=1), 2_000, by=50, providers=_BOTH),
    "half_busy": Named(_fault("busy", path=ALIGO_SENDS, status=429, probability=0.5, seed=1), 2_000, by=50, providers=_BOTH),
    "half_lost": Named(
        _fault("lost_answer_reset", path=ALIGO_SENDS, probability=0.5, seed=1),
        2_000,
        by=50,
        providers=_BOTH,
        beside="GOV.UK Notify: a time-out followed by a retry doubles the message",
    ),
}
