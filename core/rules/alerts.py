"""What people are woken for: the kinds of trouble, how long each must last, and the sentences. No personal data, ever."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Kind(StrEnum):
    """What can be wrong. Stored: names stay."""

    BREAKER_OPEN = "BREAKER_OPEN"
    ACCOUNT_PAUSED = "ACCOUNT_PAUSED"
    SENDER_DEAD = "SENDER_DEAD"
    CERTIFICATE_ENDING = "CERTIFICATE_ENDING"
    CLOCK_WRONG = "CLOCK_WRONG"
    ENGINE_ERROR = "ENGINE_ERROR"
    UNKNOWN_UNRESOLVED = "UNKNOWN_UNRESOLVED"
    UNKNOWN_WORDS = "UNKNOWN_WORDS"
    ENDPOINT_DISABLED = "ENDPOINT_DISABLED"
    QUEUE_STUCK = "QUEUE_STUCK"
    DELIVERY_STUCK = "DELIVERY_STUCK"
    QUEUES_UNREACHABLE = "QUEUES_UNREACHABLE"
    STORAGE_UNREACHABLE = "STORAGE_UNREACHABLE"
    DISK_LOW = "DISK_LOW"
    DISK_FULL = "DISK_FULL"
    SCHEDULER_SILENT = "SCHEDULER_SILENT"
    DATABASE_DOWN = "DATABASE_DOWN"
    OPTOUT_FEED_STALE = "OPTOUT_FEED_STALE"
    OPTOUT_FEED_STOPPED = "OPTOUT_FEED_STOPPED"
    NOTICES_LATE = "NOTICES_LATE"
    PRIVACY_REQUEST_DUE = "PRIVACY_REQUEST_DUE"
    PEOPLE_LEVEL = "PEOPLE_LEVEL"


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong right now."""

    kind: Kind
    subject: str  # what it is about: an account, a lane
    workspace: UUID | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """One incident at a time for each."""
        return self.kind.value, self.subject


@dataclass(frozen=True, slots=True)
class Rule:
    """How long it must last to be told, how long it must be gone to be over, and the sentences."""

    hold: timedelta
    clear: timedelta
    title: str
    what: str
    cure: str
    over: str


@dataclass(frozen=True, slots=True)
class Alert:
    """What a person reads."""

    title: str
    body: str


def _rule(hold: float, clear: float, title: str, what: str, cure: str, over: str) -> Rule:
    return Rule(timedelta(seconds=hold), timedelta(seconds=clear), title, what, cure, over)


RULES: Mapping[Kind, Rule] = {
    Kind.BREAKER_OPEN: _rule(
        10, 30, "발송사 연결 차단",
        "{provider}이(가) 응답하지 않아 발송을 잠시 멈췄습니다. 보낼 메시지는 대기하며 실패로 처리되지 않습니다.",
        "할 일: 발송사 장애 공지와 서버의 인터넷 연결을 확인해 주세요. 연결되면 저절로 다시 보냅니다.",
        "{provider} 연결이 돌아와 발송을 다시 시작했습니다.",
    ),
    Kind.ACCOUNT_PAUSED: _rule(
        10, 10, "발송 계정 정지",
        "{provider} 계정이 정지되었습니다: {cause}",
        "할 일: 원인을 고친 뒤 발송 계정을 다시 시작해 주세요. 그때까지 이 계정의 메시지는 대기합니다.",
        "{provider} 계정으로 다시 보내고 있습니다.",
    ),
    Kind.SENDER_DEAD: _rule(
        0, 10, "쓸 수 없는 발신번호",
        "{provider}이(가) 등록된 발신번호 하나를 더 이상 받지 않습니다: {words}",
        "할 일: 발송사 콘솔에서 발신번호의 상태를 확인하고 다시 등록해 주세요. 다른 번호로 바꿔 보내지 않습니다."
        " 이 번호의 발송은 대기합니다.",
        "{provider}에서 발신번호를 다시 쓸 수 있습니다.",
    ),
    Kind.CERTIFICATE_ENDING: _rule(
        0, 10, "전송자격인증 만료",
        "{provider} 계정의 전송자격인증을 {last_day}까지만 쓸 수 있습니다. 그 뒤에는 이 계정으로 광고를 보내지 않습니다.",
        "할 일: 발송사의 전송자격인증이 유효한지 확인하고, 인증 번호와 확인한 날을 다시 등록해 주세요.",
        "{provider} 계정의 전송자격인증을 다시 확인했습니다.",
    ),
    Kind.CLOCK_WRONG: _rule(
        0, 10, "서버 시계 오차",
        "서버의 시계가 데이터베이스와 {seconds}초 다릅니다. 야간인지 알 수 없어 이 서버에서는 광고를 보내지 않습니다.",
        "할 일: 서버의 시각 동기화(NTP)를 확인해 주세요. 맞춰지면 저절로 다시 보냅니다. 정보성 메시지는 계속 나갑니다.",
        "서버의 시계가 다시 맞습니다.",
    ),
    Kind.ENGINE_ERROR: _rule(
        0, 10, "발송 판정 오류",
        "보내도 되는지 판정하지 못한 메시지 묶음이 있어 보내지 않고 있습니다.",
        "할 일: 오류 기록을 개발팀에 전달해 주세요. 메시지는 사라지지 않으며, 고치면 마감 시각까지 이어서 보냅니다.",
        "판정하지 못했던 메시지 묶음을 다시 처리하고 있습니다.",
    ),
    Kind.UNKNOWN_UNRESOLVED: _rule(
        10, 10, "발송 여부를 모르는 메시지",
        "{provider}에 보냈는지 확인하지 못한 메시지가 {people}건 있습니다.",
        "할 일: 발송사 콘솔에서 발송 내역을 확인하고, ‘확인이 필요한 발송’에서 다시 보내기 또는 종료를 골라 주세요."
        " 저절로 다시 보내지 않습니다.",
        "발송 여부를 모르는 메시지가 모두 정리되었습니다.",
    ),
    Kind.UNKNOWN_WORDS: _rule(
        0, 10, "처음 보는 결과 문구",
        "{provider}이(가) 처음 보는 결과를 알려 왔습니다: {words}. 해당 메시지는 ‘접수’ 상태로 둡니다.",
        "할 일: 발송사에 뜻을 묻고 개발팀에 알려 주세요. 뜻을 알기 전에는 성공이나 실패로 처리하지 않습니다.",
        "24시간 동안 처음 보는 결과 문구가 더 나오지 않았습니다.",
    ),
    Kind.ENDPOINT_DISABLED: _rule(
        0, 10, "웹훅 수신 주소 중지",
        "{host}(으)로 보내는 알림이 계속 실패해 전송을 멈췄습니다.",
        "할 일: 받는 쪽 서버를 고친 뒤 웹훅을 다시 켜고, 보내지 못한 알림을 재전송해 주세요.",
        "{host}(으)로 알림을 다시 보내고 있습니다.",
    ),
    Kind.QUEUE_STUCK: _rule(
        60, 30, "작업 대기열 멈춤",
        "‘{lane}’ 대기열에 작업이 {jobs}개 있는데 처리하는 프로세스가 없습니다.",
        "할 일: 작업 프로세스(workers)가 실행 중인지 확인하고 다시 시작해 주세요. 작업은 사라지지 않습니다.",
        "‘{lane}’ 대기열을 다시 처리하고 있습니다.",
    ),
    Kind.DELIVERY_STUCK: _rule(
        60, 10, "발송 지연",
        "보낼 수 있는 메시지 묶음이 {minutes}분 넘게 나가지 않고 있습니다.",
        "할 일: 작업 프로세스(workers)의 로그와 Redis를 확인하고 다시 시작해 주세요. 메시지는 사라지지 않습니다.",
        "밀린 발송이 다시 나가고 있습니다.",
    ),
    Kind.QUEUES_UNREACHABLE: _rule(
        20, 20, "Redis 연결 안 됨",
        "작업 대기열(Redis)에 연결할 수 없습니다. 발송과 결과 확인이 늦어집니다.",
        "할 일: Redis가 실행 중인지, 주소와 비밀번호가 맞는지 확인해 주세요. 작업은 사라지지 않습니다.",
        "작업 대기열(Redis)에 다시 연결되었습니다.",
    ),
    Kind.STORAGE_UNREACHABLE: _rule(
        20, 20, "파일 저장소 연결 안 됨",
        "파일 저장소(S3)에 연결할 수 없습니다. 사진·전단은 대체 그림으로 보이고, 그림이 있는 발송(MMS)과 파일 작업은 대기합니다.",
        "할 일: 저장소의 주소·키·권한과 공급자의 장애 공지를 확인해 주세요. 연결되면 저절로 이어집니다."
        " 그림 없는 문자는 계속 나갑니다.",
        "파일 저장소(S3)에 다시 연결되었습니다. 기다리던 작업이 이어집니다.",
    ),
    Kind.DISK_LOW: _rule(
        30, 60, "저장 공간 부족 예고",
        "{place}에 남은 공간이 {free}({share})입니다. 더 줄면 새 발송과 가져오기를 받지 않습니다.",
        "할 일: deploy/runbooks/disk-full.md를 따라 공간을 늘리거나 오래된 로그·백업을 옮겨 주세요.",
        "{place}의 남은 공간이 다시 넉넉합니다.",
    ),
    Kind.DISK_FULL: _rule(
        0, 10, "저장 공간 부족: 새 발송 중지",
        "{place}에 남은 공간이 {free}({share})뿐이어서 새 발송과 가져오기를 받지 않습니다. 시작한 발송은 계속됩니다.",
        "할 일: deploy/runbooks/disk-full.md를 따라 바로 공간을 늘려 주세요. 늘리면 저절로 다시 받습니다.",
        "{place}에 공간이 생겨 새 발송과 가져오기를 다시 받습니다.",
    ),
    Kind.SCHEDULER_SILENT: _rule(
        15, 10, "스케줄러 멈춤",
        "스케줄러(clock)가 {seconds}초 넘게 응답하지 않습니다. 예약 발송과 결과 확인이 늦어집니다.",
        "할 일: clock 프로세스가 실행 중인지 확인하고 다시 시작해 주세요.",
        "스케줄러(clock)가 다시 움직입니다.",
    ),
    Kind.DATABASE_DOWN: _rule(
        20, 10, "데이터베이스에 쓸 수 없음",
        "데이터베이스(primary)가 응답하지 않거나 쓰기를 받지 않습니다. 복제 서버가 있으면 조회는 계속됩니다."
        " 수신거부를 기록할 수 없으므로 광고는 나가지 않으며, 메시지는 사라지지 않습니다.",
        "할 일: primary를 살리거나 복제 서버를 승격해 주세요. 그 뒤는 저절로 됩니다.",
        "데이터베이스에 다시 쓸 수 있습니다. 발송은 저절로 이어집니다.",
    ),
    Kind.NOTICES_LATE: _rule(
        0, 10, "법정 안내 지연",
        "법으로 정한 안내(수신동의·수신거부 처리 결과, 2년마다의 동의 확인) {people}건의 기한이 5일 안이거나 지났습니다.",
        "할 일: 설정에서 안내를 보낼 발신번호를 골랐는지, 발송 계정이 정지되지 않았는지 확인해 주세요."
        " 9시부터 20시 사이에 저절로 보냅니다.",
        "밀린 법정 안내를 모두 보냈습니다.",
    ),
    Kind.PRIVACY_REQUEST_DUE: _rule(
        0, 10, "개인정보 요청 답변 기한",
        "7일이 지나도록 답변하지 않은 개인정보 요청이 {requests}건 있습니다. 답변 기한: {due}",
        "할 일: ‘개인정보 요청’에서 처리하거나, 근거를 적어 거절해 주세요. 법정 기한은 10일입니다.",
        "기한이 다가온 개인정보 요청에 모두 답변했습니다.",
    ),
    Kind.PEOPLE_LEVEL: _rule(
        0, 10, "개인정보 보유 규모",
        "고객이 {people}명을 넘었습니다. {duty}",
        "할 일: deploy/privacy의 서식을 채워 시행해 주세요. 이 알림은 7일 뒤 저절로 끝납니다.",
        "고객 {people}명에 따른 의무를 7일 동안 알렸습니다.",
    ),
    Kind.OPTOUT_FEED_STALE: _rule(
        0, 10, "080 수신거부 목록 지연",
        "{provider}의 080 수신거부 목록을 60분 넘게 읽지 못했습니다. 그동안 전화로 수신거부한 고객을 알 수 없습니다.",
        "할 일: 발송사 장애 공지와 API 키의 권한을 확인해 주세요. 24시간이 지나면 이 상점의 광고가 멈춥니다.",
        "{provider}의 080 수신거부 목록을 다시 읽고 있습니다.",
    ),
    Kind.OPTOUT_FEED_STOPPED: _rule(
        0, 10, "수신거부를 알 수 없어 광고 멈춤",
        "{provider}의 080 수신거부 목록을 24시간 넘게 읽지 못해 이 상점의 광고를 멈췄습니다. 안내 메시지는 나갑니다.",
        "할 일: 발송사 장애 공지와 API 키의 권한을 확인해 주세요. 목록을 읽으면 광고가 저절로 다시 나갑니다.",
        "{provider}의 080 수신거부 목록을 읽어 광고를 다시 보내고 있습니다.",
    ),
}  # fmt: skip

# The page of deploy/runbooks, where it is not called like the kind.
_PAGES = {
    "CLOCK_WRONG": "clock-off",
    "DISK_FULL": "disk-full",
    "DISK_LOW": "disk-full",
    "OPTOUT_FEED_STALE": "optout-feed",
    "OPTOUT_FEED_STOPPED": "optout-feed",
    "QUEUES_UNREACHABLE": "redis-down",
    "STORAGE_UNREACHABLE": "storage-down",
    "UNKNOWN_UNRESOLVED": "unknown-messages",
}

PROVIDERS = {"aligo": "알리고", "solapi": "솔라피"}


class Open(Protocol):
    """An incident that is not over."""

    @property
    def kind(self) -> str:
        """A name of Kind."""
        ...

    @property
    def subject(self) -> str:
        """What it is about."""
        ...

    @property
    def cleared_at(self) -> datetime | None:
        """Since when the condition is gone; None while it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look at the conditions means for the incidents: which hold, which hold no more, which are over."""

    holding: tuple[Condition, ...]
    cleared: tuple[tuple[str, str], ...]
    over: tuple[tuple[str, str], ...]


def changes(incidents: Iterable[Open], conditions: Collection[Condition], now: datetime) -> Changes:
    """Conditions come and go at every look; an incident begins and ends once."""
    holding = {condition.key: condition for condition in conditions}
    gone = [one for one in incidents if (one.kind, one.subject) not in holding]
    cleared = tuple((one.kind, one.subject) for one in gone if one.cleared_at is None)
    over = tuple((one.kind, one.subject) for one in gone if _lasting(one, now))
    return Changes(tuple(holding.values()), cleared, over)


def _lasting(one: Open, now: datetime) -> bool:
    return one.cleared_at is not None and now >= one.cleared_at + RULES[Kind(one.kind)].clear


def opening(kind: Kind, facts: Mapping[str, str], place: str, since: str) -> Alert:
    """What is wrong, where, since when, and what to do. `place`: the shop, empty for the whole installation."""
    rule = RULES[kind]
    return Alert(
        f"[전단] {rule.title}{_at(place)}", f"{_filled(rule.what, facts)}\n{rule.cure}\n절차: {runbook(kind)}\n발생: {since}"
    )


def closing(kind: Kind, facts: Mapping[str, str], place: str, since: str) -> Alert:
    """That it is over."""
    rule = RULES[kind]
    return Alert(f"[전단] 해결: {rule.title}{_at(place)}", f"{_filled(rule.over, facts)}\n발생: {since}")


def runbook(kind: Kind) -> str:
    """The page for whoever runs the installation."""
    return f"deploy/runbooks/{_PAGES.get(kind, kind.lower().replace('_', '-'))}.md"


def sentence(kind: Kind, facts: Mapping[str, str]) -> str:
    """What is wrong, alone."""
    return _filled(RULES[kind].what, facts)


def _at(place: str) -> str:
    return f" · {place}" if place else ""


def _filled(text: str, facts: Mapping[str, str]) -> str:
    known = dict(facts)
    if "provider" in known:
        known["provider"] = PROVIDERS.get(known["provider"], known["provider"])
    return text.format_map(_Facts(known))


class _Facts(dict[str, str]):
    """A fact that is missing must not silence an alert."""

    def __missing__(self, key: str) -> str:
        return "?"
