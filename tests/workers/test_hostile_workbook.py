"""Hostile workbooks on their way into the audience: refused with one sentence, or read safely and shown harmless."""

import io
import zipfile
from datetime import date, datetime

import openpyxl
import pytest

from core import clock
from core.db import attributes
from core.db.session import database
from core.rules.attributes import Kind
from tests.workers.file_shop import counts, errors, read
from tests.workers.shop import Shop

CONSENT = ["Y", "2026-03-02", "매장"]


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def book(*rows: list[object]) -> openpyxl.Workbook:
    made = openpyxl.Workbook()
    assert made.active is not None
    for row in rows:
        made.active.append(row)
    return made


def test_formulas_go_in_as_words_or_not_at_all_and_come_out_inert(shop: Shop) -> None:
    made = book(["이름", "휴대폰", "메모"], ["=cmd|'/C calc'!A0", "010-2000-0001", '=HYPERLINK("http://evil")'],
                ["@SUM(A1)", "010-2000-0002", "+1"], ["하나", "=1+1", "x"])  # fmt: skip
    sheet = made.active
    assert sheet is not None
    for place in ("A2", "C2", "A3", "C3"):
        sheet[place].data_type = "s"
    sheet.title = "=고객"
    found = read(shop, saved(made), name="고객.xlsx")
    assert counts(found) == (2, 0, 0, 1)
    stored = shop.sql("SELECT name, attributes FROM contacts ORDER BY name DESC")
    assert stored == [("@SUM(A1)", {"메모": "+1"}), ("=cmd|'/C calc'!A0", {"메모": '=HYPERLINK("http://evil")'})]
    assert errors(found)[1][:3] == ["'=고객", "4", "휴대폰"], "the error file is opened in the same program"


@pytest.mark.parametrize("columns", [201, 10_000])
def test_ten_thousand_columns_are_refused_before_a_row_goes_in(shop: Shop, columns: int) -> None:
    wide = book(["휴대폰", *(f"열{at}" for at in range(columns - 1))], ["010-2000-0001"])
    found = read(shop, saved(wide), name="넓다.xlsx")
    assert (found.state, found.refusal_reason, counts(found)) == ("REFUSED", "FILE_TOO_MANY_COLUMNS", (0, 0, 0, 0))
    assert shop.value("SELECT count(*) FROM contacts") == 0


def test_a_bomb_is_refused_unopened(shop: Shop) -> None:
    good, file = saved(book(["휴대폰"], ["010-2000-0001"])), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, bytes(30 << 20) if name.endswith("sheet1.xml") else old.read(name))
    found = read(shop, file.getvalue(), name="폭탄.xlsx")
    assert (found.state, found.refusal_reason) == ("REFUSED", "FILE_BOMB")
    assert len(file.getvalue()) < 100_000


def test_merged_cells_are_blank_but_for_the_first_and_give_nobody_a_consent(shop: Shop) -> None:
    """R-CON-5: a Y that spans three people is the Y of the first."""
    made = book(["이름", "휴대폰", "수신동의", "동의일시", "동의경로"], ["하나", "010-2000-0001", *CONSENT],
                ["두리", "010-2000-0002"], ["셋", "010-2000-0003"])  # fmt: skip
    assert made.active is not None
    for span in ("C2:C4", "D2:D4", "E2:E4", "A3:A4"):
        made.active.merge_cells(span)
    found = read(shop, saved(made), name="병합.xlsx")
    assert counts(found) == (3, 0, 0, 0)
    agreed = shop.sql("SELECT name, ad_consent FROM contacts ORDER BY ad_consent DESC, name DESC")
    assert agreed == [("하나", True), ("두리", False), ("", False)]


def test_dates_as_numbers_are_days_where_a_day_belongs(shop: Shop) -> None:
    with database().write(shop.workspace) as tx:
        attributes.set_kind(tx, shop.workspace, "가입일", Kind.DATE, clock.now())
    headers = ["휴대폰", "수신동의", "동의일시", "동의경로", "생년월일", "가입일", "번호"]
    rows = [
        [1020000001, "Y", 46083.5, "매장", date(1990, 3, 2), 46083, 46083],
        ["01020000002", "Y", datetime(2026, 3, 2, 12), "매장", "1990-03-02", datetime(2026, 3, 2), "46083"],
    ]
    found = read(shop, saved(book(headers, *rows)), name="날짜.xlsx")
    assert counts(found) == (2, 0, 0, 0), found
    assert [row[0] for row in shop.sql("SELECT attributes FROM contacts ORDER BY id")] == [
        {"생년월일": "1990-03-02", "가입일": "2026-03-02", "번호": "46083"}
    ] * 2
    assert shop.value("SELECT count(DISTINCT consent_at) FROM contacts") == 1
    assert shop.sql("SELECT DISTINCT birth_year FROM contacts") == [(1990,)]
