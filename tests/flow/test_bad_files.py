"""Customer files and pictures that are wrong: refused with a sentence and a place, and nothing of them stays behind."""

import io
import struct
import zipfile
import zlib
from uuid import uuid4

import pytest
from jeondan.v1 import audience_pb2, catalog_pb2
from PIL import Image as Pillow

from tests.flow import doors, files, stubs
from tests.flow.unchanged import everything, nothing_stays

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
    assert {item["maskedName"] for item in door("ListContacts", filter='tag = "더러운"')["contacts"]} == {"김*나", "장*아"}


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
    before = everything(rest, "ListContacts")
    found = stubs.customers(by_stub, data, name=name, tag="거절")
    assert (found.state, found.refusal_reason) == (audience_pb2.Import.STATE_REFUSED, reason), found.refusal
    assert found.refusal.endswith(".") and "\n" not in found.refusal
    assert (found.created_count, found.updated_count, found.error_count) == (0, 0, 0)
    assert everything(rest, "ListContacts") == before


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
