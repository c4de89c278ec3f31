"""The gateway's own environment variables, read once; a wrong value stops the process and names the variable."""

import re
import sys
from functools import lru_cache
from ipaddress import ip_network
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_RATE = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour|day)")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class Settings(BaseSettings):
    """One attribute per variable, same name in lower case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False, env_ignore_empty=True)

    app_env: Literal["development", "staging", "production"] = "development"
    gateway_host: str = Field(default="127.0.0.1", min_length=1)
    gateway_port: int = Field(default=8080, ge=0, le=65535, description="0 = given by the kernel")
    grpc_port: int = Field(default=50051, ge=0, le=65535)
    grpc_address: str = Field(default="", description="any gRPC target; default: this machine, GRPC_PORT")
    rate_limit: str = "100/minute"
    trusted_proxies: str = Field(default="127.0.0.1,::1", description="addresses or networks, comma-separated; none: nobody")
    console_origin: str = Field(default="", description="scheme://host[:port], several separated by commas")
    sentry_dsn: str = ""
    otel_exporter_otlp_endpoint: str = ""
    sandbox_port: int = Field(default=0, ge=0, le=65535, description="0 = no sandbox")
    log_format: Literal["json", "text"] = "json"

    @field_validator("rate_limit")
    @classmethod
    def _rate(cls, value: str) -> str:
        if not _RATE.fullmatch(value):
            raise ValueError("must look like 100/minute (second, minute, hour or day)")
        return value

    @field_validator("console_origin")
    @classmethod
    def _origins(cls, value: str) -> str:
        if not all(_ORIGIN.fullmatch(origin) for origin in _split(value)):
            raise ValueError("must look like https://console.example.com, without a path")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: str) -> str:
        for each in _split(value):
            if each != "none" and ip_network(each).prefixlen == 0:
                raise ValueError("everybody cannot be trusted: who asks would be whatever the caller claims")
        return value

    @property
    def proxies(self) -> list[str]:
        """Who may say, by X-Forwarded-For, for whom it asks."""
        return [each for each in _split(self.trusted_proxies) if each != "none"]

    @property
    def target(self) -> str:
        """Where the gRPC server is."""
        return self.grpc_address or f"127.0.0.1:{self.grpc_port}"

    @property
    def rate(self) -> tuple[int, float]:
        """How many calls in how many seconds."""
        count, unit = self.rate_limit.split("/")
        return int(count), float(_SECONDS[unit])

    @property
    def origins(self) -> list[str]:
        """Origins whose pages may call the API."""
        return _split(self.console_origin)


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


@lru_cache(maxsize=1)
def load() -> Settings:
    """Read the environment once; exit with one line per wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]).upper() if problem["loc"] else "environment"
            sys.stderr.write(f"jeondan: {name}: {problem['msg']}\n")
        raise SystemExit(2) from None
