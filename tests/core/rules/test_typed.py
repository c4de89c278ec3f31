"""Values of attributes with a type, as spreadsheets bring them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import typed
from core.rules.attributes import Kind, canonical


@pytest.mark.parametrize(
    ("kind", "written", "expected"),
    [
        (Kind.TEXT, "골드", "골드"),
        (Kind.NUMBER, "12,000", "12,000"),
        (Kind.NUMBER, "12,000원", "12,000"),
        (Kind.NUMBER, "₩ 5000", "5000"),
        (Kind.NUMBER, "1.2E+05", None),
        (Kind.NUMBER, "골드", None),
        (Kind.DATE, "2026-03-02", "2026-03-02"),
        (Kind.DATE, "2026년 3월 2일", "2026-03-02"),
        (Kind.DATE, "46083", "2026-03-02"),
        (Kind.DATE, "곧", None),
        (Kind.YES_NO, "예", "예"),
        (Kind.YES_NO, "Ｙ", "Y"),
        (Kind.YES_NO, "아마", None),
    ],
)
def test_what_a_cell_means(kind: Kind, written: str, expected: str | None) -> None:
    assert typed.read(kind, written) == expected


@given(st.sampled_from(Kind), st.text(max_size=20))
def test_what_is_read_can_be_compared(kind: Kind, text: str) -> None:
    found = typed.read(kind, text)
    assert found is None or kind is Kind.TEXT or canonical(kind, found) is not None
