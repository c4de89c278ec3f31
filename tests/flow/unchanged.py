"""That a refused request leaves nothing behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.flow import doors

LISTS = ("ListImages", "ListProducts", "ListFlyers", "ListImports", "ListContacts", "ListCampaigns", "ListSuppressions")


@contextmanager
def nothing_stays(rest: doors.Rest) -> Iterator[None]:
    """All lists are the same afterwards."""
    before = [everything(rest, rpc) for rpc in LISTS]
    yield
    assert [everything(rest, rpc) for rpc in LISTS] == before


def everything(rest: doors.Rest, rpc: str) -> Any:
    return {
        item["id"]: {key: value for key, value in item.items() if key != "viewUrl"}
        for items in rest(rpc, pageSize=200).values()
        for item in items
        if isinstance(item, dict)
    }
