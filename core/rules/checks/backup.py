"""Weekly: is there a good backup, how old is it, and how large."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.rules.checks.finding import Finding, State

MOST_AGE = timedelta(hours=26)  # made every day; two hours for its making
MOST_BEHIND = timedelta(minutes=15)  # what a loss of the machine may cost
SHRUNK = 0.5  # half of the one before: something is missing
CURE = "백업을 만드는 작업과 백업 저장소를 확인해 주세요."


@dataclass(frozen=True, slots=True)
class Backup:
    """One, as its manifest says."""

    ended_at: datetime
    size_bytes: int
    verified: bool


def judge(backups: Sequence[Backup] | None, now: datetime, log_at: datetime | None = None) -> list[Finding]:
    """The last one that was verified, and the log after it; None: the catalogue could not be read."""
    if backups is None:
        return [Finding("backup", "catalogue", State.UNKNOWN, "CATALOGUE_UNREADABLE", "백업 목록을 읽지 못했습니다.", CURE)]
    good = sorted((one for one in backups if one.verified), key=lambda one: one.ended_at)
    if not good:
        return [Finding("backup", "last", State.ATTENTION, "NO_BACKUP", "확인된 백업이 하나도 없습니다.", CURE)]
    last, age = good[-1], now - good[-1].ended_at
    facts = {"ended_at": last.ended_at.isoformat(), "size_bytes": str(last.size_bytes), "count": str(len(good))}
    told = f"마지막 백업: {hours(age)} 전, {megabytes(last.size_bytes)}; 보관 중 {len(good)}개."
    old = age > MOST_AGE
    found = [
        Finding(
            "backup", "last", State.ATTENTION if old else State.OK, "OLD" if old else "FRESH", told, CURE if old else "", facts
        )
    ]
    if len(good) > 1 and last.size_bytes < SHRUNK * good[-2].size_bytes:
        told = f"마지막 백업이 그 전 백업({megabytes(good[-2].size_bytes)})의 절반보다 작습니다."
        found.append(Finding("backup", "size", State.ATTENTION, "SHRUNK", told, CURE, facts))
    return [*found, _log(log_at, now)]


def _log(at: datetime | None, now: datetime) -> Finding:
    if at is None:
        return Finding("backup", "log", State.ATTENTION, "NO_LOG", "이어지는 변경 기록(WAL)이 백업 저장소에 없습니다.", CURE)
    behind, facts = now - at, {"log_at": at.isoformat()}
    told = f"변경 기록(WAL)은 {max(0, int(behind.total_seconds() // 60))}분 전까지 보관되었습니다."
    if behind > MOST_BEHIND:
        return Finding("backup", "log", State.ATTENTION, "LOG_BEHIND", told, CURE, facts)
    return Finding("backup", "log", State.OK, "LOG_FOLLOWS", told, "", facts)


def hours(age: timedelta) -> str:
    """`3시간`, `2일`."""
    whole = max(0, int(age.total_seconds() // 3600))
    return f"{whole // 24}일" if whole >= 48 else f"{whole}시간"


def megabytes(size: int) -> str:
    """`12.3 MB`, `4.5 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
