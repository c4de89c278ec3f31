"""From measured figures to machines: how fast messages must leave, what that asks of each part, how much is kept."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "measured.json"
DAYS = 30
LEDGER_TABLES = 6  # partitioned by month: core/db/partitions.py
AHEAD = 3  # months that stand ready before they begin


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured: by which command, when."""

    name: str
    title: str
    value: float
    unit: str
    command: str
    at: str


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be carried. The busiest day and hour, singles and patience with a provider are assumptions: change them."""

    merchants: int = 1_000
    messages: int = 100_000_000  # a month
    people: int = 20_000  # customers of a merchant
    busiest_day: float = 3.0  # times an average day
    busiest_hour: float = 0.25  # of that day
    singles: float = 0.02  # share that comes one by one
    provider_seconds: float = 1.0  # how long a provider takes for a call of 500
    keep_months: int = 12

    @property
    def hours_a_day(self) -> float:
        """08:00 to 20:50 in Korea: advertising leaves in no other hours."""
        return 12 + 50 / 60

    @property
    def average(self) -> float:
        """Messages a second within those hours."""
        return self.messages / DAYS / (self.hours_a_day * 3600)

    @property
    def peak(self) -> float:
        """Messages a second in the busiest hour."""
        return self.messages / DAYS * self.busiest_day * self.busiest_hour / 3600

    @property
    def peak_singles(self) -> float:
        """Calls of SendMessage a second in the busiest hour."""
        return self.peak * self.singles


@dataclass(frozen=True, slots=True)
class Need:
    """One line of the answer: how much, and out of which figures."""

    name: str
    value: str
    how: str


@cache
def figures() -> Mapping[str, Figure]:
    """Everything measured, by name."""
    found: list[dict[str, Any]] = json.loads(DATA.read_text(encoding="utf-8"))["figures"]
    return {one["name"]: Figure(**one) for one in found}


def of(name: str) -> float:
    """The figure's value."""
    return figures()[name].value


def needs(load: Load) -> list[Need]:
    """What the load asks for."""
    return [*_speed(load), *_provider(load), *_kept(load), *_machines(load)]


def _speed(load: Load) -> list[Need]:
    carried = of("campaign_messages_per_second")
    return [
        Need("평균", _rate(load.average), f"{load.messages:,}건 ÷ {DAYS}일 ÷ 12시간 50분"),
        Need(
            "가장 바쁜 시간",
            _rate(load.peak),
            f"하루 평균의 {load.busiest_day:g}배인 날의 {load.busiest_hour:.0%}가 한 시간에 몰릴 때",
        ),
        Need(
            "작업 프로세스 2개(2코어)가 넘길 수 있는 속도",
            f"{carried:,.0f}건/초 ({carried / load.peak:,.0f}배)",
            "campaign_messages_per_second: 발송사가 바로 답할 때",
        ),
        Need(
            "그 시간의 PostgreSQL CPU",
            f"{load.peak * of('postgres_us_per_message') / 1e6:.1%} (1코어 기준)",
            "postgres_us_per_message × 가장 바쁜 시간",
        ),
        Need("그 시간의 데이터베이스 왕복", f"{load.peak * of('round_trips_per_message'):,.0f}회/초", "round_trips_per_message"),
    ]


def _provider(load: Load) -> list[Need]:
    calls, size = of("aligo_calls_at_once"), of("batch_size")
    account = calls * size / load.provider_seconds
    busy = ceil(load.peak / account)
    solapi = of("solapi_sends_per_5_seconds") / 5 * size
    return [
        Need(
            "알리고 계정 하나",
            f"{account:,.0f}건/초",
            f"동시 호출 {calls:.0f}개 × {size:.0f}건 ÷ {load.provider_seconds:g}초; 상점마다 제 계정을 씁니다",
        ),
        Need(
            "솔라피 계정 하나 (발송사의 한도)",
            f"{solapi:,.0f}건/초",
            f"5초에 {of('solapi_sends_per_5_seconds'):.0f}호출 × {size:.0f}건",
        ),
        Need(
            "그 시간에 바쁜 계정",
            f"적어도 {busy}개",
            "가장 바쁜 시간 ÷ 알리고 계정 하나",
        ),
        Need(
            "100만 명 캠페인 하나",
            f"{1_000_000 / min(account, of('campaign_messages_per_second')) / 60:,.0f}분",
            "계정의 한도가 정합니다, 우리 기계가 아니라",
        ),
    ]


def _kept(load: Load) -> list[Need]:
    singles = load.messages * load.singles
    ledger = (load.messages - singles) * of("ledger_bytes_per_message") + singles * of("single_bytes_per_message")
    people = load.merchants * load.people * of("contact_bytes_per_person")
    wal = load.messages * of("wal_bytes_per_message") + of("idle_wal_bytes_per_second") * 86_400 * DAYS
    tables = LEDGER_TABLES * (load.keep_months + AHEAD)
    jobs = load.peak * 3600 * (1 - load.singles) / of("batch_size") + load.peak_singles * 3600
    return [
        Need("장부, 한 달", _size(ledger), f"ledger_bytes_per_message, 단건 {load.singles:.0%}은 single_bytes_per_message"),
        Need("고객", _size(people), f"상점 {load.merchants:,}곳 × {load.people:,}명 × contact_bytes_per_person"),
        Need(
            f"디스크, {load.keep_months}달 보관",
            _size((ledger * load.keep_months + people) * 1.3),
            "장부 × 달 + 고객, 여유 30 %; 지난 달은 파티션째 지웁니다",
        ),
        Need("파티션", f"{tables}개", f"달마다 나뉘는 표 {LEDGER_TABLES}개 × ({load.keep_months}달 + 미리 만드는 {AHEAD}달)"),
        Need("WAL(백업으로 나가는 양), 한 달", _size(wal), "wal_bytes_per_message + idle_wal_bytes_per_second"),
        Need(
            "Redis 메모리",
            _size(of("redis_idle_bytes") + jobs * of("redis_bytes_per_job")),
            f"가장 바쁜 한 시간의 작업 {jobs:,.0f}개가 모두 밀려 있을 때 (redis_bytes_per_job)",
        ),
    ]


def _machines(load: Load) -> list[Need]:
    waiting = load.peak / of("batch_size") * load.provider_seconds
    bulk = max(2, ceil(waiting / of("worker_threads")), ceil(load.peak / (of("campaign_messages_per_second") / 2)))
    fronts = max(2, ceil(load.peak_singles / (0.5 * of("single_calls_per_second"))))
    connections = of("connections") + (bulk - 2) * 10 + (fronts - 1) * 11
    return [
        Need(
            "대량 발송 작업 프로세스",
            f"{bulk}개",
            f"발송사를 기다리는 호출 {waiting:.1f}개 ÷ 스레드 {of('worker_threads'):.0f}개; 하나가 죽어도 되도록 둘부터",
        ),
        Need(
            "서버·게이트웨이 짝",
            f"{fronts}개",
            f"단건 {load.peak_singles:,.1f}건/초를 single_calls_per_second의 절반으로; 둘부터",
        ),
        Need(
            "데이터베이스 연결",
            f"{connections:,.0f}개",
            "make run의 측정값(connections) + 더하는 프로세스의 풀(작업 10, 서버 11)",
        ),
        Need(
            "제품의 메모리",
            _size((of("memory_mb_product") + (bulk - 2 + 2 * (fronts - 1)) * of("memory_mb_largest_process")) * 1e6),
            "memory_mb_product + 더하는 프로세스 × memory_mb_largest_process",
        ),
    ]


def _rate(a_second: float) -> str:
    return f"{a_second:,.0f}건/초" if a_second >= 10 else f"{a_second:.3f}건/초"


def _size(amount: float) -> str:
    for unit, step in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if amount >= step:
            return f"{amount / step:,.1f} {unit}"
    return f"{amount:,.0f} B"
