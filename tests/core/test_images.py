"""Object storage against the real thing: addresses, bytes, limits, and what happens without it."""

import socket
import urllib.error
import urllib.request
from pathlib import Path
from uuid import uuid4

import pytest

from core.errors import InvalidInput, Unavailable
from core.images import Found, Storage, is_upload_of, upload_name
from core.respite import Respite
from core.settings import Settings


@pytest.fixture
def store(settings: Settings) -> Storage:
    return Storage(settings)


def name() -> str:
    return f"tests/{uuid4()}"


def test_bytes_come_back(store: Storage, tmp_path: Path) -> None:
    here, data = name(), bytes(range(256)) * 9000
    store.put(here, data, "image/jpeg")
    assert store.get(here, most=len(data)) == data
    assert store.head(here) == Found(len(data), "image/jpeg")
    steps: list[int] = []
    assert store.download(here, tmp_path / "file", most=len(data), progress=steps.append) == len(data)
    assert (tmp_path / "file").read_bytes() == data
    assert steps[-1] == len(data)
    store.delete(here)
    store.delete(here)
    assert store.head(here) is None


def test_a_file_from_the_disk_comes_back_under_the_name_it_is_offered_by(store: Storage, tmp_path: Path) -> None:
    here, data = name(), b"\xef\xbb\xbf" + "가,나\r\n".encode() * 300_000
    (tmp_path / "file").write_bytes(data)
    store.put_file(here, tmp_path / "file", "text/csv; charset=utf-8")
    with urllib.request.urlopen(store.download_url(here, "가져오기 오류.csv")) as answer:
        assert answer.read() == data
        disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment; ") and disposition.isascii() and 'filename="file.csv"' in disposition


def test_too_much_or_nothing_is_refused(store: Storage, tmp_path: Path) -> None:
    here = name()
    store.put(here, b"12345", "text/plain")
    with pytest.raises(InvalidInput) as caught:
        store.get(here, most=4)
    assert caught.value.reason == "IMAGE_TOO_LARGE"
    with pytest.raises(InvalidInput) as caught:
        store.download(here, tmp_path / "file", most=4)
    assert caught.value.reason == "FILE_TOO_LARGE"
    with pytest.raises(InvalidInput) as caught:
        store.get(name(), most=4)
    assert caught.value.reason == "OBJECT_MISSING"


def test_a_browser_puts_with_exactly_the_signed_type(store: Storage) -> None:
    here = name()
    url = store.put_url(here, "image/png")
    for kind, expected in [("text/html", 403), ("image/png", 200)]:
        request = urllib.request.Request(url, b"png", {"Content-Type": kind}, method="PUT")
        try:
            with urllib.request.urlopen(request) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
            error.close()
        assert status == expected
    assert store.head(here) == Found(3, "image/png")


def test_a_browser_looks_only_with_a_signature(store: Storage) -> None:
    here = name()
    store.put(here, b"photo", "image/jpeg")
    url = store.view_url(here)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"photo"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url.replace("X-Amz-Signature=", "X-Amz-Signature=0"))
    caught.value.close()
    assert caught.value.code == 403


def test_with_a_cdn_the_same_signature_goes_through_it(settings: Settings) -> None:
    behind = Storage(settings.model_copy(update={"cdn_base_url": "https://cdn.example.com/"}))
    url = behind.view_url("photos/a b.jpg")
    assert url.startswith(f"https://cdn.example.com/{settings.aws_s3_bucket}/photos/a%20b.jpg?")
    assert "X-Amz-Signature=" in url


def test_a_missing_bucket_is_made_once(settings: Settings) -> None:
    fresh = Storage(settings.model_copy(update={"aws_s3_bucket": f"fresh-{uuid4().hex[:8]}"}))
    with pytest.raises(Unavailable):
        fresh.ping()
    fresh.prepare()
    fresh.prepare()
    fresh.ping()


def test_without_storage_it_is_unavailable_in_one_sentence(settings: Settings) -> None:
    away = Storage(settings.model_copy(update={"aws_endpoint_url_s3": "http://127.0.0.1:9"}))
    for ask in [
        lambda: away.head("x"),
        lambda: away.get("x", most=1),
        lambda: away.put("x", b"", "a/b"),
        away.ping,
        away.prepare,
    ]:
        with pytest.raises(Unavailable) as caught:
            ask()
        assert settings.aws_secret_access_key not in str(caught.value)
    assert away.view_url("x"), "signing needs nobody"
    assert away.away and away.resting
    with pytest.raises(Unavailable):
        away.put_url("x", "image/png")


def test_a_storage_that_hangs_is_asked_once_by_many(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        hung = Storage(settings.model_copy(update={"aws_endpoint_url_s3": f"http://127.0.0.1:{mute.getsockname()[1]}"}))
        hung._respite = Respite(600, 1)
        for _ in range(20):
            with pytest.raises(Unavailable) as caught:
                hung.head("x")
        assert caught.value.facts == {"dependency": "s3"}
        mute.setblocking(False)
        asked, _ = mute.accept()
        asked.close()
        with pytest.raises(BlockingIOError):
            mute.accept()


def test_a_refusal_is_an_answer_and_what_is_missing_too(store: Storage, settings: Settings) -> None:
    stranger = Storage(settings.model_copy(update={"aws_secret_access_key": "wrong"}))
    with pytest.raises(Unavailable):
        stranger.get("x", most=1)
    assert not stranger.away
    store._respite.gave_up()
    store._respite._until = 0.0
    with pytest.raises(InvalidInput):
        store.get(name(), most=1)
    assert not store.away


@pytest.mark.parametrize("file", ["a.jpg", "봄 커피 (1).JPG", "../../etc/passwd", "", "...", "x" * 500, "a\n\r\0b"])
def test_upload_names_stay_inside_their_workspace(file: str) -> None:
    workspace = uuid4()
    made = upload_name(workspace, file)
    assert is_upload_of(workspace, made)
    assert not is_upload_of(uuid4(), made)
    assert len(made) <= 300


SOME = "0192f0c1-0000-7000-8000-000000000001"


@pytest.mark.parametrize("tail", ["", "x", "../a", f"{SOME}/../a", f"{SOME}/a/b", f"{SOME}/", f"{SOME}/..", f"{SOME}/a\n"])
def test_other_names_are_no_uploads(tail: str) -> None:
    workspace = uuid4()
    assert not is_upload_of(workspace, f"uploads/{workspace}/{tail}")
