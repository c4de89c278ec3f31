"""Monthly: who may do what, which keys nobody uses, who saw customers in clear, and whether somebody looked at all that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from core.rules.checks.finding import Finding, State

UNUSED = timedelta(days=90)
LOOKS = {"UnmaskContact": "번호 보기", "CreateExport": "내보내기", "DownloadExport": "내보낸 파일 받기"}


@dataclass(frozen=True, slots=True)
class Access:
    """People by role, programs' keys, and the access log of the last whole month."""

    roles: Mapping[str, int]
    keys: int
    unused_keys: int
    looks: Mapping[str, int] = field(default_factory=dict)  # action -> times
    unsigned: int = 0  # workspaces with entries of last month that nobody has signed
    without_owner: int = 0  # workspaces without a person who may do everything


def judge(seen: Access, month: str) -> list[Finding]:
    """Four lines."""
    return [_people(seen), _keys(seen), _looks(seen, month), _signed(seen, month)]


def _people(seen: Access) -> Finding:
    told = ", ".join(f"{role} {count}" for role, count in sorted(seen.roles.items())) or "없음"
    facts = {role: str(count) for role, count in seen.roles.items()}
    if seen.without_owner:
        sentence = f"사용자: {told}. 소유자가 없는 상점 {seen.without_owner}곳."
        return Finding("access", "people", State.ATTENTION, "NO_OWNER", sentence, "소유자를 한 명 이상 두어 주세요.", facts)
    return Finding("access", "people", State.OK, "PEOPLE", f"사용자: {told}. 아직 필요한 사람들인지 확인해 주세요.", "", facts)


def _keys(seen: Access) -> Finding:
    facts = {"keys": str(seen.keys), "unused": str(seen.unused_keys)}
    if seen.unused_keys:
        told = f"API 키 {seen.keys}개 중 {UNUSED.days}일 넘게 쓰이지 않은 키 {seen.unused_keys}개."
        return Finding("access", "keys", State.ATTENTION, "KEYS_UNUSED", told, "쓰지 않는 키를 폐기해 주세요.", facts)
    return Finding(
        "access", "keys", State.OK, "KEYS_USED", f"API 키 {seen.keys}개가 모두 {UNUSED.days}일 안에 쓰였습니다.", "", facts
    )


def _looks(seen: Access, month: str) -> Finding:
    told = ", ".join(f"{label} {seen.looks.get(action, 0):,}번" for action, label in LOOKS.items())
    facts = {action: str(seen.looks.get(action, 0)) for action in LOOKS}
    return Finding("access", "looks", State.OK, "LOOKS", f"{month}: {told}.", "", facts)


def _signed(seen: Access, month: str) -> Finding:
    if seen.unsigned:
        told = f"{month}의 접속기록을 아직 점검하고 서명하지 않은 상점 {seen.unsigned}곳."
        cure = "소유자가 접속기록을 보고 서명해 주세요 (R-PII-5: 매달)."
        return Finding("access", "review", State.ATTENTION, "REVIEW_MISSING", told, cure, {"workspaces": str(seen.unsigned)})
    return Finding("access", "review", State.OK, "REVIEWED", f"{month}의 접속기록 점검이 끝났습니다.")
