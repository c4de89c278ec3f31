"""Drafts: what is stored of a message, and which states let what happen."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import campaign_pb2 as pb

from core.db import accounts, campaigns, catalog
from core.db.session import database
from core.errors import InvalidInput, WrongState
from core.rules.states import CampaignState
from server import campaign_drafts as drafts

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


@pytest.fixture
def shop(process: None) -> tuple[UUID, str]:
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "봄날커피", optout_number="0801234567")
    with database().write(workspace) as tx:
        return workspace, str(accounts.add_sender_number(tx, workspace, "0212345678"))


def columns(shop: tuple[UUID, str], **values: object) -> dict:
    with database().read(shop[0]) as tx:
        return drafts.columns(tx, pb.Campaign(**{"name": "가", "purpose": 1, "body": "x", "sender_number_id": shop[1], **values}))


def test_text_is_stored_composed_and_with_plain_line_breaks(shop: tuple[UUID, str]) -> None:
    found = columns(shop, body="가\r\n나", subject="\u1112\u1161\u11ab")
    assert (found["body"], found["subject"]) == ("가\n나", "한")


def test_times_and_ids_are_stored_as_such_and_absent_ones_as_none(shop: tuple[UUID, str]) -> None:
    stamp = Timestamp()
    stamp.FromDatetime(NOW)
    assert columns(shop, expire_time=stamp)["expires_at"] == NOW
    found = columns(shop)
    assert (found["expires_at"], found["flyer_id"], found["purpose"]) == (None, None, "AD")
    assert found["sender_number_id"] == UUID(shop[1])


def test_what_belongs_to_nobody_or_to_another_is_named(shop: tuple[UUID, str]) -> None:
    with database().system() as tx:
        other = accounts.create_workspace(tx, "남의 가게")
    with database().write(other) as tx:
        flyer = catalog.add_flyer(tx, other, {"layout": "HERO", "product_ids": []}, NOW).id
        number = accounts.add_sender_number(tx, other, "0298765432")
    with pytest.raises(InvalidInput) as refusal:
        columns(shop, flyer_id=str(flyer), sender_number_id=str(number))
    assert [(one.field, one.reason) for one in refusal.value.violations] == [
        ("campaign.flyer_id", "NOT_FOUND"),
        ("campaign.sender_number_id", "SENDER_NOT_REGISTERED"),
    ]
    with pytest.raises(InvalidInput):
        columns(shop, flyer_id=str(uuid4()))


class Row:
    def __init__(self, state: CampaignState, archived_at: datetime | None = None) -> None:
        self.state, self.archived_at = state, archived_at


@pytest.mark.parametrize(
    ("check", "allowed"),
    [
        (drafts.check_is_draft, {"DRAFT"}),
        (drafts.check_is_waiting, {"DRAFT", "APPROVED"}),
        (drafts.check_is_scheduled, {"SCHEDULED"}),
        (drafts.check_is_paused, {"PAUSED"}),
        (drafts.check_is_not_running, {"DRAFT", "IN_REVIEW", "APPROVED", "DONE", "CANCELLED", "FAILED"}),
    ],
)
def test_each_state_lets_happen_what_it_should(check, allowed: set[str]) -> None:
    for state in CampaignState:
        if state.value in allowed:
            check(Row(state))
        else:
            with pytest.raises(WrongState):
                check(Row(state))
    with pytest.raises(WrongState):
        drafts.check_is_in_use(Row(CampaignState.DRAFT, NOW))


def test_a_launch_freezes_prices_account_end_and_the_audience_of_this_moment(shop: tuple[UUID, str]) -> None:
    workspace, number = shop
    with database().write(workspace) as tx:
        account = accounts.add_provider_account(tx, workspace, "aligo", {"key": "k"})
        tx.run(
            "INSERT INTO contacts (workspace_id, phone_sealed, phone_hash, created_at, updated_at)"
            " VALUES (:w, '1', '1', :now, :now)",
            w=workspace,
            now=NOW,
        )
        draft = {"name": "가", "purpose": "INFO", "info_reason": "REPLY", "body": "안녕", "sender_number_id": UUID(number)}
        row = campaigns.get(tx, campaigns.add(tx, workspace, draft, NOW))
        found = drafts.launched(tx, row, NOW)
        assert (found["state"], found["frozen_body"], found["sender"]) == ("PLANNING", "안녕", "0212345678")
        [route] = found["routes"]
        assert (route["account"], route["prices"]["LMS"]) == (str(account), "25.9")
        assert (found["expires_at"], found["plan_total"], found["waiting_for"]) == (NOW + timedelta(days=2), 1, "")
