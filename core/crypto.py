"""Keys: master keys wrap each workspace's own, which seal phone numbers and make their look-up hash; passwords and tokens."""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12
KEY_ID = 4
LOOKUP = 16

_CLEAR = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # no letter that looks like another

_passwords = PasswordHasher()


class Keyring:
    """The master keys of ENCRYPTION_KEY: the first one wraps, all of them unwrap."""

    def __init__(self, encryption_key: str) -> None:
        keys = [_decode(part) for part in encryption_key.split(",") if part.strip()]
        if not keys:
            raise ValueError("ENCRYPTION_KEY: at least one key is needed")
        self._ciphers = {hashlib.sha256(key).digest()[:KEY_ID]: AESGCM(key) for key in keys}
        self._first = next(iter(self._ciphers))

    def wrap(self, secret: bytes, purpose: str) -> bytes:
        """key id (4) + nonce (12) + AES-256-GCM; `purpose` binds it to its place."""
        nonce = os.urandom(NONCE)
        return self._first + nonce + self._ciphers[self._first].encrypt(nonce, secret, purpose.encode())

    def unwrap(self, wrapped: bytes, purpose: str) -> bytes:
        """The secret; ValueError when no key of the list opens it."""
        cipher = self._ciphers.get(bytes(wrapped[:KEY_ID]))
        if cipher is None:
            raise ValueError("no key of ENCRYPTION_KEY opens this value: was a key removed too early?")
        try:
            return cipher.decrypt(wrapped[KEY_ID : KEY_ID + NONCE], wrapped[KEY_ID + NONCE :], purpose.encode())
        except InvalidTag:
            raise ValueError("a sealed value was changed or belongs elsewhere") from None

    def is_current(self, wrapped: bytes) -> bool:
        """Whether the first key wrapped it (false: `rewrap` is due)."""
        return bytes(wrapped[:KEY_ID]) == self._first


@dataclass(frozen=True, slots=True)
class WorkspaceKeys:
    """One workspace's own keys, unwrapped: `data` seals phone numbers, `lookup` makes the hash they are found by."""

    data: bytes = field(repr=False)
    lookup_key: bytes = field(repr=False)

    def sealer(self) -> Callable[[str], bytes]:
        """A function phone -> nonce (12) + AES-256-GCM; make it once per batch."""
        encrypt, urandom = AESGCM(self.data).encrypt, os.urandom

        def seal(phone: str) -> bytes:
            nonce = urandom(NONCE)
            return nonce + encrypt(nonce, phone.encode(), None)

        return seal

    def opener(self) -> Callable[[bytes], str]:
        """The inverse of `sealer`."""
        decrypt = AESGCM(self.data).decrypt

        def unseal(sealed: bytes) -> str:
            return decrypt(sealed[:NONCE], sealed[NONCE:], None).decode()

        return unseal

    def lookup(self, phone: str) -> bytes:
        """16 bytes of HMAC-SHA-256: the same number gives the same hash, only inside this workspace."""
        return hmac.digest(self.lookup_key, phone.encode(), "sha256")[:LOOKUP]


def new_workspace_keys() -> WorkspaceKeys:
    """Fresh random keys for a new workspace."""
    return WorkspaceKeys(os.urandom(32), os.urandom(32))


def hash_password(password: str) -> str:
    """Argon2id with the library's present defaults."""
    return _passwords.hash(password)


def new_passphrase() -> str:
    """A password for a file, to be read aloud or typed: five groups of four out of 31 characters, 99 bits."""
    letters = [secrets.choice(_CLEAR) for _ in range(20)]
    return "-".join("".join(letters[at : at + 4]) for at in range(0, 20, 4))


def check_password(password_hash: str, password: str) -> bool:
    """Constant-time comparison; a broken hash is simply wrong."""
    try:
        return _passwords.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def hash_token(token: str) -> bytes:
    """SHA-256 of a random API key: enough, because the key itself has 256 bits."""
    return hashlib.sha256(token.encode()).digest()


def _decode(part: str) -> bytes:
    try:
        key = base64.b64decode(part.strip(), validate=True)
    except binascii.Error:
        raise ValueError("ENCRYPTION_KEY: each key is base64 of 32 bytes") from None
    if len(key) != 32:
        raise ValueError("ENCRYPTION_KEY: each key is base64 of 32 bytes")
    return key
