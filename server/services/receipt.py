"""ReceiptService: what providers push is kept, and read later by a worker."""

from functools import partial
from typing import Any
from uuid import UUID

from jeondan.v1 import receipt_pb2 as pb
from jeondan.v1.receipt_pb2_grpc import ReceiptServiceServicer

from core import clock, jobs
from core.db import pushes
from core.db.session import database
from server import auth
from server.caller import remaining


class ReceiptService(ReceiptServiceServicer):
    """Pushes of the providers."""

    def TakePush(self, request: pb.TakePushRequest, context: Any) -> pb.TakePushResponse:
        """A row before the answer: whoever pushed need not push again."""
        account = auth.pushing_account(request.provider, request.token)
        push = pushes.Push(UUID(request.request_id), account.id, dict(request.headers), request.body)
        with database().write(account.workspace_id, timeout=remaining()) as tx:
            pushes.add(tx, account.workspace_id, push, clock.now())
            tx.after_commit(partial(jobs.read_pushes, account.workspace_id, account.id))
        return pb.TakePushResponse()
