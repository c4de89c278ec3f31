"""Settings: read once, frozen, and a wrong value names its variable."""

from datetime import timedelta

import pytest

from core import clock, settings


@pytest.fixture
def variables(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(clock, "_offset", timedelta(0))
    settings.load.cache_clear()
    yield monkeypatch
    settings.load.cache_clear()


def test_what_is_not_set_has_its_documented_default(variables: pytest.MonkeyPatch) -> None:
    variables.delenv("GRPC_PORT")
    found = settings.load()
    assert (found.grpc_port, found.cache_ttl_seconds, found.rate_limit, found.aligo_testmode) == (50051, 300, "100/minute", "Y")
    assert settings.load() is found


def test_urls_of_postgresql_name_our_driver(variables: pytest.MonkeyPatch) -> None:
    for given in ("postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"):
        variables.setenv("DATABASE_URL", given)
        settings.load.cache_clear()
        assert settings.load().database_url == "postgresql+psycopg://u:p@h/d"


def test_settings_are_frozen(variables: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings.load().grpc_port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", None),
        ("JWT_SECRET", "short"),
        ("GRPC_PORT", "70000"),
        ("APP_ENV", "test"),
        ("CACHE_TTL_SECONDS", "-1"),
        ("SERVER_DRAIN_SECONDS", "long"),
    ],
)
def test_a_missing_or_wrong_value_stops_the_process_and_names_the_variable(
    variables: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str | None
) -> None:
    variables.delenv(name, raising=False) if value is None else variables.setenv(name, value)
    with pytest.raises(SystemExit) as caught:
        settings.load()
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"jeondan: {name}: ")
    assert "short" not in said or value != "short"


def test_the_clock_may_be_shifted_but_not_in_production(
    variables: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variables.setenv("CLOCK_OFFSET_SECONDS", "86400")
    before = clock.now()
    settings.load()
    assert clock.now() - before >= timedelta(days=1)
    variables.setenv("APP_ENV", "production")
    variables.setenv("LINK_BASE_URL", "https://jeondan.example")
    settings.load.cache_clear()
    with pytest.raises(SystemExit):
        settings.load()
    assert "CLOCK_OFFSET_SECONDS" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["", "http://localhost:8080", "https://127.0.0.1"])
def test_in_production_a_link_leads_to_where_phones_come(
    variables: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    if address:
        variables.setenv("LINK_BASE_URL", address)
    else:
        variables.delenv("LINK_BASE_URL", raising=False)
    settings.load()
    settings.load.cache_clear()
    variables.setenv("APP_ENV", "production")
    with pytest.raises(SystemExit):
        settings.load()
    assert "LINK_BASE_URL" in capsys.readouterr().err
