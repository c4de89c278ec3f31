"""Exports: an archive that only its password opens, masked by default, harmless in a spreadsheet, made in flat memory."""

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pyzipper

from core import clock, images
from core.db import accounts, exports
from core.db.session import database
from core.errors import Unavailable
from tests.workers.shop import Logs, Shop
from workers import exports as work
from workers import sweep

PASSWORD = "ABCD-EFGH-JKMN-PQRS-TUVW"


def order(shop: Shop, *, masked: bool = True, tag: str = "") -> UUID:
    with database().write(shop.workspace) as tx:
        sealed = accounts.keys(tx, shop.workspace).sealer()(PASSWORD)
        values = {"masked": masked, "filter": {"tag": tag}, "reason": "명단 확인", "password_sealed": sealed}
        return exports.add(tx, shop.workspace, values, clock.now()).id


def written(shop: Shop, export: UUID) -> Any:
    work.write(shop.workspace, export)
    with database().read(shop.workspace) as tx:
        return exports.get(tx, export)


def archive(row: Any) -> bytes:
    return images.storage().get(row.object_name, most=1 << 30)


def opened(data: bytes, password: str = PASSWORD) -> tuple[str, list[list[str]]]:
    with pyzipper.AESZipFile(io.BytesIO(data)) as file:
        file.setpassword(password.encode())
        [inside] = file.infolist()
        assert inside.wz_aes_strength == 3  # 256 bits
        return inside.filename, list(csv.reader(io.StringIO(file.read(inside).decode("utf-8-sig"))))


def test_an_export_is_masked_and_only_its_password_opens_it(shop: Shop) -> None:
    """R-PII-4, R-PII-8"""
    shop.customers(3)
    row = written(shop, order(shop))
    assert (row.state, row.rows_done, row.rows_total) == ("DONE", 3, 3)
    data = archive(row)
    assert row.size_bytes == len(data)
    name, table = opened(data)
    assert name == "customers.csv" and tuple(table[0]) == work.HEADERS
    assert [line[:2] for line in table[1:]] == [[f"010-****-000{at}", "고*0".replace("0", str(at))] for at in range(3)]
    assert "고".encode() not in data
    with pytest.raises(RuntimeError, match="Bad password"):
        opened(data, "ABCD-EFGH-JKMN-PQRS-TUVX")


def test_the_owner_may_have_it_in_clear_and_of_a_tag_only(shop: Shop) -> None:
    """R-PII-4"""
    shop.customers(2, tags=["단골"])
    shop.customers(2, first=5)
    _, table = opened(archive(written(shop, order(shop, masked=False, tag="단골"))))
    assert [line[:3] for line in table[1:]] == [["010-0000-0000", "고객0", "단골"], ["010-0000-0001", "고객1", "단골"]]


def test_a_cell_that_looks_like_a_formula_stays_text(shop: Shop) -> None:
    shop.customers(1)
    shop.sql("""UPDATE contacts SET name = '=HYPERLINK("http://x")', consent_source = '@SUM(1)', attributes = '{"+1": "-2"}'""")
    _, table = opened(archive(written(shop, order(shop, masked=False))))
    assert (table[1][1], table[1][3], table[1][7]) == ('\'=HYPERLINK("http://x")', "'+1: -2", "'@SUM(1)")


def test_the_password_is_kept_only_until_the_file_is_there(shop: Shop) -> None:
    """R-PII-1, R-PII-4"""
    export = order(shop)
    assert shop.value("SELECT password_sealed IS NOT NULL FROM exports")
    written(shop, export)
    assert shop.value("SELECT password_sealed IS NULL FROM exports")
    assert shop.value("SELECT expires_at - ended_at BETWEEN interval '23 hours' AND interval '25 hours' FROM exports")


def test_a_second_worker_leaves_it_alone_and_a_lost_one_is_followed(shop: Shop, logs: Logs) -> None:
    export = order(shop)
    with database().write(shop.workspace) as tx:
        assert exports.claim(tx, export, clock.now()) is not None
    work.write(shop.workspace, export)
    assert shop.value("SELECT state FROM exports") == "RUNNING"
    shop.sql("UPDATE exports SET touched_at = :then", then=clock.now() - timedelta(minutes=2))
    with database().system() as tx:
        assert [row.id for row in exports.forgotten(tx, clock.now(), clock.now())] == [export]
    assert written(shop, export).state == "DONE"


def test_without_storage_it_waits_for_another_try(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> int:
        raise Unavailable("지금은 파일 저장소에 연결할 수 없습니다.")

    export = order(shop)
    with monkeypatch.context() as broken, pytest.raises(Unavailable):
        broken.setattr(images.Storage, "put_file", down)
        work.write(shop.workspace, export)
    assert shop.value("SELECT state FROM exports") == "RUNNING"


def test_a_defect_ends_it_and_is_reported(shop: Shop, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.expect("export_failed")
    monkeypatch.setattr(work, "_archive", lambda *_: 1 / 0)
    row = written(shop, order(shop))
    assert (row.state, row.object_name, row.password_sealed) == ("FAILED", "", None)


def test_the_sweeper_queues_a_forgotten_export(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[UUID] = []
    monkeypatch.setattr(sweep.jobs, "export_customers", lambda _, export: queued.append(export))
    export = order(shop)
    shop.sql("UPDATE exports SET touched_at = :then", then=clock.now() - timedelta(minutes=2))
    sweep.sweep()
    assert queued == [export]
