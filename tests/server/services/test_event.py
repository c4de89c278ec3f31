"""ListEvents: following what happens, with a cursor that survives restarts and says when it is too old."""

from datetime import timedelta
from uuid import UUID

import grpc
import pytest
from jeondan.v1 import event_pb2 as pb

from core import clock
from core.db import events
from core.db.ids import new_id
from core.db.session import database
from core.rules.events import Place
from server import event_cursors
from tests.server.shop import Shop, open_shop


def happen(shop: Shop, kind: str = "message.failed", people: int = 3) -> UUID:
    batch, event = new_id(), new_id()
    with database().write(shop.workspace) as tx:
        tx.run(
            "INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, state, due_at)"
            " VALUES (:id, :workspace, :id, 1, 2, '{}', :states, 3, now())",
            id=batch,
            workspace=shop.workspace,
            states=bytes(people),
        )
        tx.run(
            "INSERT INTO events (id, workspace_id, kind, campaign_id, batch_id, reasons, created_at)"
            ' VALUES (:id, :workspace, :kind, :batch, :batch, \'{"*": "BLOCKED"}\', :now)',
            id=event,
            workspace=shop.workspace,
            kind=kind,
            batch=batch,
            now=clock.now(),
        )
    return event


def ask(shop: Shop, cursor: str = "", **more: object) -> pb.ListEventsResponse:
    return shop.call("ListEvents", pb.ListEventsRequest(cursor=cursor, **more))


def test_events_are_followed_page_by_page_and_later(shop: Shop) -> None:
    first = happen(shop)
    one = ask(shop, page_size=2)
    assert [event.id for event in one.events] == [f"{first}-0", f"{first}-1"] and one.has_more
    [event, _] = one.events
    assert (event.type, event.reason, event.message_id.rpartition("-")[2]) == ("message.failed", "BLOCKED", "0")
    assert event.campaign_id and abs(event.time.ToDatetime(tzinfo=clock.KST) - clock.now()) < timedelta(minutes=1)
    two = ask(shop, one.next_cursor, page_size=2)
    assert [event.id for event in two.events] == [f"{first}-2"] and not two.has_more
    assert not ask(shop, two.next_cursor).events
    second = happen(shop, "message.delivered", 1)
    assert [event.id for event in ask(shop, two.next_cursor).events] == [f"{second}-0"]
    assert [event.id for event in ask(shop, two.next_cursor).events] == [f"{second}-0"], "a cursor can be used again"


def test_only_the_kinds_that_are_asked_for(shop: Shop) -> None:
    happen(shop, "message.failed", 1)
    happen(shop, "message.delivered", 1)
    assert [event.type for event in ask(shop, kinds=["message.delivered"]).events] == ["message.delivered"]
    refusal = shop.refused("ListEvents", pb.ListEventsRequest(kinds=["message.delivered", "message.eaten"]))
    assert refusal.fields == {"kinds[1]": "NOT_ALLOWED"}


def test_a_page_holds_a_hundred_and_a_thousand_at_most(shop: Shop) -> None:
    for _ in range(3):
        happen(shop, people=400)
    assert len(ask(shop).events) == 100
    assert len(ask(shop, page_size=5000).events) == 1000


def test_a_cursor_that_was_not_used_for_thirty_days_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (("x-api-key", shop.api_key),)
    cursor = ask(shop).next_cursor
    monkeypatch.setattr(clock, "_offset", timedelta(days=29))
    assert shop.call("ListEvents", pb.ListEventsRequest(cursor=cursor), metadata=program).next_cursor != cursor
    monkeypatch.setattr(clock, "_offset", timedelta(days=30, minutes=1))
    refusal = shop.refused("ListEvents", pb.ListEventsRequest(cursor=cursor), metadata=program)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "EVENT_CURSOR_EXPIRED")
    assert refusal.fields == {"cursor": "EVENT_CURSOR_EXPIRED"}
    assert refusal.facts == {"kept_days": "30"}


def test_in_a_quiet_shop_a_cursor_that_is_used_never_grows_old(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    program, cursor = (("x-api-key", shop.api_key),), ""
    for days in range(0, 100, 25):
        monkeypatch.setattr(clock, "_offset", timedelta(days=days))
        cursor = shop.call("ListEvents", pb.ListEventsRequest(cursor=cursor), metadata=program).next_cursor


TRUNCATED = event_cursors.written(Place(1, UUID(int=1)), clock.now())[:-4]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "한글", "A" * 200, "=", pytest.param(TRUNCATED, id="truncated")])
def test_what_is_no_cursor_of_ours(shop: Shop, cursor: str) -> None:
    assert shop.refused("ListEvents", pb.ListEventsRequest(cursor=cursor)).reason == "BAD_EVENT_CURSOR"


@pytest.mark.parametrize("transaction", [-1, 2**63 - 1])
def test_an_invented_cursor_does_no_harm(shop: Shop, transaction: int) -> None:
    cursor = event_cursors.written(Place(transaction, UUID(int=2**128 - 1), 65535), clock.now())
    if transaction < 0:
        assert shop.refused("ListEvents", pb.ListEventsRequest(cursor=cursor)).reason == "BAD_EVENT_CURSOR"
    else:
        assert not ask(shop, cursor).events


def test_the_cursor_of_one_shop_shows_another_nothing(shop: Shop, other: Shop) -> None:
    start = ask(shop).next_cursor
    happen(shop)
    assert ask(shop, start).events
    assert not ask(other, start).events and not ask(other).events


def test_a_viewer_may_follow(shop: Shop, channel: grpc.Channel) -> None:
    viewer = open_shop(channel, role="VIEWER")
    assert ask(viewer).next_cursor
    assert timedelta(days=30) == events.KEPT
