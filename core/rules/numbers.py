"""The phone numbers of one file, a bit each: which came before, and runs that nobody collected (R-CON-7)."""

from itertools import pairwise

MOST_IN_A_ROW = 50
_DIGITS = 4
_SIZE = 10**_DIGITS
_NOBODY = bytes(_SIZE // 8)


class Numbers:
    """Normalised numbers by their first digits: 1,250 bytes for ten thousand of them, however many there are."""

    def __init__(self) -> None:
        self._blocks: dict[str, bytearray] = {}

    def add(self, phone: str) -> bool:
        """False when the number was there already."""
        block = self._blocks.get(phone[:-_DIGITS])
        if block is None:
            block = self._blocks[phone[:-_DIGITS]] = bytearray(_NOBODY)
        at, bit = divmod(int(phone[-_DIGITS:]), 8)
        if block[at] >> bit & 1:
            return False
        block[at] |= 1 << bit
        return True

    def run(self, most: int = MOST_IN_A_ROW) -> str:
        """The first number of a run of more than `most` without a gap; empty when there is none."""
        names = sorted(self._blocks, key=lambda name: (len(name), name))
        for name, after in pairwise([*names, ""]):
            bits = int.from_bytes(self._blocks[name], "little")
            if after and len(after) == len(name) and int(after) == int(name) + 1:
                bits |= int.from_bytes(self._blocks[after], "little") << _SIZE
            starts = _starts(bits, most + 1) & ((1 << _SIZE) - 1)
            if starts:
                return f"{name}{(starts & -starts).bit_length() - 1:0{_DIGITS}}"
        return ""


def _starts(bits: int, length: int) -> int:
    """The bits at which so many ones in a row begin."""
    done = 1
    while done < length and bits:
        step = min(done, length - done)
        bits &= bits >> step
        done += step
    return bits
