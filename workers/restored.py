"""After a restore: `python -m workers.restored [free]` takes in what happened since, has the providers asked, and lets go.

A call that the lost database had recorded is no news to send again but one to ask about: it comes in as unknown, and
reconciliation does the rest (0005). Nothing leaves before `free`, and `free` only when nothing is unknown.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core import clock, telemetry
from core.db import consents, control, optouts, privacy, restored, send
from core.db.session import Tx, database
from core.rules import ledger
from core.rules.states import MessageState
from core.settings import load
from workers import restored_lost, retention
from workers.ledger import move
from workers.reconcile import reconcile

PATIENCE = 120.0
ACTOR = "system:restore"
Told = dict[str, Any]

_log = telemetry.log("restored")


def take_in(now: datetime) -> Counter[str]:
    """Everything that the restored database does not know yet; repeated, it does nothing more."""
    done: Counter[str] = Counter()
    with database().owner() as tx:
        rows = restored.news(tx)
    for row in rows:
        with database().write(row.workspace_id) as tx:
            done[_TAKE[row.kind](tx, row.workspace_id, row.told, now)] += 1
    return done


def _attempt(tx: Tx, workspace: UUID, told: Told, now: datetime) -> str:
    """A call that was made: whoever still waits for it is unknown until the provider has been asked."""
    if send.get_attempt(tx, UUID(told["id"])) is not None:
        return "call known"
    batch = send.wait_for_batch(tx, UUID(told["batch_id"]))
    if batch is None:
        return "call of a lost campaign"
    states = bytes(batch.states)
    waiting = [at for at in told["positions"] if states[at] in (MessageState.PLANNED, MessageState.HELD)]
    same = ("id", "workspace_id", "batch_id", "campaign_id", "number", "provider_account_id", "provider", "channel", "sender")
    values = {name: told[name] for name in (*same, "unit_price", "started_at")}
    places = f"{{{','.join(map(str, told['positions']))}}}"
    send.add_attempts(tx, [{**values, "positions": places, "text_hashes": _bytes(told["text_hashes"])}])
    send.finish_attempt(tx, UUID(told["id"]), {"outcome": "UNKNOWN", "reference": told["reference"], "words": "restored"})
    if batch.budget_krw:
        cost = Decimal(str(told["unit_price"])) * len(told["positions"])
        control.take(tx, batch.campaign_id, free_at=batch.pace_free_at, cost=cost)
    number = {"attempt": max(batch.attempt, told["number"]), "provider_account_id": told["provider_account_id"]}
    move(tx, batch, ledger.place(states, waiting, MessageState.UNKNOWN), due_at=now, extra=number)
    return "call to ask about"


def _optout(tx: Tx, workspace: UUID, told: Told, now: datetime) -> str:
    way = optouts.Way(workspace, told["source"], told["channel"], told["recorded_by"])
    said = datetime.fromisoformat(told["said_at"])
    no = optouts.No(_bytes(told["phone_hash"]), _bytes(told["phone_sealed"]), told["source_event_id"], said)
    optouts.say_no(tx, way, [no], now)
    return "no"


def _night(tx: Tx, workspace: UUID, told: Told, now: datetime) -> str:
    contact = restored.contact(tx, told["contact_id"])
    if contact is None or not contact.night_consent:
        return "no known"
    at = datetime.fromisoformat(told["given_at"] or told["recorded_at"])
    no = consents.No(at, told["source"], told["proof"], night_only=True)
    consents.record_no(tx, consents.Recorder(workspace, ACTOR, now), contact, no)
    return "no at night"


def _restricted(tx: Tx, workspace: UUID, told: Told, now: datetime) -> str:
    privacy.restrict(tx, told["id"], datetime.fromisoformat(told["restricted_at"]), now)
    return "restricted"


def _launched(tx: Tx, workspace: UUID, told: Told, now: datetime) -> str:
    """Sent and forgotten: nobody can put that back, so a person must tell the merchant before they send it once more."""
    if restored.knows(tx, UUID(told["id"])):
        return "campaign known"
    _say(f"  사라진 캠페인: 워크스페이스 {workspace} '{told['name']}' {told['launched_at']} 시작, 넘긴 사람 {told['people']}")
    return "lost campaign"


_TAKE: dict[str, Callable[[Tx, UUID, Told, datetime], str]] = {
    "attempt": _attempt,
    "optout": _optout,
    "night": _night,
    "restricted": _restricted,
    "launched": _launched,
}


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("\\x"))


def ask_providers(seconds: float) -> int:
    """Ask about every unknown call until all are answered or the time is over; how many batches are still unknown."""
    until = time.monotonic() + seconds
    while True:
        with database().system() as tx:
            batches = restored.unknown_batches(tx)
        if not batches or time.monotonic() > until:
            return len(batches)
        for row in batches:
            reconcile(row.workspace_id, row.id)
        time.sleep(1)


def main() -> int:
    """The command line."""
    settings = load()
    telemetry.start(settings, "restored")
    with database().owner() as tx:
        moment = restored.since(tx)
    if moment is None:
        _say("이 데이터베이스는 복구 뒤의 멈춤 상태가 아닙니다.")
        return 0
    _say(f"{clock.kst(moment):%Y-%m-%d %H:%M:%S} 시점으로 복구된 데이터베이스입니다. 발송은 멈춰 있습니다.")
    done = take_in(clock.now())
    done += restored_lost.come_in(moment, clock.now())
    retention.keep_house(clock.now())
    left = ask_providers(PATIENCE)
    _say("  그 뒤의 일: " + (", ".join(f"{name} {count}" for name, count in sorted(done.items())) or "없음"))
    show()
    if left:
        _say(f"발송사의 답을 아직 모르는 묶음이 {left}개 있습니다. 잠시 뒤 다시 하거나, 사람이 정해 주세요(attempts).")
        return 1
    if sys.argv[1:] != ["free"]:
        _say("발송사 화면과 비교한 뒤 make resume-after-restore FREE=1 로 풀어 주세요.")
        return 0
    with database().owner() as tx:
        restored.free(tx)
    _log.warning("freed_after_restore", moment=moment.isoformat())
    _say("풀었습니다. 남은 발송이 이어집니다. 새 기본 백업을 만드세요: make backup")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def show() -> None:
    """What would go on."""
    with database().system() as tx:
        rows = restored.waiting(tx)
    for row in rows:
        if row.waiting or row.unknown:
            _say(f"  {row.kind} {row.id} '{row.name}' {row.state}: 나갈 사람 {row.waiting:,}, 모름 {row.unknown:,}")


if __name__ == "__main__":
    sys.exit(main())
