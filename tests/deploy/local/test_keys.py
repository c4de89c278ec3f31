"""Secrets are made once, kept, and kept to their owner."""

import base64
import json
from pathlib import Path

import pytest

from deploy.local import keys
from deploy.local.refusal import Refusal


def test_the_second_call_finds_what_the_first_made(tmp_path: Path) -> None:
    first = keys.load(tmp_path)
    assert keys.load(tmp_path) == first
    assert (tmp_path / keys.FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [keys.FILE]


def test_two_directories_have_nothing_in_common(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = (set(vars(keys.load(tmp_path / name)).values()) for name in "ab")
    assert len(one) == 7 and not one & two


def test_the_encryption_key_is_thirty_two_bytes(tmp_path: Path) -> None:
    assert len(base64.b64decode(keys.load(tmp_path).encryption_key, validate=True)) == 32


def test_a_key_that_came_later_is_added_and_the_others_stay(tmp_path: Path) -> None:
    first = keys.load(tmp_path)
    path = tmp_path / keys.FILE
    older = json.loads(path.read_text())
    del older["jwt_secret"]
    path.write_text(json.dumps(older))
    second = keys.load(tmp_path)
    assert second.encryption_key == first.encryption_key
    assert second.jwt_secret != first.jwt_secret
    assert keys.load(tmp_path) == second


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"x"'])
def test_a_broken_file_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / keys.FILE
    path.write_text(text)
    with pytest.raises(Refusal, match="cannot be read"):
        keys.load(tmp_path)
    assert path.read_text() == text


def test_data_without_its_secrets_is_refused_instead_of_orphaned(tmp_path: Path) -> None:
    (tmp_path / "pg18").mkdir()
    (tmp_path / "pg18" / "PG_VERSION").write_text("18\n")
    with pytest.raises(Refusal, match="is missing"):
        keys.load(tmp_path)


def test_secrets_never_show_in_a_representation(tmp_path: Path) -> None:
    made = keys.load(tmp_path)
    assert not any(value in repr(made) for value in vars(made).values())
