"""Rules as conditions: what PostgreSQL finds is what a reader of the rule would find, person by person."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from core import clock
from core.db import accounts, partitions, segment_sql
from core.db.ids import first_id
from core.db.segment_sql import Moment
from core.db.session import Tx, database
from core.rules import segment
from core.rules.attributes import Kind, canonical
from core.rules.segment import Aged, Agreed, Attribute, Compare, Got, Group, How, Rule, Tagged

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
TODAY = date(2026, 11, 23)
TAGS = ("단골", "커피", "휴면", "50%_할인")
VALUES = {
    "등급": ("VIP", " vip", "골드", "VIP골드", "", "100%", "a_b"),
    "구매액": ("12000", "12,000", "-3.5", "9", "1,00", "많음", "007", "1" * 60),
    "생일": ("1990-11-23", "1988.11.30 00:00", "2026-11-20", "2026/11/24", "2026-02-30", "2024-02-29", "어제", "2026-11-23x"),
    "회원": ("Y", "예", "아니오", "n", "아마", "동의 안함"),
}
KINDS = {"등급": Kind.TEXT, "구매액": Kind.NUMBER, "생일": Kind.DATE, "회원": Kind.YES_NO}
ASKED = {
    Kind.TEXT: ("VIP", "골드", "0%", "_", "없음"),
    Kind.NUMBER: ("12000", "9", "-4", "7"),
    Kind.DATE: ("2026-11-20", "1990-11-23", "2025-01-01"),
    Kind.YES_NO: ("Y", "N"),
}

pytestmark = pytest.mark.usefixtures("process")


@pytest.fixture
def workspace() -> UUID:
    with database().owner() as tx:
        partitions.ensure(tx, NOW)
    with database().system() as tx:
        return accounts.create_workspace(tx, "봄날커피")


@pytest.fixture
def tx(workspace: UUID) -> Iterator[Tx]:
    with database().write(workspace) as tx:
        yield tx


def people(tx: Tx, workspace: UUID, chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Customers of all sorts, as they were put in; `id` is theirs."""
    made = [person(chance) for _ in range(count)]
    for at, one in enumerate(made):
        one["id"] = tx.value(
            "INSERT INTO contacts (workspace_id, phone_sealed, phone_hash, tags, attributes, ad_consent, night_consent,"
            " consent_at, consent_source, birth_year, created_at, updated_at) VALUES (:workspace, '', :hash, :tags,"
            " CAST(:attributes AS jsonb), :ads, :night, :consent_at, '매장', :born, :now, :now) RETURNING id",
            workspace=workspace, hash=at.to_bytes(8), now=NOW,
            **{**one, "attributes": json.dumps(one["attributes"])},
        )  # fmt: skip
    return made


def person(chance: random.Random) -> dict[str, Any]:
    ads = chance.random() < 0.6
    return {
        "tags": chance.sample(TAGS, chance.randint(0, 3)),
        "attributes": {name: chance.choice(values) for name, values in VALUES.items() if chance.random() < 0.7},
        "ads": ads,
        "night": chance.random() < 0.5,
        "consent_at": NOW - timedelta(days=chance.choice((1, 30, 31, 400))) if ads and chance.random() < 0.8 else None,
        "born": chance.choice((None, 1970, 1997, 2006, 2026)),
        "got": {},
    }


def campaign(tx: Tx, workspace: UUID, chance: random.Random, made: list[dict[str, Any]], days: int) -> UUID:
    """A campaign that started so many days ago and went to some of them, in batches of seven."""
    launched = NOW - timedelta(days=days)
    found = UUID(int=first_id(launched).int + chance.getrandbits(60))
    tx.run(
        "INSERT INTO campaigns (id, workspace_id, name, purpose, state, launched_at, created_at)"
        " VALUES (:id, :workspace, 'x', 'AD', 'DONE', :at, :at)",
        id=found, workspace=workspace, at=launched,
    )  # fmt: skip
    some = [one for one in made if chance.random() < 0.7]
    for at in range(0, len(some), 7):
        batch, states = some[at : at + 7], bytes(chance.randint(0, 9) for _ in some[at : at + 7])
        tx.run(
            "INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, state, due_at)"
            " VALUES (:id, :workspace, :campaign, :first, :last, :ids, :states, 4, :at)",
            id=UUID(int=first_id(launched).int + chance.getrandbits(60)), workspace=workspace, campaign=found, states=states,
            ids=[one["id"] for one in batch], first=batch[0]["id"], last=batch[-1]["id"], at=launched,
        )  # fmt: skip
        for one, state in zip(batch, states, strict=True):
            one["got"][found] = (launched, state)
    return found


def rule(chance: random.Random, campaigns: list[UUID], depth: int = 3) -> Rule:
    """Any rule."""
    if depth and chance.random() < 0.6:
        inner = tuple(rule(chance, campaigns, depth - 1) for _ in range(chance.randint(1, 3)))
        return Group(chance.choice(list(How)), inner)
    name = chance.choice(list(VALUES))
    return chance.choice(
        (
            Tagged(tuple(chance.sample(TAGS, chance.randint(1, 2)))),
            asked(chance, name),
            asked(chance, name),
            Agreed(chance.choice(("ADS", "NIGHT")), chance.choice((0, 30))),
            Aged(chance.choice((0, 20, 29)), chance.choice((0, 29, 60))),
            Got(tuple(map(str, chance.sample(campaigns, chance.randint(0, 2)))), chance.choice((0, 30, 40))),
        )
    )


def asked(chance: random.Random, name: str) -> Attribute:
    kind = KINDS[name]
    test = chance.choice(sorted(segment._TESTS[kind]))
    if test is Compare.PRESENT:
        return segment.attribute(name, kind, test, ())
    if test in (Compare.WITHIN_DAYS, Compare.ANNIVERSARY):
        return segment.attribute(name, kind, test, (chance.choice(("0", "3", "60")),))
    most = 2 if test in (Compare.IS, Compare.CONTAINS) else 1
    return segment.attribute(name, kind, test, tuple(chance.sample(ASKED[kind], most)))


def fits(one: Rule, who: dict[str, Any]) -> bool:
    """The rule as its words say it."""
    match one:
        case Group(how, rules):
            answers = [fits(inner, who) for inner in rules]
            return {How.ANY: any(answers), How.ALL: all(answers), How.NONE: not any(answers)}[how]
        case Tagged(tags):
            return bool(set(tags) & set(who["tags"]))
        case Agreed(scope, days):
            given = who["ads"] and (scope == "ADS" or who["night"])
            return given and (not days or who["consent_at"] is not None and who["consent_at"] >= NOW - timedelta(days=days))
        case Aged(least, most):
            return who["born"] is not None and least <= 2026 - who["born"] <= (most or 999)
        case Got(ids, days):
            since = NOW - timedelta(days=days) if days else datetime.min.replace(tzinfo=UTC)
            return any(
                (not ids or str(found) in ids) and launched >= since and state in (3, 4, 5)
                for found, (launched, state) in who["got"].items()
            )
        case Attribute(name, kind, test, values):
            value = canonical(kind, who["attributes"].get(name, ""))
            return value is not None and answers_to(kind, test, values, value)
    raise AssertionError(one)


def answers_to(kind: Kind, test: Compare, values: tuple[str, ...], value: str) -> bool:
    typed: Any = {Kind.NUMBER: Decimal, Kind.DATE: date.fromisoformat}.get(kind, str)
    match test:
        case Compare.PRESENT:
            return True
        case Compare.IS:
            return any(typed(value) == typed(one) for one in values)
        case Compare.CONTAINS:
            return any(one in value for one in values)
        case Compare.AT_LEAST:
            return bool(typed(value) >= typed(values[0]))
        case Compare.AT_MOST:
            return bool(typed(value) <= typed(values[0]))
        case Compare.WITHIN_DAYS:
            return TODAY - timedelta(days=int(values[0])) <= typed(value) <= TODAY
    day: date = typed(value)
    coming = [TODAY + timedelta(days=at) for at in range(int(values[0]) + 1)]
    return any((day.month, day.day) == (one.month, one.day) for one in coming)


def found(tx: Tx, workspace: UUID, one: Rule, **more: Any) -> set[int]:
    condition = segment_sql.compiled(one, Moment(NOW, **more))
    joins = " ".join(condition.joins)
    statement = f"SELECT c.id, ({condition.where}) AS fits FROM contacts c {joins} WHERE c.workspace_id = :workspace"
    rows = tx.rows(statement, workspace=workspace, **condition.values)
    assert all(row.fits is not None for row in rows)
    ids = [row.id for row in rows]
    assert len(ids) == len(set(ids)), "a join has made two of one person"
    return {row.id for row in rows if row.fits}


def test_any_rule_finds_whom_its_words_say(tx: Tx, workspace: UUID) -> None:
    chance = random.Random(20261123)
    made = people(tx, workspace, chance, 150)
    campaigns = [campaign(tx, workspace, chance, made, days) for days in (1, 29, 31, 45)]
    sizes = set()
    for _ in range(250):
        one = rule(chance, campaigns)
        stored = segment.read(json.loads(json.dumps(segment.saved(one))))
        holds = {who["id"] for who in made if fits(one, who)}
        assert found(tx, workspace, stored) == holds, one
        sizes.add(len(holds))
    assert len(sizes) > 50


@pytest.mark.parametrize("name", list(VALUES))
def test_postgresql_reads_a_value_as_python_does(tx: Tx, name: str) -> None:
    odd = [
        *VALUES[name],
        *VALUES["구매액"],
        *VALUES["생일"],
        "٣",
        "1e5",
        "NaN",
        "Infinity",
        "2026-1-1",
        "0000-01-01",
        "9999-12-31",
    ]
    binds: dict[str, Any] = {}

    def bind(value: Any) -> str:
        binds[f"x{len(binds)}"] = value
        return f":x{len(binds) - 1}"

    read = segment_sql.value(KINDS[name], "a", bind)
    for value in odd:
        row = tx.row(f"SELECT ({read})::text AS value FROM (SELECT jsonb_build_object('a', CAST(:v AS text)) AS attributes) c",
                     v=value, **binds)  # fmt: skip
        expected = canonical(KINDS[name], value)
        assert row is not None
        same = row.value == expected or (KINDS[name] is Kind.NUMBER and Decimal(row.value) == Decimal(expected or "NaN"))
        assert same, (value, row.value, expected)


def test_what_is_asked_is_never_part_of_the_statement(tx: Tx, workspace: UUID) -> None:
    evil = "'); DROP TABLE contacts; --:x"
    one = Group(How.ANY, (Tagged((evil,)), Attribute(evil, Kind.TEXT, Compare.CONTAINS, (evil,))))
    condition = segment_sql.compiled(one, Moment(NOW))
    assert "DROP" not in condition.where and evil in str(condition.values)
    assert found(tx, workspace, one) == set()


def test_the_campaign_that_asks_does_not_count_itself(tx: Tx, workspace: UUID) -> None:
    chance = random.Random(1)
    made = people(tx, workspace, chance, 30)
    sent = campaign(tx, workspace, chance, made, 1)
    assert found(tx, workspace, Got(days=30)) == {who["id"] for who in made if fits(Got(days=30), who)} != set()
    assert found(tx, workspace, Got(days=30), campaign=sent) == set()


def test_a_chunk_of_a_plan_looks_at_its_own_batches_only(tx: Tx, workspace: UUID) -> None:
    chance = random.Random(2)
    made = people(tx, workspace, chance, 40)
    campaign(tx, workspace, chance, made, 1)
    half = made[20]["id"]
    whole = found(tx, workspace, Got(days=30))
    assert {one for one in found(tx, workspace, Got(days=30), after=half) if one > half} == {one for one in whole if one > half}
    assert {one for one in found(tx, workspace, Got(days=30), until=half) if one <= half} == {one for one in whole if one <= half}


def test_today_is_the_korean_day(tx: Tx, workspace: UUID) -> None:
    [who] = people(tx, workspace, random.Random(3), 1)
    tx.run('UPDATE contacts SET attributes = \'{"생일": "1990-11-24"}\' WHERE id = :id', id=who["id"])
    birthday = Attribute("생일", Kind.DATE, Compare.ANNIVERSARY, ("0",))
    late = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    assert clock.kst(late).date() == date(2026, 11, 24)
    for moment, size in ((late - timedelta(seconds=1), 0), (late, 1)):
        condition = segment_sql.compiled(birthday, Moment(moment))
        rows = tx.rows(f"SELECT 1 FROM contacts c WHERE {condition.where}", **condition.values)
        assert len(rows) == size
