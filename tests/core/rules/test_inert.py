"""No cell that we write is ever taken for a formula."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import inert


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x")',
        "+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        '"=1',
        "\u00a0=1",
        "＝1",
        "\ufeff=1",
        "=cmd|'x'!A0",
    ],
)
def test_what_begins_a_formula_begins_with_an_apostrophe(text: str) -> None:
    assert inert.cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "김하나", "010-****-5678", "1,000", "a=b", "**나?"])
def test_other_text_stays(text: str) -> None:
    assert inert.cell(text) == text


@given(st.lists(st.lists(st.text(max_size=30), min_size=3, max_size=3), min_size=1, max_size=5))
def test_whatever_is_written_is_one_row_each_and_never_a_formula(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(inert.lines(rows), newline="")))
    assert [len(row) for row in read] == [3] * len(rows)
    assert not [cell for row in read for cell in row if cell.strip(' "\u3000').startswith(("=", "+", "-", "@", "＝"))]
    assert inert.lines(rows).count("\r\n") == len(rows)
