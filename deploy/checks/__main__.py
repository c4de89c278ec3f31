"""`python -m deploy.checks daily|weekly|monthly`: the operator's list; 0 well, 1 something to do, 2 unseen."""

import argparse
import os
import sys
from collections.abc import Iterator

from core import clock, telemetry
from core.db import house
from core.db.session import database
from core.errors import Problem, Unavailable
from core.rules.checks import house as shared
from core.rules.checks.finding import ORDER, TITLES, Finding, Period, State, exit_code
from core.settings import load
from deploy.checks import surroundings, table
from deploy.checks.looks import LOOKS, Here


def main() -> int:
    """Look at everything, print, leave what owners may know in the database."""
    chosen = _arguments()
    place = surroundings.enter(os.environ)
    telemetry.start(load(), "checks")  # what is logged goes to standard error: the answer alone is on standard output
    here = Here(chosen.gateway or _gateway(), chosen.advisories, clock.now())
    period = Period(chosen.period.upper())
    findings = [finding for check in ORDER[period] for finding in _look(check, here)]
    at = clock.kst(here.now)
    print(table.document(period, findings, at) if chosen.json else table.table(period, findings, place, at))
    _leave(findings, here)
    database().dispose()
    return exit_code(findings)


def _look(check: str, here: Here) -> Iterator[Finding]:
    print(f"  살펴보는 중: {TITLES[check]} ...", file=sys.stderr, flush=True)
    try:
        yield from LOOKS[check](here)
    except Unavailable:
        yield Finding(check, "database", State.UNKNOWN, "DATABASE_UNREACHABLE", "데이터베이스에 연결하지 못해 알 수 없습니다.")
    except Problem as problem:
        yield Finding(check, "database", State.UNKNOWN, problem.reason, problem.message)


def _leave(findings: list[Finding], here: Here) -> None:
    try:
        with database().system() as tx:
            house.record(tx, shared.kept(findings, here.now))
    except Problem:
        print("  점검 결과를 데이터베이스에 남기지 못했습니다.", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.checks", description=__doc__)
    parser.add_argument("period", choices=[one.lower() for one in Period])
    parser.add_argument("--json", action="store_true", help="for a program")
    parser.add_argument("--gateway", default="", help="address of the gateway; default: GATEWAY_HOST, GATEWAY_PORT")
    parser.add_argument("--advisories", action="store_true", help="ask the net for known holes (pip-audit)")
    return parser.parse_args()


def _gateway() -> str:
    host = os.environ.get("GATEWAY_HOST") or "127.0.0.1"
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{os.environ.get('GATEWAY_PORT') or 8080}"


if __name__ == "__main__":
    sys.exit(main())
