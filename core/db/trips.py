"""What goes to PostgreSQL in one round trip: what nobody waits for an answer of travels with the next statement or the commit.

It is libpq's pipeline, through the lower layers of the driver (psycopg.pq, psycopg.adapt): its `Connection.pipeline` waits on the
socket at every statement, and costs more than the round trips that it saves.
"""

import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from psycopg import errors
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Wait

from core import telemetry
from core.db.peer import Guarded

Values = Mapping[str, Any]
Maker = Callable[[PGresult], Callable[[Sequence[Any]], Any]]  # how a row is made from its values

MOST_PREPARED = 200  # on one connection; what is rarer is planned each time
_NUMBERS = count()
_PARAMETER = re.compile(r"(?<!:):(\w+)")  # `:name`, not `::type`


class Trips:
    """The way of one transaction. It begins with its first statement: `scope` is said before that, in the same round trip."""

    def __init__(self, connection: Guarded, scope: tuple[str, Values] | None = None) -> None:
        self._connection = connection
        self._begin = [("BEGIN", {}), scope] if scope else []  # none: it has begun
        self._waiting: list[tuple[str, Values]] = []

    @property
    def broken(self) -> bool:
        """Nothing more can be asked on this connection."""
        return bool(self._connection.closed)

    def ask(self, statement: str, values: Values, make: Maker) -> tuple[list[Any], int]:
        """Now, behind whatever waits: its rows, and how many it touched."""
        self._waiting.append((statement, values))
        answer = self._together()
        reading = self._connection.transformer
        reading.set_pgresult(answer)
        return reading.load_rows(0, answer.ntuples, make(answer)), answer.command_tuples or 0

    def later(self, statement: str, values: Values) -> None:
        """For effect, with the next statement or the commit."""
        self._waiting.append((statement, values))

    def send(self) -> None:
        """What waits, and the beginning of the transaction: before somebody else uses the connection."""
        if self._begin or self._waiting:
            self._together()

    def commit(self) -> None:
        """What waits, and the end. A transaction in which nothing was asked never was."""
        if self._waiting or not self._begin:
            self.later("COMMIT", {})
            self._together()

    def _together(self) -> PGresult:
        """Everything that waits; the answer to the last one. The first refusal is raised: what came after it was passed over."""
        telemetry.DB_ROUND_TRIPS.inc()
        connection = self._connection
        # What cannot be sent is seen before anything is, and stays in the way: nothing is ever asked outside the scope.
        ready = [_dumped(connection, *one) for one in (*self._begin, *self._waiting)]
        self._begin, self._waiting = [], []
        try:
            answers: list[PGresult] = connection.wait(_asked(connection.pgconn, ready, connection.known))
        except BaseException:
            connection.pgconn.finish()  # somewhere in the middle: nobody could tell whose the next answer is
            raise
        for answer in answers:
            if answer.status == ExecStatus.FATAL_ERROR:
                raise errors.error_from_result(answer)
        return answers[-1]


class Ready(NamedTuple):
    """A statement as libpq takes it; without a key it is not prepared."""

    text: bytes
    values: Sequence[Any]
    types: tuple[int, ...]
    formats: Sequence[Format]
    key: tuple[str, tuple[int, ...]] | None


def tuples(_: PGresult) -> Callable[[Sequence[Any]], Any]:
    """Rows as bare tuples."""
    return tuple


def named(answer: PGresult) -> Callable[[Sequence[Any]], Any]:
    """Rows with their columns as attributes."""
    names = tuple((answer.fname(at) or b"").decode() for at in range(answer.nfields))
    make: Callable[[Sequence[Any]], Any] = _row_class(names)._make
    return make


def _dumped(connection: Guarded, statement: str, values: Values) -> Ready:
    text, names = _translated(statement)
    dumping = connection.transformer
    dumped = dumping.dump_sequence([values[name] for name in names], [PyFormat.AUTO] * len(names))
    types = dumping.types or ()
    key = (statement, types)
    prepares = connection.prepare_threshold is not None and (key in connection.known or len(connection.known) < MOST_PREPARED)
    return Ready(text, dumped, types, dumping.formats or (), key if prepares else None)


def _asked(pgconn: PGconn, sent: Sequence[Ready], known: dict[Any, bytes]) -> PQGen[list[PGresult]]:
    pgconn.enter_pipeline_mode()
    steps: list[tuple[Any, bytes] | None] = []  # what every answer will be about; of a preparation its key and name
    new: dict[Any, bytes] = {}
    for one in sent:
        steps.append(None)
        if one.key is None:
            pgconn.send_query_params(one.text, one.values, one.types, one.formats, Format.BINARY)
            continue
        name = known.get(one.key) or new.get(one.key)
        if name is None:
            name = new[one.key] = b"jeondan_%d" % next(_NUMBERS)
            steps.insert(-1, (one.key, name))
            pgconn.send_prepare(name, one.text, one.types)
        pgconn.send_query_prepared(name, one.values, one.formats, Format.BINARY)
    pgconn.pipeline_sync()
    answers = yield from _answers(pgconn)
    pgconn.exit_pipeline_mode()
    known.update(step for step, answer in zip(steps, answers, strict=True) if step and answer.status == ExecStatus.COMMAND_OK)
    return answers


def _answers(pgconn: PGconn) -> PQGen[list[PGresult]]:
    """Everything up to the end of the trip."""
    while pgconn.flush():
        if (yield Wait.RW) & Wait.R:
            pgconn.consume_input()
    answers: list[PGresult] = []
    while True:
        while pgconn.is_busy():
            if (yield Wait.R):
                pgconn.consume_input()
        answer = _next(pgconn)
        if answer is not None and answer.status == ExecStatus.PIPELINE_SYNC:
            return answers
        answers += [answer] if answer is not None else []


def _next(pgconn: PGconn) -> PGresult | None:
    """None at the end of a statement; where everything has ended it would be None for ever."""
    answer: PGresult | None = pgconn.get_result()
    if answer is None and pgconn.status == ConnStatus.BAD:
        raise errors.OperationalError(pgconn.get_error_message())
    return answer


@lru_cache(maxsize=500)
def _translated(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """Numbered parameters, as libpq has them, and their names in order."""
    names: dict[str, int] = {}
    text = _PARAMETER.sub(lambda found: f"${names.setdefault(found[1], len(names) + 1)}", statement)
    return text.encode(), tuple(names)


@lru_cache(maxsize=100)
def _row_class(names: tuple[str, ...]) -> Any:
    return namedtuple("Row", names)
