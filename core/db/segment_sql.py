"""A rule about customers (core.rules.segment) as a condition on `contacts c`: every value is bound, nothing is ever NULL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core import clock
from core.db.ids import first_id
from core.rules import attributes, cells, segment
from core.rules.attributes import Kind
from core.rules.segment import Aged, Agreed, Attribute, Compare, Got, Group, How, Rule, Tagged
from core.rules.states import MessageState

NOBODY = UUID(int=0)
LAST_CONTACT = 2**63 - 1
_GOT = (MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED)
_JOINTS = {How.ANY: " OR ", How.ALL: " AND ", How.NONE: " OR "}

# Everybody who got one of these campaigns, read once for the whole statement: a look per person costs a batch each.
_READERS = f"""LEFT JOIN (SELECT DISTINCT p.contact FROM batches b
    CROSS JOIN LATERAL unnest(b.contact_ids) WITH ORDINALITY p(contact, place)
    WHERE b.campaign_id IN (SELECT k.id FROM campaigns k WHERE k.workspace_id = :workspace AND k.kind = 'CAMPAIGN'
        AND k.id <> :seg_campaign AND (CAST({{ids}} AS uuid[]) = '{{{{}}}}' OR k.id = ANY (CAST({{ids}} AS uuid[])))
        AND k.launched_at >= CAST({{since}} AS timestamptz))
    AND b.workspace_id = :workspace AND b.id >= CAST({{first}} AS uuid)
    AND b.last_contact > :seg_after AND b.first_contact <= :seg_until
    AND get_byte(b.states, p.place::int - 1) IN ({", ".join(str(int(state)) for state in _GOT)})) {{name}}
    ON {{name}}.contact = c.id"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Moment:
    """When a rule is asked, for which campaign, and about which contacts: after < id <= until."""

    now: datetime
    campaign: UUID = NOBODY
    after: int = 0
    until: int = LAST_CONTACT


@dataclass(slots=True)
class Condition:
    """What is joined to `contacts c`, what must hold, and the values of both."""

    moment: Moment
    joins: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    where: str = "true"

    def bind(self, value: Any) -> str:
        """A place for the value."""
        name = f"seg{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def compiled(rule: Rule, moment: Moment) -> Condition:
    """The rule as a condition. Its statement binds `workspace` too."""
    made = Condition(moment)
    made.where = _one(rule, made)
    if made.joins:
        made.values |= {"seg_campaign": moment.campaign, "seg_after": moment.after, "seg_until": moment.until}
    return made


def value(kind: Kind, name: str, bind: Callable[[Any], str]) -> str:
    """The value of an attribute, read as its type; NULL when there is none or it cannot be read so."""
    text = f"btrim(c.attributes ->> CAST({bind(name)} AS text))"
    if kind is Kind.NUMBER:
        return f"(CASE WHEN {text} ~ {bind(attributes.NUMBER)} THEN CAST(replace({text}, ',', '') AS numeric) END)"
    if kind is Kind.DATE:
        day = f"regexp_replace(substring({text} FROM CAST({bind(attributes.DAY)} AS text)), '[./]', '-', 'g')"
        readable = f"{text} ~ {bind(attributes.DATE)} AND pg_input_is_valid({day}, 'date')"
        return f"(CASE WHEN {readable} THEN CAST({day} AS date) END)"
    if kind is Kind.YES_NO:
        word, yes, no = f"replace(lower({text}), ' ', '')", bind(sorted(cells.YES)), bind(sorted(cells.NO))
        return f"(CASE WHEN {word} = ANY ({yes}) THEN 'Y' WHEN {word} = ANY ({no}) THEN 'N' END)"
    return f"nullif(lower({text}), '')"


def _one(rule: Rule, into: Condition) -> str:
    if isinstance(rule, Group):
        joined = _JOINTS[rule.how].join(_one(one, into) for one in rule.rules)
        return f"NOT ({joined})" if rule.how is How.NONE else f"({joined})"
    return f"coalesce({_LEAVES[type(rule)](rule, into)}, false)"


def _tagged(rule: Tagged, into: Condition) -> str:
    return f"c.tags && CAST({into.bind(list(rule.tags))} AS text[])"


def _attribute(rule: Attribute, into: Condition) -> str:
    found = value(rule.kind, rule.name, into.bind)
    if rule.test is Compare.PRESENT:
        return f"{found} IS NOT NULL"
    if rule.test is Compare.CONTAINS:
        patterns = [f"%{_literal(one)}%" for one in rule.values]
        return f"{found} LIKE ANY (CAST({into.bind(patterns)} AS text[]))"
    if rule.test in (Compare.WITHIN_DAYS, Compare.ANNIVERSARY):
        return _days(rule, found, into)
    kind = {Kind.NUMBER: "numeric", Kind.DATE: "date"}.get(rule.kind, "text")
    if rule.test is Compare.IS:
        return f"{found} = ANY (CAST({into.bind(list(rule.values))} AS {kind}[]))"
    return f"{found} {'>=' if rule.test is Compare.AT_LEAST else '<='} CAST({into.bind(rule.values[0])} AS {kind})"


def _days(rule: Attribute, found: str, into: Condition) -> str:
    today, days = clock.kst(into.moment.now).date(), int(rule.values[0])
    if rule.test is Compare.ANNIVERSARY:
        return f"to_char({found}, 'MMDD') = ANY (CAST({into.bind(segment.anniversaries(today, days))} AS text[]))"
    first, last = into.bind(today - timedelta(days=days)), into.bind(today)
    return f"{found} BETWEEN CAST({first} AS date) AND CAST({last} AS date)"


def _agreed(rule: Agreed, into: Condition) -> str:
    found = "c.ad_consent AND c.night_consent" if rule.scope == "NIGHT" else "c.ad_consent"
    if not rule.days:
        return f"({found})"
    since = into.bind(into.moment.now - timedelta(days=rule.days))
    return f"({found} AND c.consent_at >= CAST({since} AS timestamptz))"


def _aged(rule: Aged, into: Condition) -> str:
    year = clock.kst(into.moment.now).year
    born = f"c.birth_year <= CAST({into.bind(year - rule.at_least)} AS int)"
    return f"({born} AND c.birth_year >= CAST({into.bind(year - rule.at_most)} AS int))" if rule.at_most else born


def _got(rule: Got, into: Condition) -> str:
    name = f"got{len(into.joins)}"
    since = into.moment.now - timedelta(days=rule.days) if rule.days else datetime.fromtimestamp(0, into.moment.now.tzinfo)
    ids = into.bind([UUID(one) for one in rule.campaigns])
    into.joins.append(_READERS.format(name=name, ids=ids, since=into.bind(since), first=into.bind(first_id(since))))
    return f"{name}.contact IS NOT NULL"


def _literal(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


_LEAVES: Mapping[type[Any], Callable[[Any, Condition], str]] = {
    Tagged: _tagged,
    Attribute: _attribute,
    Agreed: _agreed,
    Aged: _aged,
    Got: _got,
}
