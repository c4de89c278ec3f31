"""From an explanation's parts to its message."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from jeondan.v1 import report_pb2 as pb
from jeondan.v1 import send_pb2, types_pb2

from core.db import accounts
from core.db.recipients import Recipient
from core.db.session import Row
from core.rules import law
from core.rules.evidence import Evidence, consent, opted_out
from core.rules.states import MessageState
from core.rules.verdict import Explained
from server import recipients
from server.convert import enum, stamp
from server.rpc import Call

_E = pb.Explanation


def recipient(call: Call, known: Row[Any] | None, one: Recipient | None) -> pb.Recipient:
    """Where the person is; of somebody who was not selected only who it is."""
    unseal = accounts.keys(call.tx, call.workspace).opener()
    shown = recipients.message(one or Recipient(known.id if known else 0, MessageState.PLANNED), known, unseal)
    if one is None:
        shown.ClearField("state")
        if known is None:
            shown.ClearField("contact_id")
    return shown


def verdict(found: Explained, at: datetime | None, ruleset: str) -> dict[str, Any]:
    """What was decided, why, and when."""
    return {
        "verdict": enum(_E.Verdict, "VERDICT", found.verdict),
        "sentence": found.sentence,
        "reasons": [recipients.reason_of(reason) for reason in found.reasons],
        "defer_time": stamp(found.defer_until),
        "decide_time": stamp(at),
        "ruleset": ruleset or law.RULESET,
        "dry_run": at is None,
        "reproduced": found.reproduced,
    }


def inputs(said: Evidence, goods: Sequence[str], at: datetime) -> pb.Explanation.Inputs:
    """What the decision stood on."""
    yes = consent(said, law.Medium.TEXT, at)
    until = law.consent_until(yes, law.KR.zone, law.KR.reconfirm_months) if yes and law.KR.zone else None
    return _E.Inputs(
        consents=_consents(said),
        consent_until=until.isoformat() if until else "",
        optouts=[
            _E.OptOut(channel=one.channel, source=one.source, say_time=stamp(one.said_at), record_time=stamp(one.recorded_at))
            for one in said.optouts
        ],
        opted_out=opted_out(said, law.Medium.TEXT, at),
        notices=_notices(said),
        trades=[_E.Trade(order_id=one.order_id, kind=one.kind, ended_on=one.ended_on.isoformat()) for one in said.trades],
        recent_ads=said.recent_ads,
        goods=goods,
        before_ledger=said.before_ledger,
    )


def _consents(said: Evidence) -> Iterator[pb.Explanation.Consent]:
    for one in said.consents:
        yield _E.Consent(
            channel=one.channel,
            scope=one.scope,
            granted=one.granted,
            give_time=stamp(one.given_at),
            source=one.source,
            wording=one.wording,
            proven=one.proven,
            record_time=stamp(one.recorded_at),
        )


def _notices(said: Evidence) -> Iterator[pb.Explanation.Notice]:
    for one in said.notices:
        yield _E.Notice(kind=one.kind, state=one.state, deadline_time=stamp(one.deadline_at), end_time=stamp(one.ended_at))


def handovers(rows: Iterable[Row[Any]], results: Iterable[Row[Any]]) -> Iterator[pb.Explanation.Handover]:
    """Every call that had the message, with what came back about it."""
    came = [(row.attempt_id, _result(row)) for row in results]
    for row in rows:
        yield _E.Handover(
            attempt_id=str(row.id),
            provider=row.provider,
            channel=enum(types_pb2.Channel, "CHANNEL", row.channel),
            sender=row.sender,
            start_time=stamp(row.started_at),
            end_time=stamp(row.finished_at),
            outcome=row.outcome,
            words=" ".join(filter(None, (row.code, row.words))),
            provider_reference=row.reference,
            text_hash=bytes(row.text_hash).hex(),
            results=[result for attempt, result in came if attempt == row.id],
        )


def _result(row: Row[Any]) -> pb.Explanation.Result:
    state = enum(send_pb2.Message.State, "STATE", MessageState(row.state).name)
    return _E.Result(receive_time=stamp(row.received_at), state=state, words=row.words)
