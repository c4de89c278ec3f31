"""Keys, sealed phone numbers, look-up hashes, passwords, tokens."""

import base64

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from core.crypto import Keyring, check_password, hash_password, hash_token, new_workspace_keys


def key(letter: bytes) -> str:
    return base64.b64encode(letter * 32).decode()


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_is_wrapped_is_unwrapped(secret: bytes, purpose: str) -> None:
    keyring = Keyring(key(b"a"))
    assert keyring.unwrap(keyring.wrap(secret, purpose), purpose) == secret


def test_a_value_belongs_to_its_place_and_cannot_be_changed() -> None:
    keyring = Keyring(key(b"a"))
    wrapped = keyring.wrap(b"secret", "data:1")
    for broken, purpose in [(wrapped, "data:2"), (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), "data:1"), (wrapped[:30], "data:1")]:
        with pytest.raises(ValueError, match="changed or belongs elsewhere"):
            keyring.unwrap(broken, purpose)


def test_rotation_the_first_key_wraps_all_unwrap() -> None:
    old, both = Keyring(key(b"a")), Keyring(f"{key(b'b')}, {key(b'a')}")
    wrapped = old.wrap(b"secret", "p")
    assert both.unwrap(wrapped, "p") == b"secret"
    assert not both.is_current(wrapped)
    assert both.is_current(both.wrap(b"secret", "p"))
    with pytest.raises(ValueError, match="removed too early"):
        Keyring(key(b"b")).unwrap(wrapped, "p")


@pytest.mark.parametrize("value", ["", " , ", "abc", base64.b64encode(b"short").decode(), key(b"a") + "!", f"{key(b'a')},x"])
def test_a_wrong_encryption_key_is_named_and_not_shown(value: str) -> None:
    with pytest.raises(ValueError, match="ENCRYPTION_KEY") as caught:
        Keyring(value)
    assert not value.strip(" ,") or value not in str(caught.value)


def test_a_sealed_number_opens_only_with_its_workspace() -> None:
    mine, other = new_workspace_keys(), new_workspace_keys()
    seal = mine.sealer()
    sealed = seal("01012345678")
    assert mine.opener()(sealed) == "01012345678"
    assert b"01012345678" not in sealed
    assert seal("01012345678") != sealed, "equal numbers must not look equal"
    with pytest.raises(InvalidTag):
        other.opener()(sealed)


def test_the_lookup_hash_is_stable_inside_one_workspace_only() -> None:
    mine, other = new_workspace_keys(), new_workspace_keys()
    assert mine.lookup("01012345678") == mine.lookup("01012345678")
    assert len(mine.lookup("01012345678")) == 16
    assert mine.lookup("01012345678") != mine.lookup("01012345679")
    assert mine.lookup("01012345678") != other.lookup("01012345678")


def test_keys_do_not_show_themselves() -> None:
    keys = new_workspace_keys()
    assert repr(keys) == "WorkspaceKeys()"


def test_passwords_are_argon2id_and_salted() -> None:
    hashed = hash_password("비밀번호 1")
    assert hashed.startswith("$argon2id$")
    assert hashed != hash_password("비밀번호 1")
    assert check_password(hashed, "비밀번호 1")
    assert not check_password(hashed, "비밀번호 2")
    assert not check_password("broken", "비밀번호 1")


def test_tokens_are_found_by_their_hash() -> None:
    assert hash_token("jd_a") == hash_token("jd_a") != hash_token("jd_b")
    assert len(hash_token("jd_a")) == 32
