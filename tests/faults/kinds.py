"""Every kind of fault: what is done, drawn from a seeded chance, and when, told by how much the provider has by then."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from tests.faults.ground import Ground
from tests.faults.proxy import Cut

Strike = Callable[[Ground], object]
BEFORE = -1.0  # before the launch


@dataclass(frozen=True)
class Blow:
    """One thing done at one moment: when the provider has this share of the messages."""

    share: float
    words: str
    strike: Strike
    patience: float = 5.0  # seconds to wait for that share

    def __str__(self) -> str:
        return f"{self.words} {'before the launch' if self.share < 0 else f'at {self.share:.0%}'}"


@dataclass(frozen=True)
class Kind:
    """`weight`: its part of the drills. `settle`: seconds until the provider's list can be trusted, an account setting.
    `holds`: the trouble lasts until everybody is accounted for."""

    name: str
    weight: int
    blows: Callable[[Random], Sequence[Blow]]
    settle: int = 5
    holds: bool = False
    joins: bool = True  # may be one of two at once
    pictured: bool = False  # the campaign has a flyer, which every worker has to fetch


def _moment(chance: Random) -> float:
    return round(chance.uniform(0.0, 0.8), 2)


# --- processes ----------------------------------------------------------------------------------------------------


def _signalled(number: int, *choices: str, many: bool = False) -> Callable[[Random], Sequence[Blow]]:
    """A signal to one process (or to all) whose name begins with one of these."""

    def blows(chance: Random) -> Sequence[Blow]:
        at, pick, word = _moment(chance), chance.random(), signal.Signals(number).name

        def strike(ground: Ground) -> None:
            names = [name for name in ground.programs if name.startswith(choices)]
            for name in names if many else [names[int(pick * len(names))]]:
                ground.hit(name, number)

        return [Blow(at, f"{word} to {'all of ' if many else ''}{'/'.join(choices)}", strike)]

    return blows


def _early(kind: Callable[[Random], Sequence[Blow]]) -> Callable[[Random], Sequence[Blow]]:
    """The same while the campaign is written and launched."""

    def blows(chance: Random) -> Sequence[Blow]:
        return [Blow(BEFORE if chance.random() < 0.5 else 0.0, one.words, one.strike) for one in kind(chance)]

    return blows


def _frozen(chance: Random) -> Sequence[Blow]:
    at, pick, seconds = _moment(chance), chance.random(), round(chance.uniform(13, 17), 1)

    def strike(ground: Ground) -> None:
        ground.freeze(ground.bulk[int(pick * len(ground.bulk))], seconds)

    return [Blow(at, f"a worker stands still for {seconds} s, longer than it counts as alive", strike)]


# --- queues and database ------------------------------------------------------------------------------------------


def _once(words: str, strike: Strike, most: int = 1) -> Callable[[Random], Sequence[Blow]]:
    """This, up to so many times."""
    return lambda chance: [Blow(_moment(chance), words, strike) for _ in range(chance.randint(1, most))]


def _stalled(wire: str, least: float, most: float) -> Callable[[Random], Sequence[Blow]]:
    def blows(chance: Random) -> Sequence[Blow]:
        at, seconds = _moment(chance), round(chance.uniform(least, most), 1)

        def strike(ground: Ground) -> None:
            getattr(ground, wire).stall(seconds)
            time.sleep(seconds)

        return [Blow(at, f"{wire} passes nothing on for {seconds} s", strike)]

    return blows


def _refusing(wire: str, least: float, most: float) -> Callable[[Random], Sequence[Blow]]:
    def blows(chance: Random) -> Sequence[Blow]:
        at, seconds = _moment(chance), round(chance.uniform(least, most), 1)

        def strike(ground: Ground) -> None:
            getattr(ground, wire).refuse(seconds)
            time.sleep(seconds)

        return [Blow(at, f"{wire} is cut for {seconds} s", strike)]

    return blows


def _postgres(number: int) -> Strike:
    return lambda ground: ground.hit("postgres", number)


# --- the way to the provider, and the provider -----------------------------------------------------------------------


def is_send(line: bytes) -> bool:
    """Whether a request can make messages leave."""
    return line.startswith((b"POST /send", b"POST /messages/v4/send")) or (
        line.startswith(b"POST /messages") and b"/send " in line
    )


def _cut(cut: Cut) -> Callable[[Random], Sequence[Blow]]:
    def blows(chance: Random) -> Sequence[Blow]:
        cuts = [cut if chance.random() < 0.6 else None for _ in range(chance.randint(4, 12))]
        words = f"of the next {len(cuts)} calls {cuts.count(cut)} are cut {cut.value}"
        return [Blow(BEFORE, words, lambda ground: ground.provider_wire.cut_requests(cuts, is_send))]

    return blows


def _rule(kind: str, most: int = 6, **fixed: object) -> Callable[[Random], Sequence[Blow]]:
    """The sandbox misbehaves on some of the calls, from some call on. A pair of numbers is drawn between them."""

    def blows(chance: Random) -> Sequence[Blow]:
        rule: dict[str, object] = {"count": chance.randint(2, most), "after": chance.randint(0, 6)}
        rule |= {"probability": round(chance.uniform(0.4, 1.0), 2), "seed": chance.randrange(10**6)}
        for name, value in fixed.items():
            rule[name] = round(chance.uniform(*value), 2) if isinstance(value, tuple) else value
        words = f"provider: {kind} {' '.join(f'{name}={value}' for name, value in rule.items())}"
        return [Blow(BEFORE, words, partial(_script, kind, rule))]

    return blows


def _script(kind: str, rule: dict[str, object], ground: Ground) -> None:
    ground.fault(kind, **rule)


def _both(*parts: Callable[[Random], Sequence[Blow]]) -> Callable[[Random], Sequence[Blow]]:
    return lambda chance: [blow for part in parts for blow in part(chance)]


def _down(chance: Random) -> Sequence[Blow]:
    at, seconds = _moment(chance), round(chance.uniform(2, 8), 1)
    return [
        Blow(at, f"the provider is down for {seconds} s", lambda ground: ground.fault("down", path="*", count=1, delay=seconds))
    ]


# --- a part that is gone for a while ---------------------------------------------------------------------------------


def lose_redis(share: float, seconds: float) -> list[Blow]:
    """Queues, slots and cache: away, and empty when they come back."""
    words = f"Valkey killed, its files gone, back after {seconds} s"
    return [Blow(share, words, lambda ground: ground.lose_valkey_for(seconds), patience=60)]


def hang_redis(share: float, seconds: float) -> list[Blow]:
    """There and mute: worse than gone, because everybody waits for an answer."""
    return [Blow(share, f"Valkey hangs for {seconds} s", lambda ground: ground.hang("valkey", seconds), patience=60)]


def lose_storage(share: float, seconds: float) -> list[Blow]:
    """Workers keep the picture they have; so they are started anew, as in a roll-out, and have to fetch it."""

    def strike(ground: Ground) -> None:
        ground.outage("storage", seconds)
        for name in ground.bulk:
            ground.hit(name, signal.SIGTERM)

    return [
        Blow(share, f"the object storage killed, back after {seconds} s; bulk workers restarted meanwhile", strike, patience=60)
    ]


def lose_provider(share: float, seconds: float) -> list[Blow]:
    """The process that plays the provider: killed in the middle of calls."""
    words = f"the provider killed, back after {seconds} s"
    return [Blow(share, words, lambda ground: ground.outage("sandbox", seconds), patience=60)]


def _outage(part: Callable[[float, float], Sequence[Blow]]) -> Callable[[Random], Sequence[Blow]]:
    return lambda chance: part(round(chance.uniform(0.1, 0.6), 2), round(chance.uniform(2, 6), 1))


SENDS = "/send*,/messages/v4/groups/*/send"
RESULTS = "/sms_list/,/list/,GET /messages/*"

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("kill_worker", 4, _signalled(signal.SIGKILL, "worker-bulk")),
        Kind("kill_all_workers", 3, _signalled(signal.SIGKILL, "worker-bulk", many=True)),
        Kind("term_workers", 5, _signalled(signal.SIGTERM, "worker-bulk", many=True)),
        # What stood between its last check and the wire still leaves: the provider's list is trusted only after that.
        Kind("freeze_worker", 3, _frozen, settle=25),
        Kind("kill_planner", 3, _early(_signalled(signal.SIGKILL, "worker-plan"))),
        Kind("kill_reader", 3, _both(_signalled(signal.SIGKILL, "worker-receipts"), _rule("lost_answer_reset"))),
        Kind("kill_server", 4, _early(_signalled(signal.SIGKILL, "server"))),
        Kind("term_server", 3, _early(_signalled(signal.SIGTERM, "server"))),
        Kind("kill_clock", 3, _signalled(signal.SIGKILL, "clock")),
        Kind("term_everything", 2, _signalled(signal.SIGTERM, "worker", "server", "clock", many=True)),
        Kind("kill_everything", 2, _signalled(signal.SIGKILL, "worker", "server", "clock", many=True)),
        Kind("flush_valkey", 5, _once("FLUSHALL", Ground.flush_valkey, most=3)),
        Kind("lose_valkey", 5, _once("Valkey killed, its files gone", Ground.lose_valkey)),
        Kind("cut_valkey", 3, _refusing("valkey_wire", 0.5, 4)),
        Kind("stall_valkey", 2, _stalled("valkey_wire", 2, 7)),
        Kind("restart_postgres", 5, _once("PostgreSQL restarted (fast)", _postgres(signal.SIGINT))),
        Kind("crash_postgres", 5, _once("PostgreSQL crashed (immediate)", _postgres(signal.SIGQUIT))),
        Kind("cut_postgres", 4, _refusing("database_wire", 0.2, 4)),
        Kind("stall_postgres", 3, _stalled("database_wire", 3, 14)),
        Kind("cut_before", 4, _cut(Cut.BEFORE)),
        Kind("cut_during", 4, _cut(Cut.DURING)),
        Kind("cut_after", 5, _cut(Cut.AFTER)),
        Kind("refuse", 2, _rule("refuse", path=SENDS)),
        Kind("busy_503", 2, _rule("busy", path=SENDS, status=503)),
        Kind("busy_429", 3, _rule("busy", path=SENDS, status=429)),
        Kind("down", 5, _down),
        Kind("outage_redis", 3, _outage(lose_redis)),
        Kind("outage_storage", 3, _outage(lose_storage), pictured=True, joins=False),
        Kind("outage_provider", 3, _outage(lose_provider), joins=False),
        Kind("error_500", 4, _rule("error_500", path=SENDS)),
        Kind("error_500_after", 4, _rule("error_500_after")),
        Kind("html_403", 1, _rule("html_403", most=2, path=SENDS)),
        Kind("truncated", 4, _rule("truncated")),
        Kind("cut_body", 2, _rule("cut_body")),
        Kind("empty", 2, _rule("empty")),
        Kind("lost_answer", 4, _rule("lost_answer_reset")),
        Kind("late", 3, _both(_rule("late", delay=(0.5, 2.0)), _cut(Cut.AFTER)), settle=10),
        Kind("hang", 1, _rule("lost_answer_hang", most=3, delay=90), joins=False),
        Kind("unlisted", 2, _both(_rule("lost_answer_reset"), _rule("list_delay", most=40, delay=(1.0, 4.0))),
             settle=8, holds=True),
        Kind("partial", 2, _rule("partial", most=3, receivers=2), joins=False),
        Kind("results", 4, _both(_rule("slow_answer", path=RESULTS, most=20, delay=(0.5, 3.0)),
                                 _rule("truncated", path=RESULTS), _rule("busy", path=RESULTS)), holds=True),
    )
}  # fmt: skip
NIGHT = Kind("night", 3, lambda chance: (), joins=False)  # see tests.faults.night
TWO = Kind("two", 12, lambda chance: ())
ALL = (*KINDS.values(), NIGHT, TWO)


def two(chance: Random) -> Kind:
    """Two kinds at once."""
    first, second = chance.sample([kind for kind in KINDS.values() if kind.joins], 2)
    return Kind(
        f"{first.name}+{second.name}",
        0,
        _both(first.blows, second.blows),
        settle=max(first.settle, second.settle),
        holds=first.holds or second.holds,
    )
