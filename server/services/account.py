"""AccountService: signing in, and the facts of the workspace."""

from functools import partial
from typing import Any
from uuid import UUID

from jeondan.v1 import account_pb2 as pb
from jeondan.v1.account_pb2_grpc import AccountServiceServicer

from core import jobs
from core.db import accounts, senders
from core.db.session import database
from core.errors import NotFound
from server import auth, sender_numbers, workspaces
from server.account_view import provider_account
from server.convert import ids, stamp
from server.rpc import Call, reads, writes
from server.updates import merged


class AccountService(AccountServiceServicer):
    """Signing in and the facts of the workspace."""

    def CreateSession(self, request: pb.CreateSessionRequest, context: Any) -> pb.CreateSessionResponse:
        """E-mail and password against a token."""
        user = auth.sign_in(request.email, request.password)
        token, expires = auth.issue(user)
        home = user.workspace_id
        workspace = database().look(home, lambda tx: workspaces.message(accounts.workspace_row(tx, home)))
        role: Any = auth.role_number(user.role)
        return pb.CreateSessionResponse(token=token, expire_time=stamp(expires), workspace=workspace, role=role)

    @reads
    def GetWorkspace(self, request: pb.GetWorkspaceRequest, call: Call) -> pb.GetWorkspaceResponse:
        """The caller's."""
        return pb.GetWorkspaceResponse(workspace=_workspace(call))

    @writes
    def UpdateWorkspace(self, request: pb.UpdateWorkspaceRequest, call: Call) -> pb.UpdateWorkspaceResponse:
        """Only what the mask names."""
        stored = _workspace(call)
        wanted = merged(stored, request.workspace, request.update_mask, field=workspaces.FIELD)
        accounts.change_workspace(call.tx, call.workspace, workspaces.columns(call.tx, stored, wanted))
        return pb.UpdateWorkspaceResponse(workspace=_workspace(call))

    @reads
    def ListSenderNumbers(self, request: pb.ListSenderNumbersRequest, call: Call) -> pb.ListSenderNumbersResponse:
        """Oldest first."""
        return pb.ListSenderNumbersResponse(sender_numbers=sender_numbers.all_of(call.tx))

    @writes
    def CreateSenderNumber(self, request: pb.CreateSenderNumberRequest, call: Call) -> pb.CreateSenderNumberResponse:
        """In use at the accounts that were named."""
        made = sender_numbers.entered(call, request.number, ids(request.provider_account_ids))
        return pb.CreateSenderNumberResponse(sender_number=sender_numbers.one(call.tx, made))

    @writes
    def DisableSenderNumber(self, request: pb.DisableSenderNumberRequest, call: Call) -> pb.DisableSenderNumberResponse:
        """From the next batch on."""
        number = UUID(request.sender_number_id)
        if not senders.disable(call.tx, number):
            raise NotFound("이런 발신번호가 없습니다.")
        return pb.DisableSenderNumberResponse(sender_number=sender_numbers.one(call.tx, number))

    @writes
    def SyncSenderNumbers(self, request: pb.SyncSenderNumbersRequest, call: Call) -> pb.SyncSenderNumbersResponse:
        """Asked by a worker."""
        rows = senders.ask(call.tx, call.now)
        for row in rows:
            call.tx.after_commit(partial(jobs.check_senders, row.workspace_id, row.id))
        return pb.SyncSenderNumbersResponse(provider_accounts=len(rows))

    @reads
    def ListProviderAccounts(self, request: pb.ListProviderAccountsRequest, call: Call) -> pb.ListProviderAccountsResponse:
        """By priority, without secrets."""
        rows = accounts.provider_accounts(call.tx)
        return pb.ListProviderAccountsResponse(provider_accounts=[provider_account(row) for row in rows])


def _workspace(call: Call) -> pb.Workspace:
    return workspaces.message(accounts.workspace_row(call.tx, call.workspace))
