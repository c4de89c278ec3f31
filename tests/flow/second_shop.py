"""Makes a second merchant in the product whose environment this process has; prints its workspace and API key."""

import json

from core.db import accounts
from core.db.ids import new_id
from core.db.session import database


def main() -> None:
    """One workspace with an owner's key, a sender number and a provider account, like the demo merchant's."""
    workspace = new_id()
    with database().write(workspace) as tx:
        accounts.create_workspace(tx, "가을서점", optout_number="0807654321", workspace=workspace)
        _, api_key = accounts.create_api_key(tx, workspace, "tests", "OWNER")
        sender = accounts.add_sender_number(tx, workspace, "0212345678")
        accounts.add_provider_account(tx, workspace, "aligo", {"key": "sandbox-key", "user_id": "sandbox"}, certificate="TEST-1")
    database().dispose()
    print(json.dumps({"workspace": str(workspace), "api_key": api_key, "sender": str(sender)}))


if __name__ == "__main__":
    main()
