"""The quick form readers agree with the library ones."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser

from deploy.local.sandbox import forms

FORM = "application/x-www-form-urlencoded"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAME = st.text("abcdefgh_123", min_size=1, max_size=12)


def library(body: bytes) -> dict[str, str]:
    raw = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return {
        name.encode("latin-1").decode("utf-8", "replace"): value.encode("latin-1").decode("utf-8", "replace")
        for name, value in raw
    }


@given(st.dictionaries(TEXT, TEXT))
def test_urlencoded_forms_of_a_client(fields: dict[str, str]) -> None:
    assert forms.urlencoded(urlencode(fields).encode()) == fields


@given(st.text("ab%=&+1F4C\x00\n\r\t _.가", max_size=30).map(str.encode))
def test_urlencoded_bodies_of_any_kind(body: bytes) -> None:
    assert forms.urlencoded(body) == library(body)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a", {"a": ""}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=%EA%B0%80+%2B", {"a": "가 +"}),
        (b"a=100%", {"a": "100%"}),
        (b"a=%%41", {"a": "%A"}),
        (b"%61=1", {"a": "1"}),
        (b"a=%FF", {"a": "\ufffd"}),
    ],
)
def test_urlencoded_corners(body: bytes, fields: dict[str, str]) -> None:
    assert forms.urlencoded(body) == fields


def test_the_body_wins_over_the_query() -> None:
    assert forms.read(FORM, b"a=body", b"a=query&b=query").fields == {"a": "body", "b": "query"}


async def parsed(content_type: str, body: bytes) -> dict[str, Any]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    form = await MultiPartParser(Headers({"content-type": content_type}), stream()).parse()
    values = {name: await value.read() if isinstance(value, UploadFile) else value for name, value in form.multi_items()}
    await form.close()
    return values


@given(
    st.dictionaries(NAME, TEXT, min_size=1),
    st.dictionaries(NAME.map("file_{}".format), st.binary(max_size=60), max_size=3),
)
def test_multipart_forms_agree_with_the_library(fields: dict[str, str], files: dict[str, bytes]) -> None:
    parts: dict[str, Any] = {name: (None, value.encode()) for name, value in fields.items()}
    parts |= {name: ("a.jpg", data, "image/jpeg") for name, data in files.items()}
    request = httpx.Request("POST", "http://localhost/", files=parts)
    body, content_type = request.read(), request.headers["content-type"]
    form = forms.read(content_type, body)
    assert form.fields | form.files == asyncio.run(parsed(content_type, body))
    assert set(form.files) == set(files)


@pytest.mark.parametrize("content_type", ["multipart/form-data", "application/json", "text/plain"])
def test_bodies_that_are_no_form_have_no_fields(content_type: str) -> None:
    assert forms.read(content_type, b'{"a":1}').fields == {}
