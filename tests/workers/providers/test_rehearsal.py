"""The provider of test keys: nothing leaves, and a message ends by its last digits as at the sandbox."""

import ast
import inspect
from datetime import UTC, datetime

import pytest

from core.rules.channel import Channel
from core.rules.states import MessageState
from deploy.local.sandbox import results as sandbox
from workers import providers
from workers.providers import Account, Cause, Forged, Parcel, Provider, Refused, Unknown, rehearsal

NOW = datetime.now(UTC)


def adapter(*receivers: str) -> rehearsal.Adapter:
    return rehearsal.Adapter(Account("rehearsal", "", {}, True), receivers)


def parcel(*receivers: str, channel: Channel = Channel.SMS) -> Parcel:
    return Parcel(channel, "0212345678", receivers, ["가"] * len(receivers))


def number(digits: int) -> str:
    return f"0100000{digits:04d}"


def test_it_is_a_provider_like_the_others() -> None:
    made: Provider = providers.find(Account("rehearsal", "", {}, True))
    assert made.name == "rehearsal"
    assert all(made.batch_limit(channel) == 500 for channel in Channel)


def test_it_can_reach_no_network_database_or_file() -> None:
    imported = {
        name
        for node in ast.walk(ast.parse(inspect.getsource(rehearsal)))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [one.name for one in getattr(node, "names", ())])
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= {"collections.abc", "datetime", "uuid", "core.rules.channel", "core.rules.states", "workers.providers"} | {
        "core.rules.template"
    }


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.LMS, Channel.MMS, Channel.ALIMTALK])
def test_a_call_is_accepted_under_a_reference_of_its_own(channel: Channel) -> None:
    told: list[str] = []
    calls = [adapter().send(parcel(number(1), number(2), channel=channel), told.append) for _ in range(2)]
    assert [(one.accepted, one.refused, one.channel) for one in calls] == [(2, 0, channel)] * 2
    assert len({one.reference for one in calls}) == 2
    assert told == []


def test_a_number_that_is_none_is_not_taken() -> None:
    taken = adapter().send(parcel(number(1), number(9008)))
    assert (taken.accepted, taken.refused) == (1, 1)
    with pytest.raises(Refused) as raised:
        adapter().send(parcel(number(9008)))
    assert raised.value.cause is Cause.MESSAGE and number(9008) not in str(raised.value)


def test_it_ends_by_the_last_digits_as_the_sandbox_does() -> None:
    for digits in (*sandbox.MAGIC, 1, 9999):
        report = adapter(number(digits)).results("any")
        (result,) = report.results
        words = sandbox.MAGIC.get(digits, sandbox.DELIVERED)
        assert report.complete and result.known
        assert result.text == words
        expected = None if not words else MessageState.DELIVERED if words == sandbox.DELIVERED else MessageState.FAILED
        assert result.state is expected, digits


def test_results_tell_of_everybody_who_was_taken_and_of_nobody_else() -> None:
    report = adapter(number(1), number(9008), number(9002)).results("any")
    assert [result.receiver for result in report.results] == [number(1), number(9002)]
    assert adapter(number(sandbox.MALFORMED)).results("any").results == []
    assert adapter().results("any").results == []


def test_what_was_not_answered_did_not_happen() -> None:
    assert adapter(number(1)).sightings(sender="0212345678", since=NOW, until=NOW) == ()
    with pytest.raises(Unknown):
        adapter().status("any")


def test_nobody_pushes_and_nothing_is_reserved() -> None:
    with pytest.raises(Forged):
        adapter().parse_webhook(b"{}", {})
    with pytest.raises(Refused):
        adapter().cancel("any")
    assert adapter().balance().sms > 0
