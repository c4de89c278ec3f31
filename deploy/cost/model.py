"""A month in won: infrastructure and messages, as the starting document counts them and as our own price data does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

from core.rules import price
from core.rules.channel import Channel

DATA = Path(__file__).parent / "prices.json"
STATED, KNOWN, MEASURED, COMPUTED = "stated", "known", "measured", "computed"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a month holds. `ads` of the text messages are advertising; `fallback` of the Alimtalk reach nobody and go by text."""

    stage: str
    users: int
    sms: int
    kakao: int
    ads: Decimal = Decimal(0)
    fallback: Decimal = Decimal(0)
    provider: str = "aligo"


@dataclass(frozen=True, slots=True)
class Line:
    """One item of a bill: how many at how much, and how sure that is."""

    name: str
    won: Decimal
    sure: str
    source: str
    count: int = 0
    unit: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Bill:
    """Everything of one way to count."""

    title: str
    infrastructure: Sequence[Line]
    messages: Sequence[Line]

    @property
    def total(self) -> int:
        """Whole won."""
        return won(sum((line.won for line in (*self.infrastructure, *self.messages)), Decimal(0)))


@cache
def data() -> dict[str, Any]:
    """The price data, amounts as exact decimals."""
    return dict(json.loads(DATA.read_text(encoding="utf-8"), parse_float=Decimal))


def won(amount: Decimal) -> int:
    """Half up."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def rate() -> Decimal:
    """Won for a dollar."""
    return Decimal(data()["krw_per_usd"]["value"])


def wish(stage: str) -> Wish:
    """A stage as the starting document has it."""
    told = data()["guide"]["stages"][stage]
    return Wish(stage, told["users"], told["sms"], told["kakao"])


def stated(stage: str) -> tuple[int, int]:
    """The sum that the starting document itself writes: won, dollars."""
    told = data()["guide"]["stages"][stage]
    return told["stated_won"], told["stated_usd"]


def guide(wanted: Wish) -> Bill:
    """As the starting document counts."""
    units = data()["guide"]["messages"]
    messages = [
        _messages(name, count, units[key])
        for name, key, count in (("SMS", "SMS", wanted.sms), ("카카오톡", "KAKAO", wanted.kakao))
    ]
    return Bill("안내서의 단가", _items(data()["guide"]["stages"][wanted.stage]["items"]), messages)


def ours(wanted: Wish) -> Bill:
    """As our price data counts: texts that advertise rarely fit an SMS, and Kakao's notices carry no advertising."""
    table = price.table(wanted.provider)
    ads = int(wanted.sms * wanted.ads)
    texts = int(wanted.kakao * wanted.fallback)
    counts = {
        ("SMS (90바이트 안)", Channel.SMS): wanted.sms - ads,
        ("LMS (광고: 표시와 수신거부를 넣으면 SMS에 들어가지 않음)", Channel.LMS): ads,
        ("알림톡 (안내만, 광고 불가)", Channel.ALIMTALK): wanted.kakao,
        ("알림톡이 닿지 않아 SMS로 대신", Channel.SMS): texts,
    }
    source = f"core/rules/prices.json: {table.version}"
    sure = "sample" if table.sample else COMPUTED
    messages = [
        Line(name, table.cost(channel, count), sure, source, count, table.prices[channel])
        for (name, channel), count in counts.items()
        if count
    ]
    return Bill(f"우리 단가표 ({wanted.provider})", _items(data()["ours"]["stages"][wanted.stage]), messages)


def _items(entries: Sequence[dict[str, Any]]) -> list[Line]:
    return [Line(one["name"], Decimal(one["usd"]) * rate(), one["sure"], one["source"]) for one in entries]


def _messages(name: str, count: int, entry: dict[str, Any]) -> Line:
    unit = Decimal(entry["won"])
    return Line(name, unit * count, entry["sure"], entry["source"], count, unit)
