"""Misbehaviour by script: rules that fire on provider calls by path, count, chance and seed."""

from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from random import Random
from typing import Any

# What makes messages leave, and what names their senders and receivers: Aligo's paths, then Solapi's. Several patterns
# are joined by commas; one may begin with a method ("DELETE /messages/v4/groups/*").
_SENDS = "/send*,/akv10/alimtalk/send/,/messages/v4/send*,/messages/v4/groups/*/send"
_FILLS = "/send*,/akv10/alimtalk/send/,/messages/v4/send*,PUT /messages/v4/groups/*"
_PUSHES = "webhook*"
_RESULTS = "/sms_list/,/akv10/history/detail/,GET /messages/v4/list*,GET /messages/v4/groups/*"
# kind -> (what it does, the paths it is for unless told otherwise)
KINDS = {
    "latency": ("접수 전에 늦어짐 (delay초)", "*"),
    "late": ("받은 뒤 한참 있다가 처리함: 보낸 쪽이 끊어도 (delay초)", _SENDS),
    "slow_answer": ("접수한 뒤 응답이 늦어짐 (delay초)", "*"),
    "down": ("서버가 내려감: 새 연결을 거부함 (delay초)", "*"),
    "refuse": ("읽지 않고 연결을 끊음", "*"),
    "busy": ("처리하지 않고 503 또는 429 (status)", "*"),
    "error_500": ("처리하지 않고 500", "*"),
    "html_403": ("처리하지 않고 403 (방화벽 HTML)", "*"),
    "code": ("거절: 임의의 결과 코드와 문구 (code, message; 솔라피는 error, message)", "*"),
    "ip_blocked": ("등록되지 않은 IP", "*"),
    "sender_unregistered": ("등록되지 않은 발신번호", _FILLS),
    "no_balance": ("잔액 부족", _SENDS),
    "partial": ("앞의 수신번호 몇 개를 잘못된 번호로 처리 (receivers)", _FILLS),
    "lost_answer_hang": ("접수한 뒤 응답하지 않음 (delay초)", _SENDS),
    "lost_answer_reset": ("접수한 뒤 연결을 끊음 (RST)", _SENDS),
    "error_500_after": ("접수한 뒤 500", _SENDS),
    "truncated": ("접수한 뒤 잘린 JSON", _SENDS),
    "cut_body": ("접수한 뒤 본문 도중 연결을 끊음", _SENDS),
    "empty": ("접수한 뒤 빈 본문", _SENDS),
    "webhook_lost": ("웹훅을 보내지 않음", _PUSHES),
    "webhook_twice": ("웹훅을 두 번 보냄", _PUSHES),
    "webhook_backwards": ("웹훅의 순서를 뒤집음", _PUSHES),
    "webhook_flat": ("웹훅을 예전 모양으로 보냄", _PUSHES),
    "list_delay": ("목록 조회에 늦게 나타남 (delay초)", "/list/,/akv10/history/list/"),
    "results_late": ("결과가 늦게 나옴 (delay초)", _RESULTS),
}
_LONG = {"lost_answer_hang": 3600.0, "results_late": 3600.0, "latency": 1.0, "late": 1.0, "slow_answer": 1.0}
_LONG |= {"down": 5.0, "list_delay": 30.0}


class BadFault(ValueError):
    """A rule that makes no sense; says why."""


@dataclass(slots=True)
class Fault:
    """One rule. `count` none means until it is removed; `after` lets the first matching calls pass."""

    kind: str
    path: str = ""
    count: int | None = None
    probability: float = 1.0
    seed: int = 0
    after: int = 0
    delay: float = -1.0
    code: int = -999
    error: str = "ValidationError"
    message: str = "일시적인 오류입니다."
    status: int = 503
    receivers: int = 1
    id: int = 0
    hits: int = 0
    _chance: Random = field(default_factory=Random, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadFault(f"kind는 다음 중 하나여야 합니다: {', '.join(KINDS)}")
        self.path = self.path or KINDS[self.kind][1]
        self.delay = _LONG.get(self.kind, 0.0) if self.delay < 0 else self.delay
        self._chance = Random(self.seed)

    def fires(self, path: str, method: str) -> bool:
        """Whether this call is hit; uses up one of `after` or `count`."""
        if self.count == 0 or not self._concerns(path, method):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self._chance.random() >= self.probability:
            return False
        self.count = None if self.count is None else self.count - 1
        self.hits += 1
        return True

    def _concerns(self, path: str, method: str) -> bool:
        return any(fnmatchcase(f"{method} {path}" if " " in one else path, one) for one in self.path.split(","))

    def shown(self) -> dict[str, Any]:
        shown = asdict(self)
        del shown["_chance"]
        return shown


_SETTABLE = {part.name for part in fields(Fault)} - {"id", "hits", "_chance"}


class Faults:
    """The rules in force, oldest first."""

    def __init__(self) -> None:
        self._rules: dict[int, Fault] = {}
        self._last = 0

    def add(self, wanted: Any) -> Fault:
        if not isinstance(wanted, dict) or not isinstance(wanted.get("kind"), str):
            raise BadFault("kind가 필요합니다.")
        unknown = set(wanted) - _SETTABLE
        if unknown:
            raise BadFault(f"모르는 항목입니다: {', '.join(sorted(unknown))}")
        fault = Fault(**{name: _typed(name, value) for name, value in wanted.items()})
        self._last += 1
        fault.id = self._last
        self._rules[fault.id] = fault
        return fault

    def remove(self, fault_id: int) -> bool:
        return self._rules.pop(fault_id, None) is not None

    def clear(self) -> None:
        self._rules.clear()

    def fire(self, path: str, method: str = "POST") -> dict[str, Fault]:
        """The rules that hit this call, by kind; the oldest of a kind wins."""
        return self._fire(path, method, pushed=False)

    def push(self, event: str) -> dict[str, Fault]:
        """The rules that hit a push of the provider's own."""
        return self._fire(f"webhook/{event}", "POST", pushed=True)

    def _fire(self, path: str, method: str, pushed: bool) -> dict[str, Fault]:
        fired: dict[str, Fault] = {}
        for fault in self._rules.values():
            if fault.kind.startswith("webhook_") is not pushed or fault.kind in fired:
                continue
            if fault.fires(path, method):
                fired[fault.kind] = fault
        return fired

    def shown(self) -> list[dict[str, Any]]:
        return [fault.shown() for fault in self._rules.values()]


def _typed(name: str, value: Any) -> Any:
    if name in ("kind", "path", "message", "error"):
        good = isinstance(value, str)
    elif name in ("probability", "delay"):
        good = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    else:
        good = isinstance(value, int) and not isinstance(value, bool) and (value >= 0 or name in ("code", "seed"))
        good = good or (name == "count" and value is None)
    if not good:
        raise BadFault(f"{name} 값이 올바르지 않습니다.")
    return value
