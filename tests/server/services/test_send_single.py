"""Single messages over the wire: one, five hundred, the same key twice, taken back; by a live key and by a test key."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import account_pb2, campaign_pb2, types_pb2
from jeondan.v1 import send_pb2 as pb

from core import jobs
from core.db import accounts, direct
from core.db.session import database
from core.rules.states import MessageState
from server.main import rpcs
from tests.server.shop import Shop

TEXT = "[봄날커피] 주문 A-1024가 접수되었습니다."
PHONE = "010-2345-6789"


@pytest.fixture
def sender(shop: Shop) -> str:
    """The shop can send."""
    with database().write(shop.workspace) as tx:
        accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "k", "user_id": "u"})
        return str(accounts.add_sender_number(tx, shop.workspace, "0212345678"))


@pytest.fixture
def rehearsing(shop: Shop) -> Shop:
    """The same shop, spoken for by a program with a test key."""
    with database().write(shop.workspace) as tx:
        _, key = accounts.create_api_key(tx, shop.workspace, "orders-test", "OWNER", test=True)
    return Shop(shop.channel, shop.workspace, shop.email, key, (("x-api-key", key),))


def notice(sender: str, **changes: Any) -> pb.SendMessageRequest:
    given = {"to": PHONE, "text": TEXT, "sender_number_id": sender, "purpose": types_pb2.PURPOSE_INFO, **changes}
    return pb.SendMessageRequest(**given)


def orders(sender: str, *drafts: tuple[str, str, str], **more: Any) -> pb.BatchSendRequest:
    made = [pb.BatchSendRequest.Draft(to=to, text=text, client_reference=reference) for to, text, reference in drafts]
    return pb.BatchSendRequest(messages=made, sender_number_id=sender, purpose=types_pb2.PURPOSE_INFO, **more)


def at(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def stored(shop: Shop) -> int:
    with database().read(shop.workspace) as tx:
        return int(tx.value("SELECT count(*) FROM direct_messages"))


def mark(shop: Shop, message: pb.Message, state: MessageState) -> None:
    batch, _, position = message.id.rpartition("-")
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE batches SET states = set_byte(states, :at, :state) WHERE id = :b", at=int(position), state=state, b=batch)


# --- one message --------------------------------------------------------------------------------------------------


def test_the_answer_says_everything_before_it_leaves(shop: Shop, sender: str) -> None:
    message = shop.call("SendMessage", notice(sender, client_reference="A-1024")).message
    assert (message.state, message.channel, message.bytes) == (pb.Message.STATE_PLANNED, types_pb2.CHANNEL_SMS, 40)
    assert (message.cost_krw, message.client_reference, message.test) == (8, "A-1024", False)
    assert (message.masked_phone, message.campaign_id, message.contact_id) == ("010-****-6789", "", "")
    waits = message.expire_time.ToDatetime(UTC) - message.create_time.ToDatetime(UTC)
    assert abs(waits - timedelta(hours=24)) < timedelta(minutes=1)
    assert shop.call("GetMessage", pb.GetMessageRequest(message_id=message.id)).message == message
    assert list(shop.call("ListMessages", pb.ListMessagesRequest()).messages) == [message]
    assert not shop.call("ListCampaigns", campaign_pb2.ListCampaignsRequest(show_archived=True)).campaigns


def test_a_long_text_goes_as_lms_and_costs_what_that_costs(shop: Shop, sender: str) -> None:
    message = shop.call("SendMessage", notice(sender, text="가" * 46, subject="주문 안내")).message
    assert (message.channel, message.bytes, message.cost_krw) == (types_pb2.CHANNEL_LMS, 92, 26)


def test_it_is_queued_on_the_lane_of_its_own_and_later_not_before_its_time(shop: Shop, sender: str) -> None:
    before = jobs.depths()
    shop.call("SendMessage", notice(sender))
    shop.call("SendMessage", notice(sender, schedule_time=at(datetime.now(UTC) + timedelta(hours=1))))
    assert {lane: depth - before[lane] for lane, depth in jobs.depths().items() if depth != before[lane]} == {jobs.SINGLE: 1}
    with database().read(shop.workspace) as tx:
        assert tx.value("SELECT count(*) FROM batches WHERE due_at > now() + interval '59 minutes'") == 1


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"to": "02-123-4567"}, "to", "PHONE_LANDLINE"),
        ({"to": "010-12"}, "to", "PHONE_INVALID"),
        ({"to": ""}, "to", "string.min_len"),
        ({"text": "축하 🎉"}, "text", "UNSUPPORTED_CHARACTERS"),
        ({"text": "가" * 1001}, "text", "BODY_TOO_LONG"),
        ({"text": "(광고) 할인"}, "text", "AD_NEEDS_CAMPAIGN"),
        ({"subject": "(광고) 할인"}, "subject", "AD_NEEDS_CAMPAIGN"),
        ({"subject": "가" * 21}, "subject", "SUBJECT_TOO_LONG"),
        ({"purpose": types_pb2.PURPOSE_AD}, "purpose", "AD_NEEDS_CAMPAIGN"),
        ({"purpose": types_pb2.PURPOSE_UNSPECIFIED}, "purpose", ""),
        ({"sender_number_id": str(uuid4())}, "sender_number_id", "SENDER_NOT_REGISTERED"),
        ({"client_reference": "x" * 101}, "client_reference", ""),
        ({"idempotency_key": "x" * 101}, "idempotency_key", ""),
        ({"expire_time": Timestamp(seconds=1)}, "expire_time", "EXPIRE_TIME_PAST"),
        ({"schedule_time": Timestamp(seconds=4_000_000_000)}, "schedule_time", "SCHEDULE_TIME_INVALID"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_field_and_nothing_stays(
    shop: Shop, sender: str, changes: dict[str, Any], field: str, reason: str
) -> None:
    refusal = shop.refused("SendMessage", notice(sender, **changes))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert field in refusal.fields, refusal.fields
    assert not reason or refusal.reason == reason or refusal.fields[field] == reason or refusal.reason == "INVALID_INPUT"
    assert stored(shop) == 0


def test_without_an_account_nothing_is_taken(shop: Shop) -> None:
    with database().write(shop.workspace) as tx:
        sender = str(accounts.add_sender_number(tx, shop.workspace, "0212345678"))
    assert shop.refused("SendMessage", notice(sender)).reason == "NO_PROVIDER_ACCOUNT"


def test_a_marketer_may_not_send(shop: Shop, sender: str) -> None:
    with database().write(shop.workspace) as tx:
        _, key = accounts.create_api_key(tx, shop.workspace, "m", "MARKETER")
    metadata = (("x-api-key", key),)
    for rpc, request in (
        ("SendMessage", notice(sender)),
        ("BatchSend", orders(sender, (PHONE, TEXT, ""))),
        ("CancelMessage", pb.CancelMessageRequest(message_id=f"{uuid4()}-0")),
    ):
        assert shop.refused(rpc, request, metadata=metadata).code is grpc.StatusCode.PERMISSION_DENIED


def test_somebody_who_opted_out_of_advertising_still_gets_the_order_notice(shop: Shop, sender: str) -> None:
    from jeondan.v1 import audience_pb2

    shop.call("CreateSuppression", audience_pb2.CreateSuppressionRequest(phone=PHONE))
    assert shop.call("SendMessage", notice(sender)).message.state == pb.Message.STATE_PLANNED


# --- the same key -------------------------------------------------------------------------------------------------


def test_the_same_key_gets_the_same_answer_and_one_message(shop: Shop, sender: str) -> None:
    request = notice(sender, idempotency_key="order A-1024 접수")
    first = shop.call("SendMessage", request)
    assert shop.call("SendMessage", request) == first
    assert stored(shop) == 1


def test_fifty_at_once_with_one_key_are_one_message(shop: Shop, sender: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add, begun = direct.add, threading.Semaphore(0)

    def counted(*arguments: Any) -> Any:
        begun.release()
        return add(*arguments)

    monkeypatch.setattr(direct, "add", counted)
    before = jobs.depths()[jobs.SINGLE]
    request = notice(sender, idempotency_key="A-1024")
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: shop.call("SendMessage", request), range(50)))
    assert all(answer == answers[0] for answer in answers)
    assert begun.acquire(blocking=False) and not begun.acquire(blocking=False)
    assert stored(shop) == 1 and jobs.depths()[jobs.SINGLE] == before + 1


def test_the_same_key_for_something_else_is_refused_with_a_reason_of_its_own(shop: Shop, sender: str) -> None:
    shop.call("SendMessage", notice(sender, idempotency_key="A-1024"))
    others = (
        ("SendMessage", notice(sender, text="다른 글", idempotency_key="A-1024")),
        ("SendMessage", notice(sender, to="010-9999-0000", idempotency_key="A-1024")),
        ("BatchSend", orders(sender, (PHONE, TEXT, ""), idempotency_key="A-1024")),
    )
    for rpc, request in others:
        refusal = shop.refused(rpc, request)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED")
    assert stored(shop) == 1


def test_a_refused_message_may_be_mended_and_sent_with_its_key(shop: Shop, sender: str) -> None:
    shop.refused("SendMessage", notice(sender, to="02-123-4567", idempotency_key="A-1"))
    assert shop.call("SendMessage", notice(sender, idempotency_key="A-1")).message.id


def test_another_merchants_key_is_another_key(shop: Shop, other: Shop, sender: str) -> None:
    with database().write(other.workspace) as tx:
        accounts.add_provider_account(tx, other.workspace, "aligo", {"key": "k", "user_id": "u"})
        theirs = str(accounts.add_sender_number(tx, other.workspace, "0212345678"))
    mine = shop.call("SendMessage", notice(sender, idempotency_key="A-1")).message.id
    assert other.call("SendMessage", notice(theirs, idempotency_key="A-1")).message.id != mine


# --- many ---------------------------------------------------------------------------------------------------------


def test_three_bad_rows_of_five_hundred_refuse_nobody_else(shop: Shop, sender: str) -> None:
    drafts = [(f"0102345{at:04d}", f"주문 {at}번이 접수되었습니다.", f"A-{at}") for at in range(500)]
    drafts[7] = ("02-123-4567", "가", "A-7")
    drafts[99] = ("01023450099", "축하 🎉", "A-99")
    drafts[499] = ("01023450499", "가", "x" * 101)
    answer = shop.call("BatchSend", orders(sender, *drafts))
    assert (answer.accepted_count, answer.refused_count) == (497, 3)
    refused = {at: one.refusal for at, one in enumerate(answer.outcomes) if one.HasField("refusal")}
    assert {at: (one.field, one.reason) for at, one in refused.items()} == {
        7: ("to", "PHONE_LANDLINE"),
        99: ("text", "UNSUPPORTED_CHARACTERS"),
        499: ("client_reference", "CLIENT_REFERENCE_TOO_LONG"),
    }
    assert all(one.message for one in refused.values()) and refused[7].client_reference == "A-7"
    sent = {at: one.message for at, one in enumerate(answer.outcomes) if one.HasField("message")}
    assert all((one.client_reference, one.masked_phone[-4:]) == (f"A-{at}", f"{at:04d}") for at, one in sent.items())
    assert len({one.id for one in sent.values()}) == 497 == stored(shop)
    assert answer.cost_krw == 4175  # 497 times 8.4 won, rounded once
    found = shop.call("ListMessages", pb.ListMessagesRequest(filter='client_reference = "A-8"')).messages
    assert list(found) == [sent[8]]


def test_all_or_nothing_sends_nothing_when_one_cannot_go(shop: Shop, sender: str) -> None:
    drafts = [(PHONE, TEXT, "A-1"), ("02-123-4567", TEXT, "A-2"), (PHONE, "🎉", "A-3")]
    refusal = shop.refused("BatchSend", orders(sender, *drafts, all_or_nothing=True))
    assert refusal.fields == {"messages[1].to": "PHONE_LANDLINE", "messages[2].text": "UNSUPPORTED_CHARACTERS"}
    assert refusal.facts == {"refused_count": "2"} and stored(shop) == 0
    answer = shop.call("BatchSend", orders(sender, drafts[0], all_or_nothing=True))
    assert (answer.accepted_count, answer.refused_count) == (1, 0)


def test_a_call_of_which_nothing_can_go_stores_nothing_but_its_answer(shop: Shop, sender: str) -> None:
    request = orders(sender, ("02-123-4567", TEXT, "A-1"), idempotency_key="A")
    first = shop.call("BatchSend", request)
    assert (first.accepted_count, first.refused_count, first.cost_krw, stored(shop)) == (0, 1, 0, 0)
    assert shop.call("BatchSend", request) == first
    assert not shop.call("ListMessages", pb.ListMessagesRequest()).messages


def test_a_call_has_one_to_five_hundred_messages(shop: Shop, sender: str) -> None:
    for drafts in ([], [(PHONE, TEXT, "")] * 501):
        assert "messages" in shop.refused("BatchSend", orders(sender, *drafts)).fields


def test_the_same_number_may_get_several_messages_of_one_call(shop: Shop, sender: str) -> None:
    answer = shop.call("BatchSend", orders(sender, *[(PHONE, TEXT, "")] * 3))
    assert answer.accepted_count == 3 == stored(shop)


# --- taken back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [MessageState.PLANNED, MessageState.HELD])
def test_what_waits_is_taken_back_and_stays_so(shop: Shop, sender: str, state: MessageState) -> None:
    first, second = (one.message for one in shop.call("BatchSend", orders(sender, (PHONE, TEXT, ""), (PHONE, "둘", ""))).outcomes)
    mark(shop, first, state)
    for _ in range(2):
        message = shop.call("CancelMessage", pb.CancelMessageRequest(message_id=first.id)).message
        assert (message.id, message.state, message.cost_krw) == (first.id, pb.Message.STATE_CANCELLED, 0)
    assert shop.call("GetMessage", pb.GetMessageRequest(message_id=second.id)).message == second


@pytest.mark.parametrize("state", [one for one in MessageState if one not in (0, 1, MessageState.CANCELLED)])
def test_whatever_does_not_wait_is_too_late_and_the_refusal_says_what_it_is(shop: Shop, sender: str, state: MessageState) -> None:
    message = shop.call("SendMessage", notice(sender)).message
    mark(shop, message, state)
    refusal = shop.refused("CancelMessage", pb.CancelMessageRequest(message_id=message.id))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TOO_LATE_TO_CANCEL")
    assert refusal.facts == {"state": state.name}


def test_nobody_elses_message_is_taken_back(shop: Shop, other: Shop, sender: str) -> None:
    message = shop.call("SendMessage", notice(sender)).message
    for identifier in (message.id, f"{uuid4()}-0", f"{message.id}9", "x"):
        refusal = other.refused("CancelMessage", pb.CancelMessageRequest(message_id=identifier))
        assert refusal.code is grpc.StatusCode.NOT_FOUND
    assert shop.refused("CancelMessage", pb.CancelMessageRequest(message_id=f"{message.id}1")).code is grpc.StatusCode.NOT_FOUND


# --- lists --------------------------------------------------------------------------------------------------------


def test_pages_go_back_in_time_and_filters_hold(shop: Shop, sender: str) -> None:
    made = [shop.call("SendMessage", notice(sender, client_reference=f"A-{at % 2}")).message for at in range(7)]
    found: list[pb.Message] = []
    token = ""
    while True:
        page = shop.call("ListMessages", pb.ListMessagesRequest(page_size=2, page_token=token))
        found += page.messages
        token = page.next_page_token
        if not token:
            break
    assert found == made[::-1]
    mark(shop, made[3], MessageState.FAILED)
    asked = {
        'state = "FAILED"': [3],
        'client_reference = "A-1"': [5, 3, 1],
        'client_reference = "A-1" AND state = "PLANNED"': [5, 1],
        'kind = "CAMPAIGN"': [],
        'kind = "SEND" AND test = "false" AND state = "FAILED"': [3],
        'test = "true"': [],
        'state = "FAILED" AND state = "PLANNED"': [],
    }
    for filter_, expected in asked.items():
        listed = shop.call("ListMessages", pb.ListMessagesRequest(filter=filter_)).messages
        assert [one.id for one in listed] == [made[at].id for at in expected], filter_
    since, until = made[2].create_time, made[4].create_time
    listed = shop.call("ListMessages", pb.ListMessagesRequest(start_time=since, end_time=until)).messages
    assert {made[3].id} <= {one.id for one in listed} <= {made[at].id for at in (2, 3)}


def test_what_belongs_to_the_other_list_is_refused(shop: Shop, sender: str) -> None:
    draft = campaign_pb2.Campaign(name="가", purpose=types_pb2.PURPOSE_INFO, body="가", sender_number_id=sender)
    campaign = shop.call("CreateCampaign", campaign_pb2.CreateCampaignRequest(campaign=draft)).campaign.id
    for more in ({"filter": 'client_reference = "A"'}, {"start_time": Timestamp(seconds=1)}, {"filter": 'kind = "SEND"'}):
        assert shop.refused("ListMessages", pb.ListMessagesRequest(campaign_id=campaign, **more)).reason == "BAD_FILTER"
    assert shop.refused("ListMessages", pb.ListMessagesRequest(filter='kind = "x"')).reason == "BAD_FILTER"


def test_a_call_of_the_service_is_no_campaign(shop: Shop, sender: str) -> None:
    shop.call("SendMessage", notice(sender))
    with database().read(shop.workspace) as tx:
        made = str(tx.value("SELECT id FROM campaigns"))
    for rpc in ("GetCampaign", "PauseCampaign", "CancelCampaign", "ArchiveCampaign", "LaunchCampaign", "PreviewCampaign"):
        request = getattr(campaign_pb2, f"{rpc}Request")(campaign_id=made)
        assert shop.refused(rpc, request).code is grpc.StatusCode.NOT_FOUND, rpc
    assert shop.refused("ListMessages", pb.ListMessagesRequest(campaign_id=made)).code is grpc.StatusCode.NOT_FOUND


# --- test keys ----------------------------------------------------------------------------------------------------


def test_a_test_key_sends_marked_and_free_without_any_account(shop: Shop, rehearsing: Shop) -> None:
    with database().write(shop.workspace) as tx:
        sender = str(accounts.add_sender_number(tx, shop.workspace, "0212345678"))
    message = rehearsing.call("SendMessage", notice(sender)).message
    assert (message.test, message.cost_krw, message.bytes) == (True, 0, 40)
    answer = rehearsing.call("BatchSend", orders(sender, (PHONE, "가" * 46, "")))
    assert answer.outcomes[0].message.test and answer.cost_krw == 0
    listed = shop.call("ListMessages", pb.ListMessagesRequest(filter='test = "true"')).messages
    assert len(listed) == 2 and all(one.test for one in listed)
    assert not shop.call("ListProviderAccounts", account_pb2.ListProviderAccountsRequest()).provider_accounts


def test_a_rehearsal_is_bound_to_no_account_of_the_merchant(shop: Shop, sender: str, rehearsing: Shop) -> None:
    rehearsing.call("SendMessage", notice(sender))
    with database().read(shop.workspace) as tx:
        (made,) = tx.rows("SELECT test, routes FROM campaigns")
        real = {str(row.id) for row in accounts.provider_accounts(tx)}
    assert made.test and [route["provider"] for route in made.routes] == ["rehearsal"]
    assert not {route["account"] for route in made.routes} & real


def test_the_keys_of_a_rehearsal_are_its_own(shop: Shop, sender: str, rehearsing: Shop) -> None:
    request = notice(sender, idempotency_key="A-1024")
    rehearsed = rehearsing.call("SendMessage", request).message
    real = shop.call("SendMessage", request).message
    assert (rehearsed.test, real.test) == (True, False) and rehearsed.id != real.id
    assert rehearsing.call("SendMessage", request).message == rehearsed


def test_a_test_key_takes_back_only_what_it_rehearsed(shop: Shop, sender: str, rehearsing: Shop) -> None:
    real, rehearsed = (who.call("SendMessage", notice(sender)).message for who in (shop, rehearsing))
    refusal = rehearsing.refused("CancelMessage", pb.CancelMessageRequest(message_id=real.id))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "TEST_KEY")
    cancelled = rehearsing.call("CancelMessage", pb.CancelMessageRequest(message_id=rehearsed.id)).message
    assert cancelled.state == pb.Message.STATE_CANCELLED


def test_a_test_key_looks_and_sends_and_does_nothing_else(rehearsing: Shop) -> None:
    allowed = {path.rpartition("/")[2] for path, rpc in rpcs().items() if rpc.test_keys}
    looks = {name for name in allowed if name.startswith(("Get", "List", "Preview", "Explain"))}
    assert allowed - looks == {"SendMessage", "BatchSend", "CancelMessage"}
    draft = campaign_pb2.Campaign(name="가", purpose=types_pb2.PURPOSE_INFO, body="가", sender_number_id=str(uuid4()))
    for rpc, request in (
        ("CreateCampaign", campaign_pb2.CreateCampaignRequest(campaign=draft)),
        ("LaunchCampaign", campaign_pb2.LaunchCampaignRequest(campaign_id=str(uuid4()))),
        ("ResumeCampaign", campaign_pb2.ResumeCampaignRequest(campaign_id=str(uuid4()))),
    ):
        refusal = rehearsing.refused(rpc, request)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "TEST_KEY"), rpc
    assert rehearsing.call("GetWorkspace", account_pb2.GetWorkspaceRequest()).workspace.name == "봄날커피"
