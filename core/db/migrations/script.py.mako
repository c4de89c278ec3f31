"""${message}"""

from alembic import op

revision = "${up_revision}"
down_revision = "${down_revision}"


def upgrade() -> None:
    """Say first whether this migration expands or contracts (in its file name, too)."""
    op.execute("SET LOCAL lock_timeout = '5s'")


def downgrade() -> None:
    """The way back."""
