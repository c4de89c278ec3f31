"""Looking before anything goes in: dry runs, mappings that are remembered, files seen before, numbers nobody collected."""

from datetime import timedelta

import pytest

from core import clock, images
from core.errors import Unavailable
from tests.workers.file_shop import HEADER, after, counts, errors, line, order, put, read
from tests.workers.shop import Shop, Time, open_shop
from workers import imports

DIRTY = "\n".join([HEADER, line(1), line(2), "박,02-123-4567,Y,,,", line(2), "이,,Y,,,", line(3)])


def test_a_dry_run_counts_what_would_happen_and_nothing_goes_in(shop: Shop) -> None:
    read(shop, "\n".join([HEADER, line(2)]))
    found = read(shop, DIRTY, dry_run=True, tag="봄")
    assert (found.state, counts(found), found.rows_done) == ("DONE", (2, 1, 1, 2), 6)
    assert shop.value("SELECT count(*) FROM contacts") == 1
    assert shop.value("SELECT count(*) FROM contacts WHERE tags <> '{}'") == 0
    assert shop.sql("SELECT row, reason FROM import_errors ORDER BY place") == [(4, "PHONE_LANDLINE"), (6, "PHONE_EMPTY")]


def test_after_a_dry_run_the_same_upload_goes_in_and_then_is_gone(shop: Shop) -> None:
    """R-PII-9: the file has done its work."""
    name = put(shop, DIRTY)
    for dry, expected in ((True, 0), (False, 3)):
        made = order(shop, name, dry_run=dry)
        imports.read(shop.workspace, made)
        assert counts(after(shop, made)) == (3, 0, 1, 2)
        assert shop.value("SELECT count(*) FROM contacts") == expected
        assert (images.storage().head(name) is not None) == dry


def test_storage_that_is_down_at_the_end_costs_nothing_but_the_upload(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise Unavailable("down")

    monkeypatch.setattr(images.Storage, "delete", down)
    assert read(shop, "\n".join([HEADER, line(1)])).state == "DONE"


def test_every_reason_against_every_bad_row_is_in_the_error_file(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_ERRORS", 2)
    monkeypatch.setattr(imports, "CHUNK", 3)
    found = read(shop, "\n".join([HEADER, *["김하나,02-312-4567,글쎄,,,"] * 7, line(1)]))
    title, *lines = errors(found)
    assert title == ["시트", "행", "열", "값", "사유", "설명"]
    assert [(row, column, reason) for _, row, column, _, reason, _ in lines[:2]] == [
        ("2", "수신동의", "CONSENT_UNREADABLE"),
        ("2", "휴대폰", "PHONE_LANDLINE"),
    ]
    assert len(lines) == 14 and found.error_count == 7
    assert shop.value("SELECT count(*) FROM import_errors") == 2
    assert "02-312-4567" not in str(lines), "numbers are masked"
    assert found.warnings == ["오류 7건 가운데 처음 2건만 목록에 있습니다. 전체는 오류 파일을 내려받아 확인해 주세요."]


def test_without_a_bad_row_there_is_no_error_file(shop: Shop) -> None:
    assert read(shop, "\n".join([HEADER, line(1)])).errors_object == ""


def test_the_error_file_is_whole_after_a_killed_worker(shop: Shop, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHUNK", 4)
    text = "\n".join([HEADER, *(line(number) if number % 3 else "x,123,Y,,," for number in range(20))])
    expected = errors(read(open_shop(), text))
    made = order(shop, put(shop, text))
    stored, steps = imports._Reading._store, []

    def dying(self, *arguments) -> None:
        if len(steps) == 3:
            raise SystemExit
        steps.append(1)
        stored(self, *arguments)

    monkeypatch.setattr(imports._Reading, "_store", dying)
    with pytest.raises(SystemExit):
        imports.read(shop.workspace, made)
    monkeypatch.setattr(imports._Reading, "_store", stored)
    time.forward(seconds=61)
    imports.read(shop.workspace, made)
    assert (after(shop, made).error_count, errors(after(shop, made))) == (7, expected)


def test_what_a_person_said_about_columns_is_remembered_for_files_like_it(shop: Shop) -> None:
    text = "부르는 말,연락할 곳,점수,비고\n하나,010-1111-2222,3,x\n"
    lost = read(shop, text)
    assert (lost.state, lost.refusal_reason) == ("REFUSED", "FILE_NO_HEADER")
    said = {"부르는 말": "name", "연락할 곳": "phone", "점수": "적립금", "비고": ""}
    first = read(shop, text, mapping=said)
    assert (first.state, first.mapping_from) == ("DONE", "GIVEN")
    assert shop.sql("SELECT name, attributes FROM contacts") == [("하나", {"적립금": "3"})]
    later = read(shop, "비고,점수,연락할곳,부르는말\ny,4,010-1111-3333,두리\n", dry_run=True)
    assert (later.state, later.mapping_from, counts(later)) == ("DONE", "REMEMBERED", (1, 0, 0, 0))
    assert dict(later.mapping) == {"점수": "적립금", "연락할곳": "phone", "부르는말": "name"}
    assert list(later.headers) == ["비고", "점수", "연락할곳", "부르는말"]
    assert later.warnings == ["읽지 않은 열: ‘비고’."]


def test_a_mapping_is_remembered_by_its_merchant_only_and_not_from_a_dry_run(shop: Shop) -> None:
    text = "고객,전화,휴대폰\n하나,010-1111-2222,010-3333-4444\n"
    said = {"고객": "name", "전화": "phone"}
    read(shop, text, mapping=said, dry_run=True)
    assert read(shop, text, dry_run=True).mapping_from == "GUESSED"
    read(shop, text, mapping=said)
    assert read(open_shop(), text).mapping_from == "GUESSED"
    assert dict(read(shop, text).mapping)["전화"] == "phone"


def test_a_later_word_about_the_same_columns_wins(shop: Shop) -> None:
    text = "전화,휴대폰\n010-1111-2222,010-3333-4444\n"
    for field in ("전화", "휴대폰"):
        read(shop, text, mapping={field: "phone"})
        assert dict(read(shop, text, dry_run=True).mapping)[field] == "phone"


def test_a_file_whose_phone_column_is_not_known_offers_its_headers(shop: Shop) -> None:
    found = read(shop, "이름,그 번호,태그,명단 010-1234-5678\n김하나,x,y,z\n")
    assert (found.refusal_reason, list(found.headers)) == ("FILE_NO_PHONE_COLUMN", ["이름", "그 번호", "태그"])


def test_the_same_file_again_is_flagged_with_the_day_it_came_first(shop: Shop, time: Time) -> None:
    text = "\n".join([HEADER, line(1)])
    read(shop, text, dry_run=True)
    first = read(shop, text, name="11월.csv")
    assert (first.flags, first.same_as) == ([], None), "a dry run is no import"
    time.forward(hours=1)
    again = read(shop, text, name="다른 이름.csv", dry_run=True)
    day = clock.kst(first.created_at)
    assert (again.flags, again.same_as) == (["FILE_SEEN_BEFORE"], first.id)
    assert again.warnings == [f"똑같은 파일을 {day:%Y-%m-%d %H:%M}에 이미 가져왔습니다."]
    assert read(open_shop(), text).flags == [], "another merchant's files are nobody's business"
    assert read(shop, text + "\n").flags == []


def test_more_than_fifty_numbers_in_a_row_are_flagged_before_they_go_in(shop: Shop) -> None:
    """R-CON-7: nobody collects numbers without a gap."""
    made_up = [f"x,010-7000-{number:04d},Y,2026-03-02,매장," for number in range(100, 151)]
    found = read(shop, "\n".join([HEADER, *reversed(made_up)]), dry_run=True)
    assert found.flags == ["CONSECUTIVE_NUMBERS"]
    assert found.warnings[0].startswith("010-****-0100부터 50개가 넘는 번호가") and "7000" not in found.warnings[0]
    assert read(shop, "\n".join([HEADER, *made_up[1:]]), dry_run=True).flags == []


def test_a_refusal_in_a_file_is_a_refusal(shop: Shop, time: Time) -> None:
    """R-OPT-2, R-CON-4: whatever else the file says, and the same file again is the same word."""
    read(shop, "\n".join([HEADER, line(1), line(2)]))
    text = "이름,휴대폰,수신동의,수신거부\n하나,010-2000-0001,Y,Y\n두리,010-2000-0002,Y,\n"
    assert read(shop, text, dry_run=True).warnings == ["수신거부로 적힌 1명에게는 광고를 보내지 않습니다."]
    assert shop.value("SELECT count(*) FROM suppressions") == 0
    read(shop, text)
    read(shop, text)
    stopped = "SELECT c.name FROM contacts c JOIN suppressions s USING (workspace_id, phone_hash)"
    assert shop.sql(stopped) == [("하나",)]
    assert shop.value("SELECT count(*) FROM optouts") == 1


def test_a_file_that_says_yes_lifts_no_refusal(shop: Shop, time: Time) -> None:
    """R-CON-4: a row of a file is no proof."""
    read(shop, "휴대폰,수신거부\n010-2000-0001,Y\n")
    time.forward(days=40)
    later = clock.kst(clock.now() - timedelta(days=1))
    read(shop, f"휴대폰,수신동의,동의일시,동의경로\n010-2000-0001,Y,{later:%Y-%m-%d},매장\n")
    assert shop.value("SELECT count(*) FROM suppressions WHERE lifted_at IS NULL") == 1


def test_a_yes_without_its_proof_is_counted_apart(shop: Shop) -> None:
    """R-CON-5: it goes in, and does not count."""
    rows = [line(1), "x,010-2000-0002,Y,,,", "x,010-2000-0003,Y,2026-03-02,,", "x,010-2000-0004,N,,,"]
    found = read(shop, "\n".join([HEADER, *rows]), dry_run=True)
    assert (counts(found), found.unproven_count) == ((4, 0, 0, 0), 2)
