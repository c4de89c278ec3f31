"""Makes customer files with the dirt of real ones; every number lies in 010-0000..0999, which nobody can have."""

import csv
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from deploy.local.sample.workbook import Cell, Formula, write_workbook

HEADERS = ("이름", "휴대폰 번호", "광고 수신동의", "동의일시", "동의경로", "야간 수신동의", "태그", "등급", "적립금")
TITLE = "봄날커피 고객 명단 (2026-11-20 기준)"
SHEET = "고객"

# Receivers that end in these digits misbehave in the provider sandbox; ordinary customers avoid 9001 to 9008.
MAGIC = ("9002", "9003", "9005")
_SUBSCRIBERS = 10_000 - 8
_NUMBERS = 1_000 * _SUBSCRIBERS
_STRIDE = 6_180_341
_FAMILY = "김이박최정강조윤장임한오서신권황안송류홍"
_GIVEN = ("하나", "두리", "서연", "민준", "지우", "도윤", "예은", "시우", "수아", "건우", "다온", "가람", "나래", "보람", "솔")
_SOURCES = ("웹 회원가입", "매장 신청서", "카운터 태블릿", "이벤트 응모")
_YES = ("Y", "Y", "Y", "예", "동의", "O", "1")
_NO = ("N", "", "아니오", "거부", "X")
_FIRST_CONSENT = datetime(2025, 6, 1, 9, 0)
_NOT_IN_CP949 = str.maketrans({"\u00a0": " ", "\u200b": None})


@dataclass(frozen=True)
class Summary:
    """What an import of the file must find."""

    path: Path
    rows: int
    good: int
    duplicates: int
    bad: dict[str, int]
    proven: int
    unproven: int
    no_consent: int
    magic: dict[str, int]


class _Maker:
    """One file's rows; the same seed gives the same rows."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._random = random.Random(seed)
        self._start = self._random.randrange(_NUMBERS)
        self._step = 0
        self._made: list[tuple[str, list[Cell]]] = []
        self.tally: Counter[str] = Counter()
        self.bad: Counter[str] = Counter()
        self.magic: Counter[str] = Counter()

    def rows(self) -> Iterator[list[Cell]]:
        """Good customers with the bad rows and the duplicates strewn among them."""
        dirt = self._dirt_places()
        for position in range(self._count):
            yield self._good(position)
            for reason in dirt.get(position, ()):
                yield self._duplicate() if reason == "DUPLICATE" else self._bad(reason)
            if position == self._count // 2:
                yield []
                yield list(HEADERS)

    def _dirt_places(self) -> dict[int, list[str]]:
        places: dict[int, list[str]] = {}
        for reason, per_mille in _DIRT.items():
            for _ in range(max(1, self._count * per_mille // 1000)):
                places.setdefault(self._random.randrange(self._count), []).append(reason)
        return places

    def _good(self, position: int) -> list[Cell]:
        digits = self._digits(position)
        row = self._customer(_written(digits, self._random.randrange(40)), magic=digits[-4:] in MAGIC)
        if self._random.random() < 0.05 or not self._made:
            self._made.append((digits, row))
        self.tally["good"] += 1
        return row

    def _digits(self, position: int) -> str:
        """Scattered over the range, each once; a handful end in magic digits."""
        handful = 2 if self._count >= 1000 else 1
        if position % 13 == 7 and position // 13 < handful * len(MAGIC):
            block, ending = divmod(position // 13, len(MAGIC))
            self.magic[MAGIC[ending]] += 1
            return f"010{block:04d}{MAGIC[ending]}"
        self._step += 1
        subscriber, block = divmod((self._start + self._step * _STRIDE) % _NUMBERS, 1000)
        return f"010{block:04d}{subscriber + 8 if subscriber > 9000 else subscriber:04d}"

    def _customer(self, number: Cell, *, magic: bool) -> list[Cell]:
        pick, chance = self._random.choice, self._random.random()
        name = "" if self._random.random() < 0.02 else pick(_FAMILY) + pick(_GIVEN)
        points = self._random.randrange(0, 30_000, 50)
        rest: list[Cell] = [pick(("", "단골", "단골, 원두", "신규")), pick(("일반", "실버", "골드")), points]
        if magic or chance < 0.88:
            self.tally["proven"] += 1
            return [name, number, pick(_YES), self._consent_day(), pick(_SOURCES), pick(("Y", "N", "", "")), *rest]
        if chance < 0.92:
            self.tally["unproven"] += 1
            return [name, number, "Y", "", "", "N", *rest]
        self.tally["no_consent"] += 1
        return [name, number, pick(_NO), "", "", "", *rest]

    def _consent_day(self) -> Cell:
        moment = _FIRST_CONSENT + timedelta(hours=self._random.randrange(12_000))
        forms = (f"{moment:%Y-%m-%d %H:%M}", f"{moment:%Y.%m.%d}", f"{moment:%Y/%m/%d %H:%M}", f"{moment:%Y%m%d}", moment)
        return forms[self._random.randrange(len(forms))]

    def _duplicate(self) -> list[Cell]:
        """The same person again, the number written in another way."""
        digits, row = self._random.choice(self._made)
        self.tally["duplicates"] += 1
        return [row[0], _written(digits, self._random.randrange(40)), *row[2:]]

    def _bad(self, reason: str) -> list[Cell]:
        self.bad[reason] += 1
        row: list[Cell] = ["이상해", "010-0999-0000", "Y", "2026-03-02", "매장 신청서", "N", "", "일반", 0]
        column, values = _BAD[reason]
        row[column] = self._random.choice(values)
        return row


# Rows in a thousand that come in addition to the good ones (at least one of each kind).
_DIRT = {
    "DUPLICATE": 10,
    "PHONE_LANDLINE": 5,
    "PHONE_EMPTY": 3,
    "PHONE_INVALID": 3,
    "PHONE_PRECISION_LOST": 2,
    "CELL_ERROR": 2,
    "CONSENT_UNREADABLE": 2,
    "CONSENT_DATE_UNREADABLE": 1,
    "CONSENT_DATE_FUTURE": 1,
}
_BAD: dict[str, tuple[int, tuple[Cell, ...]]] = {
    "PHONE_LANDLINE": (1, ("02-312-0000", "031-200-0000", "070-7000-0000")),
    "PHONE_EMPTY": (1, ("", "-", " ")),
    "PHONE_INVALID": (1, ("010-0999-000", "없음", "010-0999-00000", "010-O999-OOOO")),
    "PHONE_PRECISION_LOST": (1, ("1.00999E+09", "1.01E+09")),
    "CELL_ERROR": (1, (Formula("VLOOKUP(A1,Z:Z,1,0)", "#N/A"), Formula('"010"&B99', None))),
    "CONSENT_UNREADABLE": (2, ("?", "확인중", "Y/N")),
    "CONSENT_DATE_UNREADABLE": (3, ("2026-13-45", "작년 여름", "03/02/26")),
    "CONSENT_DATE_FUTURE": (3, ("2099-01-02", "2099.1.2 10:00")),
}


def write(path: Path, count: int = 1000, seed: int = 1, *, encoding: str = "utf-8-sig") -> Summary:
    """At least `count` good distinct customers plus the dirt, as xlsx or csv by the path's ending."""
    maker = _Maker(count, seed)
    if path.suffix == ".xlsx":
        summary: list[list[Cell]] = [["구분", "인원"], ["전체", count], ["기준일", "2026-11-20"]]
        write_workbook(path, {SHEET: _titled(maker.rows()), "요약": summary}, title=(SHEET, len(HEADERS)))
    else:
        _write_csv(path, maker.rows(), encoding)
    tally = maker.tally
    return Summary(
        path=path,
        rows=tally["good"] + tally["duplicates"] + maker.bad.total(),
        good=tally["good"],
        duplicates=tally["duplicates"],
        bad=dict(maker.bad),
        proven=tally["proven"],
        unproven=tally["unproven"],
        no_consent=tally["no_consent"],
        magic=dict(maker.magic),
    )


def _titled(rows: Iterator[list[Cell]]) -> Iterator[list[Cell]]:
    yield [TITLE]
    yield []
    yield list(HEADERS)
    yield from rows


def _write_csv(path: Path, rows: Iterator[list[Cell]], encoding: str) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        while chunk := list(islice(rows, 5000)):
            writer.writerows([_plain(cell, encoding) for cell in row] for row in chunk)


def _plain(cell: Cell, encoding: str) -> str:
    """What Excel writes into a csv for this cell."""
    if isinstance(cell, Formula):
        return "#N/A" if cell.value is None else cell.value
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    return str(cell).translate(_NOT_IN_CP949) if encoding == "cp949" else str(cell)


def _written(digits: str, form: int) -> Cell:
    """The same number in the ways people and programs write it; most often with dashes."""
    first, middle, last = digits[:3], digits[3:7], digits[7:]
    dashed = f"{first}-{middle}-{last}"
    forms: tuple[Cell, ...] = (
        f"+82 10-{middle}-{last}",
        f"+8210{middle}{last}",
        f"{first} {middle} {last}",
        f"{first}.{middle}.{last}",
        dashed.translate({code: code + 0xFEE0 for code in (45, *range(48, 58))}),
        int(digits),
        int(digits),
        f"'{digits}",
        f"\u00a0{dashed}\u200b",
        Formula(f'"{first}-"&"{middle}-{last}"', dashed),
        f"{first}){middle}-{last}",
        digits,
        digits,
        digits,
    )
    return forms[form] if form < len(forms) else dashed


def main() -> None:
    """Writes the two files that are kept in the repository."""
    here = Path(__file__).parent
    for path, count, encoding in ((here / "customers.xlsx", 1000, ""), (here / "customers-cp949.csv", 100, "cp949")):
        sys.stdout.write(f"{write(path, count, 1, encoding=encoding)}\n")


if __name__ == "__main__":
    main()
