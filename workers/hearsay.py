"""What a report says beside the states: opt-outs become suppressions, words nobody knows are kept and counted, never guessed."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from core import telemetry
from core.db import optouts, send, unknown_words
from core.db.accounts import REHEARSAL
from core.db.ids import new_id
from core.db.session import Row, Tx
from core.rules import reasons
from core.rules.channel import Channel
from core.rules.states import MessageState

_LONG_NUMBER = re.compile(r"\d[\d\s.-]{3,}\d")  # result codes have four digits; what is longer may be anybody's
_MOST_LETTERS = 100

_log = telemetry.log("hearsay")


def keep(tx: Tx, batch: Row[Any], attempt: Row[Any], words: Mapping[int, str], unknown: Mapping[int, str], now: datetime) -> None:
    """In the transaction of the receipt: the words that were understood, and those that were not."""
    keep_optouts(tx, batch, attempt, words, now)
    waiting = {at: said for at, said in unknown.items() if batch.states[at] == MessageState.ACCEPTED}
    keep_unknown(tx, attempt, waiting, now)


def keep_optouts(tx: Tx, batch: Row[Any], attempt: Row[Any], said: Mapping[int, str], now: datetime) -> None:
    """Whoever is reported as having opted out of ads is suppressed, in the transaction of the receipt, once."""
    if attempt.channel == Channel.ALIMTALK or attempt.provider == REHEARSAL:
        return  # blocking a Kakao channel is no word about ads, and a rehearsed word is nobody's
    told = [at for at, words in said.items() if reasons.opted_out(words) and batch.reasons.get(str(at)) != "OPTED_OUT"]
    if not told:
        return
    contacts = [contact for at in told if (contact := batch.contact_ids[at])]
    event = str(attempt.id)
    nos = optouts.of_contacts(tx, contacts, event, now) if contacts else optouts.of_messages(tx, batch.id, told, event, now)
    stopped = optouts.say_no(tx, optouts.Way(batch.workspace_id, "PROVIDER"), nos, now)
    _log.info("opted_out", people=stopped, provider=attempt.provider, attempt=str(attempt.id))


def keep_unknown(tx: Tx, attempt: Row[Any], said: Mapping[int, str], now: datetime) -> None:
    """A receipt with the literal words, and so many more people who were told of with them; each once, however often read."""
    if not said:
        return
    known = unknown_words.kept(tx, attempt.batch_id, attempt.id)
    fresh: dict[str, list[int]] = {}
    for words, position in _scrubbed(said):
        if (words, position) not in known:
            fresh.setdefault(words, []).append(position)
    if not fresh:
        return
    positions = sorted(position for each in fresh.values() for position in each)
    receipt = {"id": new_id(), "workspace_id": attempt.workspace_id, "batch_id": attempt.batch_id, "attempt_id": attempt.id}
    states = bytes([MessageState.ACCEPTED]) * len(positions)
    words = json.dumps(fresh, ensure_ascii=False)
    send.add_receipt(tx, {**receipt, "positions": positions, "states": states, "words": words, "received_at": now})
    unknown_words.add(tx, attempt.workspace_id, attempt.provider, {each: len(fresh[each]) for each in fresh}, now)
    for each in fresh:
        _log.warning("unknown_result_words", words=each, people=len(fresh[each]), provider=attempt.provider)


def _scrubbed(said: Mapping[int, str]) -> Iterator[tuple[str, int]]:
    """Without numbers: one kind of result is one row, and nobody's number is in it."""
    for position, words in sorted(said.items()):
        yield _LONG_NUMBER.sub("…", telemetry.scrub(words)).strip()[:_MOST_LETTERS] or "(빈 결과)", position
