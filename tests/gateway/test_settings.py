"""The environment of the gateway."""

import pytest

from gateway.settings import Settings, load


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    settings = Settings()

    assert (settings.gateway_host, settings.gateway_port) == ("127.0.0.1", 8080)
    assert settings.target == "127.0.0.1:50051"
    assert settings.rate == (100, 60.0)
    assert settings.origins == []
    assert settings.proxies == ["127.0.0.1", "::1"]


def test_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPC_PORT", "7000")
    monkeypatch.setenv("RATE_LIMIT", "5/second")
    monkeypatch.setenv("CONSOLE_ORIGIN", "https://a.example, http://localhost:5173")
    monkeypatch.setenv("SENTRY_DSN", "")

    settings = Settings()

    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.5, 10.1.0.0/16")
    assert Settings().proxies == ["10.0.0.5", "10.1.0.0/16"]
    monkeypatch.setenv("TRUSTED_PROXIES", "none")
    assert Settings().proxies == []
    assert settings.target == "127.0.0.1:7000"
    assert settings.rate == (5, 1.0)
    assert settings.origins == ["https://a.example", "http://localhost:5173"]
    monkeypatch.setenv("GRPC_ADDRESS", "dns:///server:50051")
    assert Settings().target == "dns:///server:50051"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_PORT", "http"),
        ("GATEWAY_PORT", "70000"),
        ("RATE_LIMIT", "0/minute"),
        ("RATE_LIMIT", "fast"),
        ("RATE_LIMIT", "5/fortnight"),
        ("CONSOLE_ORIGIN", "*"),
        ("CONSOLE_ORIGIN", "https://a.example/path"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "10.0.0.5/8"),
        ("TRUSTED_PROXIES", "10.0.0.5,proxy.internal"),
        ("APP_ENV", "prod"),
        ("LOG_FORMAT", "xml"),
        ("SANDBOX_PORT", "-1"),
    ],
)
def test_a_wrong_value_stops_the_process_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    load.cache_clear()

    with pytest.raises(SystemExit) as stopped:
        load()

    load.cache_clear()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith(f"jeondan: {name}: ")
