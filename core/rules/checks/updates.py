"""Weekly: is what is installed what was locked, how old is the system below, and is anything in it known to be unsafe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.rules.checks.backup import hours
from core.rules.checks.finding import Finding, State

MOST_AGE = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Advisories:
    """What the audit said: `asked` whether it was to be asked, `answered` whether it could; packages with known holes."""

    asked: bool
    answered: bool
    packages: Sequence[str] = ()


def judge(
    locked: Mapping[str, str],
    installed: Mapping[str, str],
    system_changed: datetime | None,
    advisories: Advisories,
    now: datetime,
) -> list[Finding]:
    """Three lines. Names of packages are lower case with `-`."""
    return [_drift(locked, installed), _system(system_changed, now), _advisories(advisories)]


def _drift(locked: Mapping[str, str], installed: Mapping[str, str]) -> Finding:
    here = {name: version for name, version in installed.items() if name in locked}
    if not here:
        return Finding("updates", "lock", State.UNKNOWN, "NO_PACKAGES", "설치된 꾸러미를 requirements.lock과 견줄 수 없습니다.")
    other = sorted(f"{name} {version} (잠금: {locked[name]})" for name, version in here.items() if version != locked[name])
    facts = {"compared": str(len(here)), "different": str(len(other))}
    if other:
        told = f"requirements.lock과 다른 꾸러미 {len(other)}개: {', '.join(other[:5])}"
        return Finding("updates", "lock", State.ATTENTION, "NOT_AS_LOCKED", told, "이미지를 다시 만들어 배포해 주세요.", facts)
    return Finding(
        "updates", "lock", State.OK, "AS_LOCKED", f"설치된 꾸러미 {len(here)}개가 requirements.lock과 같습니다.", "", facts
    )


def _system(changed: datetime | None, now: datetime) -> Finding:
    if changed is None:
        return Finding("updates", "system", State.SKIPPED, "NOT_DEBIAN", "이 기계의 OS 꾸러미가 언제 바뀌었는지 알 수 없습니다.")
    age = now - changed
    facts = {"changed_at": changed.isoformat()}
    told = f"OS 꾸러미가 마지막으로 바뀐 때: {hours(age)} 전."
    if age > MOST_AGE:
        cure = "기본 이미지를 새로 받아 이미지를 다시 만들어 주세요."
        return Finding("updates", "system", State.ATTENTION, "SYSTEM_OLD", told, cure, facts)
    return Finding("updates", "system", State.OK, "SYSTEM_FRESH", told, "", facts)


def _advisories(seen: Advisories) -> Finding:
    if not seen.asked:
        told = "알려진 취약점은 인터넷 없이는 알 수 없어 보지 않았습니다 (ADVISORIES=Y로 확인)."
        return Finding("updates", "advisories", State.SKIPPED, "OFFLINE", told)
    if not seen.answered:
        told = "취약점 목록에 연결하지 못했습니다: 없다는 뜻이 아닙니다."
        return Finding(
            "updates", "advisories", State.UNKNOWN, "ADVISORIES_UNREACHABLE", told, "인터넷에 닿는 곳에서 다시 확인해 주세요."
        )
    if seen.packages:
        told = f"알려진 취약점이 있는 꾸러미: {', '.join(sorted(seen.packages))}"
        return Finding(
            "updates", "advisories", State.ATTENTION, "KNOWN_HOLES", told, "`make lock`으로 올리고 다시 배포해 주세요."
        )
    return Finding("updates", "advisories", State.OK, "NO_KNOWN_HOLES", "알려진 취약점이 있는 꾸러미가 없습니다.")
