"""What a merchant is told about a customer file that was read: the things to look at, and the notes beside the counts."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from core.rules import phone


class Flag(StrEnum):
    """What a person should look at before anything is sent to the people of a file."""

    FILE_SEEN_BEFORE = "FILE_SEEN_BEFORE"
    CONSECUTIVE_NUMBERS = "CONSECUTIVE_NUMBERS"


def flagged(seen_at: datetime | None, run: str) -> list[str]:
    """A sentence for each flag: when (on a Korean clock) the file was imported before, where a run of numbers begins."""
    sentences = []
    if seen_at:
        sentences.append(f"똑같은 파일을 {seen_at:%Y-%m-%d %H:%M}에 이미 가져왔습니다.")
    if run:
        sentences.append(
            f"{phone.mask(run)}부터 50개가 넘는 번호가 빠짐없이 이어집니다. 고객에게 직접 받은 번호인지 확인해 주세요."
            " 만들어 낸 번호로 광고를 보내면 처벌받습니다."
        )
    return sentences


def sheet_unread(name: str) -> str:
    """A sheet beside the one that holds the customers."""
    return f"‘{name}’ 시트는 읽지 않았습니다."


def column_forbidden(name: str) -> str:
    """Personal data that must not be collected."""
    return f"‘{name}’ 열은 수집하면 안 되는 개인정보라 읽지 않았습니다."


def columns_unread(names: Iterable[str]) -> list[str]:
    """More columns than a customer has attributes, or columns that a person left out."""
    shown = ", ".join(f"‘{name}’" for name in names)
    return [f"읽지 않은 열: {shown}."] if shown else []


def people_refusing(count: int) -> list[str]:
    """A refusal in a file is a refusal."""
    return [f"수신거부로 적힌 {count:,}명에게는 광고를 보내지 않습니다."] if count else []


def errors_kept(count: int, most: int) -> list[str]:
    """More errors than are listed."""
    if count <= most:
        return []
    return [f"오류 {count:,}건 가운데 처음 {most:,}건만 목록에 있습니다. 전체는 오류 파일을 내려받아 확인해 주세요."]
