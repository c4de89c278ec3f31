"""The states of a batch's messages, one byte each: placing, tallying, and what the batch as a whole has to wait for."""

from collections.abc import Collection

from core.rules.states import BatchState, MessageState

BUCKET = {state: state.name.lower() for state in MessageState}
WAITING = bytes([MessageState.PLANNED, MessageState.HELD])


def place(states: bytes, positions: Collection[int], state: MessageState) -> bytes:
    """The same states with some (distinct) positions moved."""
    value = int(state)
    if len(positions) == len(states):
        return bytes([value]) * len(states)
    changed = bytearray(states)
    for position in positions:
        changed[position] = value
    return bytes(changed)


def at(states: bytes, *wanted: MessageState) -> list[int]:
    """The positions that are in one of these states."""
    values = bytes(wanted)
    return [position for position, state in enumerate(states) if state in values]


def tally(before: bytes, after: bytes) -> dict[str, int]:
    """How the buckets change, signed; sums to zero."""
    changes = {BUCKET[state]: after.count(state) - before.count(state) for state in MessageState}
    return {bucket: change for bucket, change in changes.items() if change}


def batch_state(states: bytes) -> BatchState:
    """What comes next for the batch: a worker has it, the provider is asked, it can be claimed, results are awaited, nothing."""
    for message, batch in _NEXT:
        if message in states:
            return batch
    return BatchState.CLOSED


_NEXT = (
    (MessageState.CLAIMED, BatchState.LEASED),
    (MessageState.UNKNOWN, BatchState.UNKNOWN),
    (MessageState.PLANNED, BatchState.READY),
    (MessageState.HELD, BatchState.READY),
    (MessageState.ACCEPTED, BatchState.SENT),
)
