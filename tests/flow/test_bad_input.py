"""A hostile newcomer: whatever is wrong is refused with a sentence and a place, and nothing of it stays behind."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import grpc
import pytest
from jeondan.v1 import audience_pb2, catalog_pb2
from PIL import Image as Pillow

from deploy.local.product import Product
from tests.flow import doors, files, stubs
from tests.flow.running import login, second_shop

LISTS = ("ListImages", "ListProducts", "ListFlyers", "ListImports", "ListContacts", "ListCampaigns", "ListSuppressions")


@pytest.fixture(scope="module")
def shop(product: Product) -> dict[str, str]:
    """A merchant of these tests' own."""
    return second_shop(product)


@pytest.fixture(scope="module")
def by_stub(channel: grpc.Channel, shop: dict[str, str]) -> stubs.Caller:
    return stubs.Caller(channel, ("x-api-key", shop["api_key"]))


@pytest.fixture(scope="module")
def rest(product: Product, shop: dict[str, str]) -> Iterator[doors.Rest]:
    made = doors.Rest(product.gateway_url, shop["api_key"])
    yield made
    made.http.close()


@pytest.fixture(scope="module", params=["grpc", "rest"])
def door(request: pytest.FixtureRequest, channel: grpc.Channel, rest: doors.Rest, shop: dict[str, str]) -> doors.Door:
    """Every story of this file is told at both doors."""
    return rest if request.param == "rest" else doors.Grpc(channel, shop["api_key"])


@contextmanager
def nothing_stays(rest: doors.Rest) -> Iterator[None]:
    """All lists are the same afterwards."""
    before = [_everything(rest, rpc) for rpc in LISTS]
    yield
    assert [_everything(rest, rpc) for rpc in LISTS] == before


def _everything(rest: doors.Rest, rpc: str) -> Any:
    return {
        item["id"]: {key: value for key, value in item.items() if key != "viewUrl"}
        for items in rest(rpc, pageSize=200).values()
        for item in items
        if isinstance(item, dict)
    }


# --- customer files -----------------------------------------------------------------------------------------------

PEOPLE = files.numbers(3_000_000, 6)
ROWS = (
    ("김하나", PEOPLE[0], *files.AGREED),
    ("이두리", "02-123-4567", *files.AGREED),
    ("박서연", "", *files.AGREED),
    ("최민준", "010-12", *files.AGREED),
    ("정지우", PEOPLE[1], "글쎄요", "2026-03-02", "매장"),
    ("강도윤", PEOPLE[2], "Y", "2026-13-45", "매장"),
    ("조예은", PEOPLE[3], "Y", "2099-01-01", "매장"),
    ("김하나", PEOPLE[0], *files.AGREED),
    ("윤시우", "1.0e10", *files.AGREED),
    ("장수아", PEOPLE[4], *files.AGREED),
)
WRONG = [
    (3, "휴대폰 번호", "PHONE_LANDLINE"),
    (4, "휴대폰 번호", "PHONE_EMPTY"),
    (5, "휴대폰 번호", "PHONE_INVALID"),
    (6, "광고 수신동의", "CONSENT_UNREADABLE"),
    (7, "동의일시", "CONSENT_DATE_UNREADABLE"),
    (8, "동의일시", "CONSENT_DATE_FUTURE"),
    (10, "휴대폰 번호", "PHONE_PRECISION_LOST"),
]


@pytest.fixture(scope="module")
def dirty(by_stub: stubs.Caller) -> audience_pb2.Import:
    """A file with good rows, bad rows and one twice."""
    return stubs.customers(by_stub, files.book((files.HEADERS, *ROWS)), name="더러운 파일.xlsx", tag="더러운")


def test_bad_rows_are_reported_one_by_one_and_good_ones_go_in(door: doors.Door, dirty: audience_pb2.Import) -> None:
    assert dirty.state == audience_pb2.Import.STATE_DONE
    assert (dirty.created_count, dirty.duplicate_count, dirty.error_count) == (2, 1, len(WRONG))
    found, token = [], ""
    while True:
        page = door("ListImportErrors", importId=dirty.id, pageSize=2, pageToken=token)
        found += page["errors"]
        token = page["nextPageToken"]
        if not token:
            break
    assert [(error["row"], error["column"], error["reason"]) for error in found] == WRONG
    assert all(error["sheet"] == "고객" and error["message"].endswith(".") for error in found)
    written = {row[1] for row in ROWS} | {row[0] for row in ROWS}
    assert not {error["value"] for error in found} & (written - {""})
    assert {item["name"] for item in door("ListContacts", filter='tag = "더러운"')["contacts"]} == {"김하나", "장수아"}


def bomb() -> bytes:
    """A workbook of 60 KB whose sheet unpacks to 60 MB of one cell's text."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(files.book([files.HEADERS, ROWS[0]]))) as good, zipfile.ZipFile(file, "w") as made:
        for entry in good.infolist():
            data = good.read(entry)
            if entry.filename == "xl/worksheets/sheet1.xml":
                data = data.replace(
                    b"</sheetData>", b"<row><c t='inlineStr'><is><t>" + b"x" * 400_000_000 + b"</t></is></c></row></sheetData>"
                )
            made.writestr(entry.filename, data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


FILES = {
    "empty": ("고객.xlsx", b"", "FILE_EMPTY"),
    "header only": ("고객.csv", files.csv([]), "FILE_EMPTY"),
    "a text": ("고객.xlsx", "안녕하세요. 이것은 엑셀 파일이 아닙니다.".encode(), "FILE_NOT_A_SPREADSHEET"),
    "a picture": ("고객.xlsx", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "FILE_NOT_A_SPREADSHEET"),
    "any zip": ("고객.xlsx", b"PK\x03\x04" + bytes(2000), "FILE_NOT_A_SPREADSHEET"),
    "no phone column": ("고객.csv", files.csv([("김하나", "서울")], ("이름", "주소")), "FILE_NO_PHONE_COLUMN"),
    "too many columns": ("고객.csv", files.csv([], ("이름", "휴대폰", *map(str, range(300)))), "FILE_TOO_MANY_COLUMNS"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_read_is_refused_with_one_sentence(by_stub: stubs.Caller, rest: doors.Rest, kind: str) -> None:
    name, data, reason = FILES[kind]
    before = _everything(rest, "ListContacts")
    found = stubs.customers(by_stub, data, name=name, tag="거절")
    assert (found.state, found.refusal_reason) == (audience_pb2.Import.STATE_REFUSED, reason), found.refusal
    assert found.refusal.endswith(".") and "\n" not in found.refusal
    assert (found.created_count, found.updated_count, found.error_count) == (0, 0, 0)
    assert _everything(rest, "ListContacts") == before


def test_a_file_that_is_too_large_or_a_bomb_is_refused(by_stub: stubs.Caller) -> None:
    large = stubs.customers(by_stub, files.csv([]) + b"\n" + bytes(201 << 20), name="큰 파일.csv")
    assert large.refusal_reason == "FILE_TOO_LARGE" and "200MB" in large.refusal
    exploding = stubs.customers(by_stub, bomb(), name="폭탄.xlsx")
    assert (exploding.state, exploding.refusal_reason) == (audience_pb2.Import.STATE_REFUSED, "FILE_BOMB")


def test_a_file_that_was_never_uploaded_is_refused(door: doors.Door, rest: doors.Rest) -> None:
    offered = door("CreateImportUpload", fileName="없음.csv")["upload"]["objectName"]
    with nothing_stays(rest):
        for name in (offered, "../../etc/passwd", "uploads/x", "photos/" + str(uuid4())):
            found = door.refused("CreateImport", objectName=name, fileName="없음.csv")
            assert "OBJECT_MISSING" in found.fields["objectName"]
            assert "OBJECT_MISSING" in door.refused("CreateImage", objectName=name).fields["objectName"]


# --- pictures -----------------------------------------------------------------------------------------------------


def png(width: int, height: int) -> bytes:
    """A PNG that claims to be this large and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def picture(width: int, height: int, kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Pillow.new("RGB", (width, height), "brown").save(file, kind)
    return file.getvalue()


PICTURES = {
    "empty": (b"", "IMAGE_EMPTY"),
    "a text": (b"hello, I am a picture", "IMAGE_NOT_AN_IMAGE"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', "IMAGE_NOT_AN_IMAGE"),
    "bitmap": (picture(300, 300, "BMP"), "IMAGE_NOT_AN_IMAGE"),
    "cut off": (picture(600, 600)[:700], "IMAGE_NOT_AN_IMAGE"),
    "bomb": (png(60_000, 60_000), "IMAGE_TOO_MANY_PIXELS"),
    "too small": (picture(100, 100), "IMAGE_TOO_SMALL"),
    "too large": (picture(300, 300) + bytes(11 << 20), "IMAGE_TOO_LARGE"),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_a_file_that_is_no_photo_is_refused(by_stub: stubs.Caller, rest: doors.Rest, kind: str) -> None:
    data, reason = PICTURES[kind]
    found = stubs.image(by_stub, data)
    assert (found.state, found.refusal_reason) == (catalog_pb2.Image.STATE_REFUSED, reason), found.refusal
    assert found.refusal.endswith(".") and not found.view_url
    with nothing_stays(rest):
        assert "imageIds" in rest.refused("CreateProduct", product={"name": "x", "imageIds": [found.id]}).fields


# --- campaigns ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(by_stub: stubs.Caller) -> str:
    """The tag of three customers who may get advertising."""
    assert stubs.customers(by_stub, files.agreed(files.numbers(3_100_000, 3)), name="셋.csv", tag="셋").created_count == 3
    return "셋"


@pytest.fixture
def draft(shop: dict[str, str], people: str) -> dict[str, Any]:
    """A campaign that could go."""
    body = "내일부터 책을 할인합니다."
    sender = shop["sender"]
    return {"name": "x", "purpose": "PURPOSE_AD", "body": body, "senderNumberId": sender, "audience": {"anyTags": [people]}}


def cannot_go(door: doors.Door, draft: dict[str, Any], reason: str, field: str) -> str:
    """Preview names the problem, launch refuses with the same, and the draft is untouched; the sentence."""
    campaign = door("CreateCampaign", campaign=draft)["campaign"]
    problems = door("PreviewCampaign", campaignId=campaign["id"])["problems"]
    assert (reason, f"campaign.{field}") in {(one["reason"], one["field"]) for one in problems}, problems
    found = door.refused("LaunchCampaign", campaignId=campaign["id"])
    assert found.reason in {one["reason"] for one in problems}
    where = {name.removeprefix("campaign."): why for name, why in found.fields.items()}
    assert door("GetCampaign", campaignId=campaign["id"])["campaign"] == campaign
    assert not door("ListMessages", campaignId=campaign["id"])["messages"]
    return where[field][reason]


def test_characters_that_cannot_travel_are_named_with_what_to_write_instead(door: doors.Door, draft: dict[str, Any]) -> None:
    draft["body"] = "원두 ₩12,000 → 9,900원 😀 “할인” café ✨"
    sentence = cannot_go(door, draft, "UNSUPPORTED_CHARACTERS", "body")
    assert "₩" in sentence and "‘원’" in sentence or "‘￦’" in sentence
    assert "😀" in sentence and "삭제" in sentence and "‘e’" in sentence
    assert "“" not in sentence and "→ 9" not in sentence  # these travel


@pytest.mark.parametrize(
    "label", ["(광 고)", "[광고]", "（광고）", "(광.고)", "<광고>", "( 광고 )", "(홍보광고)", "(광\u200b고)"]
)
def test_a_disguised_label_is_refused(door: doors.Door, draft: dict[str, Any], label: str) -> None:
    draft["body"] = f"{label} {draft['body']}"
    reason = "UNSUPPORTED_CHARACTERS" if "\u200b" in label else "LABEL_VARIANT"
    cannot_go(door, draft, reason, "body")


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"body": "할인 (광고) 합니다"}, "LABEL_NOT_FIRST", "body"),
        ({"body": "할인합니다 무료거부0801234567 어서 오세요"}, "OPTOUT_NOT_LAST", "body"),
        ({"body": "할인합니다 수신거부 02-123-4567"}, "OPTOUT_NOT_FREE", "body"),
        ({"body": "   "}, "TEXT_REQUIRED", "body"),
        ({"body": "#{이름 할인"}, "BAD_VARIABLE", "body"),
        ({"subject": "아주 긴 제목입니다 아주 긴 제목입니다 아주 긴"}, "SUBJECT_TOO_LONG", "subject"),
        ({"audience": {"anyTags": ["아무도 없는 태그"]}}, "EMPTY_AUDIENCE", "audience"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_would_break_the_law_or_reach_nobody_stays_a_draft(
    door: doors.Door, draft: dict[str, Any], change: dict[str, Any], reason: str, field: str
) -> None:
    cannot_go(door, {**draft, **change}, reason, field)


def test_too_long_for_anybody_is_told_before_the_launch(door: doors.Door, draft: dict[str, Any]) -> None:
    cannot_go(door, {**draft, "body": "가" * 1001}, "BODY_TOO_LONG", "body")


def test_people_who_said_no_are_not_an_audience(door: doors.Door, by_stub: stubs.Caller, draft: dict[str, Any]) -> None:
    refusing = files.csv([("거절", number, "N", "", "") for number in files.numbers(3_200_000, 2)])
    stubs.customers(by_stub, refusing, name="거절.csv", tag="거절한 사람")
    cannot_go(door, {**draft, "audience": {"anyTags": ["거절한 사람"]}}, "EMPTY_AUDIENCE", "audience")


def test_a_sender_number_that_is_not_ours_is_refused(door: doors.Door, rest: doors.Rest, draft: dict[str, Any]) -> None:
    with nothing_stays(rest):
        for sender in (str(uuid4()), ""):
            found = door.refused("CreateCampaign", campaign={**draft, "senderNumberId": sender})
            assert found.codes == {"INVALID_ARGUMENT"} or found.codes == doors.STATUS[400]
            assert "senderNumberId" in found.fields
    campaign = door("CreateCampaign", campaign=draft)["campaign"]
    change = {"campaign": {"senderNumberId": str(uuid4())}, "updateMask": "senderNumberId"}
    assert "senderNumberId" in door.refused("UpdateCampaign", campaignId=campaign["id"], **change).fields
    assert door("GetCampaign", campaignId=campaign["id"])["campaign"] == campaign


def test_a_campaign_is_launched_once_and_then_left_alone(
    door: doors.Door, by_stub: stubs.Caller, sandbox: Any, draft: dict[str, Any]
) -> None:
    sent = sandbox.stats()["accepted_messages"]
    name = f"한 번만 {door.name}"
    campaign = door("CreateCampaign", campaign={**draft, "name": name, "body": f"{name} 할인"})["campaign"]
    stale = door.refused("LaunchCampaign", campaignId=campaign["id"], etag="not-this-one")
    assert stale.reason == "ETAG_MISMATCH"
    with sandbox.fault("latency", path="/send*", delay=1):
        door("LaunchCampaign", campaignId=campaign["id"])
        change = {"campaign": {"body": "바꿔치기"}, "updateMask": "body"}
        for rpc, more in (("LaunchCampaign", {}), ("UpdateCampaign", change), ("ArchiveCampaign", {}), ("ResumeCampaign", {})):
            assert door.refused(rpc, campaignId=campaign["id"], **more).reason == "WRONG_STATE", rpc
    assert stubs.follow(by_stub, campaign["id"]).counters.selected == 3
    for rpc, more in (("LaunchCampaign", {}), ("UpdateCampaign", change), ("PauseCampaign", {}), ("CancelCampaign", {})):
        assert door.refused(rpc, campaignId=campaign["id"], **more).reason == "WRONG_STATE", rpc
    assert sandbox.stats()["accepted_messages"] - sent == 3
    assert door("ArchiveCampaign", campaignId=campaign["id"])["campaign"]["archiveTime"]
    assert len(door("ListMessages", campaignId=campaign["id"])["messages"]) == 3


def test_what_was_put_away_is_not_sent(door: doors.Door, draft: dict[str, Any]) -> None:
    campaign = door("CreateCampaign", campaign=draft)["campaign"]
    door("ArchiveCampaign", campaignId=campaign["id"])
    change = {"campaign": {"name": "다시"}, "updateMask": "name"}
    for rpc, more in (("LaunchCampaign", {}), ("UpdateCampaign", change)):
        assert door.refused(rpc, campaignId=campaign["id"], **more).reason == "WRONG_STATE"


def test_a_campaign_that_ends_before_it_begins_is_refused(door: doors.Door, draft: dict[str, Any]) -> None:
    campaign = door("CreateCampaign", campaign={**draft, "expireTime": "2020-01-01T00:00:00Z"})["campaign"]
    assert door.refused("LaunchCampaign", campaignId=campaign["id"]).reason == "EXPIRE_TIME_PAST"
    assert door("GetCampaign", campaignId=campaign["id"])["campaign"] == campaign


# --- requests -----------------------------------------------------------------------------------------------------


def ids_of(rpc: str) -> list[str]:
    return [
        field.json_name
        for field in doors.METHODS[rpc].input_type.fields
        if field.name.endswith("_id") and field.name not in ("request_id", "sender_number_id")
    ]


# What a request needs besides the id, to be wrong in nothing else.
NEEDED: dict[str, dict[str, Any]] = {
    "RescheduleCampaign": {"scheduleTime": "2090-01-01T00:00:00Z"},
    "ResolveAttempt": {"decision": "DECISION_CLOSE"},
    "UpdateProviderAccount": {"settings": {"priority": 1}, "updateMask": "priority"},
}
WITH_ID = {rpc: ids_of(rpc)[0] for rpc in doors.METHODS if ids_of(rpc)}


@pytest.mark.parametrize("rpc", WITH_ID)
def test_an_unknown_id_is_not_found_and_nonsense_names_the_field(door: doors.Door, rpc: str) -> None:
    name = WITH_ID[rpc]
    subject = next((field for field in ("product", "contact", "campaign") if rpc == f"Update{field.title()}"), "")
    more = {subject: {"name": "x"}, "updateMask": "name"} if subject else NEEDED.get(rpc, {})
    unknown = "999999999999999999" if name == "contactId" else f"{uuid4()}-1" if name == "messageId" else str(uuid4())
    found = door.refused(rpc, **{name: unknown}, **more)
    assert (found.codes, found.reason) == ({"NOT_FOUND"}, "NOT_FOUND")
    nonsense = door.refused(rpc, **{name: "DROP TABLE"}, **more)
    assert nonsense.codes == {"NOT_FOUND"} if name == "messageId" else name in nonsense.fields


HUGE: list[tuple[str, dict[str, Any], str]] = [
    ("CreateProduct", {"product": {"name": "가" * 81}}, "name"),
    ("CreateProduct", {"product": {"name": ""}}, "name"),
    ("CreateProduct", {"product": {"name": "x", "description": "가" * 2001}}, "description"),
    ("CreateProduct", {"product": {"name": "x", "priceKrw": 2_147_483_647}}, "priceKrw"),
    ("CreateProduct", {"product": {"name": "x", "priceKrw": -1}}, "priceKrw"),
    ("CreateProduct", {"product": {"name": "x", "imageIds": ["x"]}}, "imageIds[0]"),
    ("CreateProduct", {"product": {"name": "x", "imageIds": [str(uuid4()) for _ in range(7)]}}, "imageIds"),
    ("CreateProduct", {"product": {"name": "x\u0000y"}}, "name"),
    ("CreateFlyer", {"flyer": {"productIds": []}}, "productIds"),
    ("CreateFlyer", {"flyer": {"productIds": [str(uuid4())], "accent": "red; DROP TABLE"}}, "accent"),
    ("CreateContact", {"contact": {"phone": "02-123-4567"}}, "phone"),
    ("CreateContact", {"contact": {"phone": "0" * 41}}, "phone"),
    ("CreateContact", {"contact": {"phone": "01012345678", "tags": ["x" * 31]}}, "tags[0]"),
    ("CreateContact", {"contact": {"phone": "01012345678", "attributes": {str(n): "x" for n in range(21)}}}, "attributes"),
    ("CreateSuppression", {"phone": "nobody"}, "phone"),
    ("CreateCampaign", {"campaign": {"name": "x", "body": "가" * 4001, "purpose": "PURPOSE_AD"}}, "body"),
    ("CreateCampaign", {"campaign": {"name": "x", "purpose": "PURPOSE_UNSPECIFIED"}}, "purpose"),
    ("CreateImageUpload", {"fileName": "x", "contentType": "text/html"}, "contentType"),
    ("CreateProduct", {"product": {"name": "x"}, "requestId": "not-a-uuid"}, "requestId"),
    ("ListProducts", {"pageSize": -1}, "pageSize"),
    ("ListProducts", {"pageToken": "x" * 1001}, "pageToken"),
]


@pytest.mark.parametrize(("rpc", "request_", "field"), HUGE, ids=[f"{rpc}-{field}-{n}" for n, (rpc, _, field) in enumerate(HUGE)])
def test_a_wrong_value_is_refused_by_field(
    door: doors.Door, rest: doors.Rest, rpc: str, request_: dict[str, Any], field: str
) -> None:
    with nothing_stays(rest):
        found = door.refused(rpc, **request_)
    assert found.codes & {"INVALID_ARGUMENT"}
    assert field in found.fields or doors.HEADERS.get(field) in found.fields, found
    assert all(sentence.endswith(".") for why in found.fields.values() for sentence in why.values()), found


BAD_FILTERS = (
    "nonsense",
    "name",
    'name = "x"',
    'secret : "x"',
    'name : "x" OR name : "y"',
    'name : "x" AND',
    "name : 'x'",
    '"; DROP',
)


@pytest.mark.parametrize("text", BAD_FILTERS)
def test_a_filter_that_cannot_be_read_is_refused(door: doors.Door, text: str) -> None:
    found = door.refused("ListProducts", filter=text)
    assert found.reason == "BAD_FILTER" and "filter" in found.fields


def test_an_order_that_does_not_exist_is_refused(door: doors.Door) -> None:
    for text in ("secret", "name sideways", "name desc, price_krw"):
        assert "orderBy" in door.refused("ListProducts", orderBy=text).fields


def test_a_page_token_is_good_for_its_own_list_only(door: doors.Door, rest: doors.Rest) -> None:
    for number in range(3):
        door("CreateProduct", product={"name": f"쪽 {number}"})
    token = door("ListProducts", pageSize=1, orderBy="name")["nextPageToken"]
    assert door("ListProducts", pageSize=2_000_000_000, orderBy="name", pageToken=token)["products"]
    changed = ("A" if token[5] != "A" else "B").join((token[:5], token[6:]))
    others = [
        ("ListProducts", {"orderBy": "name", "pageToken": changed}),
        ("ListProducts", {"orderBy": "name", "pageToken": token[:-3]}),
        ("ListProducts", {"orderBy": "price_krw", "pageToken": token}),
        ("ListProducts", {"pageToken": "한글"}),
        ("ListCampaigns", {"orderBy": "name", "pageToken": token}),
    ]
    for rpc, request in others:
        assert door.refused(rpc, **request).reason == "BAD_PAGE_TOKEN", request


# --- what only one of the doors can be told -----------------------------------------------------------------------


def test_an_unknown_field_is_refused_over_grpc(channel: grpc.Channel, shop: dict[str, str], rest: doors.Rest) -> None:
    product = catalog_pb2.CreateProductRequest(product=catalog_pb2.Product(name="x")).SerializeToString()
    for body, code, reason in (
        (product + b"\xfa\x3f\x01x", grpc.StatusCode.INVALID_ARGUMENT, "UNKNOWN_FIELD"),
        (b"\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, ""),
        (bytes(17 << 20), grpc.StatusCode.RESOURCE_EXHAUSTED, ""),
    ):
        with nothing_stays(rest), pytest.raises(grpc.RpcError) as raised:
            raw = channel.unary_unary("/jeondan.v1.CatalogService/CreateProduct")
            raw(body, metadata=(("x-api-key", shop["api_key"]),), timeout=20)
        assert raised.value.code() == code, raised.value.details()
        if reason:
            assert [why for _, why, _ in stubs.Refused.of(raised.value).violations] == [reason]


BODIES: list[tuple[bytes, int, str]] = [
    (b'{"name": "x", "prise": 1}', 400, "prise"),
    (b'{"name": "x", "priceKrw": "a lot"}', 400, "priceKrw"),
    (b'{"name": "x", "priceKrw": 1e99}', 400, "priceKrw"),
    (b'{"name": "x", "priceKrw": 1.5}', 400, "priceKrw"),
    (b'{"name": ["x"]}', 400, "name"),
    (b'{"name": "\\ud800"}', 400, "name"),
    (b'{"name": "x", "imageIds": "y"}', 400, "imageIds"),
    (b"[]", 400, ""),
    (b'"x"', 400, ""),
    (b"{", 400, ""),
    (b"", 400, ""),
    (b"\xff\xfe", 400, ""),
    (b"[" * 100_000, 400, ""),
    (b'{"name": "' + b"x" * (2 << 20) + b'"}', 413, ""),
]


@pytest.mark.parametrize(("body", "status", "field"), BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_not_what_it_should_be_is_refused_over_rest(
    rest: doors.Rest, body: bytes, status: int, field: str
) -> None:
    with nothing_stays(rest):
        answer = rest.http.post("/api/v1/products", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert not field or field in {one["field"] for one in answer.json()["errors"]}


def test_other_ways_to_ask_wrongly_over_rest(rest: doors.Rest) -> None:
    http = rest.http
    with nothing_stays(rest):
        assert http.post("/api/v1/products", content=b"name=x", headers={"Content-Type": "text/plain"}).status_code == 415
        assert http.get("/api/v1/products", params={"pageSize": "99999999999"}).status_code == 400
        assert http.get("/api/v1/products", params={"colour": "red"}).json()["errors"][0]["field"] == "colour"
        assert http.delete("/api/v1/products").status_code == 405
        assert http.get("/api/v1/nothing").status_code == 404
        assert http.get("/api/v1/products", headers={"X-API-Key": "jd_x"}).status_code == 401


def test_the_demo_merchant_never_noticed(product: Product, rest: doors.Rest) -> None:
    """Everything above happened in another workspace: the doors are one, the rooms behind them are not."""
    other = doors.Rest(product.gateway_url, login(product)["api_key"])
    assert not other("ListProducts", filter='name : "쪽"')["products"]
    other.http.close()
