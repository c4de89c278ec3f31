"""ProviderService: connecting provider accounts and steering them."""

from typing import Any
from uuid import UUID

from jeondan.v1 import account_pb2
from jeondan.v1 import provider_pb2 as pb
from jeondan.v1.provider_pb2_grpc import ProviderServiceServicer

from core.db import accounts, certificates, provider_accounts
from core.db.session import Row
from core.errors import InvalidInput, NotFound, Violation
from core.rules import certificate, credentials, merchant
from server.account_view import provider_account, today
from server.convert import enum, enum_name
from server.errors import within
from server.rpc import Call, writes
from server.updates import merged

SETTINGS = ("priority", "share", "most_calls", "calls_per_second", "optout_number")


class ProviderService(ProviderServiceServicer):
    """The accounts at providers."""

    @writes
    def CreateProviderAccount(self, request: pb.CreateProviderAccountRequest, call: Call) -> pb.CreateProviderAccountResponse:
        given = credentials.check(request.provider, request.credentials)
        senders = _senders(call, request.sender_number_ids)
        made = accounts.add_provider_account(
            call.tx, call.workspace, request.provider, given, test_mode=request.test_mode, senders=senders
        )
        return pb.CreateProviderAccountResponse(provider_account=_shown(call, made))

    @writes
    def UpdateProviderAccount(self, request: pb.UpdateProviderAccountRequest, call: Call) -> pb.UpdateProviderAccountResponse:
        row = _found(call, request.provider_account_id)
        stored = pb.ProviderSettings(**{name: getattr(row, name) for name in SETTINGS})
        wanted = merged(stored, request.settings, request.update_mask, field="settings")
        wanted.optout_number = _optout_number(wanted.optout_number)
        if wanted.credentials:
            accounts.change_credentials(call.tx, row.id, credentials.check(row.provider, wanted.credentials))
        provider_accounts.change(call.tx, row.id, {name: getattr(wanted, name) for name in SETTINGS})
        return pb.UpdateProviderAccountResponse(provider_account=_shown(call, row.id))

    @writes
    def DisableProviderAccount(self, request: pb.DisableProviderAccountRequest, call: Call) -> pb.DisableProviderAccountResponse:
        row = _found(call, request.provider_account_id)
        provider_accounts.disable(call.tx, row.id)
        return pb.DisableProviderAccountResponse(provider_account=_shown(call, row.id))

    @writes
    def ResumeProviderAccount(self, request: pb.ResumeProviderAccountRequest, call: Call) -> pb.ResumeProviderAccountResponse:
        row = _found(call, request.provider_account_id)
        provider_accounts.enable(call.tx, row.id)
        return pb.ResumeProviderAccountResponse(provider_account=_shown(call, row.id))

    @writes
    def SetProviderSenders(self, request: pb.SetProviderSendersRequest, call: Call) -> pb.SetProviderSendersResponse:
        row = _found(call, request.provider_account_id)
        accounts.set_senders(call.tx, call.workspace, row.id, _senders(call, request.sender_number_ids))
        return pb.SetProviderSendersResponse(provider_account=_shown(call, row.id))

    @writes
    def RecordCertificate(self, request: pb.RecordCertificateRequest, call: Call) -> pb.RecordCertificateResponse:
        row = _found(call, request.provider_account_id)
        given = request.certificate
        with within("certificate"):
            found = certificate.checked(given.number, given.check_date, given.valid_until, today())
        certificates.record(call.tx, row.id, found)
        return pb.RecordCertificateResponse(provider_account=_shown(call, row.id))

    @writes
    def CreateProviderWebhook(self, request: pb.CreateProviderWebhookRequest, call: Call) -> pb.CreateProviderWebhookResponse:
        row = _found(call, request.provider_account_id)
        token = accounts.create_webhook_token(call.tx, row.id)
        return pb.CreateProviderWebhookResponse(path=f"/webhooks/{row.provider}/{token}")

    @writes
    def SetRouting(self, request: pb.SetRoutingRequest, call: Call) -> pb.SetRoutingResponse:
        policy = enum_name(pb.Routing, "ROUTING", request.routing)
        provider_accounts.set_routing(call.tx, call.workspace, policy)
        stored = provider_accounts.routing(call.tx, call.workspace)
        return pb.SetRoutingResponse(routing=enum(pb.Routing, "ROUTING", stored))


def _optout_number(given: str) -> str:
    with within("settings"):
        return merchant.optout_number(given)


def _found(call: Call, account: str) -> Row[Any]:
    rows = accounts.provider_accounts(call.tx)
    row = next((row for row in rows if row.id == UUID(account)), None)
    if row is None:
        raise NotFound("이런 발송 계정이 없습니다.")
    return row


def _shown(call: Call, account: UUID) -> account_pb2.ProviderAccount:
    return provider_account(_found(call, str(account)))


def _senders(call: Call, identifiers: Any) -> list[UUID]:
    wanted = [UUID(one) for one in identifiers]
    known = {row.id for row in accounts.sender_numbers(call.tx)}
    wrong = [
        Violation(f"sender_number_ids[{place}]", "등록된 발신번호가 아닙니다.", "SENDER_NOT_REGISTERED")
        for place, one in enumerate(wanted)
        if one not in known
    ]
    if wrong:
        raise InvalidInput("발신번호를 확인해 주세요.", wrong)
    return wanted
