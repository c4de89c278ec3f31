"""Daily: does every part answer, and is somebody working on every lane."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.rules.checks.finding import Finding, State

NAMES = {
    "gateway": "게이트웨이",
    "database": "데이터베이스",
    "replica": "읽기 복제본",
    "redis": "Redis",
    "s3": "파일 저장소",
    "scheduler": "스케줄러(clock)",
    "server": "gRPC 서버",
}
CURES = {
    "gateway": "gateway 프로세스와 앞단(nginx)을 확인해 주세요.",
    "server": "server 프로세스와 GRPC_ADDRESS를 확인해 주세요.",
    "database": "PostgreSQL이 실행 중인지, 연결 주소가 맞는지 확인해 주세요.",
    "replica": "복제본이 따라오고 있는지 확인해 주세요. 그동안 읽기는 오래된 값을 보입니다.",
    "redis": "Redis가 실행 중인지 확인해 주세요. 작업은 사라지지 않고 데이터베이스에서 대기합니다.",
    "s3": "저장소와 자격 증명을 확인해 주세요. 그동안 그림과 파일을 올릴 수 없습니다.",
    "scheduler": "clock 프로세스를 다시 시작해 주세요.",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part, and whether it answered; None: nobody could be asked about it."""

    name: str
    up: bool | None


def judge(parts: Iterable[Part], idle_lanes: Iterable[str] | None) -> list[Finding]:
    """One line a part, and one for the lanes; `idle_lanes` are those on which nobody works, None when that is not known."""
    return [*map(_part, parts), _lanes(None if idle_lanes is None else sorted(idle_lanes))]


def _part(part: Part) -> Finding:
    name = NAMES.get(part.name, part.name)
    if part.up is None:
        return Finding("health", part.name, State.UNKNOWN, "NOT_ASKED", f"{name}의 상태를 알 수 없습니다.")
    if part.up:
        return Finding("health", part.name, State.OK, "ANSWERS", f"{name}: 응답합니다.")
    return Finding("health", part.name, State.ATTENTION, "SILENT", f"{name}: 응답하지 않습니다.", CURES.get(part.name, ""))


def _lanes(idle: list[str] | None) -> Finding:
    if idle is None:
        return Finding("health", "workers", State.UNKNOWN, "NOT_ASKED", "작업 프로세스(workers)의 상태를 알 수 없습니다.")
    if not idle:
        return Finding("health", "workers", State.OK, "EVERY_LANE_WORKED", "모든 대기열을 작업 프로세스가 맡고 있습니다.")
    named = ", ".join(idle)
    cure = "작업 프로세스(workers)를 다시 시작해 주세요. 작업은 사라지지 않습니다."
    sentence = f"맡은 작업 프로세스가 없는 대기열: {named}"
    return Finding("health", "workers", State.ATTENTION, "LANES_IDLE", sentence, cure, {"lanes": named})
