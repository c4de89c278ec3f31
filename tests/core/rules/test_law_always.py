"""What always holds of the law, whatever people, messages and instants come together."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

from hypothesis import given
from hypothesis import strategies as st

from core.clock import KST
from core.rules import night
from core.rules.law import (
    Allow,
    Block,
    Consent,
    Defer,
    Form,
    House,
    Medium,
    Message,
    Person,
    Trade,
    add_months,
    consent_until,
    decide,
)
from core.rules.night import Window

instants = st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2028, 1, 1), timezones=st.just(UTC))
days = st.dates(min_value=date(2024, 1, 1), max_value=date(2028, 1, 1))
consents = st.builds(
    Consent, st.none() | instants, st.sampled_from(["", "매장"]), st.none() | instants, st.booleans()
)  # fmt: skip
houses = st.builds(
    House,
    st.none() | st.builds(Window, st.times(time(12), time(21)), st.times(time(8), time(11, 59))),
    st.booleans(),
    st.integers(0, 3),
    st.booleans(),
)
kinds = st.sampled_from(["원두", "그라인더"])
messages = st.builds(
    Message,
    ad=st.booleans(),
    form=st.sampled_from(Form),
    goods=st.frozensets(kinds),
    adult=st.booleans(),
    prohibited=st.booleans(),
    faults=st.sampled_from([(), (), ("LABEL_MISSING",)]),
    sender_registered=st.booleans(),
    certified=st.booleans(),
    optout_number=st.booleans(),
    expires_at=st.none() | instants,
    house=houses,
    healthy=st.sampled_from([True, True, True, False]),
)
persons = st.builds(
    Person,
    consents=st.dictionaries(st.sampled_from(Medium), consents),
    opted_out=st.frozensets(st.sampled_from(Medium)),
    trades=st.lists(st.builds(Trade, kinds, days), max_size=3).map(tuple),
    birth_year=st.none() | st.integers(1940, 2026),
    guardian_proof=st.sampled_from(["", "동의서"]),
    adult=st.booleans(),
    archived=st.booleans(),
    restricted=st.booleans(),
    guest=st.booleans(),
    recent_ads=st.integers(0, 3),
    brand_today=st.booleans(),
)
# What could go: random facts alone hardly ever let anything through.
likely = st.builds(lambda m: replace(m, ad=True, form=Form.LMS, prohibited=False, faults=(), sender_registered=True,
                                     certified=True, optout_number=True, expires_at=None,
                                     house=replace(m.house, trial=False), healthy=True,
                                     adult=False), messages)  # fmt: skip
willing = st.builds(lambda p, c: replace(p, consents={Medium.TEXT: c}, opted_out=frozenset(), archived=False, restricted=False,
                                         birth_year=None, recent_ads=0), persons,
                    st.builds(Consent, instants, st.just("매장"), st.none(), st.booleans()))  # fmt: skip
anything = st.tuples(messages, persons) | st.tuples(likely, willing)


@given(anything, instants)
def test_no_advertisement_leaves_in_the_night_without_consent_to_it(pair: tuple[Message, Person], now: datetime) -> None:
    """R-NGT-1, R-NGT-6, R-KKO-4: and what waits, waits for an instant at which it may leave."""
    message, person = pair
    found = decide(message, person, now)
    leaves = now if found == Allow() else found.until if isinstance(found, Defer) else None
    if not message.ad or leaves is None or message.form is Form.EMAIL:
        return
    assert leaves >= now
    consent = person.consents.get(message.form.medium)
    if not (consent and consent.night) or message.form is Form.BRAND:
        assert night.may_leave(leaves, night_consent=False, window=night.STATUTORY)


@given(anything, instants)
def test_a_no_always_wins(pair: tuple[Message, Person], now: datetime) -> None:
    """R-CON-4, R-OPT-1"""
    message, person = pair
    no = replace(person, opted_out=person.opted_out | {message.form.medium})
    found = decide(message, no, now)
    if message.ad:
        assert isinstance(found, Block) and ("OPTED_OUT" in found.reasons or found.reasons == ("ENGINE_ERROR",))
    else:
        assert found == decide(message, person, now)


@given(anything, instants)
def test_information_asks_nobody_whether_they_agreed(pair: tuple[Message, Person], now: datetime) -> None:
    """R-PUR-5"""
    message, person = pair
    told = replace(message, ad=False)
    stranger = replace(person, consents={}, opted_out=frozenset(Medium), trades=(), birth_year=2020, recent_ads=99)
    assert decide(told, person, now) == decide(told, stranger, now)


@given(anything, instants)
def test_an_advertisement_that_may_leave_has_everything(pair: tuple[Message, Person], now: datetime) -> None:
    """R-CON-1, R-CON-3, R-CON-5, R-NTC-2, R-PRO-1, R-SND-1, R-SND-5: said the other way round."""
    message, person = pair
    if not message.ad or isinstance(decide(message, person, now), Block):
        return
    medium, today = message.form.medium, now.astimezone(KST).date()
    assert message.healthy and message.sender_registered and message.certified and not message.prohibited and not message.faults
    assert message.optout_number or message.form is Form.EMAIL
    assert message.form is not Form.ALIMTALK and medium not in person.opted_out
    consent = person.consents.get(medium)
    if consent is None:
        bought = {one.kind for one in person.trades if add_months(one.ended_on, 6) >= today}
        assert message.house.exemption and message.goods and message.goods <= bought and medium is Medium.TEXT
    else:
        last = consent_until(consent, KST, 24)
        assert consent.at and consent.source and last is not None and last >= today


@given(anything, instants, st.sampled_from(["archived", "restricted"]))
def test_a_flaw_more_never_lets_anything_through(pair: tuple[Message, Person], now: datetime, flaw: str) -> None:
    """R-OPT-8: reasons are only added."""
    message, person = pair
    before, after = decide(message, person, now), decide(message, replace(person, **{flaw: True}), now)
    if not message.healthy:
        assert before == after
    else:
        assert isinstance(after, Block)
        assert not isinstance(before, Block) or set(before.reasons) <= set(after.reasons)
