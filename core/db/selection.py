"""Whom a campaign or a rule selects: one condition for count, preview and plan."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core import clock
from core.db import segment_sql
from core.db.segment_sql import LAST_CONTACT, Moment
from core.db.session import Tx
from core.rules import segment

_TAGS = """(CAST(:any_tags AS text[]) = '{}' OR c.tags && CAST(:any_tags AS text[]))
    AND NOT c.tags && CAST(:none_tags AS text[])"""


@dataclass(frozen=True, slots=True)
class Selection:
    """`FROM contacts c {joins} WHERE {where}` with `values`, those of one workspace."""

    joins: str
    where: str
    values: dict[str, Any]


def of_campaign(tx: Tx, campaign: Row[Any], *, after: int = 0, until: int = LAST_CONTACT) -> Selection:
    """The audience of a campaign among these contacts: by its frozen rule, or by its segment as it is now.

    Days are counted back from the launch, so that every chunk of a plan asks the same.
    """
    tags = {"any_tags": campaign.any_tags, "none_tags": campaign.none_tags}
    rule = campaign.audience or rule_of(tx, campaign.segment_id)
    if rule is None:
        return _selection(campaign.workspace_id, "", _TAGS, tags)
    moment = Moment(campaign.launched_at or clock.now(), campaign.id, after, until)
    found = segment_sql.compiled(segment.read(rule), moment)
    return _selection(campaign.workspace_id, " ".join(found.joins), f"{_TAGS} AND {found.where}", tags | found.values)


def of_rule(workspace: UUID, rule: segment.Rule) -> Selection:
    """Everybody a rule holds now."""
    found = segment_sql.compiled(rule, Moment(clock.now()))
    return _selection(workspace, " ".join(found.joins), found.where, found.values)


def rule_of(tx: Tx, saved: UUID | None) -> dict[str, Any] | None:
    """The stored rule of a segment; None for none."""
    found: dict[str, Any] | None = tx.value("SELECT rule FROM segments WHERE id = :id", id=saved) if saved else None
    return found


def _selection(workspace: UUID, joins: str, where: str, values: dict[str, Any]) -> Selection:
    ours = "c.workspace_id = :workspace AND c.archived_at IS NULL"
    return Selection(joins, f"{ours} AND {where}", {"workspace": workspace, **values})
