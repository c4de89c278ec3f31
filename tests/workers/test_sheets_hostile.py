"""Mistaken, damaged and hostile files: refused with one sentence, or read in little memory."""

import random
import tracemalloc
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from deploy.local.sample import customers as sample
from deploy.local.sample.workbook import Cell
from tests.workers.sheet_files import CSV, HEADERS, cells, container, label, reason, sheet_xml, table, workbook, xls
from workers import sheets, sheets_archive, sheets_source, sheets_text, sheets_xlsx, sheets_xml
from workers.sheets import open_table


def test_an_xls_that_would_fill_memory_ends_its_reader_not_the_worker(tmp_path: Path) -> None:
    far = label(0, 0, "휴대폰") + label(1, 0, "01001234567") + label(65_535, 255, "x")
    names = [f"시트{at}" for at in range(4)]
    assert reason(tmp_path, container(xls(names, far))) == "FILE_NOT_A_SPREADSHEET"


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
    rows: list[list[Cell]] = [["가", f"0100123{at:04d}", ""] for at in range(50)]
    file = workbook(tmp_path, [*HEADERS], *rows)
    monkeypatch.setattr(sheets, "MAX_ROWS", 49)
    monkeypatch.setattr(sheets_xlsx, "MAX_ROWS", 49)
    with pytest.raises(InvalidInput) as refused:
        open_table(file, "x")
    assert refused.value.reason == "FILE_TOO_MANY_ROWS"


def test_exactly_two_hundred_columns_are_fine(tmp_path: Path) -> None:
    names = ["휴대폰", *(f"열{at}" for at in range(199))]
    assert len(open_table(workbook(tmp_path, [*names], ["01001234567"]), "x").headers) == 200
    assert reason(tmp_path, workbook(tmp_path, [*names, "끝"], ["01001234567"]).read_bytes()) == "FILE_TOO_MANY_COLUMNS"


@given(st.binary(max_size=600), st.integers(0, 400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_noise_in_a_workbook_is_refused_or_read_but_never_crashes(tmp_path: Path, noise: bytes, at: int) -> None:
    whole = workbook(tmp_path, [*HEADERS], ["가", "01001234567", "메모"]).read_bytes()
    place = at * len(whole) // 400
    try:
        cells(table(tmp_path, whole[:place] + noise + whole[place + len(noise) :]))
    except InvalidInput as refused:
        assert refused.reason.startswith("FILE_")


def test_the_limits_are_the_promised_ones() -> None:
    assert (sheets_source.MAX_BYTES, sheets_source.MAX_ROWS, sheets_source.MAX_COLUMNS) == (209_715_200, 1_000_000, 200)
    assert sheets_text._LONGEST_CELL_LINES < 100
