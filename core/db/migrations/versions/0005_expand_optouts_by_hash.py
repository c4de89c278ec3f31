"""0005 expand: opt-outs are found by their hash alone, as every claim asks for 500 of them."""

from alembic import op

revision = "0005_expand_optouts_by_hash"
down_revision = "0004_expand_operations"


def upgrade() -> None:
    """Beside everybody who reads and writes; what an earlier try left half made goes first."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS suppressions_by_hash")
        op.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS suppressions_by_hash ON suppressions USING hash (phone_hash)")


def downgrade() -> None:
    """Back to 0004."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS suppressions_by_hash")
