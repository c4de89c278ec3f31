"""How many calls an account may have under way, and begin within a second: counted in Redis for all processes together.

Without Redis each process keeps to a small part of the limits by itself, so that all of them together stay below.
"""

import threading
import time
import uuid
from collections import Counter, deque
from functools import lru_cache
from uuid import UUID

import redis

from core import telemetry
from core.settings import Settings, load

HELD_MS = 15_000  # a slot whose holder died is free after this, about when its batch is; the living renew theirs
PART = 8  # of the limits, what one process allows itself while Redis is away
_AWAY = 2.0  # seconds without asking after Redis did not answer

# One round trip: forget who is overdue, then take a place if there is one. Redis' own clock counts for everybody.
# KEYS: who holds a slot, how many began in this second. ARGV: holder, most at once, most a second, how long it is held.
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
local second = KEYS[2] .. ':' .. t[1]
if redis.call('INCR', second) > tonumber(ARGV[3]) then return 0 end
redis.call('EXPIRE', second, 2)
redis.call('ZADD', KEYS[1], now + ARGV[4], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""

# KEYS: who holds a slot. ARGV: how long it is held, the holders that are still at work.
_RENEW = """
local t = redis.call('TIME')
local until_ms = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[1]
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', until_ms, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""

_log = telemetry.log("slots")


class Slots:
    """One process's way to the slots of every account."""

    def __init__(self, settings: Settings) -> None:
        self._client = redis.Redis.from_url(settings.redis_url, socket_timeout=0.5, socket_connect_timeout=0.5)
        self._take = self._client.register_script(_TAKE)
        self._renew = self._client.register_script(_RENEW)
        self._held: dict[str, UUID] = {}
        self._away_until = 0.0
        self._here = _Here()

    def take(self, account: UUID, most: int, per_second: int) -> str | None:
        """A slot of the account, to be given back; None when all are taken or this second is full."""
        holder = uuid.uuid4().hex
        if time.monotonic() >= self._away_until:
            try:
                keys = [_key(account), f"{_key(account)}:began"]
                if not self._take(keys=keys, args=[holder, most, per_second, HELD_MS]):
                    return None
                self._held[holder] = account
                return holder
            except redis.RedisError as error:
                self._away_until = time.monotonic() + _AWAY
                _log.warning("slots_away", error=type(error).__name__)
        return self._here.take(account, max(1, most // PART), max(1, per_second // PART))

    def give_back(self, account: UUID, holder: str) -> None:
        """The call is over. When Redis does not hear it, the slot is free after HELD_MS."""
        if self._here.give_back(account, holder):
            return
        self._held.pop(holder, None)
        if time.monotonic() < self._away_until:
            return
        try:
            self._client.zrem(_key(account), holder)
        except redis.RedisError as error:
            self._away_until = time.monotonic() + _AWAY
            _log.warning("slots_away", error=type(error).__name__)

    def renew(self) -> None:
        """The calls under way keep their slots: by the beat of a living process."""
        held: dict[UUID, list[str]] = {}
        for holder, account in list(self._held.items()):
            held.setdefault(account, []).append(holder)
        if time.monotonic() < self._away_until:
            return
        try:
            for account, holders in held.items():
                self._renew(keys=[_key(account)], args=[HELD_MS, *holders])
        except redis.RedisError as error:
            self._away_until = time.monotonic() + _AWAY
            _log.warning("slots_not_renewed", error=type(error).__name__)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


class _Here:
    """The same within this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[UUID] = Counter()
        self._holders: set[str] = set()
        self._began: dict[UUID, deque[float]] = {}

    def take(self, account: UUID, most: int, per_second: int) -> str | None:
        now = time.monotonic()
        with self._lock:
            began = self._began.setdefault(account, deque())
            while began and began[0] <= now - 1.0:
                began.popleft()
            if self._held[account] >= most or len(began) >= per_second:
                return None
            began.append(now)
            self._held[account] += 1
            holder = f"here:{uuid.uuid4().hex}"
            self._holders.add(holder)
            return holder

    def give_back(self, account: UUID, holder: str) -> bool:
        with self._lock:
            if holder not in self._holders:
                return holder.startswith("here:")
            self._holders.discard(holder)
            self._held[account] -= 1
            return True


def _key(account: UUID) -> str:
    return f"jeondan:slots:{account}"


@lru_cache(maxsize=1)
def slots() -> Slots:
    """This process's slots, made on first use (so after any fork)."""
    return Slots(load())
