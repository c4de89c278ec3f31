"""The law in its two forms: one person in Python, everybody in SQL, and never two answers."""

import os
from collections import Counter
from random import Random
from uuid import UUID

import pytest

from core.db import accounts
from core.db.session import database
from tests.law import world

PEOPLE, ROUNDS = int(os.environ.get("LAW_PEOPLE", "250")), int(os.environ.get("LAW_ROUNDS", "24"))
SEED = int(os.environ.get("LAW_SEED", "20261123"))

# Every answer that the set-based form can give has to come up, or nothing was proved.
ANSWERS = {
    "ALLOW", "DEFER", "ARCHIVED", "RESTRICTED", "NOT_ON_GUEST_LIST", "OPTED_OUT", "NO_CONSENT", "TXN_KIND_MISMATCH",
    "TXN_EXPIRED", "CONSENT_EVIDENCE_MISSING", "RECONFIRM_OVERDUE", "MINOR", "NOT_AGE_VERIFIED", "FREQUENCY_CAP",
}  # fmt: skip


@pytest.fixture
def workspace(process: None) -> UUID:
    with database().system() as tx:
        return accounts.create_workspace(tx, "가게")


def test_both_forms_of_the_law_agree(workspace: UUID) -> None:
    """R-OPT-8, R-CON-1, R-CON-3, R-CON-4, R-CON-5, R-CON-6, R-NTC-2, R-NGT-1, R-NGT-6, R-PRO-2: on random data."""
    random = Random(SEED)
    with database().write(workspace) as tx:
        made = world.made(tx, random, workspace, PEOPLE)
        seen = Counter(answer for _, answer in world.rounds(tx, made, random, ROUNDS))
    print(f"\n{sum(seen.values()):,} decisions, all alike: {dict(seen.most_common())}")
    assert sum(seen.values()) == PEOPLE * ROUNDS
    assert set(seen) == ANSWERS
