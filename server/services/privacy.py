"""PrivacyService: numbers in clear, the access log, exports, and what people ask about their own data."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from jeondan.v1 import privacy_pb2 as pb
from jeondan.v1.options_pb2 import ROLE_OWNER
from jeondan.v1.privacy_pb2_grpc import PrivacyServiceServicer
from jeondan.v1.types_pb2 import Progress

from core import images, jobs
from core.crypto import new_passphrase
from core.db import access, accounts, audience, erasing, exports, privacy
from core.errors import NotAllowed, TooMany, WrongState
from core.rules import personal
from server import access as looks
from server import person
from server.convert import enum, enum_name, enum_names, stamp
from server.errors import wrong
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads, writes

ACCESS_LOG = Lists({"actor": Field(), "action": Field()})
EXPORTS = Lists({"state": Field(values=enum_names(pb.Export.State, "STATE"))})
REQUESTS = Lists(
    {
        "state": Field(values=enum_names(pb.PrivacyRequest.State, "STATE")),
        "kind": Field(values=enum_names(pb.PrivacyRequest.Kind, "KIND")),
    }
)


class PrivacyService(PrivacyServiceServicer):
    """Every look at a person in clear has a reason and an entry in the access log."""

    @writes
    def UnmaskContact(self, request: pb.UnmaskContactRequest, call: Call) -> pb.UnmaskContactResponse:
        """Number and name in clear."""
        row = audience.get_contact(call.tx, int(request.contact_id))
        if access.times(call.tx, call.actor, "UnmaskContact", call.now - timedelta(days=1)) >= personal.UNMASKED_A_DAY:
            most = f"하루에 {personal.UNMASKED_A_DAY}명까지만 원본 번호를 볼 수 있습니다."
            raise TooMany(most, retry_seconds=3600, reason="UNMASK_LIMIT")
        _log(call, "UnmaskContact", f"contact {row.id}", reason=request.reason)
        phone = accounts.keys(call.tx, call.workspace).opener()(row.phone_sealed)
        return pb.UnmaskContactResponse(contact_id=str(row.id), phone=phone, name=row.name)

    @reads
    def ListAccessLog(self, request: pb.ListAccessLogRequest, call: Call) -> pb.ListAccessLogResponse:
        """Newest first."""
        found = access.page(call.tx, page(request, ACCESS_LOG))
        return pb.ListAccessLogResponse(entries=map(_entry, found.rows), next_page_token=next_token(request, found.next))

    @reads
    def GetAccessReview(self, request: pb.GetAccessReviewRequest, call: Call) -> pb.GetAccessReviewResponse:
        """One month as sums, and who signed."""
        sums, signed = access.sums(call.tx, *personal.month(request.month)), access.signature(call.tx, request.month)
        return pb.GetAccessReviewResponse(
            sums=[pb.AccessSum(actor=row.actor, action=row.action, times=row.times, people=row.people) for row in sums],
            signed_by=signed.actor if signed else "",
            sign_time=stamp(signed.at) if signed else None,
            findings=signed.reason if signed else "",
        )

    @writes
    def SignAccessReview(self, request: pb.SignAccessReviewRequest, call: Call) -> pb.SignAccessReviewResponse:
        """The signature is an entry of the log itself."""
        if personal.month(request.month)[1] > call.now:
            raise wrong("month", "아직 끝나지 않은 달입니다.", "MONTH_NOT_OVER")
        _log(call, access.REVIEW, request.month, people=0, reason=request.findings)
        return pb.SignAccessReviewResponse(sign_time=stamp(call.now))

    @writes
    def CreateExport(self, request: pb.CreateExportRequest, call: Call) -> pb.CreateExportResponse:
        """Order a file; its password is in this answer."""
        if request.clear and call.role < ROLE_OWNER:
            raise NotAllowed("가리지 않은 파일은 소유자만 내보낼 수 있습니다.", reason="EXPORT_CLEAR_NEEDS_OWNER")
        password = new_passphrase()
        row = exports.add(call.tx, call.workspace, _export_values(request, call, password), call.now)
        _log(call, "CreateExport", f"export {row.id}", people=0, reason=request.reason)
        call.tx.after_commit(lambda: jobs.export_customers(call.workspace, row.id))
        return pb.CreateExportResponse(export=_export(row), password=password)

    @reads
    def GetExport(self, request: pb.GetExportRequest, call: Call) -> pb.GetExportResponse:
        """One."""
        return pb.GetExportResponse(export=_export(exports.get(call.tx, UUID(request.export_id))))

    @reads
    def ListExports(self, request: pb.ListExportsRequest, call: Call) -> pb.ListExportsResponse:
        """Newest first."""
        found = exports.page(call.tx, page(request, EXPORTS))
        return pb.ListExportsResponse(exports=map(_export, found.rows), next_page_token=next_token(request, found.next))

    @writes
    def DownloadExport(self, request: pb.DownloadExportRequest, call: Call) -> pb.DownloadExportResponse:
        """An address for a few minutes."""
        row = exports.get(call.tx, UUID(request.export_id))
        if row.state != exports.DONE or row.expires_at <= call.now:
            raise WrongState("파일이 아직 없거나 이미 파기되었습니다.", reason="EXPORT_NOT_READY")
        if not row.masked and call.role < ROLE_OWNER:
            raise NotAllowed("가리지 않은 파일은 소유자만 받을 수 있습니다.", reason="EXPORT_CLEAR_NEEDS_OWNER")
        _log(call, "DownloadExport", f"export {row.id}", people=row.rows_done, reason=row.reason)
        url = images.storage().download_url(row.object_name, "고객.zip", seconds=personal.DOWNLOAD_SECONDS)
        return pb.DownloadExportResponse(download_url=url)

    @writes
    def CreatePrivacyRequest(self, request: pb.CreatePrivacyRequestRequest, call: Call) -> pb.CreatePrivacyRequestResponse:
        """Take down what somebody asks."""
        contact = audience.get_contact(call.tx, int(request.contact_id))
        kind = enum_name(pb.PrivacyRequest.Kind, "KIND", request.kind)
        values = {"contact_id": contact.id, "kind": kind, "note": request.note.strip()}
        return pb.CreatePrivacyRequestResponse(privacy_request=_request(privacy.add(call.tx, call.workspace, values, call.now)))

    @reads
    def GetPrivacyRequest(self, request: pb.GetPrivacyRequestRequest, call: Call) -> pb.GetPrivacyRequestResponse:
        """One."""
        return pb.GetPrivacyRequestResponse(privacy_request=_request(privacy.get(call.tx, UUID(request.privacy_request_id))))

    @reads
    def ListPrivacyRequests(self, request: pb.ListPrivacyRequestsRequest, call: Call) -> pb.ListPrivacyRequestsResponse:
        """Newest first."""
        found = privacy.page(call.tx, page(request, REQUESTS))
        shown = map(_request, found.rows)
        return pb.ListPrivacyRequestsResponse(privacy_requests=shown, next_page_token=next_token(request, found.next))

    @writes
    def DecidePrivacyRequest(self, request: pb.DecidePrivacyRequestRequest, call: Call) -> pb.DecidePrivacyRequestResponse:
        """Carry it out, or refuse it with its ground."""
        row = privacy.get(call.tx, UUID(request.privacy_request_id), lock=True)
        if row.state != privacy.OPEN:
            raise WrongState("이미 답변한 요청입니다.", reason="PRIVACY_REQUEST_ENDED")
        answer = request.answer.strip()
        if request.refuse and not answer:
            raise wrong("answer", "거절할 때에는 근거를 적어야 합니다.", "ANSWER_REQUIRED")
        if not request.refuse:
            _carry_out(call, row)
        state = privacy.REFUSED if request.refuse else privacy.DONE
        _log(call, "DecidePrivacyRequest", f"contact {row.contact_id}", reason=f"{row.kind} {state}")
        ended = {"state": state, "answer": answer, "ended_at": call.now, "ended_by": call.actor}
        return pb.DecidePrivacyRequestResponse(privacy_request=_request(privacy.end(call.tx, row.id, ended)))

    @reads
    def GetPersonRecord(self, request: pb.GetPersonRecordRequest, call: Call) -> pb.GetPersonRecordResponse:
        """Everything about the person of an ACCESS request."""
        row = privacy.get(call.tx, UUID(request.privacy_request_id))
        if row.kind != "ACCESS":
            raise WrongState("열람 요청이 아닙니다.", reason="NOT_AN_ACCESS_REQUEST")
        return pb.GetPersonRecordResponse(record=person.record(call, row.contact_id))

    @reads
    def GetPrivacyDuties(self, request: pb.GetPrivacyDutiesRequest, call: Call) -> pb.GetPrivacyDutiesResponse:
        """How many people, and what follows."""
        people = privacy.people(call.tx, call.workspace)
        duties = [
            pb.PrivacyDuty(from_people=duty.from_people, applies=people >= duty.from_people, duty=duty.text, rule=duty.rule)
            for duty in personal.DUTIES
        ]
        kept = [pb.Retention(record=one.record, kept=one.kept, basis=one.basis) for one in personal.RETENTIONS]
        waiting = privacy.open_requests(call.tx)
        return pb.GetPrivacyDutiesResponse(people=people, duties=duties, retentions=kept, open_requests=waiting)


def _log(call: Call, action: str, subject: str, *, people: int = 1, reason: str = "") -> None:
    seen = access.Access(call.actor, call.caller.origin, action, subject, people, reason)
    looks.record(call.tx, call.caller, seen, call.now)


def _carry_out(call: Call, row: Any) -> None:
    """What was asked; a correction is made by UpdateContact, an access by GetPersonRecord."""
    if row.kind == "ERASE":
        erased = erasing.erase(call.tx, call.workspace, row.contact_id, call.actor, call.now)
        if erased:
            call.tx.after_commit(lambda: person.remember(erased))
    elif row.kind in ("RESTRICT", "RESUME"):
        privacy.restrict(call.tx, row.contact_id, call.now if row.kind == "RESTRICT" else None, call.now)


def _export_values(request: pb.CreateExportRequest, call: Call, password: str) -> dict[str, Any]:
    return {
        "masked": not request.clear,
        "filter": {"tag": request.tag.strip()},
        "reason": request.reason,
        "created_by": call.actor,
        "password_sealed": accounts.keys(call.tx, call.workspace).sealer()(password),
    }


def _entry(row: Any) -> pb.AccessEntry:
    return pb.AccessEntry(
        id=str(row.id),
        actor=row.actor,
        time=stamp(row.at),
        origin=row.origin,
        action=row.action,
        subject=row.subject,
        people=row.people,
        reason=row.reason,
    )


def _export(row: Any) -> pb.Export:
    return pb.Export(
        id=str(row.id),
        state=enum(pb.Export.State, "STATE", row.state),
        progress=Progress(done=row.rows_done, total=row.rows_total),
        masked=row.masked,
        tag=row.filter.get("tag", ""),
        reason=row.reason,
        created_by=row.created_by,
        size_bytes=row.size_bytes,
        create_time=stamp(row.created_at),
        end_time=stamp(row.ended_at),
        expire_time=stamp(row.expires_at),
    )


def _request(row: Any) -> pb.PrivacyRequest:
    return pb.PrivacyRequest(
        id=str(row.id),
        contact_id=str(row.contact_id),
        kind=enum(pb.PrivacyRequest.Kind, "KIND", row.kind),
        state=enum(pb.PrivacyRequest.State, "STATE", row.state),
        note=row.note,
        answer=row.answer,
        receive_time=stamp(row.received_at),
        due_time=stamp(row.due_at),
        end_time=stamp(row.ended_at),
        ended_by=row.ended_by,
    )
