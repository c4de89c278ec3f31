"""Who may send, from which numbers, and for how much money."""

from collections.abc import Iterable
from dataclasses import dataclass, field

# Hundredths of a won, from the counts Aligo showed for one balance (5936 SMS, 1925 LMS or 831 MMS for 50,000 won).
PRICES = {"SMS": 842, "LMS": 2597, "MMS": 6015, "AT": 650}


@dataclass(slots=True)
class Account:
    """A prepaid account of a provider. No IPs listed means every address may call."""

    user: str
    key: str
    senders: frozenset[str]
    balance: int
    ips: frozenset[str] = frozenset()
    opened_with: int = field(init=False)

    def __post_init__(self) -> None:
        self.opened_with = self.balance

    def counts(self) -> dict[str, int]:
        """How many of each type the balance would buy, were it spent on that type alone."""
        return {f"{kind}_CNT": max(self.balance, 0) // PRICES[kind] for kind in ("SMS", "LMS", "MMS")}


def won(amount: float) -> int:
    """Won as hundredths."""
    return round(amount * 100)


def senders(numbers: Iterable[str]) -> frozenset[str]:
    """Sender numbers as digits, from any mixture of lists and commas."""
    parts = (part for number in numbers for part in number.split(","))
    return frozenset("".join(filter(str.isdigit, part)) for part in parts if part.strip())
