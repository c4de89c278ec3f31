"""What import rules cannot see: the rooms agree with each other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import dramatiq
import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from jeondan.v1 import (
    account_pb2,
    attempt_pb2,
    audience_pb2,
    campaign_pb2,
    catalog_pb2,
    consent_pb2,
    errors_pb2,
    event_pb2,
    guest_pb2,
    incident_pb2,
    notice_pb2,
    operations_pb2,
    options_pb2,
    optout_pb2,
    privacy_pb2,
    provider_pb2,
    receipt_pb2,
    report_pb2,
    segment_pb2,
    send_pb2,
    template_pb2,
    webhook_pb2,
)

from core import jobs
from core.rules import reasons
from core.settings import Settings
from deploy.local import children
from server.main import SERVICES
from workers import providers

ROOT = Path(__file__).parent.parent
FILES = (
    account_pb2,
    audience_pb2,
    consent_pb2,
    campaign_pb2,
    catalog_pb2,
    send_pb2,
    receipt_pb2,
    report_pb2,
    incident_pb2,
    notice_pb2,
    operations_pb2,
    optout_pb2,
    template_pb2,
    provider_pb2,
    attempt_pb2,
    event_pb2,
    webhook_pb2,
    segment_pb2,
    guest_pb2,
    privacy_pb2,
)
# RPCs without a REST route: bodies that are no JSON, and a page
INTERNAL = frozenset(
    {
        "jeondan.v1.ReceiptService.TakePush",
        "jeondan.v1.OptoutService.GetOptoutPage",
        "jeondan.v1.OptoutService.ConfirmOptout",
    }
)
ROOMS = ("core", "server", "workers", "gateway", "deploy/local", "deploy/checks")
# Who may look across workspaces, and for what.
ACROSS_WORKSPACES = {
    "core/db/session.py": "defines it",
    "server/auth.py": "finds the workspace of a person, token or key",
    "server/found.py": "looks whether an address is in use, before a workspace is opened",
    "workers/sweep.py": "finds what is due in every workspace",
    "workers/watch.py": "sees what is wrong in every workspace",
    "workers/retention.py": "lists the workspaces, to keep house in each",
    "workers/levels.py": "measures the service levels",
    "workers/restored.py": "shows what waits in every workspace after a restore",
    "workers/restored_lost.py": "holds what waits in every workspace against the lists of providers",
    "workers/alerts.py": "takes the incidents people are to be told of",
    "workers/outage.py": "writes down the trouble that could not be written down",
    "deploy/local/seed.py": "finds the demo merchant",
    "deploy/checks/__main__.py": "leaves what owners may know of the house",
    "deploy/checks/looks.py": "the operator's lists: sums over every workspace",
}


def services() -> list[ServiceDescriptor]:
    return [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]


def methods() -> list[MethodDescriptor]:
    return [method for service in services() for method in service.methods]


def python_files(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        yield from (path for path in (ROOT / room).rglob("*.py") if "__pycache__" not in path.parts)


# --- protos and server --------------------------------------------------------------------------------------------


def test_every_service_is_served() -> None:
    assert {served.described.full_name for served in SERVICES} == {service.full_name for service in services()}


@pytest.mark.parametrize("served", SERVICES, ids=lambda served: served.described.name)
def test_every_rpc_is_implemented(served) -> None:
    made = served.made()
    base = next(parent for parent in type(made).__mro__ if parent.__name__ == f"{served.described.name}Servicer")
    names = [method.name for method in served.described.methods]
    inherited = [name for name in names if getattr(type(made), name) is getattr(base, name)]
    assert inherited == []


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.full_name)
def test_every_rpc_has_role_route_and_own_messages(method: MethodDescriptor) -> None:
    options = method.GetOptions()
    assert options.Extensions[options_pb2.access].role != options_pb2.ROLE_UNSPECIFIED
    assert method.full_name in INTERNAL or options.Extensions[annotations_pb2.http].WhichOneof("pattern")
    assert method.input_type.name == f"{method.name}Request"
    assert method.output_type.name == f"{method.name}Response"


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.full_name)
def test_every_rpc_that_changes_something_takes_a_request_id(method: MethodDescriptor) -> None:
    reads = (
        method.name.startswith(("Get", "List", "Preview", "Explain")) or "Upload" in method.name or method.name == "CreateSession"
    )
    assert reads or {"request_id", "idempotency_key"} & set(method.input_type.fields_by_name)


@pytest.mark.parametrize("path", sorted((ROOT / "protos/jeondan/v1").glob("*.proto")), ids=lambda path: path.name)
def test_every_rpc_message_and_field_is_documented(path: Path) -> None:
    lines = path.read_text().splitlines()
    bare = [
        f"{path.name}:{number}"
        for number, (above, line) in enumerate(zip(["", *lines], lines, strict=False), 1)
        if re.match(r"\s*(rpc |message |enum |service |(repeated |optional )?[\w.<>, ]+ \w+ = \d+)", line)
        and not re.match(r"\s*(//|option|syntax)", line)
        and not above.strip().startswith("//")
    ]
    assert bare == []


@pytest.mark.parametrize("path", sorted((ROOT / "server/services").glob("[a-z]*.py")), ids=lambda path: path.name)
def test_rpc_methods_are_short(path: Path) -> None:
    tree = ast.parse(path.read_text())
    rpcs = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name[0].isupper()]
    assert [f"{path.name}:{node.lineno} {node.name}" for node in rpcs if (node.end_lineno or 0) - node.lineno > 18] == []


def test_every_reason_in_the_code_is_in_errors_proto() -> None:
    declared = errors_pb2.ErrorReason.DESCRIPTOR.values_by_name
    known = {name.removeprefix("ERROR_REASON_") for name in declared} | set(reasons.LABELS)
    used: set[str] = set()
    for path in python_files("core", "server", "workers"):
        used |= set(re.findall(r'reason\s*=\s*"([A-Z][A-Z_0-9]+)"', path.read_text()))
    assert used - known == set()


# --- jobs and workers ---------------------------------------------------------------------------------------------


@pytest.fixture
def actors(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, dramatiq.Actor]]:
    from core import settings
    from workers import main

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.load.cache_clear()
    main.load_actors()
    yield declared()
    settings.load.cache_clear()


def declared() -> dict[str, dramatiq.Actor]:
    """Every actor object of the room, whichever broker was there when its module was imported."""
    import sys

    found = {}
    for name, module in sys.modules.items():
        if name.startswith("workers."):
            found |= {one.actor_name: one for one in vars(module).values() if isinstance(one, dramatiq.Actor)}
    return found


def test_every_job_has_one_actor_on_the_same_lane(actors: dict[str, dramatiq.Actor]) -> None:
    assert {name: actor.queue_name for name, actor in actors.items()} == jobs.JOBS


def test_every_lane_has_a_consumer_and_every_job_a_lane() -> None:
    consumed = {lane for group in children.WORKERS for lane in group.split()}
    assert consumed == set(jobs.LANES)
    assert set(jobs.JOBS.values()) <= set(jobs.LANES)


def test_every_provider_has_a_test() -> None:
    adapters = set(providers.names())
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests/workers/providers").glob("test_*.py")}
    assert adapters <= tested


# --- settings, secrets, isolation ---------------------------------------------------------------------------------


def test_every_setting_stands_in_env_example_and_nothing_else_does() -> None:
    from deploy.backup.settings import Settings as BackupSettings
    from gateway.settings import Settings as GatewaySettings

    example = (ROOT / "deploy/env.example").read_text()
    written = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    read = {name.upper() for room in (Settings, GatewaySettings, BackupSettings) for name in room.model_fields}
    local = {"VAR", "RECIPIENTS", "PG_BIN", "SANDBOX_PORT", "SANDBOX_KEY", "SANDBOX_USER", "SANDBOX_SENDER"}
    assert written == read | local


def test_only_these_look_across_workspaces() -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in python_files(*ROOMS)
        if re.search(r"database\(\)\.(system|look_across)\(|def system\(", path.read_text())
    }
    assert users == set(ACROSS_WORKSPACES)


def test_jobs_carry_identifiers_only() -> None:
    tree = ast.parse((ROOT / "core/jobs.py").read_text())
    queueing = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in jobs.JOBS]
    for node in queueing:
        assert all(ast.unparse(argument.annotation or ast.Constant(None)) == "UUID" for argument in node.args.args), node.name


# --- the house ----------------------------------------------------------------------------------------------------


def test_no_file_outgrows_its_subject() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {count}"
        for path in python_files("core", "server", "workers", "gateway", "deploy", "protos")
        if "gen" not in path.parts and "versions" not in path.parts and (count := len(path.read_text().splitlines())) > 400
    ]
    assert long == []


def test_no_function_over_fifty_lines() -> None:
    long = []
    for path in python_files("core", "server", "workers", "gateway"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 50:
                long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert [entry for entry in long if "migrations/versions" not in entry] == []


def test_package_roots_are_empty() -> None:
    full = [
        str(path.relative_to(ROOT))
        for path in python_files("core", "server", "workers", "gateway", "deploy")
        if path.name == "__init__.py" and path.read_text().strip() and path.parent.name != "providers"
    ]
    assert full == []


def test_no_drawer_modules() -> None:
    drawers = {"utils", "util", "helpers", "common", "base", "manager", "misc"}
    assert [str(path) for path in python_files("core", "server", "workers", "gateway", "deploy") if path.stem in drawers] == []


def test_migrations_are_numbered_without_gaps_and_say_what_they_do() -> None:
    names = sorted(path.stem for path in (ROOT / "core/db/migrations/versions").glob("[0-9]*.py"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert all(re.fullmatch(r"\d{4}_(expand|contract)_\w+", name) for name in names)


def test_no_statement_gives_every_column_there_may_be() -> None:
    """A column that a newer version adds must not reach this one: what is prepared would fail. columns.every() names ours."""
    inside = {  # only inside a statement, whose own result names its columns
        "core/db/campaigns.py": 1,
        "core/db/privacy.py": 1,
        "core/db/erasing.py": 1,
    }
    star = re.compile(r"(?:SELECT|RETURNING) (?:\w+\.)?\*|, \w+\.\*")
    found = {str(path.relative_to(ROOT)): len(star.findall(path.read_text())) for path in python_files(*ROOMS)}
    assert {name: count for name, count in found.items() if count} == inside


def test_the_lock_and_the_tree_name_no_registry() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_decisions_say_what_enforces_them() -> None:
    for path in (ROOT / "deploy/decisions").glob("[0-9]*.md"):
        text = path.read_text()
        assert all(f"## {part}" in text for part in ("Context", "Decision", "Consequences", "Enforced by")), path.name


def test_the_finder_in_the_readme_leads_somewhere() -> None:
    readme = (ROOT / "README.md").read_text()
    table = readme.split("## I want to change ...", 1)[1].split("\n## ", 1)[0]
    named = re.findall(r"`([\w./-]+\.\w+)`", table)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
