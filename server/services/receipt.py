"""ReceiptService: what providers push is kept, and read later by a worker; what they said that nobody knows yet."""

from functools import partial
from typing import Any
from uuid import UUID

from jeondan.v1 import receipt_pb2 as pb
from jeondan.v1.receipt_pb2_grpc import ReceiptServiceServicer

from core import clock, jobs
from core.db import pushes, unknown_words
from core.db.session import database
from server import auth
from server.caller import remaining
from server.convert import stamp
from server.rpc import Call, reads


class ReceiptService(ReceiptServiceServicer):
    """Pushes of the providers, and their unknown words."""

    def TakePush(self, request: pb.TakePushRequest, context: Any) -> pb.TakePushResponse:
        """A row before the answer: whoever pushed need not push again."""
        account = auth.pushing_account(request.provider, request.token)
        push = pushes.Push(UUID(request.request_id), account.id, dict(request.headers), request.body)
        with database().write(account.workspace_id, timeout=remaining()) as tx:
            pushes.add(tx, account.workspace_id, push, clock.now())
            tx.after_commit(partial(jobs.read_pushes, account.workspace_id, account.id))
        return pb.TakePushResponse()

    @reads
    def ListUnknownWords(self, request: pb.ListUnknownWordsRequest, call: Call) -> pb.ListUnknownWordsResponse:
        """Last seen first."""
        return pb.ListUnknownWordsResponse(unknown_words=map(_unknown_words, unknown_words.newest(call.tx)))


def _unknown_words(row: Any) -> pb.UnknownWords:
    times = {"first_time": stamp(row.first_seen_at), "last_time": stamp(row.last_seen_at)}
    return pb.UnknownWords(provider=row.provider, words=row.words, people=row.people, **times)
