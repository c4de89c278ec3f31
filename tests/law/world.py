"""Random people, messages and instants, asked of PostgreSQL and of `decide`: whoever gets two answers is a defect."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from types import SimpleNamespace
from uuid import UUID

from core.clock import KST
from core.db import accounts, campaigns, law
from core.db.ids import new_id
from core.db.session import Tx
from core.rules.law import Allow, Block, Consent, Decision, Defer, Form, House, Medium, Message, Person, Trade, decide
from core.rules.night import Window, next_open
from core.rules.states import MessageState

GOODS = ("원두", "그라인더", "머그")
DAYS = (date(2026, 11, 23), date(2026, 2, 27), date(2027, 2, 28), date(2026, 12, 31))  # and those around them
CLOCKS = ("00:00", "07:59:59.999999", "08:00", "12:00", "19:30", "20:49:59", "20:50", "20:59:59", "21:00", "23:59:59", "09:00")
LEFT = (MessageState.CLAIMED, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED)
COUNTING = ("PLANNING", "SENDING", "PAUSED", "DONE", "CANCELLED")


@dataclass(frozen=True)
class Sent:
    """An advertisement of another campaign: to whom, when, and where it is."""

    contact: int
    at: datetime
    counts: bool


@dataclass
class World:
    """A workspace of random people; `people` is what was written, not what the database makes of it."""

    workspace: UUID
    people: dict[int, Person] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)


def instant(random: Random) -> datetime:
    """Near the days and times at which the law turns."""
    day = random.choice(DAYS) + timedelta(days=random.randint(-3, 3))
    clock = time.fromisoformat(random.choice(CLOCKS)) if random.random() < 0.7 else _any_time(random)
    return datetime.combine(day, clock, KST).astimezone(UTC)


def made(tx: Tx, random: Random, workspace: UUID, people: int) -> World:
    """Fill this workspace."""
    world = World(workspace)
    persons = [_person(random) for _ in range(people)]
    ids = _write(tx, workspace, persons)
    world.people = dict(zip(ids, persons, strict=True))
    for _ in range(6):
        world.sent += _campaign(tx, random, workspace, ids)
    return world


def rounds(tx: Tx, world: World, random: Random, number: int) -> Iterator[tuple[int, str]]:
    """So many messages to everybody: (decisions compared, kind of answer)."""
    for _ in range(number):
        workspace, now = _house(random), instant(random)
        message = replace(_message(random), house=_as_house(workspace))
        answers = _of_database(tx, world, message, workspace, now)
        cap = Counter(one.contact for one in world.sent if one.counts and one.at > now - timedelta(days=workspace.ad_cap_days))
        for contact, person in world.people.items():
            seen = replace(person, recent_ads=cap[contact]) if cap[contact] else person
            ours = decide(message, seen, now)
            assert _first(ours) == answers[contact], (message, seen, now, ours, answers[contact])
            yield 1, _name(answers[contact])


def _first(decision: Decision) -> Decision:
    return Block(decision.reasons[:1]) if isinstance(decision, Block) else decision


def _name(decision: Decision) -> str:
    return decision.reasons[0] if isinstance(decision, Block) else type(decision).__name__.upper()


def _of_database(tx: Tx, world: World, message: Message, workspace: SimpleNamespace, now: datetime) -> dict[int, Decision]:
    """What preview, plan and claim would do with everybody."""
    asked = SimpleNamespace(purpose="AD" if message.ad else "INFO", goods=sorted(message.goods), adult=message.adult)
    rows = tx.rows(
        f"SELECT c.id, {law.REASON} AS reason, {law.NIGHT} AS night FROM contacts c {law.JOINED}"
        " WHERE c.workspace_id = :workspace",
        workspace=world.workspace,
        **law.binds(asked, new_id(), workspace, now),  # type: ignore[arg-type]
    )
    window = Window(workspace.quiet_from, workspace.quiet_until)
    opens = next_open(now, window)
    return {row.id: _decision(row, message.ad and opens > now, opens) for row in rows}


def _decision(row: SimpleNamespace, quiet: bool, opens: datetime) -> Decision:
    if row.reason:
        return Block((row.reason,))
    return Defer(opens) if quiet and not row.night else Allow()


def _message(random: Random) -> Message:
    kinds = frozenset(random.sample(GOODS, random.choice((0, 1, 1, 2))))
    return Message(ad=random.random() < 0.85, form=random.choice((Form.SMS, Form.LMS, Form.MMS)), goods=kinds,
                   adult=random.random() < 0.2)  # fmt: skip


def _house(random: Random) -> SimpleNamespace:
    return SimpleNamespace(
        trial=random.random() < 0.15,
        trade_exemption=random.random() < 0.6,
        ad_cap=random.choice((0, 0, 1, 2)),
        ad_cap_days=random.choice((1, 2, 7)),
        quiet_from=random.choice((time(20, 50), time(20, 50), time(21), time(19, 30))),
        quiet_until=random.choice((time(8), time(8), time(9))),
    )


def _as_house(workspace: SimpleNamespace) -> House:
    quiet = Window(workspace.quiet_from, workspace.quiet_until)
    return House(quiet=quiet, exemption=workspace.trade_exemption, cap=workspace.ad_cap, trial=workspace.trial)


def _person(random: Random) -> Person:
    """Most of them could get something; each of the others has a flaw or two."""
    consents = {} if random.random() < 0.3 else {Medium.TEXT: _consent(random)}
    born = random.choice((None, None, None, 1980, 2011, 2012, 2013, 2014))
    return Person(
        consents=consents,
        opted_out=frozenset(random.choice(((), (), (), (), ("TEXT",), ("KAKAO",), ("TEXT", "KAKAO")))),  # type: ignore[arg-type]
        trades=tuple(_trade(random) for _ in range(random.choice((0, 0, 1, 2, 3)))),
        birth_year=born,
        guardian_proof="동의서" if random.random() < 0.2 else "",
        adult=random.random() < 0.7,
        archived=random.random() < 0.05,
        restricted=random.random() < 0.05,
        guest=random.random() < 0.6,
    )


def _consent(random: Random) -> Consent:
    given = _turning(random, 24)
    confirmed = None if random.random() < 0.8 else given + timedelta(days=random.choice((730, 731, 30)))
    flaw = random.random()
    at = None if flaw < 0.06 else given
    return Consent(at, "" if flaw > 0.94 else "매장", confirmed, night=random.random() < 0.3)


def _trade(random: Random) -> Trade:
    return Trade(random.choice(GOODS), _turning(random, 6).astimezone(KST).date())


def _turning(random: Random, months: int) -> datetime:
    """An instant that is so many months before one of the days, or nearly."""
    day = random.choice(DAYS)
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    start = date(year, month + 1, min(day.day, 28)) + timedelta(days=random.choice((-400, -4, -2, -1, 0, 0, 1, 1, 2, 3, 4, 60)))
    return datetime.combine(start, _any_time(random), KST).astimezone(UTC)


def _any_time(random: Random) -> time:
    return time(random.randrange(24), random.randrange(60), random.randrange(60), random.choice((0, 1, 999_999)))


def _write(tx: Tx, workspace: UUID, persons: Sequence[Person]) -> list[int]:
    keys = accounts.keys(tx, workspace)
    numbers = [f"0100{at:07d}" for at in range(len(persons))]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    hashes = [keys.lookup(number) for number in numbers]
    tx.run_many(
        "INSERT INTO contacts (workspace_id, phone_sealed, phone_hash, ad_consent, night_consent, consent_at, consent_source,"
        " confirmed_at, birth_year, guardian_proof, adult_at, archived_at, restricted_at, created_at, updated_at)"
        " VALUES (:workspace, '', :hash, :ads, :night, :at, :source, :confirmed, :born, :guardian, :adult, :archived,"
        " :restricted, :now, :now)",
        [_row(one, hash, workspace, now) for one, hash in zip(persons, hashes, strict=True)],
    )
    found = {bytes(row.phone_hash): row.id for row in tx.rows("SELECT id, phone_hash FROM contacts")}
    ids = [found[hash] for hash in hashes]
    everybody = list(zip(ids, hashes, persons, strict=True))
    common = {"workspace": workspace, "now": now}
    _many(
        tx,
        "INSERT INTO suppressions (id, workspace_id, phone_hash, phone_sealed, source, channels, created_at, lifted_at)"
        " VALUES (:id, :workspace, :hash, '', 'test', :channels, :now, :lifted)",
        [
            {**common, "id": new_id(), "hash": hash, "channels": sorted(one.opted_out or {"TEXT"}),
             "lifted": None if one.opted_out else now}
            for contact, hash, one in everybody if one.opted_out or contact % 5 == 0  # some took their no back
        ],
    )  # fmt: skip
    _many(
        tx,
        "INSERT INTO guests (id, workspace_id, phone_hash, phone_sealed, created_at) VALUES (:id, :workspace, :hash, '', :now)",
        [{**common, "id": new_id(), "hash": hash} for _, hash, one in everybody if one.guest],
    )
    _many(
        tx,
        "INSERT INTO trades (workspace_id, order_id, kind, contact_id, ended_on, created_at)"
        " VALUES (:workspace, :order, :kind, :contact, :ended, :now)",
        [
            {**common, "order": f"{contact}-{at}", "kind": trade.kind, "contact": contact, "ended": trade.ended_on}
            for contact, _, one in everybody for at, trade in enumerate(one.trades)
        ],
    )  # fmt: skip
    return ids


def _row(one: Person, hash: bytes, workspace: UUID, now: datetime) -> dict[str, object]:
    consent = one.consents.get(Medium.TEXT)
    return {
        "workspace": workspace,
        "hash": hash,
        "ads": consent is not None,
        "night": consent.night if consent else hash[0] % 2 == 0,  # what stands there without consent counts for nothing
        "at": consent.at if consent else None,
        "source": consent.source if consent else "",
        "confirmed": consent.confirmed_at if consent else None,
        "born": one.birth_year,
        "guardian": one.guardian_proof,
        "adult": now if one.adult else None,
        "archived": now if one.archived else None,
        "restricted": now if one.restricted else None,
        "now": now,
    }


def _many(tx: Tx, statement: str, rows: list[dict[str, object]]) -> None:
    if rows:
        tx.run_many(statement, rows)


def _campaign(tx: Tx, random: Random, workspace: UUID, ids: Sequence[int]) -> list[Sent]:
    """Another campaign, with a batch of some of them; what of it counts for the cap."""
    state = random.choice((*COUNTING, *COUNTING, "DRAFT", "FAILED"))
    purpose, kind = random.choice(("AD", "AD", "AD", "INFO")), random.choice(("CAMPAIGN", "CAMPAIGN", "CAMPAIGN", "SEND"))
    values = {"name": "x", "purpose": purpose, "kind": kind, "state": state}
    campaign = campaigns.add(tx, workspace, values, datetime(2026, 1, 1, tzinfo=UTC))
    due = instant(random)
    some = sorted(random.sample(list(ids), len(ids) // 4))
    states = [random.choice(list(MessageState)) for _ in some]
    tx.run(
        "INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, state, due_at)"
        " VALUES (:id, :workspace, :campaign, :first, :last, :ids, :states, 3, :due)",
        id=new_id(),
        workspace=workspace,
        campaign=campaign,
        first=some[0],
        last=some[-1],
        ids=some,
        states=bytes(states),
        due=due,
    )
    counted = purpose == "AD" and kind == "CAMPAIGN" and state in COUNTING
    return [Sent(contact, due, counted and one in LEFT) for contact, one in zip(some, states, strict=True)]
