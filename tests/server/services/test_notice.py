"""Notices over the wire: listed and masked, and beforehand what is due, what it costs and what stands in the way."""

from datetime import timedelta

import pytest
from jeondan.v1 import notice_pb2 as pb

from core import clock
from core.db import accounts, notices
from core.db.notices import Said
from core.db.session import database
from core.rules.notice import Kind, Scope
from tests.server.shop import PHONE, Shop


@pytest.fixture
def told(shop: Shop) -> Shop:
    """Two refusals and a consent, the latter said nine days ago."""
    now = clock.now()
    with database().write(shop.workspace) as tx:
        keys = accounts.keys(tx, shop.workspace)
        people = [(keys.lookup(number), keys.sealer()(number)) for number in (PHONE, "01011112222")]
        said = [Said(*one, Kind.REFUSED, now) for one in people]
        notices.add_result(tx, shop.workspace, said, now)
        early = Said(*people[0], Kind.GRANTED, now - timedelta(days=11), Scope.ADS_AND_NIGHT)
        notices.add_result(tx, shop.workspace, [early], now)
    return shop


def outlook(shop: Shop) -> pb.PreviewNoticesResponse:
    answer: pb.PreviewNoticesResponse = shop.call("PreviewNotices", pb.PreviewNoticesRequest())
    return answer


def test_notices_are_listed_masked_and_filtered(told: Shop, other: Shop) -> None:
    found = told.call("ListNotices", pb.ListNoticesRequest()).notices
    assert [one.kind for one in found] == [pb.Notice.KIND_GRANTED, pb.Notice.KIND_REFUSED, pb.Notice.KIND_REFUSED]
    assert {one.masked_phone for one in found} == {"010-****-6789", "010-****-2222"}
    assert (found[0].scope, found[0].state) == (pb.Notice.SCOPE_ADS_AND_NIGHT, pb.Notice.STATE_DUE)
    assert found[1].due_time.seconds >= found[1].say_time.seconds + 3 * 86_400
    assert not found[0].message_id and not found[0].HasField("end_time")
    filtered = pb.ListNoticesRequest(filter='kind = "REFUSED" AND state = "DUE"', page_size=1)
    first = told.call("ListNotices", filtered)
    assert first.next_page_token and first.notices[0].kind == pb.Notice.KIND_REFUSED
    assert not told.call("ListNotices", pb.ListNoticesRequest(filter='state = "DONE"')).notices
    assert not other.call("ListNotices", pb.ListNoticesRequest()).notices


def test_what_is_due_is_shown_with_its_cost_and_its_words(told: Shop, sender: str) -> None:
    """R-NTC-1: the merchant sees beforehand what the law will cost, and why nothing leaves."""
    shown = outlook(told)
    assert (shown.waiting_count, shown.late_count, shown.cost_krw) == (3, 1, 0)
    assert "발신번호를 정하지" in shown.hindrance
    with database().write(told.workspace) as tx:
        tx.run("UPDATE workspaces SET notice_sender_id = :sender", sender=sender)
    shown = outlook(told)
    assert not shown.hindrance and shown.next_time.seconds >= int(clock.now().timestamp()) - 5
    refused = next(group for group in shown.groups if group.kind == pb.Notice.KIND_REFUSED)
    assert refused.waiting_count == 2 and refused.sample.endswith("문자 광고 수신거부가 처리되었습니다.")
    assert refused.sample.startswith("[봄날커피] ")
    assert shown.cost_krw == pytest.approx(sum(group.cost_krw for group in shown.groups), abs=1) and shown.cost_krw > 0


def test_an_idle_shop_has_nothing_due(shop: Shop) -> None:
    shown = outlook(shop)
    assert (shown.waiting_count, shown.cost_krw, list(shown.groups)) == (0, 0, [])
    assert not shown.HasField("next_time")
