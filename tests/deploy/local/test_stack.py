"""The embedded parts: real servers on loopback, their data kept, everything told to the product."""

import base64
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from core.settings import Settings
from deploy.local import pgbinaries
from deploy.local.guardian import ROOT
from deploy.local.pgbinaries import Binaries, Runner
from deploy.local.ports import Port
from deploy.local.refusal import Refusal
from deploy.local.stack import PROVIDERS, Stack
from tests import stack as parts
from tests.deploy.local.waiting import until

GIVEN = {
    "DATABASE_URL": "postgresql://app:word@db.internal:5432/shop",
    "REDIS_URL": "redis://cache.internal:6379/0",
    "AWS_ENDPOINT_URL_S3": "http://s3.internal:9000",
    "AWS_S3_BUCKET": "flyers",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "ALIGO_SMS_URL": "https://apis.aligo.in",
    "ALIGO_KAKAO_URL": "https://kakaoapi.aligo.in",
    "SOLAPI_URL": "https://api.solapi.com",
}


@pytest.fixture
def var() -> Iterator[Path]:
    with parts.folder() as folder:
        yield folder


def test_who_starts_later_may_be_told_otherwise(var: Path) -> None:
    with Stack(var, environment=GIVEN, extra={"RATE_LIMIT": "1/minute"}) as stack:
        stack.tell(DATABASE_URL="postgresql://app:word@127.0.0.1:7/shop")
        told = stack.environment()
    assert told["DATABASE_URL"] == "postgresql://app:word@127.0.0.1:7/shop"
    assert (told["RATE_LIMIT"], told["REDIS_URL"]) == ("1/minute", GIVEN["REDIS_URL"])


def only_postgres(var: Path, **more: str) -> Stack:
    given = {name: value for name, value in GIVEN.items() if name != "DATABASE_URL"}
    return Stack(var, environment={**given, **more}, durable=False)


def test_the_login_role_owns_its_database_and_is_no_superuser(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, pg_get_userbyid(datdba) = rolname"
            " FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()"
        ).fetchone()
    assert row == (False, False, True, True)


def test_text_sorts_by_code_point_and_knows_korean_letters(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute("SELECT '힣' > '가', upper('é'), '전단' ~ '^[[:alpha:]]+$'").fetchone()
    assert row == (True, "É", True)


def test_a_wrong_password_is_refused_by_postgres_and_valkey(postgres_url: str, redis_url: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_url.replace("jeondan:", "jeondan:x", 1))
    wrong = redis_url.replace("redis://:", "redis://:x")
    with redis.Redis.from_url(wrong) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_valkey_keeps_every_write_and_evicts_nothing(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_storage_refuses_the_unsigned_and_lets_browsers_ask(storage: dict[str, str]) -> None:
    url = f"{storage['AWS_ENDPOINT_URL_S3']}/{storage['AWS_S3_BUCKET']}/photo.jpg"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url)
    assert refused.value.code in (400, 403)
    refused.value.close()
    asking = {"Origin": "http://127.0.0.1:1", "Access-Control-Request-Method": "PUT"}
    with urllib.request.urlopen(urllib.request.Request(url, method="OPTIONS", headers=asking)) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_no_secret_stands_on_a_command_line(stack: Stack) -> None:
    secrets = [value for name, value in vars(stack._keys).items() if name != "s3_access_key"]
    for name in stack.supervisor.names():
        line = Path(f"/proc/{stack.supervisor.pid(name)}/cmdline").read_text()
        assert not any(secret in line for secret in secrets)


def test_everybody_listens_on_loopback_only(stack: Stack) -> None:
    beyond = [line for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"]
    ours = {f"{part.port.number:04X}" for part in stack.parts}
    listening = {line.split()[1] for line in beyond if line.split()[1].split(":")[1] in ours}
    assert listening == {f"0100007F:{port}" for port in ours}


def test_data_and_passwords_survive_a_restart(var: Path) -> None:
    with Stack(var, environment={}) as stack:
        first = stack.environment()
        with psycopg.connect(first["DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        with redis.Redis.from_url(first["REDIS_URL"]) as client:
            client.set("kept", "42")
    with Stack(var, environment={}) as stack:
        second = stack.environment()
        with psycopg.connect(second["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        with redis.Redis.from_url(second["REDIS_URL"]) as client:
            assert client.get("kept") == b"42"
    assert {second[name] for name in ("JWT_SECRET", "ENCRYPTION_KEY")} == {
        first[name] for name in ("JWT_SECRET", "ENCRYPTION_KEY")
    }


def test_a_part_that_dies_comes_back_on_the_same_port(var: Path) -> None:
    with only_postgres(var) as stack:
        url = stack.environment()["DATABASE_URL"]
        stack.supervisor.kill("postgres")
        parts_up = parts.postgres(stack)
        until(lambda: stack.supervisor.restarts("postgres") == 1 and parts_up.ready())
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_second_stack_in_the_same_folder_is_refused_and_the_first_goes_on(var: Path) -> None:
    with only_postgres(var) as first:
        refused = pytest.raises(Refusal, match=f"is in use by process {os.getpid()}. Stop it, or give another VAR")
        with refused, only_postgres(var):
            pass
        assert parts.postgres(first).ready()


def test_a_first_start_that_was_killed_halfway_heals(var: Path) -> None:
    with only_postgres(var) as stack:
        data = parts.postgres(stack).data
        with psycopg.connect(parts.postgres(stack).superuser_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE jeondan")
            connection.execute("DROP ROLE jeondan")
    data.rename(data.with_name(data.name + ".new.kept"))
    (data.with_name(data.name + ".new")).mkdir()
    data.with_name(data.name + ".new.kept").rename(data)
    with only_postgres(var) as stack, psycopg.connect(stack.environment()["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("jeondan",)


def test_a_lock_file_with_the_number_of_a_stranger_does_not_stop_postgres(var: Path) -> None:
    with only_postgres(var) as stack:
        data = parts.postgres(stack).data
    (data / "postmaster.pid").write_text(f"{os.getppid()}\n{data}\n0\n1\n\n127.0.0.1\n\n")
    with only_postgres(var) as stack:
        assert parts.postgres(stack).ready()


def test_what_the_environment_names_is_used_and_not_started(var: Path) -> None:
    with Stack(var, environment=GIVEN) as stack:
        assert stack.supervisor.names() == []
        assert stack.environment().items() >= GIVEN.items()
        assert not stack.wants_sandbox


def test_the_environment_satisfies_the_settings(stack: Stack) -> None:
    told = stack.environment()
    settings = Settings.model_validate({name.lower(): value for name, value in told.items()})
    assert settings.app_env == "development"
    assert settings.grpc_port == stack.port("GRPC_PORT")
    assert len(base64.b64decode(told["ENCRYPTION_KEY"])) == 32
    assert told["LINK_BASE_URL"].endswith(f":{stack.port('GATEWAY_PORT')}")
    assert {told[name] for name in PROVIDERS} == {f"http://127.0.0.1:{stack.port('SANDBOX_PORT')}"}


def test_given_ports_are_used_and_checked(var: Path) -> None:
    free = Port()
    wanted = free.number
    free.release()
    with Stack(var, environment={**GIVEN, "GATEWAY_PORT": str(wanted)}) as stack:
        assert stack.environment()["GATEWAY_PORT"] == str(wanted)
    refused = pytest.raises(Refusal, match=f"Port {wanted} is in use")
    taken = {**GIVEN, "GATEWAY_PORT": str(wanted)}
    with socket.create_server(("127.0.0.1", wanted)), refused, Stack(var, environment=taken) as stack:
        stack.environment()
    with Stack(var, environment={**GIVEN, "GRPC_PORT": "http"}) as stack, pytest.raises(Refusal, match="GRPC_PORT=http"):
        stack.environment()


def test_a_missing_wheel_says_what_to_set_instead(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Refusal, match="Set DATABASE_URL"), only_postgres(var):
        pass
    redis_missing = {name: value for name, value in GIVEN.items() if name != "REDIS_URL"}
    with pytest.raises(Refusal, match="Set REDIS_URL"), Stack(var, environment=redis_missing):
        pass


def test_a_folder_without_postgres_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="There is no PostgreSQL that can run"):
        Binaries.find(str(tmp_path))


def _system() -> list[Path]:
    return sorted(path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres"))


@pytest.mark.skipif(not _system(), reason="no PostgreSQL of the system here")
def test_a_named_postgres_wins(var: Path) -> None:
    with only_postgres(var, PG_BIN=str(_system()[0])) as stack, psycopg.connect(stack.environment()["DATABASE_URL"]) as open_:
        row = open_.execute("SHOW server_version_num").fetchone()
        assert row and int(row[0]) // 10000 == parts.postgres(stack).major
        assert open_.execute("SELECT '힣' > '가'").fetchone() == (True,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_without_user_namespaces_runs_a_readable_copy_as_nobody(
    var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Binaries.find().folder.parents[1]
    for folder in (package, package.with_name(package.name + ".libs")):
        shutil.copytree(folder, tmp_path / folder.name, symlinks=True)
    tmp_path.chmod(0o700)
    monkeypatch.setattr(pgbinaries, "_embedded", lambda: tmp_path / package.name / "pginstall" / "bin")
    monkeypatch.setattr(pgbinaries, "may_unshare", lambda: False)
    for _ in range(2):
        with only_postgres(var) as stack:
            pid = stack.supervisor.pid("postgres")
            assert os.stat(f"/proc/{pid}").st_uid == pgbinaries.NOBODY
            assert (var / "postgresql-18").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_nobody_is_not_sent_where_it_cannot_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pgbinaries, "may_unshare", lambda: False)
    tmp_path.chmod(0o700)
    with pytest.raises(Refusal, match="Give another VAR"):
        Runner.choose(Binaries.find(), tmp_path / "pg18")


def _python_for_all() -> str:
    """A Python of this version that an ordinary user can reach; the one of the venv may live in somebody's home."""
    name = f"python3.{sys.version_info.minor}"
    for candidate in (Path(sys.executable).resolve(), Path("/usr/bin", name), Path("/usr/local/bin", name)):
        if candidate.exists() and pgbinaries._open_to_all(candidate.parent):
            return str(candidate)
    pytest.skip("no Python here that an ordinary user can reach")


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can become an ordinary user")
def test_an_ordinary_user_without_a_home_can_run_it_all(var: Path) -> None:
    var.chmod(0o777)
    code = (
        "import sys; from pathlib import Path; from deploy.local.stack import PROVIDERS, Stack\n"
        "with Stack(Path(sys.argv[1]), environment={}) as stack: print(sorted(stack.supervisor.names()))"
    )
    scripts, packages = (sysconfig.get_path(name) for name in ("scripts", "purelib"))
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    command = [*as_nobody, _python_for_all(), "-c", code, str(var / "own")]
    environment = {"PATH": f"{os.environ['PATH']}:{scripts}", "PYTHONPATH": f"{ROOT}:{packages}"}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "['postgres', 'storage', 'valkey']\n", done.stderr
