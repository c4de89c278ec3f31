"""Values of attributes: what can be read as a number, a day, a yes; and nothing else."""

import pytest

from core.rules.attributes import KOREAN, Kind, canonical


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        (Kind.TEXT, " VIP ", "vip"),
        (Kind.TEXT, "단골", "단골"),
        (Kind.TEXT, "  ", None),
        (Kind.NUMBER, "12,000", "12000"),
        (Kind.NUMBER, "+3.50", "3.50"),
        (Kind.NUMBER, "-7", "-7"),
        (Kind.NUMBER, "1,00", None),
        (Kind.NUMBER, "12원", None),
        (Kind.NUMBER, "٣", None),
        (Kind.NUMBER, "1e5", None),
        (Kind.NUMBER, "", None),
        (Kind.DATE, "2026-03-02", "2026-03-02"),
        (Kind.DATE, "2026.3.2", "2026-03-02"),
        (Kind.DATE, "2026/12/31 14:00", "2026-12-31"),
        (Kind.DATE, "2026-02-30", None),
        (Kind.DATE, "2024-02-29", "2024-02-29"),
        (Kind.DATE, "0000-01-01", None),
        (Kind.DATE, "2026-03-021", None),
        (Kind.DATE, "26-03-02", None),
        (Kind.YES_NO, "예", "Y"),
        (Kind.YES_NO, " Yes ", "Y"),
        (Kind.YES_NO, "동의 안함", "N"),
        (Kind.YES_NO, "X", "N"),
        (Kind.YES_NO, "아마", None),
        (Kind.YES_NO, "", None),
    ],
)
def test_a_value_is_read_as_its_type(kind: Kind, value: str, read: str | None) -> None:
    assert canonical(kind, value) == read


@pytest.mark.parametrize("kind", list(Kind))
def test_what_was_read_once_is_read_the_same_again(kind: Kind) -> None:
    for value in ("VIP", "12,000", "-0.5", "2026.3.2", "예", "n", "x y"):
        found = canonical(kind, value)
        assert found is None or canonical(kind, found) == found


def test_every_type_has_a_name() -> None:
    assert set(KOREAN) == set(Kind)
