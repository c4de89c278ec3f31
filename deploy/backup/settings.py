"""The variables of backup and restore, read once; a wrong or missing value is refused by name."""

import os
from pathlib import Path

import pyrage
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.refusal import Refusal


class Settings(BaseSettings):
    """Who only takes backups needs no secret key of them: they are sealed for a public one."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)

    backup_database_url: str = ""
    backup_s3_bucket: str = "jeondan-backup"
    backup_key: str = Field(default="", description="public keys of age (age1...), comma-separated: each opens alone")
    backup_identity: str = Field(default="", repr=False, description="their secret halves; only where a restore runs")
    backup_keep_days: int = Field(default=30, ge=1, le=365)
    aws_endpoint_url_s3: str = ""
    aws_region: str = "ap-northeast-2"
    aws_access_key_id: str = ""
    aws_secret_access_key: str = Field(default="", repr=False)
    pg_bin: str = ""

    @field_validator("backup_key")
    @classmethod
    def _public(cls, value: str) -> str:
        for part in parts(value):
            try:
                pyrage.x25519.Recipient.from_str(part)
            except pyrage.RecipientError:
                raise ValueError("each key is a public key of age: age1...") from None
        return value

    @field_validator("backup_identity")
    @classmethod
    def _secret(cls, value: str) -> str:
        for part in parts(value):
            try:
                pyrage.x25519.Identity.from_str(part)
            except pyrage.IdentityError:
                raise ValueError("each key is a secret key of age: AGE-SECRET-KEY-1...") from None
        return value

    def need(self, *names: str) -> None:
        """Refuse when one of these is empty."""
        if missing := [name.upper() for name in names if not getattr(self, name)]:
            raise Refusal(f"{', '.join(missing)} 값이 없습니다. deploy/env.example 의 백업 항목을 보고 넣어 주세요.")


def parts(value: str) -> list[str]:
    """The entries of a comma-separated list."""
    return [part for each in value.split(",") if (part := each.strip())]


def load() -> Settings:
    """From the environment; a wrong value is a refusal that names the variable and never shows it."""
    try:
        return Settings.model_validate({})
    except ValidationError as error:
        raise Refusal("; ".join(f"{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())) from None


def var() -> Path:
    """Where what lasts between two runs lies on this machine."""
    return Path(os.environ.get("VAR") or "var").resolve()
