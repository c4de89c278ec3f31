"""Credentials: what each provider needs is there and nothing else, and no value is ever shown."""

import pytest

from core.errors import InvalidInput
from core.rules.credentials import NAMES, check
from workers import providers

ALIGO = {"key": "k3y", "user_id": "shop"}
SOLAPI = {"api_key": "NCSABCDEFGHIJ123", "api_secret": "s3cret"}


@pytest.mark.parametrize(("provider", "given"), [("aligo", ALIGO), ("solapi", SOLAPI | {"webhook_secret": "w"})])
def test_what_is_needed_is_enough_and_loses_its_blanks(provider: str, given: dict[str, str]) -> None:
    assert check(provider, {name: f" {value}\n" for name, value in given.items()}) == given


@pytest.mark.parametrize(
    ("provider", "given", "field"),
    [
        ("aligo", {"key": "k3y"}, "credentials.user_id"),
        ("aligo", {**ALIGO, "user_id": "  "}, "credentials.user_id"),
        ("aligo", {**ALIGO, "api_key": "x"}, "credentials"),
        ("solapi", {**SOLAPI, "api_key": "short-value"}, "credentials.api_key"),
        ("solapi", {"api_key": SOLAPI["api_key"]}, "credentials.api_secret"),
        ("twilio", {"token": "x"}, "provider"),
        ("rehearsal", {}, "provider"),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(provider: str, given: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check(provider, given)
    assert [one.field for one in refusal.value.violations] == [field]
    shown = repr((refusal.value.message, refusal.value.violations))
    assert not any(value in shown for value in given.values() if value.strip() and value != "x")


def test_whatever_can_be_connected_has_an_adapter_that_takes_it() -> None:
    for provider, given in (("aligo", ALIGO), ("solapi", SOLAPI)):
        account = providers.Account(provider=provider, base_url="http://127.0.0.1:9", credentials=given, test_mode=False)
        assert providers.find(account).name == provider
    assert NAMES.keys() == set(providers.names()) - {"rehearsal"}
