"""Makes a merchant whose results come only by push, in the product whose environment this process has."""

import json

from core.db import accounts
from core.db.ids import new_id
from core.db.session import database
from tests.workers.shop import SOLAPI


def main() -> None:
    """One workspace with a Solapi account that is not polled for an hour; prints API key and the token of its address."""
    workspace = new_id()
    with database().write(workspace) as tx:
        accounts.create_workspace(tx, "여름과일", optout_number="0807654321", workspace=workspace)
        _, api_key = accounts.create_api_key(tx, workspace, "tests", "OWNER")
        accounts.add_sender_number(tx, workspace, "0212345678")
        account = accounts.add_provider_account(tx, workspace, "solapi", SOLAPI, poll_seconds=[3600], certificate="TEST-1")
        token = accounts.create_webhook_token(tx, account)
    database().dispose()
    print(json.dumps({"api_key": api_key, "token": token}))


if __name__ == "__main__":
    main()
