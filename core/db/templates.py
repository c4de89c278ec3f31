"""Queries about Alimtalk templates: what the providers list, as it was when last asked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db.ids import new_id
from core.db.listing import Page, Rows, contains, fetch
from core.db.session import Tx
from core.db.tables import provider_accounts, templates
from core.rules.states import TemplateState
from core.rules.template import Button, Template

_QUERY = sa.select(templates, provider_accounts.c.provider).join(
    provider_accounts, provider_accounts.c.id == templates.c.provider_account_id
)
# What a synchronisation may change; one that changes nothing writes only when it was.
_CONTENT = ("channel_key", "name", "content", "emphasis_title", "buttons", "state", "comment")


def get(tx: Tx, template: UUID) -> Row[Any] | None:
    """One template of this workspace, gone or not."""
    return tx.row(_QUERY.where(templates.c.id == template))


def page(tx: Tx, wanted: Page) -> Rows:
    """One page of templates; those that are gone when archived ones are wanted."""
    query = _QUERY if wanted.archived else _QUERY.where(templates.c.gone_at.is_(None))
    filters = {
        "state": lambda text: templates.c.state == text,
        "provider": lambda text: provider_accounts.c.provider == text,
        "name": lambda text: contains(templates.c.name, text),
    }
    orders = {"name": templates.c.name, "create_time": templates.c.id}
    return fetch(tx, query, wanted, key=templates.c.id, filters=filters, orders=orders)


def as_template(row: Row[Any]) -> Template:
    """A row as the rules know it."""
    return Template(
        code=row.code,
        channel_key=row.channel_key,
        content=row.content,
        name=row.name,
        emphasis_title=row.emphasis_title,
        buttons=tuple(Button(**button) for button in row.buttons),
        state=TemplateState(row.state),
        comment=row.comment,
    )


def sync(tx: Tx, workspace: UUID, account: UUID, listed: Sequence[Template], now: datetime) -> None:
    """Make the rows of an account what its provider lists: new ones added, others changed, missing ones marked as gone."""
    for template in {one.code: one for one in listed}.values():
        tx.run(
            f"""INSERT INTO templates (id, workspace_id, provider_account_id, code, {", ".join(_CONTENT)}, synced_at)
            VALUES (:id, :workspace, :account, :code, :channel_key, :name, :content, :emphasis_title,
                CAST(:buttons AS jsonb), :state, :comment, :now)
            ON CONFLICT (provider_account_id, code) DO UPDATE
            SET {", ".join(f"{name} = excluded.{name}" for name in _CONTENT)}, synced_at = excluded.synced_at, gone_at = NULL""",  # noqa: S608
            id=new_id(),
            workspace=workspace,
            account=account,
            now=now,
            **_values(template),
        )
    tx.run(
        "UPDATE templates SET gone_at = :now WHERE provider_account_id = :account AND gone_at IS NULL AND code <> ALL(:codes)",
        account=account,
        codes=[template.code for template in listed],
        now=now,
    )
    _ended(tx, account, "", now)


def refuse(tx: Tx, account: UUID, refusal: str, now: datetime) -> None:
    """The provider would not say: what is known stays, and why is kept."""
    _ended(tx, account, refusal, now)


def ask(tx: Tx, now: datetime) -> Sequence[Row[Any]]:
    """Mark every account of this workspace as being asked; those accounts."""
    return tx.rows(
        "UPDATE provider_accounts SET templates_asked_at = :now WHERE provider <> 'rehearsal' RETURNING id, workspace_id", now=now
    )


def syncs(tx: Tx) -> Sequence[Row[Any]]:
    """How far the accounts of this workspace are, by priority."""
    return tx.rows(
        "SELECT id, provider, templates_asked_at, templates_synced_at, templates_refusal FROM provider_accounts"
        " WHERE provider <> 'rehearsal' ORDER BY priority, created_at"
    )


def take_to_sync(tx: Tx, now: datetime, *, asked_before: datetime, synced_before: datetime) -> Sequence[Row[Any]]:
    """Accounts to be asked now, across workspaces: seldom by themselves, soon when a job was lost; marked as asked."""
    return tx.rows(
        "UPDATE provider_accounts SET templates_asked_at = :now WHERE provider <> 'rehearsal' AND state = 'ACTIVE'"
        " AND coalesce(templates_asked_at, '-infinity') < :asked_before"
        " AND (coalesce(templates_synced_at, '-infinity') < :synced_before OR templates_synced_at < templates_asked_at)"
        " RETURNING id, workspace_id",
        now=now,
        asked_before=asked_before,
        synced_before=synced_before,
    )


def _values(template: Template) -> Mapping[str, Any]:
    buttons = json.dumps([asdict(button) for button in template.buttons], ensure_ascii=False)
    names = ("code", "channel_key", "name", "content", "emphasis_title", "comment")
    return {**{name: getattr(template, name) for name in names}, "buttons": buttons, "state": template.state.value}


def _ended(tx: Tx, account: UUID, refusal: str, now: datetime) -> None:
    tx.run(
        "UPDATE provider_accounts SET templates_synced_at = :now, templates_refusal = :refusal WHERE id = :account",
        account=account,
        refusal=refusal,
        now=now,
    )
