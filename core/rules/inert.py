"""A table that a spreadsheet program only shows: no cell of it is ever taken for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

MARK = "\ufeff"  # without it Excel takes UTF-8 for CP949
# What begins a formula, also in full width (Excel folds it), and what a program skips before it looks.
_BEGINS = frozenset("=+-@\t\r\n\0|%＝＋－＠")


def cell(text: str) -> str:
    """The same text; an apostrophe before whatever could begin a formula."""
    bare = text.lstrip(" \u00a0\u3000\ufeff\u200b\"'")
    return f"'{text}" if text[:1] in _BEGINS or bare[:1] in _BEGINS else text


def lines(rows: Iterable[Sequence[object]]) -> str:
    """Rows as csv: every cell quoted and inert; a line break inside one is a blank."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in rows:
        writer.writerow([value if isinstance(value, int) else cell(" ".join(str(value).splitlines())) for value in row])
    return text.getvalue()
