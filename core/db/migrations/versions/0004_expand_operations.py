"""0004 expand: when a program's key was last used, and what the operator's checklists came to."""

from alembic import op

from core.db.migrations.reading import added_columns, made_tables

revision = "0004_expand_operations"
down_revision = "0003_expand_law"

COLUMNS = """
ALTER TABLE api_keys
    ADD COLUMN used_at TIMESTAMP WITH TIME ZONE;
"""

TABLES = """
CREATE TABLE house_checks (
    check_name TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    moment TIMESTAMP WITH TIME ZONE, seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (check_name, subject)
);
"""

# No tenant data: merchants read it, only the operator's command writes it.
GRANTS = """
GRANT SELECT ON house_checks TO jeondan_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON house_checks TO jeondan_system;
"""


def upgrade() -> None:
    """A column that is empty at first, and a table without policies."""
    op.execute(COLUMNS)
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    """Back to 0003."""
    for table in made_tables(TABLES):
        op.execute(f"DROP TABLE {table}")
    for table, names in reversed(added_columns(COLUMNS)):
        op.execute(f"ALTER TABLE {table} {', '.join(f'DROP COLUMN {name}' for name in names)}")
