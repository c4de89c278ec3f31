"""The demo merchant, once per database: owner, API key, sender number, provider account: `python -m deploy.local.seed`."""

import json
import os
import secrets
from pathlib import Path
from uuid import UUID

from core.db import accounts
from core.db.ids import new_id
from core.db.session import Tx, database

SHOP, EMAIL = "봄날커피", "owner@bomnal.example"
OPTOUT, SENDER = "0801234567", "0212345678"
SOLAPI = {  # of the sandbox: this merchant never speaks to a real provider
    "api_key": os.environ.get("SANDBOX_SOLAPI_KEY", "NCSSANDBOX000001"),
    "api_secret": os.environ.get("SANDBOX_SOLAPI_SECRET", "sandbox-solapi-secret"),
    "webhook_secret": os.environ.get("SANDBOX_WEBHOOK_SECRET", "sandbox-webhook-secret"),
}
CERTIFICATE = "DEMO-0001"
SETTLE_SECONDS = 5
POLL_SECONDS = [2, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 7200, 21600, 86400]


def main() -> None:
    """Make the workspace unless it is there, and write the login into VAR/demo-login.json (readable by the owner only)."""
    login = Path(os.environ.get("VAR", "var")) / "demo-login.json"
    with database().system() as tx:
        known = accounts.user_by_email(tx, EMAIL)
    if known is None or not login.exists():
        login.write_text(json.dumps(_renew(known) if known else _open(), ensure_ascii=False, indent=1))
        login.chmod(0o600)
    database().dispose()


def _open() -> dict[str, str]:
    workspace, password = new_id(), secrets.token_urlsafe(9)
    key, user = os.environ.get("SANDBOX_KEY", "sandbox-key"), os.environ.get("SANDBOX_USER", "sandbox")
    with database().write(workspace) as tx:
        accounts.create_workspace(tx, SHOP, optout_number=OPTOUT, workspace=workspace)
        accounts.create_user(tx, workspace, EMAIL, password, "OWNER")
        keys = _keys(tx, workspace)
        accounts.add_sender_number(tx, workspace, os.environ.get("SANDBOX_SENDER", SENDER))
        accounts.add_provider_account(
            tx,
            workspace,
            "aligo",
            {"key": key, "user_id": user},
            settle_seconds=SETTLE_SECONDS,
            poll_seconds=POLL_SECONDS,
            certificate=CERTIFICATE,
        )
        # The second way: it takes over when the first may not, or does not answer.
        accounts.add_provider_account(
            tx,
            workspace,
            "solapi",
            SOLAPI,
            settle_seconds=SETTLE_SECONDS,
            poll_seconds=POLL_SECONDS,
            certificate=CERTIFICATE,
        )
    return {"email": EMAIL, "password": password, **keys}


def _renew(known: object) -> dict[str, str]:
    """The login file is gone but the workspace is not: a new password and new keys."""
    password = secrets.token_urlsafe(9)
    with database().write(known.workspace_id) as tx:  # type: ignore[attr-defined]
        accounts.change_password(tx, known.id, password)  # type: ignore[attr-defined]
        keys = _keys(tx, known.workspace_id)  # type: ignore[attr-defined]
    return {"email": EMAIL, "password": password, **keys}


def _keys(tx: Tx, workspace: UUID) -> dict[str, str]:
    """One key for real, and one for programs that are still learning: what that one sends goes nowhere."""
    _, api_key = accounts.create_api_key(tx, workspace, "demo", "OWNER")
    _, test_key = accounts.create_api_key(tx, workspace, "demo-test", "OWNER", test=True)
    return {"api_key": api_key, "test_key": test_key}


if __name__ == "__main__":
    main()
