"""Monthly: how much the product is used, beside the same days of the month before."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.rules.checks.finding import Finding, State


@dataclass(frozen=True, slots=True)
class Usage:
    """A figure of this month and of the same days of the one before."""

    name: str
    label: str
    now: int
    before: int


def judge(figures: Iterable[Usage], spans: tuple[str, str]) -> list[Finding]:
    """A line a figure. Growth and decline are news and no defect: the capacity page says what to do about them."""
    return [_line(one, spans) for one in figures]


def _line(one: Usage, spans: tuple[str, str]) -> Finding:
    change = f" ({(one.now - one.before) / one.before:+.0%})" if one.before else ""
    told = f"{one.label}: {spans[0]} {one.now:,}, {spans[1]} {one.before:,}{change}."
    return Finding("usage", one.name, State.OK, "USAGE", told, "", {"now": str(one.now), "before": str(one.before)})
