"""${message}"""

from alembic import op

revision = "${up_revision}"
down_revision = "${down_revision}"


def upgrade() -> None:
    """What expands must leave the running version at work; what contracts may say from where on: compatible_from = "0000_..."."""


def downgrade() -> None:
    """The way back."""
