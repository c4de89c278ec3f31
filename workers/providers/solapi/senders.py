"""The sender numbers that Solapi has registered for an account, and whether each may be used."""

from collections.abc import Sequence
from urllib.parse import urlencode

from workers.providers import Busy, Listed
from workers.providers.solapi.client import Client, word

_PAGE_SIZE = 100
_PAGES_MAX = 100
# A status nobody knows is none that lets a number be used.
_WORDS = {
    "ACTIVE": "사용 가능",
    "PENDING": "심사 중",
    "INACTIVE": "비활성",
    "BLOCKED": "차단됨",
    "DUPLICATED": "다른 계정에 등록됨",
    "EXPIRED": "유효기간 만료",
    "OVERLIMIT": "등록 한도 초과",
}


def listed(client: Client) -> Sequence[Listed]:
    """Page after page; half a list must never look like a whole one."""
    found: list[Listed] = []
    fields = {"limit": str(_PAGE_SIZE)}
    for _ in range(_PAGES_MAX):
        answer = client.harmless("GET", f"/senderid/v1/numbers?{urlencode(fields)}")
        rows = answer.get("senderIdList")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Busy("answer without a senderIdList")
        for row in rows:
            status = word(row, "status")
            found.append(Listed(word(row, "phoneNumber"), status == "ACTIVE", _WORDS.get(status, status[:40])))
        fields["startKey"] = word(answer, "nextKey")
        if not fields["startKey"]:
            return found
    raise Busy("list of sender numbers does not end")
