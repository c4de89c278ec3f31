"""What every test may ask for: the real parts of the stack, a fresh database, an environment, settings."""

import base64
import importlib
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as drawing

from core.settings import Settings
from deploy.backup.settings import Settings as BackupSettings
from deploy.local.stack import Stack
from deploy.local.storage import Storage
from gateway.settings import Settings as GatewaySettings
from tests import network
from tests import stack as parts

os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
# Tests fork (to start the parts of a stack) while channels are open: the child must not wake up the threads of gRPC.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"


def pytest_configure() -> None:
    """Before anything is collected."""
    named = {name.upper() for room in (Settings, GatewaySettings, BackupSettings) for name in room.model_fields}
    drawing.register_profile("jeondan", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines differ
    drawing.load_profile("jeondan")
    parts.forget_environment(named | {"VAR", "RECIPIENTS"})
    network.forbid()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """PostgreSQL, Valkey and object storage, once for the whole run."""
    with parts.running() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_url(stack: Stack) -> str:
    """An empty database and a login role that may create more; no superuser."""
    return parts.postgres(stack).url


@pytest.fixture(scope="session")
def superuser_url(stack: Stack) -> str:
    """For what the product itself may never do."""
    return parts.postgres(stack).superuser_url


@pytest.fixture(scope="session")
def redis_url(stack: Stack) -> str:
    """The Valkey of this run; shared, so use keys of your own or `fresh_redis`."""
    return stack.environment()["REDIS_URL"]


@pytest.fixture
def fresh_redis(redis_url: str) -> str:
    """The same Valkey, emptied."""
    redis = importlib.import_module("redis")
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


@pytest.fixture(scope="session")
def storage(stack: Stack) -> dict[str, str]:
    """The variables of the object storage of this run; its bucket exists."""
    part = next(part for part in stack.parts if isinstance(part, Storage))
    return {**part.environment, "AWS_REGION": "ap-northeast-2"}


@pytest.fixture(scope="session")
def migrated(postgres_url: str) -> str:
    """A database with every migration applied, made once; to be copied, never connected to."""
    url = parts.create(postgres_url, parts.TEMPLATE)
    importlib.import_module("core.db.migrate").upgrade(url)
    return url


@pytest.fixture
def database(migrated: str, superuser_url: str) -> Iterator[str]:
    """A freshly migrated database of this test's own; its URL as the login role."""
    with parts.copied(migrated, superuser_url) as url:
        yield url


@pytest.fixture
def environment(database: str, redis_url: str, storage: dict[str, str]) -> dict[str, str]:
    """The variables of a product process in this test; no port is fixed, no provider is real."""
    return {
        "APP_ENV": "development",
        "DATABASE_URL": database,
        "REDIS_URL": redis_url,
        "JWT_SECRET": "test-" + "0" * 40,
        "ENCRYPTION_KEY": base64.b64encode(bytes(range(32))).decode(),
        "ALIGO_SMS_URL": "http://127.0.0.1:9",
        "ALIGO_KAKAO_URL": "http://127.0.0.1:9",
        "SOLAPI_URL": "http://127.0.0.1:9",
        "LINK_BASE_URL": "http://127.0.0.1:9",
        "GRPC_PORT": "0",
        "LOG_FORMAT": "text",
        **storage,
    }


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    """The same, as the code sees it."""
    return Settings.model_validate({name.lower(): value for name, value in environment.items()})
