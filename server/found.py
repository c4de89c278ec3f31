"""Whoever operates Jeondan opens a merchant's workspace and ends its trial.

`python -m server.found open SHOP EMAIL` prints a first password, once; what is sent reaches only the guest list.
`python -m server.found release EMAIL` ends the trial of that person's workspace.
"""

import re
import secrets
import sys

from core.db import accounts, guests, schema
from core.db.ids import new_id
from core.db.session import database
from core.errors import InvalidInput, Problem
from core.rules import merchant
from core.settings import load

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,60}")
_USAGE = "사용법: python -m server.found open 상호 이메일 | release 이메일\n"


def open_workspace(shop: str, email: str) -> str:
    """A workspace on trial with its owner; the owner's first password. Refuses a shop without a label and an address in use."""
    name = merchant.shop_name(shop)
    if not _EMAIL.fullmatch(email):
        raise InvalidInput("이메일 주소의 형식이 아닙니다.")
    with database().system() as tx:
        if accounts.user_by_email(tx, email):
            raise InvalidInput("이미 쓰고 있는 이메일 주소입니다.")
    workspace, password = new_id(), secrets.token_urlsafe(12)
    with database().write(workspace) as tx:
        accounts.create_workspace(tx, name, workspace=workspace)
        accounts.create_user(tx, workspace, email, password, "OWNER")
        guests.set_trial(tx, workspace, on=True)
    return password


def release(email: str) -> None:
    """From now on messages of this owner's workspace go to everybody who may have them."""
    with database().system() as tx:
        user = accounts.user_by_email(tx, email)
    if user is None:
        raise InvalidInput("이런 이메일 주소가 없습니다.")
    with database().write(user.workspace_id) as tx:
        guests.set_trial(tx, user.workspace_id, on=False)


def main() -> None:
    """The command line; what is refused is said, and exits with 2."""
    schema.refuse_if_pending(load().database_url)
    try:
        match sys.argv[1:]:
            case ["open", shop, email]:
                password = open_workspace(shop, email)
                sys.stdout.write(f"가게를 열었습니다. 로그인: {email} / {password} (다시 볼 수 없습니다)\n")
            case ["release", email]:
                release(email)
                sys.stdout.write("시험 기간을 끝냈습니다.\n")
            case _:
                sys.stderr.write(_USAGE)
                raise SystemExit(2)
    except Problem as refusal:
        sys.stderr.write(f"jeondan: {refusal.message}\n")
        raise SystemExit(2) from None
    finally:
        database().dispose()


if __name__ == "__main__":
    main()
