"""AttemptService: who carried what, and what a person decides when nobody else can."""

from functools import partial
from typing import Any
from uuid import UUID

from jeondan.v1 import attempt_pb2 as pb
from jeondan.v1 import types_pb2
from jeondan.v1.attempt_pb2_grpc import AttemptServiceServicer

from core import jobs
from core.db import attempts
from core.db.session import Row
from core.errors import NotFound, WrongState
from core.rules.price import to_won
from server.convert import enum, enum_name, enum_names, stamp
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads, writes

LISTS = Lists(
    {
        "campaign_id": Field(),
        "outcome": Field(values=enum_names(pb.Attempt.Outcome, "OUTCOME")),
        "provider": Field(),
        "unresolved": Field(values=frozenset({"true", "false"})),
    }
)


class AttemptService(AttemptServiceServicer):
    """The calls to providers."""

    @reads
    def ListAttempts(self, request: pb.ListAttemptsRequest, call: Call) -> pb.ListAttemptsResponse:
        found = attempts.page(call.tx, page(request, LISTS))
        return pb.ListAttemptsResponse(attempts=map(_attempt, found.rows), next_page_token=next_token(request, found.next))

    @reads
    def GetAttempt(self, request: pb.GetAttemptRequest, call: Call) -> pb.GetAttemptResponse:
        return pb.GetAttemptResponse(attempt=_attempt(_found(call, request.attempt_id)))

    @writes
    def ResolveAttempt(self, request: pb.ResolveAttemptRequest, call: Call) -> pb.ResolveAttemptResponse:
        row = _found(call, request.attempt_id, lock=True)
        if row.outcome not in attempts.OPEN or row.decision or row.escalated_at is None:
            sentence = "확인할 것이 없습니다. 결과를 이미 알거나, 발송사에 아직 묻고 있습니다."
            raise WrongState(sentence, reason="ATTEMPT_RESOLVED", facts={"outcome": row.outcome})
        attempts.decide(call.tx, row.id, enum_name(pb.Attempt.Decision, "DECISION", request.decision))
        call.tx.after_commit(partial(jobs.reconcile_batch, call.workspace, row.batch_id))
        return pb.ResolveAttemptResponse(attempt=_attempt(_found(call, request.attempt_id)))


def _found(call: Call, attempt: str, *, lock: bool = False) -> Row[Any]:
    row = attempts.get(call.tx, UUID(attempt), lock=lock)
    if row is None:
        raise NotFound("이런 발송 시도가 없습니다.")
    return row


def _attempt(row: Row[Any]) -> pb.Attempt:
    people = row.accepted if row.outcome == "ACCEPTED" else len(row.positions)
    return pb.Attempt(
        id=str(row.id),
        campaign_id=str(row.campaign_id) if row.kind == "CAMPAIGN" else "",
        provider_account_id=str(row.provider_account_id),
        provider=row.provider,
        channel=enum(types_pb2.Channel, "CHANNEL", row.channel),
        message_count=len(row.positions),
        outcome=enum(pb.Attempt.Outcome, "OUTCOME", row.outcome),
        provider_reference=row.reference,
        code=row.code,
        words=row.words,
        cost_krw=to_won(row.unit_price * people),
        start_time=stamp(row.started_at),
        end_time=stamp(row.finished_at),
        unresolved_time=stamp(row.escalated_at),
        decision=enum(pb.Attempt.Decision, "DECISION", row.decision),
    )
