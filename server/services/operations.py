"""OperationsService: how the house and the own workspace stand."""

from datetime import datetime

from jeondan.v1 import operations_pb2 as pb
from jeondan.v1.operations_pb2_grpc import OperationsServiceServicer

from core.rules.checks.finding import TITLES, Finding, Period, verdict
from server import operations
from server.convert import enum, enum_name, stamp
from server.rpc import Call, reads


class OperationsService(OperationsServiceServicer):
    """What the operator's checklists say."""

    @reads
    def ListChecks(self, request: pb.ListChecksRequest, call: Call) -> pb.ListChecksResponse:
        """One list, as this workspace may see it."""
        period = Period(enum_name(pb.ListChecksRequest.Period, "PERIOD", request.period))
        found = operations.look(call.tx, period, call.now)
        return pb.ListChecksResponse(
            checks=[_check(one, call.now) for one in found], verdict=enum(pb.Check.State, "STATE", verdict(found))
        )


def _check(one: Finding, now: datetime) -> pb.Check:
    house = one.check in operations.OF_THE_HOUSE
    seen = one.facts.get("seen_at")
    return pb.Check(
        name=one.check,
        title=TITLES[one.check],
        subject=one.subject,
        scope=pb.Check.SCOPE_INSTALLATION if house else pb.Check.SCOPE_WORKSPACE,
        state=enum(pb.Check.State, "STATE", one.state),
        reason=one.reason,
        sentence=one.sentence,
        cure="" if house else one.cure,
        facts={} if house else one.facts,
        seen_time=stamp(datetime.fromisoformat(seen) if seen else now),
    )
