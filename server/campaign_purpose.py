"""What a campaign is for and about: the reason of information, the goods of advertising, and who overrules the linter."""

from typing import Any

from jeondan.v1 import campaign_pb2 as pb
from jeondan.v1 import types_pb2

from core import telemetry
from core.db import goods
from core.db.session import Row, Tx
from core.errors import NotAllowed, WrongState
from core.rules import draft as rules
from core.rules.law import RULESET
from server.convert import enum, enum_name
from server.preview import draft_of
from server.rpc import Call

_log = telemetry.log("purpose")
_VOID = {"purpose_override": "", "purpose_override_by": "", "purpose_agreed_by": ""}


def columns(campaign: pb.Campaign) -> dict[str, Any]:
    """What is stored of a draft. Whatever changes, what two people agreed to was another text."""
    kinds = (kind.strip() for kind in campaign.goods)
    return {
        "info_reason": enum_name(types_pb2.InfoReason, "INFO_REASON", campaign.info_reason),
        "goods": sorted({kind for kind in kinds if kind}),
        "adult": campaign.adult,
        **_VOID,
    }


def message(row: Row[Any]) -> dict[str, Any]:
    """The fields of a Campaign message."""
    overrule = pb.Overrule(
        reason=enum(pb.Overrule.Reason, "REASON", row.purpose_override),
        asked_by=row.purpose_override_by,
        agreed_by=row.purpose_agreed_by,
    )
    return {
        "info_reason": enum(types_pb2.InfoReason, "INFO_REASON", row.info_reason),
        "goods": row.goods,
        "adult": row.adult,
        "overrule": overrule if row.purpose_override else None,
        "ruleset": row.ruleset,
    }


def frozen(tx: Tx, row: Row[Any]) -> dict[str, Any]:
    """What a launch freezes."""
    found = goods.of_campaign(tx, row)
    return {"ruleset": RULESET, "goods": list(found.kinds), "adult": found.adult}


def asked(call: Call, row: Row[Any], reason: int) -> dict[str, Any]:
    """The columns of a person's word that it is information although it looks like advertising."""
    _check_person(call)
    if not any(one.reason == "PURPOSE_LINT" for one in rules.problems(draft_of(call.tx, row, call.now))):
        raise WrongState("광고로 보이는 표현이 없어 예외로 할 것이 없습니다.", reason="NOTHING_TO_OVERRULE")
    name = enum_name(pb.Overrule.Reason, "REASON", reason)
    _log.info("purpose_overrule_asked", campaign=str(row.id), reason=name, by=call.actor)
    return {"purpose_override": name, "purpose_override_by": call.actor, "purpose_agreed_by": ""}


def agreed(call: Call, row: Row[Any]) -> dict[str, Any]:
    """The columns of a second person's word."""
    _check_person(call)
    if not row.purpose_override:
        raise WrongState("예외를 요청한 사람이 없습니다.", reason="NOTHING_TO_OVERRULE")
    if row.purpose_override_by == call.actor:
        raise WrongState("요청한 사람과 다른 사람이 승인해야 합니다.", reason="SAME_PERSON")
    _log.info("purpose_overrule_agreed", campaign=str(row.id), reason=row.purpose_override, by=call.actor)
    return {"purpose_agreed_by": call.actor}


def _check_person(call: Call) -> None:
    """A program cannot answer for what a text is."""
    if call.caller.user is None:
        raise NotAllowed("사람이 로그인해서 해야 하는 일입니다. API 키로는 할 수 없습니다.")
