"""Lost answers at every step of a Solapi send, and races about it: always exactly one acceptance."""

import threading
import time

import pytest

from core.rules.channel import Channel
from tests.workers.providers.cases import PATIENT, assert_quiet
from tests.workers.providers.solapi_sandbox import BRIEF, DELETE, FILL, OPEN, READ, START, Notes, Sandbox, parcel, until
from tests.workers.providers.solapi_shop import KEY, SECRET, SENDER, outcome_of
from workers.providers import Accepted, Busy, Parcel, Unknown

# Lost answers


LOST = ("lost_answer_hang", "lost_answer_reset", "error_500_after", "truncated", "cut_body", "empty")
NEVER_DONE = ("refuse", "error_500", "busy")


@pytest.mark.parametrize("kind", [*LOST, *NEVER_DONE])
@pytest.mark.parametrize("step", [OPEN, FILL, START])
def test_a_lost_answer_at_any_step_ends_in_exactly_one_acceptance(
    sandbox: Sandbox, step: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    batch, notes = parcel(40), Notes()
    sandbox.fault(kind, path=step)
    outcome = outcome_of(lambda: sandbox.adapter(BRIEF).send(batch, notes.append))
    assert type(outcome) is (Unknown if step == START else Busy)
    assert_quiet(outcome, (KEY, SECRET, SENDER, *batch.receivers, *batch.texts), caplog)
    assert len(sandbox.messages()) == (40 if step == START and kind in LOST else 0)
    again = acceptance(sandbox, batch, outcome, notes)
    assert again.accepted == 40
    stats = sandbox.stats()
    assert (stats["accepted_messages"], stats["duplicates"], stats["max_per_receiver"]) == (40, 0, 1)


def acceptance(sandbox: Sandbox, batch: Parcel, outcome: object, notes: Notes) -> Accepted:
    """What an engine does with an outcome: asks about what is unknown, sends again what was not sent."""
    fate = sandbox.adapter().status(notes.reference) if isinstance(outcome, Unknown) else None
    return fate or sandbox.adapter().send(batch)


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("step", [READ, DELETE])
def test_lost_answers_while_asking_are_asked_again(sandbox: Sandbox, step: str, kind: str) -> None:
    batch, notes = parcel(5), Notes()
    sandbox.fault("error_500", path=START)
    assert isinstance(outcome_of(lambda: sandbox.adapter().send(batch, notes.append)), Unknown)
    sandbox.fault(kind, path=step)
    with pytest.raises(Busy):
        sandbox.adapter(BRIEF).status(notes.reference)
    assert sandbox.adapter().status(notes.reference) is None
    assert sandbox.adapter().send(batch).accepted == 5
    assert sandbox.stats()["duplicates"] == 0


def test_nobody_listens_at_the_third_step(sandbox: Sandbox) -> None:
    """The server goes down between filling and starting: a refused connection says that nothing left."""
    notes = Notes()
    sandbox.fault("down", path=FILL, delay=2)
    outcome = outcome_of(lambda: sandbox.adapter().send(parcel(), notes.append))
    assert isinstance(outcome, Busy)
    until(lambda: reachable(sandbox))
    assert sandbox.adapter().status(notes.reference) is None
    assert sandbox.messages() == []


def reachable(sandbox: Sandbox) -> bool:
    try:
        return bool(sandbox.stats())
    except OSError:
        return False


# Races: the slow worker's start may still be on its way when its call is asked about


def test_a_start_that_arrives_after_the_question_sends_nothing(sandbox: Sandbox) -> None:
    notes = Notes()
    sandbox.fault("late", path=START, delay=3.0)
    outcome = outcome_of(lambda: sandbox.adapter(BRIEF, PATIENT).send(parcel(), notes.append))
    assert isinstance(outcome, Unknown)
    assert sandbox.adapter().status(notes.reference) is None
    assert sandbox.adapter().send(parcel()).accepted == 3
    time.sleep(2.5)  # the late start has been processed by now
    assert sandbox.stats()["accepted_messages"] == 3
    assert sandbox.stats()["duplicates"] == 0


def test_a_start_that_arrives_before_the_question_counts(sandbox: Sandbox) -> None:
    notes = Notes()
    sandbox.fault("late", path=START, delay=1.5)
    outcome = outcome_of(lambda: sandbox.adapter(BRIEF, PATIENT).send(parcel(), notes.append))
    assert isinstance(outcome, Unknown)
    until(lambda: bool(sandbox.messages()))
    assert sandbox.adapter().status(notes.reference) == Accepted(notes.reference, 3, 0, Channel.SMS)


def test_a_start_between_looking_and_deleting_counts(sandbox: Sandbox) -> None:
    """The group was pending when it was read, and is started while its deletion is on the way."""
    notes = Notes()
    sandbox.fault("late", path=START, delay=2.0)
    sandbox.fault("latency", path=DELETE, delay=2.5)
    outcome = outcome_of(lambda: sandbox.adapter(BRIEF, PATIENT).send(parcel(), notes.append))
    assert isinstance(outcome, Unknown)
    assert sandbox.adapter().status(notes.reference) == Accepted(notes.reference, 3, 0, Channel.SMS)
    assert sandbox.stats()["accepted_messages"] == 3


def test_a_worker_thought_dead_finds_its_group_gone(sandbox: Sandbox) -> None:
    """Its call is resolved by another worker between its second and its third step."""
    fates: list[Accepted | None] = []

    def note(reference: str) -> None:
        fates.append(sandbox.adapter().status(reference))

    outcome = outcome_of(lambda: sandbox.adapter().send(parcel(), note))
    assert isinstance(outcome, Busy)
    assert fates == [None]
    assert sandbox.messages() == []


@pytest.mark.parametrize("round_", range(8))
def test_workers_who_start_and_ask_at_the_same_moment_agree(sandbox: Sandbox, round_: int) -> None:
    """Whatever the order, either the message went and everybody says so, or it did not and cannot."""
    batch, notes, fates = parcel(2), Notes(), list[Accepted | None]()
    noted = threading.Event()

    def note(reference: str) -> None:
        notes.append(reference)
        noted.set()

    def resolve() -> None:
        noted.wait()
        time.sleep(round_ * 0.002)
        fates.append(sandbox.adapter().status(notes.reference))

    askers = [threading.Thread(target=resolve) for _ in range(2)]
    for asker in askers:
        asker.start()
    outcome = outcome_of(lambda: sandbox.adapter().send(batch, note))
    for asker in askers:
        asker.join()
    went = sandbox.stats()["accepted_messages"]
    assert went in (0, 2)
    assert isinstance(outcome, Accepted if went else Busy)
    assert [bool(fate) for fate in fates] == [bool(went)] * 2
