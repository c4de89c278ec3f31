"""`python -m deploy.capacity.measure`: what a message, a job and a process take, on a product of its own."""

import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import dramatiq
import psycopg
import redis
from dramatiq.brokers.redis import RedisBroker

from core import clock
from deploy.local import demo, process
from deploy.local.client import Client
from deploy.local.postgres import Postgres
from deploy.local.product import Product, start_product

QUIET_SECONDS, SINGLES, CALLERS, JOBS = 20.0, 300, 8, 2_000
_LEDGER = ("batches", "attempts", "receipts", "events", "provider_references", "campaign_counters", "exclusions")
_SINGLE = (*_LEDGER, "direct_messages", "campaigns", "requests")
_PEOPLE = ("contacts", "consents")
_SIZE = """SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c WHERE c.relkind = 'r'
    AND c.relnamespace = 'public'::regnamespace AND regexp_replace(c.relname, '_[0-9]{4}_[0-9]{2}$', '') = ANY(%s)"""


def main() -> int:
    """Start, measure, stop, write VAR/capacity/report.json."""
    var, people = Path(os.environ.get("VAR") or "var").resolve(), int(os.environ.get("RECIPIENTS") or 20_000)
    shift = str(int(demo.daytime_offset(clock.now()).total_seconds()))
    extra = {"CLOCK_OFFSET_SECONDS": shift, "RATE_LIMIT": "60000/minute"}
    with start_product(var, quiet=True, extra=extra) as product:
        database = next(part for part in product.stack.parts if isinstance(part, Postgres))
        url = f"{database.superuser_url.rpartition('/')[0]}/jeondan"
        with psycopg.connect(url, autocommit=True) as looking:
            found = _idle(product, looking) | _campaign(product, looking, var, people) | _singles(product, looking, var)
            found |= _processes(product, looking) | _job(product)
    told = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "recipients": people, "figures": found}
    path = var / "capacity" / "report.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1))
    print(json.dumps(told, indent=1))
    return 0


def _idle(product: Product, looking: psycopg.Connection[Any]) -> dict[str, float]:
    """What is asked of Redis and written by PostgreSQL while nobody sends anything."""
    with redis.Redis.from_url(product.environment["REDIS_URL"]) as client:
        commands, wal = _commands(client), _wal(looking)
        time.sleep(QUIET_SECONDS)
        asked, written = _commands(client) - commands, _wal(looking) - wal
        memory = int(client.info("memory")["used_memory"])
    return {
        "redis_commands_per_second": round(asked / QUIET_SECONDS, 1),
        "idle_wal_bytes_per_second": round(written / QUIET_SECONDS, 1),
        "redis_idle_bytes": memory,
    }


def _campaign(product: Product, looking: psycopg.Connection[Any], var: Path, people: int) -> dict[str, float]:
    """Customers from a file, then a second campaign to the same people: what the first brought in is not counted with it."""
    customers = _size(looking, _PEOPLE)
    if demo.run(product, var, people):
        raise SystemExit("capacity: the demo did not account for every message")
    known = looking.execute("SELECT count(*) FROM contacts").fetchone()
    kept = _size(looking, _PEOPLE) - customers
    client = Client(product.gateway_url, json.loads((var / "demo-login.json").read_text())["api_key"])
    flyer = client.get("flyers")["flyers"][0]["id"]
    looking.execute("CHECKPOINT")
    ledger, wal = _size(looking, _LEDGER), _wal(looking)
    names = [tag["name"] for tag in client.get("tags")["tags"]]
    coupon = next(name for name in names if name.startswith("데모 ")).removeprefix("데모 ")  # so the demo names its customers
    sent = demo.send(client, flyer, coupon).accepted
    return {
        "contact_bytes_per_person": round(kept / (known[0] if known else 1), 1),
        "ledger_bytes_per_message": round((_size(looking, _LEDGER) - ledger) / sent, 1),
        "wal_bytes_per_message": round((_wal(looking) - wal) / sent, 1),
    }


def _singles(product: Product, looking: psycopg.Connection[Any], var: Path) -> dict[str, float]:
    """Order notices, one call each, from some callers at once through the gateway."""
    login = json.loads((var / "demo-login.json").read_text())
    first = Client(product.gateway_url, login["api_key"])
    sender = first.get("senderNumbers")["senderNumbers"][0]["id"]
    clients = [Client(product.gateway_url, login["api_key"]) for _ in range(CALLERS)]

    def send(at: int) -> None:
        text = f"[봄날커피] 주문 {uuid4()}가 접수되었습니다."
        order = {"to": f"010-0088-{at:04}", "text": text, "senderNumberId": sender, "purpose": "PURPOSE_INFO"}
        clients[at % CALLERS].post("messages", order)

    before, started = _size(looking, _SINGLE), time.monotonic()
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(send, range(SINGLES)))
    seconds = time.monotonic() - started
    time.sleep(10)  # until their results are read
    return {
        "single_bytes_per_message": round((_size(looking, _SINGLE) - before) / SINGLES, 1),
        "single_calls_per_second": round(SINGLES / seconds, 1),
    }


def _processes(product: Product, looking: psycopg.Connection[Any]) -> dict[str, float]:
    """Connections and memory of everything that runs."""
    rows = looking.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename = 'jeondan'"
    ).fetchone()
    supervisor = product.supervisor
    memory = {name: _memory(supervisor.pid(name)) for name in supervisor.names()}
    ours = {name: size for name, size in memory.items() if name.startswith("worker") or name in ("server", "gateway", "clock")}
    return {
        "connections": rows[0] if rows else 0,
        "processes": len(ours),
        "memory_mb_product": round(sum(ours.values()), 0),
        "memory_mb_largest_process": round(max(ours.values()), 0),
        "memory_mb_postgres": round(memory["postgres"], 0),
        "memory_mb_redis": round(memory["valkey"], 0),
    }


def _memory(pid: int) -> float:
    """MB of a process and its children, pages that several share counted once."""
    members = process.family([pid], process.table())
    texts = [(Path("/proc") / str(member.pid) / "smaps_rollup").read_text() for member in members]
    return sum(float(re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[0]) for text in texts) / 1e3


def _job(product: Product) -> dict[str, float]:
    """What one waiting job takes in Redis, in a database that nobody else uses."""
    url = product.environment["REDIS_URL"].rpartition("/")[0] + "/9"
    made: Any = RedisBroker
    broker = made(url=url)
    broker.declare_queue("bulk")
    with redis.Redis.from_url(url) as client:
        before = int(client.info("memory")["used_memory"])
        for _ in range(JOBS):
            arguments = (str(uuid4()), str(uuid4()))
            told: Any = dramatiq.Message("bulk", "deliver_batch", arguments, {}, {})
            broker.enqueue(told)
        used = int(client.info("memory")["used_memory"]) - before
        client.flushdb()
    broker.close()
    return {"redis_bytes_per_job": round(used / JOBS, 1)}


def _commands(client: Any) -> int:
    return int(client.info("stats")["total_commands_processed"])


def _wal(looking: psycopg.Connection[Any]) -> int:
    row = looking.execute("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint").fetchone()
    return int(row[0]) if row else 0


def _size(looking: psycopg.Connection[Any], tables: tuple[str, ...]) -> int:
    row = looking.execute(_SIZE, [list(tables)]).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    sys.exit(main())
