"""What earlier imports leave behind for later ones: how files with the same headers were read, and files seen before."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.session import Tx

MOST = 500  # kinds of files that a merchant has at once; the others were not used for longer

_REMEMBER = """
    INSERT INTO import_mappings (workspace_id, headers_hash, mapping, used_at)
    VALUES (:workspace, :hash, CAST(:mapping AS jsonb), :now)
    ON CONFLICT (workspace_id, headers_hash) DO UPDATE SET mapping = excluded.mapping, used_at = excluded.used_at
"""
_FORGET = """
    DELETE FROM import_mappings m USING (
        SELECT headers_hash FROM import_mappings WHERE workspace_id = :workspace ORDER BY used_at DESC OFFSET :most
    ) old WHERE m.workspace_id = :workspace AND m.headers_hash = old.headers_hash
"""


def mappings(tx: Tx, workspace: UUID) -> dict[bytes, dict[str, str]]:
    """Hash of the headers -> what a person said about them."""
    rows = tx.rows("SELECT headers_hash, mapping FROM import_mappings WHERE workspace_id = :workspace", workspace=workspace)
    return {bytes(row.headers_hash): row.mapping for row in rows}


def remember(tx: Tx, workspace: UUID, headers_hash: bytes, mapping: Mapping[str, str], now: datetime) -> None:
    """Read files with these headers like this from now on."""
    said = json.dumps(dict(mapping), ensure_ascii=False)
    tx.run(_REMEMBER, workspace=workspace, hash=headers_hash, mapping=said, now=now)
    tx.run(_FORGET, workspace=workspace, most=MOST)


def same_file(tx: Tx, import_id: UUID, file_hash: bytes) -> Row[Any] | None:
    """The last import of the very same file that went in: id, created_at."""
    return tx.row(
        "SELECT id, created_at FROM imports WHERE file_hash = :hash AND id <> :import AND state = 'DONE' AND NOT dry_run"
        " ORDER BY id DESC LIMIT 1",
        hash=file_hash,
        **{"import": import_id},
    )


def wordings(tx: Tx) -> dict[str, UUID]:
    """Version -> id of everything that people were ever asked, also what is asked no more."""
    return {row.version: row.id for row in tx.rows("SELECT version, id FROM consent_wordings")}
