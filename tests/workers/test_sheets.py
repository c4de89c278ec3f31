"""Customer files as merchants send them: whatever can be read is read."""

import csv
import io
import struct
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from core.errors import InvalidInput
from core.rules.cells import FORMULA_WITHOUT_VALUE
from deploy.local.sample import customers as sample
from deploy.local.sample.workbook import Formula
from tests.workers.sheet_files import CSV, HEADERS, cells, container, label, record, sheet_xml, table, workbook, xls
from workers.sheets import Row, open_table


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le", "utf-16-be"])
def test_csv_in_every_encoding_korean_offices_use(tmp_path: Path, encoding: str) -> None:
    found = table(tmp_path, CSV.encode(encoding))
    assert found.headers == tuple(HEADERS)
    assert list(found.rows()) == [
        Row("고객.csv", 2, ("김하나", "010-0123-4567", "첫 손님")),
        Row("고객.csv", 3, ("", "010-0123-4568", "")),
    ]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_every_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    content = io.StringIO()
    csv.writer(content, delimiter=delimiter).writerows(
        [HEADERS, ["김;하,나", "01001234567", 'a|b\t"c"'], ["나", "01001234568", "x"]]
    )
    assert cells(table(tmp_path, content.getvalue())) == [("김;하,나", "01001234567", 'a|b\t"c"'), ("나", "01001234568", "x")]


def test_excels_own_delimiter_line_is_no_row(tmp_path: Path) -> None:
    found = table(tmp_path, "sep=;\n이름;휴대폰\n나;01001234567\n")
    assert [row.number for row in found.rows()] == [2]


def test_line_breaks_inside_quotes_stay_in_their_cell(tmp_path: Path) -> None:
    found = table(tmp_path, 'name,phone,memo\r\n가,01001234567,"두\r\n줄, ""끝"""\r\n나,01001234568,x\r\n')
    assert list(found.rows())[0].cells == ("가", "01001234567", '두\r\n줄, "끝"')
    assert [row.number for row in found.rows()] == [2, 3]


@pytest.mark.parametrize("after", [3, 200])
def test_a_quote_that_is_never_closed_swallows_no_customer(tmp_path: Path, after: int) -> None:
    rows = "".join(f"손님{at},0100123{at:04d},x\n" for at in range(after))
    found = cells(table(tmp_path, f'이름,휴대폰,메모\n가,01001234567,"열림\n{rows}'))
    assert found[0] == ("가", "01001234567", "열림")
    assert len(found) == after + 1


def test_one_broken_character_does_not_cost_the_file(tmp_path: Path) -> None:
    rows = "".join(f"손님,0100123{at:04d}\n" for at in range(200)).encode()
    found = cells(table(tmp_path, "이름,휴대폰\n".encode() + rows + b"\xff\xb3,01001239999\n"))
    assert found[0] == ("손님", "01001230000")
    assert "\ufffd" in found[-1][0]


def test_a_row_with_too_many_cells_keeps_them_so_that_it_is_reported(tmp_path: Path) -> None:
    assert cells(table(tmp_path, "이름,휴대폰\n김,하나,01001234567\n")) == [("김", "하나", "01001234567")]


def test_title_rows_blank_rows_repeated_headers_and_blank_columns(tmp_path: Path) -> None:
    file = workbook(tmp_path, ["고객 명단 (연락처 포함)"], [], ["", *HEADERS, "", ""], ["", "가", "01001234567"], [], [" "],
                    ["", *HEADERS], ["", "나", "01001234568", "메모", "", "여백의 낙서"])  # fmt: skip
    found = open_table(file, "x")
    assert found.headers == ("", *HEADERS)
    assert list(found.rows()) == [
        Row("고객", 4, ("", "가", "01001234567", "")),
        Row("고객", 8, ("", "나", "01001234568", "메모")),
    ]


def test_a_header_of_two_merged_rows_becomes_one(tmp_path: Path) -> None:
    file = workbook(tmp_path, ["이름", "휴대폰", "광고 수신동의", "", ""], ["", "", "여부", "일시", "경로"],
                    ["가", "01001234567", "Y", "2026-03-02", "웹"])  # fmt: skip
    found = open_table(file, "x")
    assert found.headers == ("이름", "휴대폰", "광고 수신동의 여부", "광고 수신동의 일시", "광고 수신동의 경로")
    assert set(found.mapping) == {"name", "phone", "consent", "consent_at", "consent_source"}
    assert [row.number for row in found.rows()] == [3]


def test_a_group_title_above_the_header_is_no_header(tmp_path: Path) -> None:
    file = workbook(tmp_path, ["고객", "", "동의"], ["이름", "휴대폰", "광고수신동의"], ["가", "01001234567", "Y"])
    assert open_table(file, "x").headers == ("이름", "휴대폰", "광고수신동의")


def test_cells_that_excel_writes(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADERS)
    values = [
        1001234567,
        1001234567.0,
        1.5,
        True,
        datetime(2026, 3, 2, 14),
        datetime(2026, 3, 2),
        "=1+1",
        "+82 10",
        "@x",
        "가\n나",
    ]
    for value in values:
        sheet.append(["가", value, "끝"])
    sheet["B8"].data_type = "s"
    sheet.append(["가", "=A1", "끝"])
    sheet.append(["가", "#N/A", "끝"])
    sheet["D12"].number_format = "yyyy-mm-dd"
    book.save(tmp_path / "book.xlsx")
    assert [row[1] for row in cells(open_table(tmp_path / "book.xlsx", "x"))] == [
        "1001234567", "1001234567", "1.5", "TRUE", "2026-03-02 14:00:00", "2026-03-02", "=1+1", "+82 10", "@x", "가\n나",
        FORMULA_WITHOUT_VALUE, "#N/A",
    ]  # fmt: skip


def test_days_counted_from_1904_are_the_same_days(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    assert sheet is not None
    sheet.append(["휴대폰", "동의일시"])
    sheet.append(["01001234567", datetime(2026, 3, 2, 14)])
    book.save(tmp_path / "mac.xlsx")
    assert cells(open_table(tmp_path / "mac.xlsx", "x")) == [("01001234567", "2026-03-02 14:00:00")]


def test_formulas_give_their_stored_value_or_an_error(tmp_path: Path) -> None:
    phone = Formula('"010-"&B9', "010-0123-4567")
    file = workbook(tmp_path, [*HEADERS], ["가", phone, Formula("1/0", "#DIV/0!")], ["나", "01001234568", Formula("A1", None)],
                    ["다", "01001234569", Formula('""', "")])  # fmt: skip
    assert cells(open_table(file, "x")) == [
        ("가", "010-0123-4567", "#DIV/0!"),
        ("나", "01001234568", FORMULA_WITHOUT_VALUE),
        ("다", "01001234569", ""),
    ]


def inline(*texts: str) -> str:
    return "".join(f'<x:c t="inlineStr"><x:is><x:t>{text}</x:t></x:is></x:c>' for text in texts)


def test_prefixes_missing_places_rich_text_and_escapes(tmp_path: Path) -> None:
    rich = '<x:c t="inlineStr"><x:is><x:r><x:t>김</x:t></x:r><x:rPh><x:t>KIM</x:t></x:rPh><x:r><x:t>하나</x:t></x:r></x:is></x:c>'
    xml = (
        '<x:worksheet xmlns:x="urn:any"><x:sheetData>'
        f"<x:row>{inline('이름', '휴대폰')}</x:row>"
        f"<x:row>{rich}{inline('010_x002D_0123_x000A_4567_xD83D_')}</x:row></x:sheetData></x:worksheet>"
    )
    assert list(open_table(sheet_xml(tmp_path, xml), "x").rows()) == [Row("고객", 2, ("김하나", "010-0123\n4567\ufffd"))]


def test_the_first_visible_sheet_with_customers_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    cover = book.active
    assert cover is not None
    cover.title = "안내"
    cover["A1"] = "이 파일은 고객 명단입니다"
    hidden = book.create_sheet("숨김")
    hidden.sheet_state = "hidden"
    for name in ("숨김", "명단", "2025년 명단"):
        sheet = book[name] if name == "숨김" else book.create_sheet(name)
        sheet.append(HEADERS)
        sheet.append([name, "01001234567", ""])
    book.create_sheet("빈 시트")
    book.save(tmp_path / "book.xlsx")
    found = open_table(tmp_path / "book.xlsx", "x")
    assert found.sheet == "명단"
    assert found.sheet_names == ("안내", "숨김", "명단", "2025년 명단", "빈 시트")
    assert found.ignored_sheets == ("안내", "숨김", "2025년 명단")
    assert cells(open_table(tmp_path / "book.xlsx", "x", sheet="2025년 명단"))[0][0] == "2025년 명단"


def test_a_person_may_say_where_the_header_is(tmp_path: Path) -> None:
    file = workbook(tmp_path, ["무엇"], ["A", "B"], ["가", "01001234567"])
    with pytest.raises(InvalidInput):
        open_table(file, "x")
    found = open_table(file, "x", header_row=2)
    assert (found.headers, found.mapping, cells(found)) == (("A", "B"), {}, [("가", "01001234567")])


def test_rows_can_be_read_twice_and_left_in_the_middle(tmp_path: Path) -> None:
    sample.write(tmp_path / "a.xlsx", 1000, 3)
    found = open_table(tmp_path / "a.xlsx", "x")
    first = next(iter(found.rows()))
    assert next(iter(found.rows())) == first
    assert found.share <= 1.0
    assert len(cells(found)) == len(cells(found))
    assert found.share == 1.0


def test_old_xls(tmp_path: Path) -> None:
    number = record(0x203, struct.pack("<HHHd", 3, 1, 0, 1001234567.0))
    sheet = label(0, 0, "명단") + label(2, 0, "이름") + label(2, 1, "휴대폰") + label(3, 0, "김하나") + number + label(5, 1, "끝")
    found = table(tmp_path, container(xls(["고객", "옛날"], sheet)), name="고객.xls")
    assert list(found.rows()) == [Row("고객", 4, ("김하나", "1001234567")), Row("고객", 6, ("", "끝"))]
    assert (found.sheet_names, found.ignored_sheets, found.share) == (("고객", "옛날"), ("옛날",), 1.0)


@given(
    st.lists(
        st.lists(
            st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12), min_size=2, max_size=2
        ),
        max_size=8,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_whatever_a_csv_program_writes_is_read_back(tmp_path: Path, rows: list[list[str]]) -> None:
    content = io.StringIO(newline="")
    csv.writer(content, quoting=csv.QUOTE_ALL).writerows(
        [["이름", "휴대폰"], ["가", "01001234567"], *rows, ["나", "01001234568"]]
    )
    expected = [tuple(row) for row in rows if any(cell.strip() for cell in row) and row[1] != "휴대폰"]
    found = [
        tuple("" if not cell.strip() else cell for cell in row)
        for row in cells(table(tmp_path, content.getvalue().encode("utf-8-sig")))
    ]
    assert found[1:-1] == [tuple("" if not cell.strip() else cell for cell in row) for row in expected]
