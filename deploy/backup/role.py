"""The login of backups: reads everything, changes nothing, and may follow the log."""

from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from deploy.local.refusal import Refusal

NAME = "jeondan_backup"


def make(superuser_url: str, database: str, password: str) -> None:
    """Make it, or make it right again; harmless when it is there."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        name = sql.Identifier(NAME)
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [NAME]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        # Every table hides its rows from whoever has no workspace (FORCE ROW LEVEL SECURITY): a dump must see all.
        alter = sql.SQL("ALTER ROLE {} LOGIN REPLICATION BYPASSRLS PASSWORD {}")
        connection.execute(alter.format(name, sql.Literal(password)))
        connection.execute(sql.SQL("GRANT pg_read_all_data, pg_monitor TO {}").format(name))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), name))
        connection.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(name))


def told(url: str) -> dict[str, str]:
    """Database and password as they stand in BACKUP_DATABASE_URL."""
    at = urlsplit(url)
    if at.username != NAME or not at.password:
        raise Refusal(f"BACKUP_DATABASE_URL 은 postgresql://{NAME}:비밀번호@주소:포트/이름 이어야 합니다.")
    return {"database": at.path.lstrip("/"), "password": unquote(at.password)}
