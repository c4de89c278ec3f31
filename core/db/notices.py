"""Queries about notices of the law: made in the transaction of the yes or no that they are about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from core.db.ids import new_id
from core.db.session import Tx
from core.rules import notice
from core.rules.notice import Kind, Scope

# A notice that waits already, with the same words, is enough. A yes that does not count against a no is no news.
_ADD = """
    INSERT INTO notices (id, workspace_id, contact_id, phone_hash, phone_sealed, kind, scope, said_at, state, due_at,
                         deadline_at, created_at)
    SELECT g.id, :workspace, g.contact, g.hash, g.sealed, g.kind, g.scope, g.said_at, 'DUE', g.due_at, g.deadline_at, :now
    FROM unnest(CAST(:id AS uuid[]), CAST(:contact AS bigint[]), CAST(:hash AS bytea[]), CAST(:sealed AS bytea[]),
                CAST(:kind AS text[]), CAST(:scope AS text[]), CAST(:said_at AS timestamptz[]),
                CAST(:due_at AS timestamptz[]), CAST(:deadline_at AS timestamptz[]))
         AS g(id, contact, hash, sealed, kind, scope, said_at, due_at, deadline_at)
    WHERE NOT EXISTS (SELECT FROM notices n WHERE n.workspace_id = :workspace AND n.phone_hash = g.hash
                      AND n.kind = g.kind AND n.scope = g.scope AND n.state = 'DUE')
        AND (g.kind <> 'GRANTED' OR NOT EXISTS (SELECT FROM suppressions s WHERE s.workspace_id = :workspace
                      AND s.phone_hash = g.hash AND s.lifted_at IS NULL AND 'TEXT' = ANY (s.channels)))
"""


@dataclass(frozen=True, slots=True)
class Said:
    """A yes or no of a person, as it was recorded: `kind` is GRANTED, WITHDRAWN or REFUSED."""

    phone_hash: bytes = field(repr=False)
    phone_sealed: bytes | None = field(repr=False)
    kind: Kind
    at: datetime
    scope: Scope = Scope.ADS
    contact: int | None = None


def add_result(tx: Tx, workspace: UUID, said: Sequence[Said], now: datetime) -> int:
    """These people will be told what was recorded (R-NTC-1); how many notices are new.

    To be called in the transaction that records it. What was said so long ago that the term is over is not told any more:
    whoever took it then had to.
    """
    told = {(one.phone_hash, one.kind, one.scope): one for one in said}
    fresh = [one for one in told.values() if one.phone_sealed and notice.deadline(one.at) > now]
    if not fresh:
        return 0
    return tx.run(
        _ADD,
        workspace=workspace,
        now=now,
        id=[new_id() for _ in fresh],
        contact=[one.contact for one in fresh],
        hash=[one.phone_hash for one in fresh],
        sealed=[one.phone_sealed for one in fresh],
        kind=[one.kind.value for one in fresh],
        scope=[one.scope.value for one in fresh],
        said_at=[one.at for one in fresh],
        due_at=[notice.due(one.at, now) for one in fresh],
        deadline_at=[notice.deadline(one.at) for one in fresh],
    )
