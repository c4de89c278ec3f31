"""The migrations of a version that does not exist yet: columns on the busiest tables, then a column in use goes."""

import shutil
from pathlib import Path

from core.db import schema

PRESENT = schema.newest()
_NUMBER = int(PRESENT[:4])
EXPAND, CONTRACT = f"{_NUMBER + 1:04}_expand_label", f"{_NUMBER + 2:04}_contract_badge"

_EXPAND = f'''"""{EXPAND[:4]} expand: products are labelled; more is known of batches."""

from alembic import op

from core.db.backfill import Backfill

revision = "{EXPAND}"
down_revision = "{PRESENT}"
backfill = Backfill("products", "id", change="label = name", pending="label IS NULL")


def upgrade() -> None:
    """Columns without a value: no table is rewritten."""
    op.execute("ALTER TABLE products ADD COLUMN label TEXT")
    op.execute("ALTER TABLE batches ADD COLUMN note TEXT")
    op.execute("ALTER TABLE attempts ADD COLUMN note TEXT")
    op.execute("ALTER TABLE provider_accounts ADD COLUMN note TEXT")


def downgrade() -> None:
    """Back to what there is."""
    op.execute("ALTER TABLE provider_accounts DROP COLUMN note")
    op.execute("ALTER TABLE attempts DROP COLUMN note")
    op.execute("ALTER TABLE batches DROP COLUMN note")
    op.execute("ALTER TABLE products DROP COLUMN label")
'''

_CONTRACT = f'''"""{CONTRACT[:4]} contract: labels have taken the place of badges."""

from alembic import op

revision = "{CONTRACT}"
down_revision = "{EXPAND}"
after_backfills = ("{EXPAND}",)


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
