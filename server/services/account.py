"""AccountService: signing in, and the facts of the workspace."""

from typing import Any

from jeondan.v1 import account_pb2 as pb
from jeondan.v1.account_pb2_grpc import AccountServiceServicer

from core.db import accounts
from core.db.session import database
from server import auth, workspaces
from server.account_view import provider_account
from server.convert import stamp
from server.rpc import Call, reads, writes
from server.updates import merged


class AccountService(AccountServiceServicer):
    """Signing in and the facts of the workspace."""

    def CreateSession(self, request: pb.CreateSessionRequest, context: Any) -> pb.CreateSessionResponse:
        """E-mail and password against a token."""
        user = auth.sign_in(request.email, request.password)
        token, expires = auth.issue(user)
        with database().read(user.workspace_id) as tx:
            workspace = workspaces.message(accounts.workspace_row(tx, user.workspace_id))
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
        rows = accounts.sender_numbers(call.tx)
        numbers = [pb.SenderNumber(id=str(row.id), number=row.number, active=row.active) for row in rows]
        return pb.ListSenderNumbersResponse(sender_numbers=numbers)

    @reads
    def ListProviderAccounts(self, request: pb.ListProviderAccountsRequest, call: Call) -> pb.ListProviderAccountsResponse:
        """By priority, without secrets."""
        rows = accounts.provider_accounts(call.tx)
        return pb.ListProviderAccountsResponse(provider_accounts=[provider_account(row) for row in rows])


def _workspace(call: Call) -> pb.Workspace:
    return workspaces.message(accounts.workspace_row(call.tx, call.workspace))
