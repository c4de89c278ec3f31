"""IncidentService: what went wrong with the delivery of a workspace."""

from typing import Any

from jeondan.v1 import incident_pb2 as pb
from jeondan.v1.incident_pb2_grpc import IncidentServiceServicer

from core.db import incidents
from core.rules import alerts
from core.rules.alerts import RULES, Kind
from server.convert import enum, enum_names, stamp
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads

LISTS = Lists({"kind": Field(values=enum_names(pb.Incident.Kind, "KIND")), "open": Field(values=frozenset({"true", "false"}))})


class IncidentService(IncidentServiceServicer):
    """Troubles that people were alerted of."""

    @reads
    def ListIncidents(self, request: pb.ListIncidentsRequest, call: Call) -> pb.ListIncidentsResponse:
        """Newest first."""
        found = incidents.page(call.tx, page(request, LISTS))
        return pb.ListIncidentsResponse(incidents=map(_incident, found.rows), next_page_token=next_token(request, found.next))


def _incident(row: Any) -> pb.Incident:
    kind = Kind(row.kind)
    return pb.Incident(
        id=str(row.id),
        kind=enum(pb.Incident.Kind, "KIND", kind),
        subject=row.subject,
        sentence=alerts.sentence(kind, row.facts),
        cure=RULES[kind].cure.removeprefix("할 일: "),
        open_time=stamp(row.opened_at),
        close_time=stamp(row.closed_at),
    )
