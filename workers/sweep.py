"""Sweep: every few seconds look for work that is due and in nobody's hands, and queue it; queueing twice is harmless."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from core import clock, jobs, telemetry
from core.db import (
    accounts,
    campaigns,
    direct,
    disk,
    events,
    exports,
    imports,
    incidents,
    notices,
    partitions,
    pictures,
    provider_accounts,
    pushes,
    recipients,
    reports,
    requests,
    send,
    webhooks,
)
from core.db.session import Tx, database
from core.errors import Unavailable
from core.rules import ledger, personal
from core.rules.disk import Level, worst
from core.rules.states import CampaignState, MessageState
from workers import hooks, levels, optouts, retention, senders, skew, templates
from workers import notices as noticing
from workers import pushes as pushed
from workers import report as writing
from workers.ledger import move
from workers.liveness import DEAD_AFTER
from workers.reconcile import abandon
from workers.start import start

CALLS_AT_ONCE, CALL_ROUNDS = 2000, 100  # 200,000 calls an hour: more than 100 million a month need
FULL_LANE = 200  # a lane this full is busy, not forgotten
FORGOTTEN = timedelta(seconds=15)  # a row that waited so long has no job any more
LOCK = 0x73776565  # "swee": one sweeper at a time

_log = telemetry.log("sweep")


def sweep() -> None:
    """One round: every step for itself, so that one defect does not stop the others."""
    now = clock.now()
    depths = _depths()
    steps = (_singles, _deliveries, _abandoned, _ended, _unknown, _results, _plans, _files, _done, _balances)
    for step in (*steps, _pushes, _schedules, _templates, _senders, _optouts, _hooks, _breakers, _notices):
        try:
            step(now, depths)
        except Exception as error:
            telemetry.report(error)
            _log.error("step_failed", step=step.__name__, error=type(error).__name__)


def _depths() -> dict[str, int]:
    """Jobs by lane. Without the queues every lane counts as full: what needs none of them goes on."""
    try:
        depths = jobs.depths()
    except Exception as error:
        _log.warning("queues_unreachable", error=type(error).__name__)
        return dict.fromkeys(jobs.LANES, FULL_LANE)
    for lane, depth in depths.items():
        telemetry.QUEUE_DEPTH.labels(lane).set(depth)
    return depths


def upkeep() -> None:
    """Once an hour: next months' partitions, numbers and texts long past, old answers, silent workers, old master keys."""
    now = clock.now()
    with database().owner() as tx:
        partitions.ensure(tx, now)
        send.forget_workers(tx, now - timedelta(hours=1))
    _elected(lambda tx: requests.forget(tx, now - timedelta(days=7)))
    _elected(lambda tx: pushes.forget(tx, now - pushed.KEPT))
    _elected(lambda tx: incidents.forget(tx, now - timedelta(days=365)))
    _elected(lambda tx: webhooks.forget(tx, now - events.KEPT))
    _elected(accounts.rewrap)
    _elected(noticing.keep_two_years)
    _elected(lambda tx: writing.forget(tx, now))
    _elected(lambda tx: recipients.forget(tx, now - personal.DECISIONS_LAST))
    _drop_months(now)
    _forget_calls(now)
    retention.keep_house(now)


def _drop_months(now: datetime) -> None:
    """Each for itself: a table that somebody is reading for long is come back to in an hour."""
    ledger_ends = now - personal.DECISIONS_LAST
    old = {"events": now - events.KEPT, "access_log": now - personal.ACCESS_LOG_LASTS}
    old |= dict.fromkeys(("batches", "attempts", "receipts"), ledger_ends)
    steps = [partial(partitions.drop, table=table, before=before) for table, before in old.items()]
    for step in (*steps, partial(partitions.forget_direct, instant=now)):
        try:
            with database().owner() as tx:
                step(tx)
        except Unavailable:
            _log.warning("months_in_use", **{name: str(value) for name, value in step.keywords.items()})


def _forget_calls(now: datetime) -> None:
    """Calls of SendService are rows, too; they go a month after their ledger, in short transactions."""
    before, most = now - personal.DECISIONS_LAST - timedelta(days=31), CALLS_AT_ONCE
    for _ in range(CALL_ROUNDS):
        with database().system() as tx:
            if direct.forget_calls(tx, before, most) < most:
                return


def _elected(action: Callable[[Tx], object]) -> None:
    """Run it unless another sweeper is at it."""
    with database().system() as tx:
        if tx.value("SELECT pg_try_advisory_xact_lock(:lock)", lock=LOCK):
            action(tx)


def _deliveries(now: datetime, depths: dict[str, int]) -> None:
    if depths[jobs.BULK] >= FULL_LANE:
        return

    def queue(tx: Tx) -> None:
        waited = FORGOTTEN if depths[jobs.BULK] else timedelta(seconds=2)
        for row in send.due_batches(tx, now - waited, now, FULL_LANE):
            tx.after_commit(partial(jobs.deliver_batches, row.workspace_id, [row.id]))

    _elected(queue)


def _singles(now: datetime, depths: dict[str, int]) -> None:
    """Messages of SendService, whatever stands before the bulk lane."""

    def queue(tx: Tx) -> None:
        waited = FORGOTTEN if depths[jobs.SINGLE] else timedelta(seconds=1)
        for row in send.due_batches(tx, now - waited, now, FULL_LANE, kind="SEND"):
            tx.after_commit(partial(jobs.deliver_single, row.workspace_id, row.id))

    if depths[jobs.SINGLE] < FULL_LANE:
        _elected(queue)


def _abandoned(now: datetime, _: dict[str, int]) -> None:
    with database().system() as tx:
        rows = send.abandoned_batches(tx, now, now - DEAD_AFTER)
    for row in rows:
        with database().write(row.workspace_id) as tx:
            abandon(tx, row.id, attempt=row.attempt)


def _ended(now: datetime, _: dict[str, int]) -> None:
    """Who still waits in a cancelled campaign, or in one that is past its time, does so in vain: paused or not."""
    with database().system() as tx:
        rows = campaigns.ended_with_open_batches(tx, now)
    for row in rows:
        state = MessageState.CANCELLED if row.state == CampaignState.CANCELLED else MessageState.EXPIRED
        with database().write(row.workspace_id) as tx:
            for batch in send.open_batches(tx, row.id, 200):
                waiting = ledger.at(bytes(batch.states), MessageState.PLANNED, MessageState.HELD)
                move(tx, batch, ledger.place(bytes(batch.states), waiting, state))


def _unknown(now: datetime, _: dict[str, int]) -> None:
    def queue(tx: Tx) -> None:
        for row in send.take_unknown_batches(tx, now, now + timedelta(seconds=30)):
            tx.after_commit(partial(jobs.reconcile_batch, row.workspace_id, row.id))
        telemetry.UNKNOWN_MESSAGES.set(send.unknown_messages(tx))
        levels.waiting(tx, now)

    _elected(queue)


def _results(now: datetime, depths: dict[str, int]) -> None:
    def queue(tx: Tx) -> None:
        for row in send.take_due_polls(tx, now, now + timedelta(seconds=60)):
            tx.after_commit(partial(jobs.read_results, row.workspace_id, row.id))

    if depths[jobs.RECEIPTS] < FULL_LANE:
        _elected(queue)


def _plans(_: datetime, depths: dict[str, int]) -> None:
    def queue(tx: Tx) -> None:
        for row in campaigns.stalled_plans(tx):
            tx.after_commit(partial(jobs.plan_campaign, row.workspace_id, row.id))

    if not depths[jobs.PLAN]:
        _elected(queue)


def _schedules(now: datetime, _: dict[str, int]) -> None:
    if skew.off():  # nobody here can say whether their minute has come
        return
    with database().system() as tx:
        if worst(disk.spaces(tx)) is Level.FULL:  # they begin when there is room for them
            return
        rows = campaigns.due_schedules(tx, now)
    for row in rows:
        start(row.workspace_id, row.id, now)


def _files(now: datetime, depths: dict[str, int]) -> None:
    def queue(tx: Tx) -> None:
        before = now - FORGOTTEN
        for row in imports.forgotten_imports(tx, before):
            tx.after_commit(partial(jobs.import_customers, row.workspace_id, row.id))
        for row in exports.forgotten(tx, before, now):
            tx.after_commit(partial(jobs.export_customers, row.workspace_id, row.id))
        for row in reports.forgotten(tx, before):
            tx.after_commit(partial(jobs.write_report, row.workspace_id, row.id))
        for row in pictures.forgotten_images(tx, before):
            tx.after_commit(partial(jobs.check_image, row.workspace_id, row.id))
        for row in pictures.forgotten_flyers(tx, before):
            tx.after_commit(partial(jobs.compose_flyer, row.workspace_id, row.id))

    if not depths[jobs.COMPOSE] and not depths[jobs.PLAN]:
        _elected(queue)


def _done(now: datetime, _: dict[str, int]) -> None:
    _elected(lambda tx: levels.finish(tx, now))


def _breakers(_: datetime, __: dict[str, int]) -> None:
    with database().system() as tx:
        for row in provider_accounts.breakers(tx):
            telemetry.PROVIDER_BREAKER.labels(row.provider).set(row.held_back)


def _balances(now: datetime, _: dict[str, int]) -> None:
    def queue(tx: Tx) -> None:
        for row in provider_accounts.take_to_probe(tx, now, now - timedelta(seconds=20), now - timedelta(minutes=5)):
            tx.after_commit(partial(jobs.read_balance, row.workspace_id, row.id))

    _elected(queue)


def _pushes(now: datetime, depths: dict[str, int]) -> None:
    if depths[jobs.RECEIPTS] < FULL_LANE:
        _elected(lambda tx: pushed.due(tx, now))


def _templates(now: datetime, _: dict[str, int]) -> None:
    _elected(lambda tx: templates.queue_due(tx, now))


def _senders(now: datetime, _: dict[str, int]) -> None:
    _elected(lambda tx: senders.queue_due(tx, now))


def _optouts(now: datetime, _: dict[str, int]) -> None:
    _elected(lambda tx: optouts.queue_due(tx, now))


def _hooks(now: datetime, depths: dict[str, int]) -> None:
    _elected(lambda tx: hooks.fan_out(tx, now))
    if depths[jobs.WEBHOOKS] < FULL_LANE:
        waited = FORGOTTEN if depths[jobs.WEBHOOKS] else timedelta(0)
        _elected(lambda tx: hooks.queue_due(tx, now - waited))


def _notices(now: datetime, _: dict[str, int]) -> None:
    with database().system() as tx:
        rows = notices.waiting(tx, now)
    for row in rows:
        noticing.send(row.workspace_id, now)
    _elected(lambda tx: noticing.close(tx, now))
