"""Alembic's entry: runs the migrations on the connection that core.db.migrate holds; it sets the timeouts."""

from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.script import ScriptDirectory

from core.db import tables  # noqa: F401 - declares them
from core.db.columns import metadata
from core.db.migrations.reading import floor
from core.db.schema import FLOOR


def run() -> None:
    """Online on a given connection, or as SQL text for the linter."""
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.execute("SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '10min'")
            context.run_migrations()
        return
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transaction_per_migration=True,
        on_version_apply=_say_from_where,
    )
    with context.begin_transaction():
        context.run_migrations()


def _say_from_where(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
    """In the transaction of each migration, up or down: the oldest version that may run from now on."""
    script = ScriptDirectory.from_config(context.config)
    text = next((f"{FLOOR}{found}" for head in heads if (found := floor(script, head))), "")
    ctx.connection.execute(sa.text(f"COMMENT ON TABLE alembic_version IS '{text}'"))


run()
