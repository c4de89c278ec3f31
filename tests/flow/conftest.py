"""One running product for all flow tests, its demo merchant, and what a merchant has on the disk."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import psycopg
import pytest

from deploy.local.product import Product
from deploy.local.sample import customers
from tests.flow import doors, running, stubs

SAMPLE = Path("deploy/local/sample")


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """Everything, as `make run` starts it."""
    with running.product() as started:
        yield started


def forget_opt_outs(product: Product) -> None:
    """Whoever refused at the carrier before is a customer again: every test tells its own story."""
    with psycopg.connect(product.environment["DATABASE_URL"]) as connection:
        connection.execute("SET ROLE jeondan_system")
        connection.execute("DELETE FROM suppressions WHERE source = 'PROVIDER'")


@pytest.fixture(scope="module", autouse=True)
def nobody_opted_out_before_this_file(product: Product) -> None:
    forget_opt_outs(product)


@pytest.fixture(autouse=True)
def nobody_opted_out_before_this_test(product: Product) -> None:
    forget_opt_outs(product)


@pytest.fixture(scope="session")
def login(product: Product) -> dict[str, str]:
    """The demo merchant's e-mail, password and API key."""
    return running.login(product)


@pytest.fixture(scope="session")
def sandbox(product: Product) -> Iterator[running.Sandbox]:
    """The provider."""
    found = running.Sandbox(product)
    yield found
    found.close()


@pytest.fixture(scope="session")
def channel(product: Product) -> Iterator[grpc.Channel]:
    """A connection to the gRPC server."""
    with stubs.channel(product.grpc_address) as opened:
        yield opened


@pytest.fixture(scope="session")
def call(channel: grpc.Channel, login: dict[str, str]) -> stubs.Caller:
    """The demo merchant's program, by API key."""
    return stubs.Caller(channel, ("x-api-key", login["api_key"]))


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A photo of a product."""
    return next(iter(sorted((SAMPLE / "photos").glob("*.png")))).read_bytes()


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> customers.Summary:
    """An Excel file of 300 customers with the dirt real ones have, and what an import of it must find."""
    return customers.write(tmp_path_factory.mktemp("book") / "고객 명단.xlsx", 300, seed=21)


@pytest.fixture(scope="module")
def shop(product: Product) -> dict[str, str]:
    """A merchant of this file's own."""
    return running.second_shop(product)


@pytest.fixture(scope="module")
def by_stub(channel: grpc.Channel, shop: dict[str, str]) -> stubs.Caller:
    """Its program, by stub."""
    return stubs.Caller(channel, ("x-api-key", shop["api_key"]))


@pytest.fixture(scope="module")
def rest(product: Product, shop: dict[str, str]) -> Iterator[doors.Rest]:
    """Its program, by REST."""
    made = doors.Rest(product.gateway_url, shop["api_key"])
    yield made
    made.http.close()


@pytest.fixture(scope="module", params=["grpc", "rest"])
def door(request: pytest.FixtureRequest, channel: grpc.Channel, rest: doors.Rest, shop: dict[str, str]) -> doors.Door:
    """The same story is told at both doors."""
    return rest if request.param == "rest" else doors.Grpc(channel, shop["api_key"])
