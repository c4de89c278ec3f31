"""Alembic's entry: runs the migrations on the connection that core.db.migrate holds, each under a short lock timeout."""

import sqlalchemy as sa
from alembic import context

from core.db import tables  # noqa: F401 - declares them
from core.db.columns import metadata


def run() -> None:
    """Online on a given connection, or as SQL text for the linter."""
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.execute("SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '10min'")
            context.run_migrations()
        return
    connection = context.config.attributes["connection"]
    connection.execute(sa.text("SET lock_timeout = '5s'; SET statement_timeout = '10min'"))
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


run()
