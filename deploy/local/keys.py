"""Passwords and keys of one data directory: generated once, kept in VAR/secrets.json, readable by its owner only."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from deploy.local.refusal import Refusal

FILE = "secrets.json"


@dataclass(frozen=True)
class Keys:
    """Everything secret that the embedded stack makes up; never printed."""

    postgres_password: str
    database_password: str
    redis_password: str
    s3_access_key: str
    s3_secret_key: str
    jwt_secret: str
    encryption_key: str

    def __repr__(self) -> str:
        return "Keys(...)"


def _generate() -> Keys:
    return Keys(
        postgres_password=secrets.token_hex(16),
        database_password=secrets.token_hex(16),
        redis_password=secrets.token_hex(16),
        s3_access_key="JD" + secrets.token_hex(9).upper(),
        s3_secret_key=secrets.token_hex(20),
        jwt_secret=secrets.token_hex(32),
        encryption_key=base64.b64encode(secrets.token_bytes(32)).decode(),
    )


def _write(path: Path, keys: Keys) -> None:
    draft = path.with_suffix(f".{os.getpid()}.new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(keys), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _read(path: Path) -> dict[str, str]:
    try:
        found = dict(json.loads(path.read_text()).items())
    except (OSError, ValueError, AttributeError):
        raise Refusal(f"{path} cannot be read. Restore it, or remove {path.parent} to start afresh.") from None
    return {field.name: str(found[field.name]) for field in fields(Keys) if field.name in found}


def load(var: Path) -> Keys:
    """The keys of this data directory; the first call makes them."""
    path = var / FILE
    if not path.exists():
        if any(var.glob("pg[0-9]*/PG_VERSION")):
            raise Refusal(f"{path} is missing, and the data in {var} needs it. Restore it, or remove {var}.")
        keys = _generate()
        _write(path, keys)
        return keys
    known = _read(path)
    keys = Keys(**{**asdict(_generate()), **known})
    if len(known) < len(fields(Keys)):
        _write(path, keys)
    return keys
