"""Customer files as merchants send them: read whatever can be read, refuse the rest with one sentence."""

import csv
import io
import random
import struct
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.rules import customers
from core.rules.cells import FORMULA_WITHOUT_VALUE
from deploy.local.sample import customers as sample
from deploy.local.sample.workbook import Cell, Formula, write_workbook
from workers import sheets, sheets_archive, sheets_source, sheets_text, sheets_xlsx, sheets_xml
from workers.sheets import Row, Table, open_table

HEADERS = ["이름", "휴대폰", "메모"]
CSV = "이름,휴대폰,메모\r\n김하나,010-0123-4567,첫 손님\r\n,010-0123-4568,\r\n"


def table(path: Path, content: bytes | str, *, name: str = "고객.csv") -> Table:
    file = path / "file"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_table(file, name)


def workbook(path: Path, *rows: list[Cell]) -> Path:
    file = path / "book.xlsx"
    write_workbook(file, {"고객": rows}, title=("", 1))
    return file


def cells(found: Table) -> list[tuple[str, ...]]:
    return [row.cells for row in found.rows()]


def reason(path: Path, content: bytes | str) -> str:
    with pytest.raises(InvalidInput) as refused:
        table(path, content)
    assert refused.value.message.endswith(".")
    return refused.value.reason


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


def test_formulas_give_their_stored_value_or_an_error(tmp_path: Path) -> None:
    phone = Formula('"010-"&B9', "010-0123-4567")
    file = workbook(tmp_path, [*HEADERS], ["가", phone, Formula("1/0", "#DIV/0!")], ["나", "01001234568", Formula("A1", None)],
                    ["다", "01001234569", Formula('""', "")])  # fmt: skip
    assert cells(open_table(file, "x")) == [
        ("가", "010-0123-4567", "#DIV/0!"),
        ("나", "01001234568", FORMULA_WITHOUT_VALUE),
        ("다", "01001234569", ""),
    ]


def sheet_xml(tmp_path: Path, xml: str, **others: str) -> Path:
    """A workbook with this XML as its sheet (written by hand, as odd programs do)."""
    source, target = workbook(tmp_path, [*HEADERS]), tmp_path / "odd.xlsx"
    with ZipFile(source) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            changed = xml if name.endswith("sheet1.xml") else others.get(Path(name).stem)
            new.writestr(name, changed if changed else old.read(name))
    return target


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


# xls: no writer is at hand, so the few records it takes are written here.


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def label(row: int, column: int, text: str) -> bytes:
    return record(0x204, struct.pack("<HHHHB", row, column, 0, len(text), 1) + text.encode("utf-16-le"))


def xls(names: list[str], sheet: bytes, *, locked: bool = False) -> bytes:
    """A BIFF8 stream whose sheets all hold the same records."""
    begin = record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + (
        record(0x2F, b"\1\0\1\0\1\0" + bytes(48)) if locked else b""
    )
    body = record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)) + sheet + record(0x0A, b"")
    start = len(begin) + sum(4 + 8 + 2 * len(name) for name in names) + 4
    for at, name in enumerate(names):
        begin += record(0x85, struct.pack("<IBBBB", start + at * len(body), 0, 0, len(name), 1) + name.encode("utf-16-le"))
    return begin + record(0x0A, b"") + body * len(names)


def container(stream: bytes, name: str = "Workbook") -> bytes:
    """An OLE file with one stream."""
    stream = stream.ljust(4096, b"\0")
    sectors = -(-len(stream) // 512)
    fat = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, sectors + 2), 0xFFFFFFFE]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0) + struct.pack("<I", 0) + b"\xff" * 432
    entries = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry(name, 2, 0xFFFFFFFF, 2, len(stream)) + bytes(256)
    return header + struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff") + entries + stream.ljust(sectors * 512, b"\0")


def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le")
    links = struct.pack("<HBBIII", len(text) + 2, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
    return text.ljust(64, b"\0") + links + bytes(36) + struct.pack("<IQ", start, size)


def test_old_xls(tmp_path: Path) -> None:
    number = record(0x203, struct.pack("<HHHd", 3, 1, 0, 1001234567.0))
    sheet = label(0, 0, "명단") + label(2, 0, "이름") + label(2, 1, "휴대폰") + label(3, 0, "김하나") + number + label(5, 1, "끝")
    found = table(tmp_path, container(xls(["고객", "옛날"], sheet)), name="고객.xls")
    assert list(found.rows()) == [Row("고객", 4, ("김하나", "1001234567")), Row("고객", 6, ("", "끝"))]
    assert (found.sheet_names, found.ignored_sheets, found.share) == (("고객", "옛날"), ("옛날",), 1.0)


def test_an_xls_that_would_fill_memory_ends_its_reader_not_the_worker(tmp_path: Path) -> None:
    far = label(0, 0, "휴대폰") + label(1, 0, "01001234567") + label(65_535, 255, "x")
    names = [f"시트{at}" for at in range(4)]
    try:
        assert cells(table(tmp_path, container(xls(names, far))))[0] == ("01001234567",)
    except InvalidInput as refused:
        assert refused.reason == "FILE_NOT_A_SPREADSHEET"


# Hostile and mistaken files.


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "FILE_EMPTY"),
        (b" \r\n\r\n ", "FILE_EMPTY"),
        ("이름,휴대폰\n", "FILE_EMPTY"),
        ("이름,휴대폰\n,\n \n", "FILE_EMPTY"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "FILE_NOT_A_SPREADSHEET"),
        (b"%PDF-1.7\n%x", "FILE_NOT_A_SPREADSHEET"),
        (random.Random(1).randbytes(5000), "FILE_NOT_A_SPREADSHEET"),
        ("안녕하세요 이것은 편지입니다.\n표가 아닙니다.\n", "FILE_NOT_A_SPREADSHEET"),
        ("<html><table><tr><td>휴대폰</td></tr></table>", "FILE_NOT_A_SPREADSHEET"),
        ("휴대폰," + "x" * 200_000, "FILE_NOT_A_SPREADSHEET"),
        ("01001234567\n01001234568\n", "FILE_NO_HEADER"),
        ("김하나,01001234567\n김두리,01001234568\n", "FILE_NO_HEADER"),
        ("이름,주소,메모\n가,서울,x\n", "FILE_NO_PHONE_COLUMN"),
        (",".join(["휴대폰"] * 10_000) + "\n1\n", "FILE_TOO_MANY_COLUMNS"),
        (",".join(f"열{at}" for at in range(10_000)) + "\n1\n", "FILE_TOO_MANY_COLUMNS"),
        (b"SCDSA004" + bytes(50), "FILE_ENCRYPTED"),
        (b"\x9b DRMONE  This Document", "FILE_ENCRYPTED"),
        (container(b"", "EncryptedPackage"), "FILE_ENCRYPTED"),
        (container(b"", "WordDocument"), "FILE_NOT_A_SPREADSHEET"),
        (container(xls(["고객"], label(0, 0, "휴대폰"), locked=True)), "FILE_ENCRYPTED"),
        (container(b"\x09\x08\x10\x00garbage"), "FILE_NOT_A_SPREADSHEET"),
        (container(b"")[:600], "FILE_NOT_A_SPREADSHEET"),
        (b"PK\x03\x04" + bytes(100), "FILE_NOT_A_SPREADSHEET"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("FILE_") else "",
)
def test_what_is_refused(tmp_path: Path, content: bytes | str, expected: str) -> None:
    assert reason(tmp_path, content) == expected


def test_text_with_a_wrong_name_is_read_by_its_content(tmp_path: Path) -> None:
    assert len(cells(table(tmp_path, CSV, name="고객.xlsx"))) == 2


def test_a_truncated_workbook_is_refused_wherever_it_was_cut(tmp_path: Path) -> None:
    sample.write(tmp_path / "a.xlsx", 200, 1)
    whole = (tmp_path / "a.xlsx").read_bytes()
    for cut in range(40, len(whole) - 1, len(whole) // 23):
        assert reason(tmp_path, whole[:cut]) == "FILE_NOT_A_SPREADSHEET"


def test_a_damaged_sheet_is_refused_before_any_row(tmp_path: Path) -> None:
    """The check sum fails at the end of the sheet: found when opening, not after a thousand customers went in."""
    sample.write(tmp_path / "a.xlsx", 3000, 1)
    content = bytearray((tmp_path / "a.xlsx").read_bytes())
    with ZipFile(tmp_path / "a.xlsx") as archive:
        part = archive.getinfo("xl/worksheets/sheet1.xml")
    content[part.header_offset + part.compress_size - 20] ^= 0xFF
    assert reason(tmp_path, bytes(content)) == "FILE_NOT_A_SPREADSHEET"


def test_other_zips_are_no_workbooks(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "file.zip", "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    assert reason(tmp_path, (tmp_path / "file.zip").read_bytes()) == "FILE_NOT_A_SPREADSHEET"


def test_a_zip_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "bomb.xlsx", "w", ZIP_DEFLATED) as archive, archive.open("xl/worksheets/sheet1.xml", "w") as part:
        for _ in range(20):
            part.write(bytes(1024 * 1024))
    with pytest.raises(InvalidInput) as refused:
        open_table(tmp_path / "bomb.xlsx", "x")
    assert refused.value.reason == "FILE_BOMB"


def test_many_parts_that_are_large_together_are_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets_archive, "_MAX_UNPACKED", 10_000)
    assert reason(tmp_path, workbook(tmp_path, [*HEADERS], ["가" * 20_000, "01001234567"]).read_bytes()) == "FILE_BOMB"


def test_a_zip_with_a_huge_directory_is_refused_unread(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "many.zip", "w") as archive:
        for at in range(500):
            archive.writestr(f"{at}-{'x' * 10_000}", b"")
    assert reason(tmp_path, (tmp_path / "many.zip").read_bytes()) == "FILE_BOMB"


def test_a_locked_zip_is_refused(tmp_path: Path) -> None:
    content = bytearray(workbook(tmp_path, [*HEADERS], ["가", "01001234567"]).read_bytes())
    at = content.rfind(b"PK\x01\x02")
    content[at + 8] |= 1
    assert reason(tmp_path, bytes(content)) == "FILE_ENCRYPTED"


def test_a_document_type_is_refused(tmp_path: Path) -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><worksheet><sheetData>&b;</sheetData></worksheet>'
    with pytest.raises(InvalidInput) as refused:
        open_table(sheet_xml(tmp_path, laughs), "x")
    assert refused.value.reason == "FILE_BOMB"


def test_a_tag_without_end_is_not_collected(tmp_path: Path) -> None:
    endless = '<worksheet a="' + random.Random(1).randbytes(3_000_000).hex()
    with pytest.raises(InvalidInput) as refused:
        open_table(sheet_xml(tmp_path, endless), "x")
    assert refused.value.reason == "FILE_NOT_A_SPREADSHEET"


def test_a_cell_at_the_far_corner_costs_nothing(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADERS)
    sheet.append(["가", "01001234567", ""])
    sheet.cell(1_048_576, 16_384).value = "x"
    book.save(tmp_path / "far.xlsx")
    tracemalloc.start()
    try:
        found = cells(open_table(tmp_path / "far.xlsx", "x"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == [("가", "01001234567", ""), ("", "", "")]
    assert peak < 8_000_000


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets_xml, "_CACHED_BLOCKS", 16)

    def peak(count: int) -> int:
        file = tmp_path / f"{count}.{ending}"
        sample.write(file, count, 1)
        tracemalloc.start()
        try:
            assert sum(1 for _ in open_table(file, "x").rows()) > count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(9_000) < peak(3_000) + 1_000_000


def test_limits_of_size_and_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_BYTES", 100)
    assert reason(tmp_path, CSV * 3) == "FILE_TOO_LARGE"
    monkeypatch.undo()
    monkeypatch.setattr(sheets, "MAX_ROWS", 2)
    assert reason(tmp_path, CSV + "다,01001234569\n") == "FILE_TOO_MANY_ROWS"
    assert len(cells(table(tmp_path, CSV + "\n\n\n\n"))) == 2


def test_a_workbook_with_too_many_rows_is_refused_when_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = workbook(tmp_path, [*HEADERS], *[["가", f"0100123{at:04d}", ""] for at in range(50)])
    monkeypatch.setattr(sheets, "MAX_ROWS", 49)
    monkeypatch.setattr(sheets_xlsx, "MAX_ROWS", 49)
    with pytest.raises(InvalidInput) as refused:
        open_table(file, "x")
    assert refused.value.reason == "FILE_TOO_MANY_ROWS"


def test_exactly_two_hundred_columns_are_fine(tmp_path: Path) -> None:
    names = ["휴대폰", *(f"열{at}" for at in range(199))]
    assert len(open_table(workbook(tmp_path, [*names], ["01001234567"]), "x").headers) == 200
    assert reason(tmp_path, workbook(tmp_path, [*names, "끝"], ["01001234567"]).read_bytes()) == "FILE_TOO_MANY_COLUMNS"


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


@given(st.binary(max_size=600), st.integers(0, 400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_noise_in_a_workbook_is_refused_or_read_but_never_crashes(tmp_path: Path, noise: bytes, at: int) -> None:
    whole = workbook(tmp_path, [*HEADERS], ["가", "01001234567", "메모"]).read_bytes()
    place = at * len(whole) // 400
    try:
        cells(table(tmp_path, whole[:place] + noise + whole[place + len(noise) :]))
    except InvalidInput as refused:
        assert refused.reason.startswith("FILE_")


# The sample files.


def tally(found: Table) -> dict[str, int]:
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    for row in found.rows():
        checked = customers.check(
            row.cells, found.mapping, found.headers, sheet=row.sheet, number=row.number, now=datetime(2026, 11, 23, tzinfo=UTC)
        )
        if isinstance(checked, tuple):
            counts[checked[0].reason] += 1
        elif checked.phone in seen:
            counts["duplicates"] += 1
        else:
            seen.add(checked.phone)
            counts["proven" if checked.consent_proven else "unproven" if checked.consent else "no_consent"] += 1
            assert checked.phone.startswith("0100")
    return dict(counts)


def expected(summary: sample.Summary) -> dict[str, int]:
    kinds = {
        "duplicates": summary.duplicates,
        "proven": summary.proven,
        "unproven": summary.unproven,
        "no_consent": summary.no_consent,
    }
    return kinds | summary.bad


@pytest.mark.parametrize(
    ("name", "count", "encoding"), [("a.xlsx", 1000, ""), ("a.csv", 2500, "utf-8-sig"), ("a.csv", 100, "cp949")]
)
def test_the_sample_holds_what_its_summary_says(tmp_path: Path, name: str, count: int, encoding: str) -> None:
    summary = sample.write(tmp_path / name, count, 5, encoding=encoding)
    found = tally(open_table(tmp_path / name, name))
    assert found == expected(summary)
    assert summary.good == count == sum(found[kind] for kind in ("proven", "unproven", "no_consent"))
    assert sum(found.values()) == summary.rows


@pytest.mark.parametrize(("name", "count", "encoding"), [("customers.xlsx", 1000, ""), ("customers-cp949.csv", 100, "cp949")])
def test_the_committed_files_are_what_the_script_makes(tmp_path: Path, name: str, count: int, encoding: str) -> None:
    kept = Path(sample.__file__).with_name(name)
    sample.write(tmp_path / name, count, 1, encoding=encoding)
    assert kept.read_bytes() == (tmp_path / name).read_bytes()
    assert kept.stat().st_size < 200_000


def test_another_program_can_open_the_sample() -> None:
    book = openpyxl.load_workbook(Path(sample.__file__).with_name("customers.xlsx"), data_only=True)
    assert book.sheetnames == ["고객", "요약"]
    assert [str(merged) for merged in book["고객"].merged_cells.ranges] == ["A1:I1"]
    assert [cell.value for cell in book["고객"][3]] == list(sample.HEADERS)


def test_ordinary_sample_numbers_avoid_the_magic_endings(tmp_path: Path) -> None:
    summary = sample.write(tmp_path / "a.csv", 12_000, 2)
    endings = {f"{ending}" for ending in range(9001, 9009)}
    with (tmp_path / "a.csv").open(encoding="utf-8-sig") as file:
        numbers = {"".join(sign for sign in row["휴대폰 번호"] if sign.isdigit()) for row in csv.DictReader(file)}
    assert {number[-4:] for number in numbers} & endings == set(sample.MAGIC)
    assert summary.magic == dict.fromkeys(sample.MAGIC, 2)


def test_the_limits_are_the_promised_ones() -> None:
    assert (sheets_source.MAX_BYTES, sheets_source.MAX_ROWS, sheets_source.MAX_COLUMNS) == (209_715_200, 1_000_000, 200)
    assert sheets_text._LONGEST_CELL_LINES < 100
