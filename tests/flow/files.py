"""Customer files of exactly the people a test wants."""

import io
from collections.abc import Iterable, Sequence

from openpyxl import Workbook

HEADERS = ("이름", "휴대폰 번호", "광고 수신동의", "동의일시", "동의경로")
AGREED = ("Y", "2026-03-02 10:00", "매장 신청서")
_MAGIC = range(9001, 9009)  # the sandbox treats numbers that end like this in its own way


def numbers(start: int, count: int) -> list[str]:
    """Distinct mobile numbers that nobody has, none of them special to the sandbox."""
    plain = (number for number in range(start, start + 2 * count + 20) if number % 10_000 not in _MAGIC)
    return [f"010{number:08d}" for number, _ in zip(plain, range(count), strict=False)]


def csv(people: Iterable[Sequence[str]], headers: Sequence[str] = HEADERS) -> bytes:
    """As a shop's program writes it."""
    return "\n".join(",".join(row) for row in (headers, *people)).encode("utf-8-sig")


def agreed(found: Iterable[str]) -> bytes:
    """People who may get advertising, one for each number."""
    return csv((f"손님{place}", number, *AGREED) for place, number in enumerate(found))


def book(rows: Iterable[Sequence[object]], sheet: str = "고객") -> bytes:
    """As Excel writes it; the first row is the header."""
    made = Workbook()
    made.active.title = sheet
    for row in rows:
        made.active.append(list(row))
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()
