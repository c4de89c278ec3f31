"""How PostgreSQL is asked: one transaction for one workspace, opened and closed at the edge (an RPC method or an actor)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as Row
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from core import telemetry, tracing
from core.db.blockers import application
from core.db.schema import newest
from core.errors import TooLate, Unavailable
from core.settings import Settings, load

APP_ROLE = "jeondan_app"
SYSTEM_ROLE = "jeondan_system"

# Plans are made once: planning a statement over the months of the ledger costs as much as carrying it out.
_SCOPE = (
    "SELECT set_config('role', %s, true), set_config('jeondan.workspace', %s, true), set_config('statement_timeout', %s, true),"
    " set_config('plan_cache_mode', 'force_generic_plan', true)"
)
_POSTGRESQL = {"db.system.name": "postgresql"}
_NO_DATABASE = "지금은 데이터베이스에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요."
_NO_ROOM = "지금은 저장 공간이 부족해 저장할 수 없습니다. 공간이 생기면 같은 요청을 다시 보내 주세요. 한 번만 처리됩니다."
_FULL = "53100"  # what PostgreSQL says when it cannot extend a file: nothing of the transaction stays
_CANCELED = "57014"  # what PostgreSQL says when statement_timeout ends a query
READ_ONLY = "25006"  # ... when something is to be written to a database that only reads, as a replica does


class Tx:
    """One open transaction. Statements are SQL texts with named parameters, or SQLAlchemy Core."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._after: list[Callable[[], object]] = []

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


class Database:
    """The engines of one process. Create after forking; `dispose` before the process ends."""

    def __init__(self, settings: Settings, *, pool_size: int = 10) -> None:
        self._writer = _engine(settings.database_url, pool_size, settings.database_prepared)
        replica = settings.database_replica_url
        self._reader = _engine(replica, pool_size, settings.database_prepared) if replica else self._writer

    @contextmanager
    def write(self, workspace: UUID | str, *, timeout: float | None = None) -> Iterator[Tx]:
        """One transaction on the primary that sees and changes this workspace only; `timeout` in seconds, per statement."""
        with _begin(self._writer, APP_ROLE, str(workspace), timeout) as tx:
            yield tx
        tx.committed()

    @contextmanager
    def read(self, workspace: UUID | str, *, timeout: float | None = None) -> Iterator[Tx]:
        """One read on the replica when there is one; sees this workspace only."""
        with _begin(self._reader, APP_ROLE, str(workspace), timeout) as tx:
            yield tx

    @contextmanager
    def system(self, *, timeout: float | None = None) -> Iterator[Tx]:
        """One transaction across workspaces: signing in, sweeping, seeding. tests/test_rooms.py lists who may."""
        with _begin(self._writer, SYSTEM_ROLE, "", timeout) as tx:
            yield tx
        tx.committed()

    @contextmanager
    def owner(self) -> Iterator[Tx]:
        """One transaction as the owner of the schema: partitions and upkeep only; sees no tenant rows."""
        with _mapped(), self._writer.begin() as connection:
            yield Tx(connection)

    def ping(self) -> None:
        """Raises Unavailable when the primary does not answer."""
        with _mapped(), self._writer.connect() as connection:
            connection.execute(sa.text("SELECT 1"))

    def dispose(self) -> None:
        """Close every pooled connection."""
        self._writer.dispose()
        self._reader.dispose()


@lru_cache(maxsize=1)
def database() -> Database:
    """This process's database, made on first use (so after any fork)."""
    return Database(load())


@contextmanager
def _begin(engine: sa.Engine, role: str, workspace: str, timeout: float | None) -> Iterator[Tx]:
    milliseconds = 0 if timeout is None else max(1, int(timeout * 1000))  # 0 would mean: for ever
    with tracing.inner("transaction", _POSTGRESQL), _mapped(), engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        try:  # straight on the driver: this is asked before every other statement
            driver.execute(_SCOPE, (role, workspace, str(milliseconds)), prepare=True)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            connection.invalidate(error)
            engine.dispose()  # what one connection lost the idle ones lost, too
            raise Unavailable(_NO_DATABASE) from error
        telemetry.DB_ROUND_TRIPS.inc()
        yield Tx(connection)


@contextmanager
def _mapped() -> Iterator[None]:
    """A lost connection becomes Unavailable, a spent statement_timeout TooLate; any other database error is a defect.

    A database that only reads is none that can be written to: an opt-out could not be kept, so nothing leaves either.
    """
    try:
        yield
    except (OperationalError, InterfaceError, sa.exc.TimeoutError) as error:
        if getattr(getattr(error, "orig", None), "sqlstate", "") == _CANCELED:
            raise TooLate("정해진 시간 안에 답을 준비하지 못했습니다. 다시 시도해 주세요.") from error
        raise silence(error) from error
    except DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "sqlstate", "") == READ_ONLY:
            raise Unavailable(_NO_DATABASE) from error
        raise


def silence(error: Exception) -> Unavailable:
    """What it means that the database did not do it: there is no room, or nobody is there."""
    if getattr(getattr(error, "orig", error), "sqlstate", "") == _FULL:
        return Unavailable(_NO_ROOM, retry_seconds=30.0, reason="DISK_FULL")
    return Unavailable(_NO_DATABASE)


def _engine(url: str, pool_size: int, prepared: bool) -> sa.Engine:
    threshold = {} if prepared else {"prepare_threshold": None}  # None: not even what asks for it
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=False,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "application_name": application(newest()), **threshold},
    )
    sa.event.listen(engine, "before_cursor_execute", _count)
    sa.event.listen(engine, "begin", _count)
    sa.event.listen(engine, "commit", _count)
    return engine


def _count(*_: Any) -> None:
    telemetry.DB_ROUND_TRIPS.inc()


@lru_cache(maxsize=1000)
def _text(statement: str) -> sa.TextClause:
    return sa.text(statement)


def _executable(statement: str | sa.Executable) -> sa.Executable:
    return _text(statement) if isinstance(statement, str) else statement
