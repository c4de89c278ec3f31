"""Imports: every row of a file counts once, whatever happens on the way; bad rows stay outside with their reason."""

import tracemalloc
from datetime import timedelta

import pytest

from core import clock, images
from core.db import imports as rows
from core.db.session import database
from core.errors import Unavailable
from tests.workers.file_shop import HEADER, after, counts, line, read, upload
from tests.workers.shop import Logs, Shop, Time
from workers import imports


def test_good_rows_go_in_and_bad_ones_stay_outside(shop: Shop) -> None:
    found = read(shop, "\n".join([HEADER, line(1), line(2), "박,02-123-4567,Y,,,", line(2, "다른 이름"), "이,,Y,,,", line(3)]))
    assert (found.state, counts(found), found.rows_done, found.rows_total) == ("DONE", (3, 0, 1, 2), 6, 6)
    assert found.ended_at is not None and dict(found.mapping)["휴대폰"] == "phone"
    people = shop.sql("SELECT name, attributes, ad_consent, consent_source FROM contacts ORDER BY id")
    assert people == [("김하나", {"등급": "VIP"}, True, "매장")] * 3
    errors = shop.sql("SELECT row, reason FROM import_errors ORDER BY place")
    assert errors == [(4, "PHONE_LANDLINE"), (6, "PHONE_EMPTY")]


def test_the_same_file_again_changes_nothing_and_a_new_one_updates(shop: Shop) -> None:
    text = "\n".join([HEADER, *map(line, range(5))])
    assert counts(read(shop, text)) == (5, 0, 0, 0)
    assert shop.value("SELECT max(version) FROM contacts") == 1
    read(shop, text)
    assert shop.value("SELECT max(version) FROM contacts") == 1
    found = read(shop, "\n".join([HEADER, *(line(number, "새 이름") for number in range(3, 8))]), tag="봄")
    assert counts(found) == (3, 2, 0, 0)
    assert shop.value("SELECT count(*) FROM contacts WHERE name = '새 이름' AND tags = '{봄}'") == 5


@pytest.mark.parametrize("chunk", [1, 3, 7, 50])
def test_chunks_make_no_difference(shop: Shop, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(imports, "CHUNK", chunk)
    lines = [line(number % 13) if number % 5 else "x,123,Y,,," for number in range(40)]
    found = read(shop, "\n".join([HEADER, *lines]))
    assert (found.state, counts(found), found.rows_done) == ("DONE", (13, 0, 19, 8), 40)
    assert shop.sql("SELECT place, row FROM import_errors ORDER BY place") == [(at, 2 + 5 * at) for at in range(8)]


@pytest.mark.parametrize("dies_at", [0, 1, 3])
def test_after_a_killed_worker_every_row_counts_once(
    shop: Shop, time: Time, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    monkeypatch.setattr(imports, "CHUNK", 10)
    lines = [line(number % 31) if number % 7 else "x,123,Y,,," for number in range(60)]
    expected = counts(read(shop, "\n".join([HEADER, *lines])))
    shop.sql("DELETE FROM contacts")
    made = upload(shop, "\n".join([HEADER, *lines]))
    stored, steps = imports._Reading._store, []

    def dying(self, *arguments) -> None:
        if len(steps) == dies_at:
            raise SystemExit
        steps.append(1)
        stored(self, *arguments)

    monkeypatch.setattr(imports._Reading, "_store", dying)
    with pytest.raises(SystemExit):
        imports.read(shop.workspace, made)
    monkeypatch.setattr(imports._Reading, "_store", stored)
    monkeypatch.setattr(imports, "CHUNK", 8)
    imports.read(shop.workspace, made)
    assert after(shop, made).state == "RUNNING", "its lease is not over"
    time.forward(seconds=61)
    with database().system() as tx:
        forgotten = [row.id for row in rows.forgotten_imports(tx, clock.now())]
    assert forgotten == [made]
    imports.read(shop.workspace, made)
    found = after(shop, made)
    assert (found.state, counts(found), found.rows_done) == ("DONE", expected, 60)
    assert shop.value("SELECT count(*) FROM import_errors WHERE import_id = :id", id=made) == expected[3]


def test_two_workers_on_one_file_end_it_once_and_well(shop: Shop, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> None:
    """The lease of a slow worker was taken over: the slower of the two steps aside and does not fail the file."""
    monkeypatch.setattr(imports, "CHUNK", 10)
    made = upload(shop, "\n".join([HEADER, *map(line, range(40))]))
    stored, other = imports._Reading._store, []

    def overtaken(self, *arguments) -> None:
        if not other:
            other.append(1)
            shop.sql("UPDATE imports SET touched_at = touched_at - interval '2 minutes'")
            imports.read(shop.workspace, made)
        stored(self, *arguments)

    monkeypatch.setattr(imports._Reading, "_store", overtaken)
    imports.read(shop.workspace, made)
    found = after(shop, made)
    assert (found.state, counts(found), found.rows_done) == ("DONE", (40, 0, 0, 0), 40)


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "a.csv", "FILE_EMPTY"),
        (HEADER.encode(), "a.csv", "FILE_EMPTY"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 99, "a.png", "FILE_NOT_A_SPREADSHEET"),
        ("이름,주소\n김,서울\n".encode(), "a.csv", "FILE_NO_PHONE_COLUMN"),
        (b"PK\x03\x04 no workbook", "a.xlsx", "FILE_NOT_A_SPREADSHEET"),
        (b"\x9b DRMONE" + b"x" * 99, "a.xlsx", "FILE_ENCRYPTED"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_one_sentence(shop: Shop, content: bytes, name: str, reason: str) -> None:
    found = read(shop, content, name=name)
    assert (found.state, found.refusal_reason, counts(found)) == ("REFUSED", reason, (0, 0, 0, 0))
    assert found.refusal and "\n" not in found.refusal
    imports.read(shop.workspace, found.id)
    assert after(shop, found.id) == found, "refused once and for all"


def test_a_file_that_is_not_there_is_refused(shop: Shop) -> None:
    made = upload(shop, "x")
    images.storage().delete(after(shop, made).object_name)
    imports.read(shop.workspace, made)
    assert after(shop, made).refusal_reason == "OBJECT_MISSING"


def test_storage_that_is_down_only_delays(shop: Shop, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    made = upload(shop, "\n".join([HEADER, line(1)]))

    def down(*_: object, **__: object) -> None:
        raise Unavailable("down")

    with monkeypatch.context() as outage:  # an undo would set the clock back, too
        outage.setattr(images.Storage, "download", down)
        with pytest.raises(Unavailable):
            imports.read(shop.workspace, made)
    time.forward(seconds=90)
    imports.read(shop.workspace, made)
    assert (after(shop, made).state, counts(after(shop, made))) == ("DONE", (1, 0, 0, 0))


def test_a_defect_fails_the_import_and_is_reported(shop: Shop, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> None:
    monkeypatch.setattr(imports.customers, "check", lambda *_, **__: 1 / 0)
    logs.expect("import_failed")
    found = read(shop, "\n".join([HEADER, line(1)]))
    assert (found.state, found.refusal_reason) == ("FAILED", "INTERNAL")
    assert "ZeroDivision" not in found.refusal


def test_columns_go_where_the_merchant_says(shop: Shop) -> None:
    text = "전화,휴대폰,부르는 말\n01011112222,01033334444,하나\n"
    found = read(shop, text, mapping={"전화": "phone", "부르는 말": "name"})
    assert (found.state, counts(found)) == ("DONE", (1, 0, 0, 0))
    assert shop.sql("SELECT name, attributes FROM contacts") == [("하나", {"휴대폰": "01033334444"})]


@pytest.mark.parametrize(
    ("mapping", "reason"), [({"없는 열": "phone"}, "FILE_NO_HEADER"), ({"이름": "name"}, "FILE_NO_PHONE_COLUMN")]
)
def test_a_mapping_that_does_not_fit_is_refused(shop: Shop, mapping: dict[str, str], reason: str) -> None:
    found = read(shop, "\n".join([HEADER, line(1)]), mapping=mapping)
    assert (found.state, found.refusal_reason) == ("REFUSED", reason)


def test_what_may_not_be_collected_is_left_out_with_a_warning(shop: Shop) -> None:
    found = read(shop, "이름,휴대폰,주민등록번호\n김,01011112222,900101-1234567\n")
    assert found.warnings == ["‘주민등록번호’ 열은 수집하면 안 되는 개인정보라 읽지 않았습니다."]
    assert shop.value("SELECT attributes FROM contacts") == {}


def test_not_every_error_is_kept_but_all_are_counted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_ERRORS", 5)
    monkeypatch.setattr(imports, "CHUNK", 3)
    found = read(shop, "\n".join([HEADER, *["x,123,Y,,,"] * 11]))
    assert found.error_count == 11
    assert shop.value("SELECT count(*) FROM import_errors") == 5
    assert found.warnings == ["오류 11건 가운데 처음 5건만 목록에 있습니다. 전체는 오류 파일을 내려받아 확인해 주세요."]


def test_an_import_of_another_workspace_is_not_read(shop: Shop) -> None:
    from tests.workers.shop import open_shop

    made = upload(shop, "\n".join([HEADER, line(1)]))
    imports.read(open_shop().workspace, made)
    assert after(shop, made).state == "PENDING"
    imports.import_customers(str(shop.workspace), str(made))
    assert after(shop, made).state == "DONE"


def test_memory_stays_flat_with_20000_rows(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    made = upload(shop, "\n".join([HEADER, *map(line, range(20_000))]))
    peaks, stored = [], imports._Reading._store

    def measured(self, *arguments) -> None:
        stored(self, *arguments)
        peaks.append(tracemalloc.get_traced_memory()[0])

    monkeypatch.setattr(imports._Reading, "_store", measured)
    monkeypatch.setattr(imports, "LEASE", timedelta(hours=1), raising=False)
    tracemalloc.start()
    try:
        imports.read(shop.workspace, made)
    finally:
        tracemalloc.stop()
    assert counts(after(shop, made)) == (20_000, 0, 0, 0)
    assert len(peaks) == 10
    assert peaks[-1] - peaks[1] < 4_000_000, peaks
