"""Imports over the wire: ordered, looked at, downloaded."""

import urllib.request
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from jeondan.v1 import audience_pb2 as pb

from core import jobs
from core.db import imports
from core.db.session import database
from core.images import storage
from core.rules.customers import RowError
from tests.server.shop import Shop
from workers import imports as reader


def upload(shop: Shop) -> str:
    offered = shop.call("CreateImportUpload", pb.CreateImportUploadRequest(file_name="고객 명단.xlsx")).upload
    storage().put(offered.object_name, b"xlsx", "application/octet-stream")
    return str(offered.object_name)


def test_an_import_waits_for_a_worker_and_shows_how_it_went(shop: Shop) -> None:
    before = jobs.depths()["plan"]
    request = pb.CreateImportRequest(object_name=upload(shop), file_name="고객 명단.xlsx", tag="봄", mapping={"연락처": "phone"})
    made = getattr(shop.call("CreateImport", request), "import")
    assert (made.state, made.tag, dict(made.mapping)) == (pb.Import.STATE_PENDING, "봄", {"연락처": "phone"})
    assert jobs.depths()["plan"] == before + 1
    now = datetime.now(UTC)
    with database().write(shop.workspace) as tx:
        imports.claim_import(tx, UUID(made.id), now)
        step = imports.Step(0, 10, 10, created=6, updated=1, duplicates=1, errors=2)
        imports.progress_import(tx, UUID(made.id), step, now)
        wrong = RowError("고객", 7, "연락처", "02-***-**67", "PHONE_LANDLINE", "유선 번호입니다.")
        imports.add_import_errors(tx, shop.workspace, UUID(made.id), {5: wrong, 8: wrong})
        imports.finish_import(tx, UUID(made.id), {"state": "DONE", "warnings": ["두 번째 시트는 읽지 않았습니다."]}, now)
    done = getattr(shop.call("GetImport", pb.GetImportRequest(import_id=made.id)), "import")
    assert (done.state, done.created_count, done.error_count) == (pb.Import.STATE_DONE, 6, 2)
    assert (done.progress.done, list(done.warnings)) == (10, ["두 번째 시트는 읽지 않았습니다."])
    first = shop.call("ListImportErrors", pb.ListImportErrorsRequest(import_id=made.id, page_size=1))
    assert [(error.sheet, error.row, error.reason) for error in first.errors] == [("고객", 7, "PHONE_LANDLINE")]
    rest = pb.ListImportErrorsRequest(import_id=made.id, page_token=first.next_page_token)
    assert len(shop.call("ListImportErrors", rest).errors) == 1
    assert list(shop.call("ListImports", pb.ListImportsRequest(filter='state = "DONE"')).imports) == [done]


def test_an_import_needs_an_upload(shop: Shop, other: Shop) -> None:
    for name in [upload(other), f"uploads/{shop.workspace}/{uuid4()}/a.xlsx"]:
        refusal = shop.refused("CreateImport", pb.CreateImportRequest(object_name=name, file_name="a.xlsx"))
        assert refusal.fields == {"object_name": "OBJECT_MISSING"}


def ordered(shop: Shop, text: str, **more: object) -> pb.Import:
    """An import of this text, read to its end."""
    name = upload(shop)
    storage().put(name, text.encode(), "application/octet-stream")
    made = getattr(shop.call("CreateImport", pb.CreateImportRequest(object_name=name, file_name="고객.csv", **more)), "import")
    reader.read(shop.workspace, UUID(made.id))
    return getattr(shop.call("GetImport", pb.GetImportRequest(import_id=made.id)), "import")


def test_a_dry_run_shows_how_the_columns_are_read_and_what_would_go_in(shop: Shop) -> None:
    text = "이름,휴대폰,등급,수신동의\n하나,010-2345-0001,골드,Y\n두리,02-312-0000,,\n"
    found = ordered(shop, text, dry_run=True)
    assert found.dry_run and found.state == pb.Import.STATE_DONE and found.has_error_file
    assert (found.created_count, found.error_count, found.unproven_count) == (1, 1, 1)
    assert list(found.headers) == ["이름", "휴대폰", "등급", "수신동의"]
    assert dict(found.mapping) == {"이름": "name", "휴대폰": "phone", "등급": "등급", "수신동의": "consent"}
    assert found.mapping_origin == pb.Import.MAPPING_ORIGIN_GUESSED
    assert not shop.call("ListContacts", pb.ListContactsRequest()).contacts
    assert not ordered(shop, text).dry_run
    again = ordered(shop, text)
    assert list(again.flags) == ["FILE_SEEN_BEFORE"] and UUID(again.same_as_import_id)


def test_the_error_file_is_fetched_without_a_login_and_only_by_its_merchant(shop: Shop, other: Shop) -> None:
    found = ordered(shop, '이름,"=HYPERLINK(""x"") 휴대폰"\n하나,02-312-0000\n', mapping={'=HYPERLINK("x") 휴대폰': "phone"})
    request = pb.GetImportErrorFileRequest(import_id=found.id)
    answer = shop.call("GetImportErrorFile", request)
    with urllib.request.urlopen(answer.download_url) as response:
        text = response.read().decode("utf-8-sig")
    assert text.splitlines()[1].startswith('"고객.csv","2","\'=HYPERLINK(')
    assert "312-0000" not in text
    assert 0 < answer.expire_time.ToDatetime(tzinfo=UTC).timestamp() - datetime.now(UTC).timestamp() <= 900
    assert other.refused("GetImportErrorFile", request).reason == "NOT_FOUND"
    clean = ordered(shop, "휴대폰\n010-2345-0001\n")
    assert shop.refused("GetImportErrorFile", pb.GetImportErrorFileRequest(import_id=clean.id)).reason == "NO_ERROR_FILE"


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ({"이름": "name"}, "FILE_NO_PHONE_COLUMN"),
        ({"가": "phone", "나": " phone "}, "MAPPING_INVALID"),
        ({"가": "phone", "주민등록번호": "주민"}, "MAPPING_INVALID"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused_by_field(shop: Shop, mapping: dict[str, str], reason: str) -> None:
    refusal = shop.refused("CreateImport", pb.CreateImportRequest(object_name=upload(shop), file_name="x", mapping=mapping))
    assert refusal.fields == {"mapping": reason}
