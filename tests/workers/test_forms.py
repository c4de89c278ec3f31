"""Multipart bodies are read by others exactly as they were meant, whatever the values hold."""

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.providers.cases import read_multipart
from workers import forms

values = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    ["", "\r\n", "\r\n--", "--", 'x"; name="y', "봄날커피\n(광고)", "\r\n\r\n", "Content-Disposition: form-data"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(values, max_size=8), st.none() | st.binary(max_size=200))
def test_an_independent_parser_reads_back_every_field_and_file(texts: list[str], content: bytes | None) -> None:
    fields = [(f"msg_{number}", text) for number, text in enumerate(texts)]
    files = [] if content is None else [forms.File("image1", "flyer.jpg", "image/jpeg", content)]
    if not fields and not files:
        return
    body, kind = forms.multipart(fields, files)
    assert body.startswith(b"--"), "a preamble is legal, and some parsers do not know it"
    assert read_multipart(kind, body) == (
        fields,
        {} if content is None else {"image1": ("flyer.jpg", "image/jpeg", content)},
    )


def test_a_boundary_that_stands_in_a_text_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = ["a" * 32, "b" * 32]
    monkeypatch.setattr(secrets, "token_hex", lambda _size: drawn.pop(0))
    text = f'before\r\n--{"a" * 32}\r\nContent-Disposition: form-data; name="testmode_yn"\r\n\r\nN'
    body, kind = forms.multipart([("msg_1", text)])
    assert kind == f"multipart/form-data; boundary={'b' * 32}"
    assert read_multipart(kind, body) == ([("msg_1", text)], {})


def test_a_boundary_that_stands_in_a_file_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = ["a" * 32, "b" * 32]
    monkeypatch.setattr(secrets, "token_hex", lambda _size: drawn.pop(0))
    _, kind = forms.multipart([("cnt", "1")], [forms.File("image1", "flyer.jpg", "image/jpeg", b"\xff" + b"a" * 32)])
    assert kind.endswith("b" * 32)


def test_two_bodies_have_two_boundaries() -> None:
    assert forms.multipart([("cnt", "1")])[1] != forms.multipart([("cnt", "1")])[1]


def test_a_file_keeps_its_content_out_of_its_repr() -> None:
    assert "SECRET" not in repr(forms.File("image1", "flyer.jpg", "image/jpeg", b"SECRET"))
