"""What an owner sets for everything that the workspace sends."""

from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from jeondan.v1 import account_pb2 as pb
from jeondan.v1 import types_pb2

from core.db import accounts
from core.db.session import database
from tests.server.shop import Refusal, Shop, open_shop

TEXT, KAKAO = types_pb2.MEDIUM_TEXT, types_pb2.MEDIUM_KAKAO


def change(shop: Shop, *mask: str, **values: Any) -> pb.Workspace:
    request = pb.UpdateWorkspaceRequest(workspace=pb.Workspace(**values), update_mask=FieldMask(paths=mask))
    return shop.call("UpdateWorkspace", request).workspace


def refused(shop: Shop, *mask: str, **values: Any) -> Refusal:
    request = pb.UpdateWorkspaceRequest(workspace=pb.Workspace(**values), update_mask=FieldMask(paths=mask))
    return shop.refused("UpdateWorkspace", request)


def get(shop: Shop) -> pb.Workspace:
    return shop.call("GetWorkspace", pb.GetWorkspaceRequest()).workspace


def test_a_new_workspace_has_the_defaults_of_the_law(shop: Shop) -> None:
    """R-NGT-2: quiet from 20:50; R-CON-3: the exemption for buyers is off; R-NTC-2: silence keeps a consent."""
    found = get(shop)
    assert (found.quiet_from, found.quiet_until) == ("20:50", "08:00")
    assert (found.trade_exemption, found.consent_lapses, found.ad_cap, found.trial) == (False, False, 0, False)
    assert list(found.optout_channels) == [TEXT]


def test_every_setting_is_kept(shop: Shop, other: Shop) -> None:
    with database().write(shop.workspace) as tx:
        sender = str(accounts.add_sender_number(tx, shop.workspace, "0212345678"))
    wanted = {
        "name": "여름커피",
        "optout_number": "0807654321",
        "optout_channels": [TEXT, KAKAO],
        "quiet_from": "19:00",
        "quiet_until": "09:30",
        "trade_exemption": True,
        "consent_lapses": True,
        "ad_cap": 3,
        "ad_cap_days": 7,
        "notice_sender_id": sender,
    }
    changed = change(shop, **wanted)
    assert {name: getattr(changed, name) for name in wanted} == {**wanted, "optout_channels": [KAKAO, TEXT]}
    assert get(shop) == changed
    assert get(other).name == "가을서점"
    assert change(shop, "notice_sender_id", "optout_number").optout_number == ""
    assert get(shop).notice_sender_id == ""
    assert get(shop).name == "여름커피"


def test_a_no_by_the_080_number_is_always_a_no_to_texts(shop: Shop) -> None:
    """R-OPT-4: the channels of an opt-out are those of the number."""
    assert list(change(shop, "optout_channels").optout_channels) == [TEXT]


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ({"name": " "}, "workspace.name", "SENDER_NAME_MISSING"),
        ({"name": "봄날🌸"}, "workspace.name", "UNSUPPORTED_CHARACTERS"),
        ({"optout_number": "02-123-4567"}, "workspace.optout_number", "OPTOUT_NUMBER_INVALID"),
        ({"quiet_from": "21:30"}, "workspace.quiet_from", "NIGHT_WINDOW_INVALID"),
        ({"quiet_until": "07:00"}, "workspace.quiet_from", "NIGHT_WINDOW_INVALID"),
        ({"quiet_until": "25:00"}, "workspace.quiet_until", "INVALID_FORMAT"),
        ({"ad_cap": 101}, "workspace.ad_cap", "OUT_OF_RANGE"),
        ({"ad_cap_days": 40}, "workspace.ad_cap_days", "OUT_OF_RANGE"),
        ({"notice_sender_id": str(uuid4())}, "workspace.notice_sender_id", "SENDER_NOT_REGISTERED"),
    ],
)
def test_what_the_law_or_a_limit_forbids_is_refused_with_its_place(shop: Shop, values: Any, field: str, reason: str) -> None:
    """R-NGT-2, R-LBL-3, R-LBL-9: a setting that would make sending unlawful is no setting."""
    refusal = refused(shop, **values)
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.fields == {field: reason}
    assert get(shop).quiet_from == "20:50"


def test_a_sender_number_of_somebody_else_is_none(shop: Shop, other: Shop) -> None:
    with database().write(other.workspace) as tx:
        sender = str(accounts.add_sender_number(tx, other.workspace, "0212345678"))
    assert refused(shop, notice_sender_id=sender).fields == {"workspace.notice_sender_id": "SENDER_NOT_REGISTERED"}


def test_an_old_name_does_not_stand_in_the_way_of_another_setting(shop: Shop) -> None:
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE workspaces SET name = '봄날🌸'")
    assert change(shop, ad_cap=2).ad_cap == 2


def test_what_is_only_shown_cannot_be_changed(shop: Shop) -> None:
    assert change(shop, "trial", "name", name="여름", trial=True).trial is False


def test_only_an_owner_changes_it(channel: grpc.Channel) -> None:
    """R-SND-6: who approves does not set the rules."""
    approver = open_shop(channel, role="APPROVER")
    assert refused(approver, ad_cap=1).code is grpc.StatusCode.PERMISSION_DENIED
