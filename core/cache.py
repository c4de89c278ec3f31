"""Short-lived memory in Redis: values read through, and counters of attempts. Without Redis it reads the source."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import redis

from core import telemetry
from core.settings import Settings, load

_SIGNATURE = 16
_PAUSE = 5.0  # seconds without trying after Redis did not answer: a dead cache must not slow every call down
_COUNT = "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end return n"

_log = telemetry.log("cache")


class Cache:
    """One process's door to Redis. Values are signed: whoever can write to Redis still cannot make a caller."""

    def __init__(self, settings: Settings) -> None:
        self._client = redis.Redis.from_url(settings.redis_url, socket_timeout=0.25, socket_connect_timeout=0.25)
        self._secret = hmac.digest(settings.jwt_secret.encode(), b"cache", "sha256")
        self._seconds = settings.cache_ttl_seconds
        self._silent_until = 0.0
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}

    def read_through(self, key: str, source: Callable[[], Any], *, most_seconds: int | None = None) -> Any:
        """The value under the key, or what the source gives (JSON; None is not kept), for CACHE_TTL_SECONDS at most."""
        seconds = self._seconds if most_seconds is None else min(self._seconds, most_seconds)
        if seconds <= 0:
            return source()
        stored = self._ask(lambda: self._client.get(_name(key)))
        value = self._opened(key, stored) if isinstance(stored, bytes) else None
        if value is not None:
            return value
        value = source()
        if value is not None:
            self._ask(lambda: self._client.set(_name(key), self._signed(key, value), ex=seconds))
        return value

    def forget(self, key: str) -> None:
        """Read the source next time."""
        self._ask(lambda: self._client.delete(_name(key)))
        with self._lock:
            self._counts.pop(key, None)

    def count(self, key: str, window_seconds: int) -> int:
        """One more under this key; how many since the window began. Counts in this process while Redis is away."""
        counted = self._ask(lambda: self._client.eval(_COUNT, 1, _name(key), window_seconds))
        return int(counted) if counted is not None else self._count_here(key, window_seconds)

    def ping(self) -> None:
        """Raises redis.RedisError when Redis does not answer."""
        self._client.ping()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _count_here(self, key: str, window_seconds: int) -> int:
        now = time.monotonic()
        with self._lock:
            self._counts = {name: entry for name, entry in self._counts.items() if entry[1] > now}
            counted, until = self._counts.get(key, (0, now + window_seconds))
            self._counts[key] = (counted + 1, until)
        return counted + 1

    def _ask(self, question: Callable[[], Any]) -> Any:
        """The answer, or None when Redis is away."""
        if time.monotonic() < self._silent_until:
            return None
        try:
            return question()
        except redis.RedisError as error:
            self._silent_until = time.monotonic() + _PAUSE
            _log.warning("cache_away", error=type(error).__name__)
            return None

    def _signed(self, key: str, value: Any) -> bytes:
        written = json.dumps(value, separators=(",", ":")).encode()
        return self._signature(key, written) + written

    def _opened(self, key: str, stored: bytes) -> Any:
        signature, written = stored[:_SIGNATURE], stored[_SIGNATURE:]
        if not hmac.compare_digest(signature, self._signature(key, written)):
            return None
        return json.loads(written)

    def _signature(self, key: str, written: bytes) -> bytes:
        return hmac.digest(self._secret, _name(key).encode() + b"\0" + written, "sha256")[:_SIGNATURE]


def _name(key: str) -> str:
    """Keys are hashed: they may hold an e-mail address or the hash of an API key."""
    return "jeondan:cache:" + hashlib.sha256(key.encode()).hexdigest()[:40]


@lru_cache(maxsize=1)
def cache() -> Cache:
    """This process's cache, made on first use (so after any fork)."""
    return Cache(load())
