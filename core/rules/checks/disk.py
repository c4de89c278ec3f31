"""Weekly: how full the disk is, how fast the database grows, and when the disk will be full."""

from dataclasses import dataclass

from core.rules.checks.backup import megabytes
from core.rules.checks.finding import Finding, State

MOST_FULL = 0.8
LEAST_DAYS = 30


@dataclass(frozen=True, slots=True)
class Disk:
    """Where the data lies."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Growth:
    """The database, and how many bytes a day its ledger grew: the months of it are tables of their own."""

    size: int
    a_day: float


def judge(growth: Growth, disk: Disk | None) -> list[Finding]:
    """The database; the disk, where it is one that can be seen from here."""
    facts = {"size_bytes": str(growth.size), "bytes_a_day": f"{growth.a_day:.0f}"}
    told = f"데이터베이스 {megabytes(growth.size)}, 장부는 하루 {megabytes(int(growth.a_day))}씩 늘어납니다."
    found = [Finding("disk", "database", State.OK, "MEASURED", told, "", facts)]
    if disk is None:
        told = "데이터베이스의 디스크가 이 기계에 없습니다. 관리형 서비스의 여유 공간 경보를 확인해 주세요."
        return [*found, Finding("disk", "disk", State.SKIPPED, "NOT_HERE", told)]
    return [*found, _disk(disk, growth.a_day)]


def _disk(disk: Disk, a_day: float) -> Finding:
    used = 1 - disk.free / disk.total
    days = disk.free / a_day if a_day > 0 else float("inf")
    facts = {"free_bytes": str(disk.free), "total_bytes": str(disk.total)}
    left = f"{days:,.0f}일 뒤에 찹니다" if days < 3650 else "10년 안에는 차지 않습니다"
    told = f"디스크 {used:.0%} 사용, {megabytes(disk.free)} 남음: 지금 속도라면 {left}."
    if used > MOST_FULL or days < LEAST_DAYS:
        cure = "디스크를 늘리거나, 보관 기간이 지난 달의 장부를 확인해 주세요 (deploy/capacity.ko.md)."
        return Finding("disk", "disk", State.ATTENTION, "NEARLY_FULL", told, cure, facts)
    return Finding("disk", "disk", State.OK, "ROOM", told, "", facts)
