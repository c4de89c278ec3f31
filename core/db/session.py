"""How PostgreSQL is asked: one transaction for one workspace, opened and closed at the edge (an RPC method or an actor)."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as Row
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from core import telemetry, tracing
from core.db.blockers import application
from core.db.peer import Peer
from core.db.schema import newest
from core.db.trips import Maker, Trips, Values
from core.errors import TooLate, Unavailable
from core.settings import Settings, load

APP_ROLE = "jeondan_app"
SYSTEM_ROLE = "jeondan_system"

# Plans are made once: planning a statement over the months of the ledger costs as much as carrying it out.
_SCOPE = """SELECT set_config('role', :role, true), set_config('jeondan.workspace', :workspace, true),
    set_config('statement_timeout', :milliseconds, true), set_config('plan_cache_mode', 'force_generic_plan', true),
    set_config('transaction_read_only', CASE WHEN :reading THEN 'on' ELSE current_setting('transaction_read_only') END, true)"""
_POSTGRESQL = {"db.system.name": "postgresql"}
_NO_DATABASE = "지금은 데이터베이스에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요."
_NO_ROOM = "지금은 저장 공간이 부족해 저장할 수 없습니다. 공간이 생기면 같은 요청을 다시 보내 주세요. 한 번만 처리됩니다."
_FULL = "53100"  # what PostgreSQL says when it cannot extend a file: nothing of the transaction stays
_ONLY_READING = (
    "지금은 데이터베이스를 복구하고 있어 조회만 할 수 있습니다. 저장이 필요한 작업은 잠시 후 다시 시도해 주세요."
    " 같은 요청을 다시 보내도 한 번만 처리됩니다."
)
_CANCELED = "57014"  # what PostgreSQL says when statement_timeout ends a query
Answer = TypeVar("Answer")
# What the driver raises when nothing was done, for want of somebody there.
_SILENT = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
READ_ONLY = "25006"  # ... when something is to be written to a database that only reads, as a replica does


class Tx:
    """One open transaction. Statements are SQL texts with named parameters, or SQLAlchemy Core."""

    def __init__(self, connection: Connection, scope: Values | None = None) -> None:
        self._connection = connection
        driver: Any = connection.connection.driver_connection
        self._trips = Trips(driver, (_SCOPE, scope) if scope else None)
        self._after: list[Callable[[], object]] = []

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's, once everything that was asked before has been sent."""
        with self._reached():
            self._trips.send()
        return self._connection

    def ask(self, statement: str, values: Values, make: Maker) -> tuple[list[Any], int]:
        """Rows, and how many were touched; for core.db.driver."""
        with self._reached():
            return self._trips.ask(statement, values, make)

    def later(self, statement: str, values: Values) -> None:
        """The same for effect, sent with the next statement or the commit."""
        self._trips.later(statement, values)

    def commit(self) -> None:
        """The end; only the session calls it."""
        with self._reached():
            self._trips.commit()

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except _SILENT as error:
            if self._trips.broken:
                self._connection.invalidate(error)
            raise silence(error) from error

    def rows(self, statement: str | sa.Executable, **values: Any) -> Sequence[Row[Any]]:
        """All rows."""
        return self.connection.execute(_executable(statement), values).all()

    def row(self, statement: str | sa.Executable, **values: Any) -> Row[Any] | None:
        """The first row, or None."""
        return self.connection.execute(_executable(statement), values).first()

    def value(self, statement: str | sa.Executable, **values: Any) -> Any:
        """The first column of the first row, or None."""
        return self.connection.execute(_executable(statement), values).scalar()

    def run(self, statement: str | sa.Executable, **values: Any) -> int:
        """For effect; how many rows it touched."""
        return self.connection.execute(_executable(statement), values).rowcount

    def run_many(self, statement: str | sa.Executable, values: Sequence[Mapping[str, Any]]) -> None:
        """The same statement for many rows, in as few round trips as the driver can."""
        if values:
            self.connection.execute(_executable(statement), list(values))

    def after_commit(self, action: Callable[[], object]) -> None:
        """Do this once the transaction is safe (queue a job); never before, never on rollback."""
        self._after.append(action)

    def committed(self) -> None:
        """Run what waited for the commit."""
        for action in self._after:
            action()


class Away(Unavailable):
    """The database itself does not answer, or cannot be written to."""


class Database:
    """The engines of one process. Create after forking; `dispose` before the process ends."""

    def __init__(self, settings: Settings, *, pool_size: int = 10) -> None:
        told: dict[str, Any] = {"application": application(newest()), "prepared": settings.database_prepared}
        self.primary = Peer("primary", settings.database_url, writable=True, **told)
        self._writer = _engine(self.primary, pool_size)
        self.replica: Peer | None = None
        self._reader: sa.Engine | None = None
        if url := settings.database_replica_url:
            self.replica = Peer("replica", url, writable=False, **told)
            self._reader = _engine(self.replica, pool_size)

    @contextmanager
    def write(self, workspace: UUID | str, *, timeout: float | None = None) -> Iterator[Tx]:
        """One transaction on the primary that sees and changes this workspace only; `timeout` in seconds, per statement."""
        with self._written(), _begin(self._writer, APP_ROLE, str(workspace), timeout) as tx:
            yield tx
        tx.committed()

    @contextmanager
    def read(self, workspace: UUID | str, *, timeout: float | None = None) -> Iterator[Tx]:
        """One read on the primary, for whoever acts upon it; sees this workspace only."""
        with self._written(), _begin(self._writer, APP_ROLE, str(workspace), timeout, reading=True) as tx:
            yield tx

    @contextmanager
    def system(self, *, timeout: float | None = None) -> Iterator[Tx]:
        """One transaction across workspaces: sweeping, seeding. tests/test_rooms.py lists who may."""
        with self._written(), _begin(self._writer, SYSTEM_ROLE, "", timeout) as tx:
            yield tx
        tx.committed()

    @contextmanager
    def owner(self) -> Iterator[Tx]:
        """One transaction as the owner of the schema: partitions and upkeep only; sees no tenant rows."""
        with self._written(), _mapped(), self._writer.begin() as connection:
            yield Tx(connection)

    def look(self, workspace: UUID | str, ask: Callable[[Tx], Answer], *, timeout: float | None = None) -> Answer:
        """What is only shown: asked of the primary, so that whoever has written sees it; of the replica while that is away.

        `ask` may be called twice. It cannot write, wherever it is asked.
        """
        return self._look(APP_ROLE, str(workspace), ask, timeout)

    def look_across(self, ask: Callable[[Tx], Answer], *, timeout: float | None = None) -> Answer:
        """The same across workspaces: signing in. tests/test_rooms.py lists who may."""
        return self._look(SYSTEM_ROLE, "", ask, timeout)

    def ping(self) -> None:
        """Raises Unavailable when the primary does not answer, or cannot be written to."""
        # committed: after a ROLLBACK the driver forgets every prepared statement, and all are planned anew
        with self._written(), _mapped(), self._writer.begin() as connection:
            if connection.execute(sa.text("SELECT pg_is_in_recovery()")).scalar():
                raise Away(_NO_DATABASE)

    def ping_replica(self) -> None:
        """Raises Unavailable when there is none that answers."""
        if self._reader is None:
            raise Away(_NO_DATABASE)
        with _mapped(), self._reader.begin() as connection:
            connection.execute(sa.text("SELECT 1"))

    def dispose(self) -> None:
        """Close every pooled connection."""
        for peer, engine in ((self.primary, self._writer), (self.replica, self._reader)):
            if peer is not None and engine is not None:
                peer.close()
                engine.dispose()

    def _look(self, role: str, workspace: str, ask: Callable[[Tx], Answer], timeout: float | None) -> Answer:
        try:
            with self._written(), _begin(self._writer, role, workspace, timeout, reading=True) as tx:
                return ask(tx)
        except Away:
            if self._reader is None or self.replica is None or self.replica.away:
                raise
        try:
            with _begin(self._reader, role, workspace, timeout, reading=True) as tx:
                return ask(tx)
        except Away:
            self.replica.doubt(lost=True)
            raise

    @contextmanager
    def _written(self) -> Iterator[None]:
        """At once when the primary is known to be away; the first one who finds that out has it asked again and again."""
        if self.primary.away:
            raise self._refusal()
        try:
            yield
        except Away as error:
            self.primary.doubt(lost=True)
            raise self._refusal() from error

    def _refusal(self) -> Away:
        if self.replica is None or self.replica.away:
            return Away(_NO_DATABASE)
        return Away(_ONLY_READING, reason="READ_ONLY", retry_seconds=5.0)


class _Once:
    """This process's database, made on first use (so after any fork), and once however many threads come first."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._made: Database | None = None

    def __call__(self) -> Database:
        if (made := self._made) is None:
            with self._making:
                made = self._made = self._made or Database(load())
        return made

    def cache_clear(self) -> None:
        """The next caller makes another."""
        self._made = None


database = _Once()


@contextmanager
def _begin(engine: sa.Engine, role: str, workspace: str, timeout: float | None, *, reading: bool = False) -> Iterator[Tx]:
    milliseconds = 0 if timeout is None else max(1, int(timeout * 1000))  # 0 would mean: for ever
    with tracing.inner("transaction", _POSTGRESQL), _mapped(), engine.begin() as connection:
        scope = {"role": role, "workspace": workspace, "milliseconds": str(milliseconds), "reading": reading}
        tx = Tx(connection, scope)
        yield tx
        tx.commit()


@contextmanager
def _mapped() -> Iterator[None]:
    """A lost connection becomes Unavailable, a spent statement_timeout TooLate; any other database error is a defect.

    A database that only reads is none that can be written to: an opt-out could not be kept, so nothing leaves either.
    """
    try:
        yield
    except sa.exc.TimeoutError as error:  # all connections of this process are in use
        raise Unavailable(_NO_DATABASE) from error
    except (OperationalError, InterfaceError) as error:
        if getattr(error.orig, "sqlstate", "") == _CANCELED:
            raise TooLate("정해진 시간 안에 답을 준비하지 못했습니다. 다시 시도해 주세요.") from error
        raise silence(error) from error
    except DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "sqlstate", "") == READ_ONLY:
            raise Away(_NO_DATABASE) from error
        raise


def silence(error: Exception) -> Unavailable:
    """Why the database did not do it: no room, nobody there or only for reading (away), or not now (a deadlock)."""
    state = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
    if state == _FULL:
        return Unavailable(_NO_ROOM, retry_seconds=30.0, reason="DISK_FULL")
    gone = not state or state.startswith(("08", "57P")) or state == READ_ONLY
    return Away(_NO_DATABASE) if gone else Unavailable(_NO_DATABASE)


def _engine(peer: Peer, pool_size: int) -> sa.Engine:
    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=peer.connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=False,
        pool_recycle=1800,
        hide_parameters=True,
    )
    sa.event.listen(engine, "connect", _born)
    sa.event.listen(engine, "checkout", lambda _, record, __: _trusted(peer, record))
    sa.event.listen(engine, "before_cursor_execute", _count)
    return engine


def _born(_: object, record: ConnectionPoolEntry) -> None:
    record.info["born"] = time.monotonic()


def _trusted(peer: Peer, record: ConnectionPoolEntry) -> None:
    """What one connection lost the idle ones lost, too: they are made anew."""
    if record.info["born"] < peer.trusted_since:
        raise sa.exc.DisconnectionError("older than the last loss")


def _count(*_: Any) -> None:
    telemetry.DB_ROUND_TRIPS.inc()


@lru_cache(maxsize=1000)
def _text(statement: str) -> sa.TextClause:
    return sa.text(statement)


def _executable(statement: str | sa.Executable) -> sa.Executable:
    return _text(statement) if isinstance(statement, str) else statement
