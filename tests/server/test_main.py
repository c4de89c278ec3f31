"""The server as a process: starting, refusing to start, draining, several at once, and what it writes."""

import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from jeondan.v1 import account_pb2 as account
from jeondan.v1 import audience_pb2 as audience
from jeondan.v1 import catalog_pb2 as catalog

from core.db.session import Database
from core.settings import Settings
from deploy.local.ports import Port
from server import main
from tests import stack as parts
from tests.server import program
from tests.server.shop import PASSWORD, PHONE, connected, open_shop
from tests.server.test_health import DOWN, UP, Watched


@contextmanager
def locked(settings: Settings, workspace: UUID, product: str) -> Iterator[None]:
    """Whoever updates the product waits inside."""
    own = Database(settings, pool_size=1)
    with own.write(workspace) as tx:
        tx.row("SELECT 1 FROM products WHERE id = :id FOR UPDATE", id=UUID(product))
        yield
    own.dispose()


def test_sigterm_lets_running_calls_end_and_does_not_wait_for_watches(
    environment: dict[str, str], settings: Settings, process: None, tmp_path: Path
) -> None:
    with program.running(environment, tmp_path, SERVER_DRAIN_SECONDS="4") as server, connected(server.port) as channel:
        shop = open_shop(channel)
        made = shop.call("CreateProduct", catalog.CreateProductRequest(product=catalog.Product(name="원두"))).product
        watch = Watched(channel, "")
        watch.until(UP)
        change = catalog.UpdateProductRequest(product_id=made.id, product=catalog.Product(name="둘"))
        with ThreadPoolExecutor(1) as pool:
            with locked(settings, shop.workspace, made.id):
                running = pool.submit(shop.call, "UpdateProduct", change)
                server.process.send_signal(signal.SIGTERM)
                watch.until(DOWN)
                assert shop.call("GetWorkspace", account.GetWorkspaceRequest()).workspace.name, "still answering"
            assert running.result(20).product.name == "둘"
        assert server.process.wait(20) == 0  # less than the grace, though the watch is still open
        assert [event["event"] for event in server.events("draining") + server.events("stopped")] == ["draining", "stopped"]


def test_it_refuses_to_start_before_the_migrations(
    environment: dict[str, str], postgres_url: str, superuser_url: str, tmp_path: Path
) -> None:
    empty = parts.create(postgres_url, "unmigrated")
    try:
        with program.started(environment, tmp_path, DATABASE_URL=empty) as server:
            assert server.process.wait(20) == 3
            assert "make migrate" in server.said()
    finally:
        parts.drop(superuser_url, "unmigrated")


WRONG = [("ENCRYPTION_KEY", "abc"), ("ENCRYPTION_KEY", ""), ("JWT_SECRET", "short"), ("GRPC_PORT", "x")]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_setting_stops_it_and_is_named(environment: dict[str, str], tmp_path: Path, name: str, value: str) -> None:
    with program.started(environment, tmp_path, **{name: value}) as server:
        assert server.process.wait(20) == 2
        assert name in server.said()
        assert "Traceback" not in server.said()


def test_a_second_server_does_not_join_the_port_silently(environment: dict[str, str], tmp_path: Path) -> None:
    with program.running(environment, tmp_path) as first:
        with program.started(environment, tmp_path, GRPC_PORT=str(first.port)) as second:
            assert second.process.wait(20) == 1
        assert first.stop() == 0


def test_several_processes_share_a_port_pinned_and_replaced(environment: dict[str, str], process: None, tmp_path: Path) -> None:
    with program.running(environment, tmp_path, SERVER_PROCESSES="2") as server:
        server.wait_for("serving", 2)
        assert len({event["port"] for event in server.events("serving")}) == 1
        children = children_of(server.process.pid)
        assert len(children) == 2
        assert all(len(os.sched_getaffinity(child)) == 1 for child in children)
        os.kill(children[0], signal.SIGKILL)
        server.wait_for("serving", 3)
        assert server.events("process_died")[0]["exit"] == -signal.SIGKILL
        with connected(server.port) as channel:
            open_shop(channel)
        living = children_of(server.process.pid)
        assert server.stop() == 0
        assert not any(Path(f"/proc/{child}").exists() for child in living)


def test_children_do_not_outlive_their_parent(environment: dict[str, str], process: None, tmp_path: Path) -> None:
    with program.running(environment, tmp_path, SERVER_PROCESSES="2") as server:
        server.wait_for("serving", 2)
        server.process.kill()
        server.process.wait()
        server.wait_for_last("stopped", 2)


def children_of(parent: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def test_nothing_secret_or_personal_is_written(
    environment: dict[str, str], settings: Settings, process: None, tmp_path: Path
) -> None:
    with program.running(environment, tmp_path) as server, connected(server.port) as channel:
        shop = open_shop(channel)
        token = shop.metadata[0][1].removeprefix("Bearer ")
        texts = []
        shop.call("CreateContact", audience.CreateContactRequest(contact=audience.Contact(phone=PHONE, name="김하나")))
        refusals = [
            ("CreateContact", audience.CreateContactRequest(contact=audience.Contact(phone=PHONE))),
            ("CreateContact", audience.CreateContactRequest(contact=audience.Contact(phone=PHONE + "9"))),
            ("CreateSuppression", audience.CreateSuppressionRequest(phone="02" + PHONE[2:])),
            ("ListContacts", audience.ListContactsRequest(filter=f'phone = "{PHONE}9"')),
        ]
        texts += [str(shop.refused(rpc, request).status) for rpc, request in refusals]
        wrong = account.CreateSessionRequest(email=shop.email, password="wrong-" + PASSWORD)
        texts.append(str(shop.refused("CreateSession", wrong, metadata=()).status))
        bad = (("authorization", f"Bearer {token}x"),)
        texts.append(str(shop.refused("GetWorkspace", account.GetWorkspaceRequest(), metadata=bad).status))
        own = Database(settings, pool_size=1)
        with own.owner() as tx:
            tx.run("ALTER TABLE suppressions RENAME TO somewhere_else")  # a defect, for the log to describe
        own.dispose()
        defect = shop.refused("CreateSuppression", audience.CreateSuppressionRequest(phone=PHONE))
        texts.append(str(defect.status))
        assert (defect.code, server.events("defect")[0]["error"]) == (grpc.StatusCode.INTERNAL, "ProgrammingError")
        (told,) = server.events("defect")
        assert (told["error"], bool(told["frames"])) == ("ProgrammingError", True)
        assert server.stop() == 0
        for text in [*texts, server.said()]:
            for secret in (PHONE, PHONE[3:], PASSWORD, token, shop.api_key, shop.email, "김하나"):
                assert secret not in text
            assert settings.jwt_secret not in text
            assert settings.encryption_key not in text


def test_metrics_by_method_and_code(environment: dict[str, str], process: None, tmp_path: Path) -> None:
    port = Port()
    number = port.number
    port.release()
    with program.running(environment, tmp_path, SERVER_METRICS_PORT=str(number)) as server, connected(server.port) as channel:
        shop = open_shop(channel)
        shop.refused("GetProduct", catalog.GetProductRequest(product_id="x"))
        with urllib.request.urlopen(f"http://127.0.0.1:{number}/metrics") as answer:
            text = answer.read().decode()
    assert 'jeondan_rpc_seconds_count{code="INVALID_ARGUMENT",method="CatalogService/GetProduct"} 1.0' in text
    assert 'jeondan_rpc_seconds_count{code="OK",method="AccountService/CreateSession"} 1.0' in text


def test_reflection_lists_the_services_and_never_takes_every_thread(channel: grpc.Channel) -> None:
    stub, hold = reflection_pb2_grpc.ServerReflectionStub(channel), threading.Event()

    def ask() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        hold.wait(30)

    streams = [stub.ServerReflectionInfo(ask()) for _ in range(2)]
    names = {service.name for stream in streams for service in next(stream).list_services_response.service}
    assert {service.described.full_name for service in main.SERVICES} <= names
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")])))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    hold.set()


def test_every_rpc_declares_its_role() -> None:
    found = main.rpcs()
    assert len(found) == sum(len(service.described.methods) for service in main.SERVICES)
    public = [rpc.name for rpc in found.values() if rpc.role == 1]
    pages = ["OptoutService/GetOptoutPage", "OptoutService/ConfirmOptout"]
    assert sorted(public) == sorted(["AccountService/CreateSession", "ReceiptService/TakePush", *pages])
