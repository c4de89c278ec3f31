"""The migrations of a version that does not exist yet: columns on the busiest tables, then a column in use goes."""

import shutil
from pathlib import Path

from core.db import schema

EXPAND, CONTRACT = "0004_expand_label", "0005_contract_badge"

_EXPAND = '''"""0004 expand: products are labelled; more is known of batches."""

from alembic import op

from core.db.backfill import Backfill

revision = "0004_expand_label"
down_revision = "0003_expand_law"
backfill = Backfill("products", "id", change="label = name", pending="label IS NULL")


def upgrade() -> None:
    """Columns without a value: no table is rewritten."""
    op.execute("ALTER TABLE products ADD COLUMN label TEXT")
    op.execute("ALTER TABLE batches ADD COLUMN note TEXT")
    op.execute("ALTER TABLE attempts ADD COLUMN note TEXT")
    op.execute("ALTER TABLE provider_accounts ADD COLUMN note TEXT")


def downgrade() -> None:
    """Back to 0003."""
    op.execute("ALTER TABLE provider_accounts DROP COLUMN note")
    op.execute("ALTER TABLE attempts DROP COLUMN note")
    op.execute("ALTER TABLE batches DROP COLUMN note")
    op.execute("ALTER TABLE products DROP COLUMN label")
'''

_CONTRACT = '''"""0005 contract: labels have taken the place of badges."""

from alembic import op

revision = "0005_contract_badge"
down_revision = "0004_expand_label"
after_backfills = ("0004_expand_label",)


def upgrade() -> None:
    """What the version before still reads goes."""
    op.execute("ALTER TABLE products DROP COLUMN badge")


def downgrade() -> None:
    """Empty badges: their words are gone."""
    op.execute("ALTER TABLE products ADD COLUMN badge TEXT DEFAULT '' NOT NULL")
'''


def write(folder: Path) -> Path:
    """The migrations there are, and these two, in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in schema.VERSIONS.glob("*.py"):
        shutil.copy(path, folder / path.name)
    (folder / f"{EXPAND}.py").write_text(_EXPAND)
    (folder / f"{CONTRACT}.py").write_text(_CONTRACT)
    return folder
