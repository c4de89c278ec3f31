"""What a message costs: provider price lists as data, exact decimals until the moment of display."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from core.errors import InvalidInput, NotFound
from core.rules.channel import Channel


@dataclass(frozen=True)
class PriceTable:
    """Won per message of one provider. `sample` prices are placeholders, to be replaced by the merchant's own."""

    provider: str
    version: str
    prices: Mapping[Channel, Decimal]
    effective_from: date = date.min
    sample: bool = False

    def cost(self, channel: Channel, count: int) -> Decimal:
        """Won for `count` messages, not rounded."""
        if count < 0:
            raise ValueError("count is negative")
        price = self.prices.get(channel)
        if price is None:
            message = f"{self.provider} 단가표에 {channel} 단가가 없습니다."
            raise InvalidInput(message, reason="NO_PRICE", facts={"provider": self.provider, "channel": channel.value})
        return price * count


def to_won(amount: Decimal) -> int:
    """Whole won, half up. For display only: sums are made of the exact amounts."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def table(provider: str, on: date | None = None) -> PriceTable:
    """The provider's list price in force on a day, by default the newest one."""
    known = [one for one in _tables() if one.provider == provider and (on is None or one.effective_from <= on)]
    if not known:
        raise NotFound("이 발송사의 단가표가 없습니다.", facts={"provider": provider})
    return max(known, key=lambda one: one.effective_from)


@cache
def _tables() -> tuple[PriceTable, ...]:
    text = files("core.rules").joinpath("prices.json").read_text(encoding="utf-8")
    return tuple(_read(entry) for entry in json.loads(text)["tables"])


def _read(entry: dict[str, Any]) -> PriceTable:
    return PriceTable(
        provider=entry["provider"],
        version=entry["version"],
        prices={Channel(channel): Decimal(price) for channel, price in entry["prices"].items()},
        effective_from=date.fromisoformat(entry["effective_from"]),
        sample=entry["sample"],
    )
