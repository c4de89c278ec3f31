"""Every environment variable, read once and frozen; a missing or wrong value stops the process and names the variable."""

import sys
from datetime import timedelta
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core import clock

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Settings(BaseSettings):
    """One attribute per variable, same name in lower case. Units are in the names or the comment."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False, validate_default=True)

    app_env: Literal["development", "staging", "production"] = "development"
    database_url: str = Field(description="postgresql://user:password@host:port/name, or several hosts as libpq reads them")
    database_replica_url: str = ""
    database_prepared: bool = True  # false behind a pooler in transaction mode, such as PgBouncer before 1.21 or Supabase's
    redis_url: str = Field(description="redis://:password@host:port/0")
    aws_s3_bucket: str = "jeondan"
    aws_endpoint_url_s3: str = ""
    aws_region: str = "ap-northeast-2"
    aws_access_key_id: str = ""
    aws_secret_access_key: str = ""
    cdn_base_url: str = ""
    jwt_secret: str = Field(min_length=32)
    encryption_key: str = Field(description="base64 of 32 bytes each, comma-separated: the first encrypts, all decrypt")
    sentry_dsn: str = ""
    otel_exporter_otlp_endpoint: str = ""
    alert_urls: str = Field(default="", repr=False, description="comma-separated addresses of channels; they hold secrets")
    aligo_testmode: Literal["Y", "N"] = "Y"
    aligo_sms_url: str = "https://apis.aligo.in"
    aligo_kakao_url: str = "https://kakaoapi.aligo.in"
    solapi_url: str = "https://api.solapi.com"
    link_base_url: str = "http://localhost:8080"
    rate_limit: str = "100/minute"
    cache_ttl_seconds: int = Field(default=300, ge=0)
    grpc_port: int = Field(default=50051, ge=0, le=65535)
    grpc_host: str = Field(default="", description="default: this machine only in development, else everywhere")
    server_processes: int = Field(default=1, ge=1, le=64)
    metrics_host: str = "127.0.0.1"
    server_metrics_port: int = Field(default=0, ge=0, le=65535)
    server_drain_seconds: int = Field(default=0, ge=0, le=300)  # NOT_SERVING and still answering, before the stop
    workers_metrics_port: int = Field(default=0, ge=0, le=65535)
    clock_metrics_port: int = Field(default=0, ge=0, le=65535)
    worker_threads: int = Field(default=8, ge=1, le=64)
    disk_paths: str = Field(default="", description="comma-separated folders whose disks are watched")
    database_disk_gb: int = Field(default=0, ge=0)  # how large a managed database may become; 0: nobody knows
    clock_offset_seconds: int = 0
    log_format: Literal["json", "text"] = "json"

    @field_validator("database_url", "database_replica_url")
    @classmethod
    def _psycopg(cls, value: str) -> str:
        return value.replace("postgresql://", "postgresql+psycopg://", 1).replace("postgres://", "postgresql+psycopg://", 1)

    @property
    def alerts(self) -> tuple[str, ...]:
        """The addresses at which people are told of trouble."""
        return tuple(part for each in self.alert_urls.split(",") if (part := each.strip()))

    @property
    def disks(self) -> tuple[str, ...]:
        """The folders whose disks are watched."""
        return tuple(part for each in self.disk_paths.split(",") if (part := each.strip()))

    @model_validator(mode="after")
    def _production_is_real(self) -> "Settings":
        if self.app_env == "production" and self.clock_offset_seconds:
            raise ValueError("CLOCK_OFFSET_SECONDS must be 0 in production")
        return self

    @field_validator("aligo_sms_url", "aligo_kakao_url", "solapi_url", "link_base_url", "aws_endpoint_url_s3")
    @classmethod
    def _encrypted(cls, value: str, info: ValidationInfo) -> str:
        """R-PII-3: in production only loopback is spoken to in clear."""
        parts = urlsplit(value)
        if info.data.get("app_env") == "production" and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("must be https in production")
        return value

    @field_validator("link_base_url")
    @classmethod
    def _reached_by_phones(cls, value: str, info: ValidationInfo) -> str:
        """R-OPT: an opt-out link that leads to this machine lets nobody say no."""
        if info.data.get("app_env") == "production" and urlsplit(value).hostname in _LOOPBACK:
            raise ValueError("must be an address that the receivers' phones can open")
        return value


@lru_cache(maxsize=1)
def load() -> Settings:
    """Read the environment once; exit with one line per wrong variable."""
    try:
        settings = Settings.model_validate({})
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]).upper() if problem["loc"] else "environment"
            sys.stderr.write(f"jeondan: {name}: {problem['msg']}\n")
        raise SystemExit(2) from None
    clock.shift(timedelta(seconds=settings.clock_offset_seconds))
    return settings
