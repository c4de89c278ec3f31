"""AttemptService: who carried what is listed, and a person decides once about what nobody else can know."""

from uuid import UUID, uuid4

import pytest
from jeondan.v1 import attempt_pb2 as pb

from core import clock, jobs
from core.db import accounts, campaigns
from core.db.ids import new_id
from core.db.session import database
from tests.server.shop import Shop

Outcome, Decision = pb.Attempt, pb.Attempt


class Call:
    """A campaign with attempts, as the workers leave them."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        with database().write(shop.workspace) as tx:
            self.account = accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "k", "user_id": "u"})
            self.campaign = campaigns.add(tx, shop.workspace, {"name": "가", "purpose": "AD", "body": "x"}, clock.now())

    def attempt(self, outcome: str = "UNKNOWN", *, unresolved: bool = False) -> str:
        made = new_id()
        with database().write(self.shop.workspace) as tx:
            tx.run(
                "INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, state,"
                " due_at) VALUES (:id, :w, :c, 1, 3, '{1,2,3}', '\\x030303', 2, :later)",
                id=made, w=self.shop.workspace, c=self.campaign, later=clock.now().replace(year=2099),
            )  # fmt: skip
            tx.run(
                "INSERT INTO attempts (id, workspace_id, batch_id, campaign_id, number, provider_account_id, provider, channel,"
                " sender, positions, text_hashes, unit_price, started_at, outcome, escalated_at) VALUES (:id, :w, :id, :c, 1,"
                " :a, 'aligo', 'SMS', '02', '{0,1,2}', '', 8.4, :now, :outcome, :since)",
                id=made, w=self.shop.workspace, c=self.campaign, a=self.account, now=clock.now(), outcome=outcome,
                since=clock.now() if unresolved else None,
            )  # fmt: skip
        return str(made)

    def listed(self, filter_: str = "") -> list[str]:
        found = self.shop.call("ListAttempts", pb.ListAttemptsRequest(filter=filter_)).attempts
        return [one.id for one in found]

    def resolve(self, attempt: str, decision: int = Decision.DECISION_RESEND) -> pb.ResolveAttemptRequest:
        return pb.ResolveAttemptRequest(attempt_id=attempt, decision=decision)  # type: ignore[arg-type]


@pytest.fixture
def calls(shop: Shop, fresh_redis: str) -> Call:
    return Call(shop)


def test_attempts_are_found_by_campaign_outcome_and_whether_they_wait_for_a_person(calls: Call) -> None:
    taken, asked, stuck = calls.attempt("ACCEPTED"), calls.attempt(), calls.attempt(unresolved=True)
    assert calls.listed() == [stuck, asked, taken]
    assert calls.listed(f'campaign_id = "{calls.campaign}"') == [stuck, asked, taken]
    assert calls.listed(f'campaign_id = "{uuid4()}"') == calls.listed('campaign_id = "x"') == []
    assert calls.listed('outcome = "UNKNOWN" AND unresolved = "true"') == [stuck]
    assert calls.listed('unresolved = "false"') == [asked, taken]
    assert calls.listed('provider = "solapi"') == []


def test_an_attempt_says_what_it_would_cost_and_nothing_personal(calls: Call) -> None:
    made = calls.attempt(unresolved=True)
    one = calls.shop.call("GetAttempt", pb.GetAttemptRequest(attempt_id=made)).attempt
    assert (one.provider, one.message_count, one.cost_krw) == ("aligo", 3, 25)
    assert (one.outcome, one.decision, one.HasField("unresolved_time")) == (Outcome.OUTCOME_UNKNOWN, 0, True)
    assert one.campaign_id == str(calls.campaign) and one.provider_account_id == str(calls.account)


@pytest.mark.parametrize("decision", [Decision.DECISION_RESEND, Decision.DECISION_SENT, Decision.DECISION_CLOSE])
def test_a_decision_is_taken_once_and_queued(calls: Call, decision: int) -> None:
    made = calls.attempt(unresolved=True)
    decided = calls.shop.call("ResolveAttempt", calls.resolve(made, decision)).attempt
    assert decided.decision == decision
    assert jobs.depths()[jobs.RECEIPTS] == 1
    with database().read(calls.shop.workspace) as tx:
        assert tx.value("SELECT due_at <= now() FROM batches WHERE id = :id", id=UUID(made)), "found again without the queue"
    assert calls.shop.refused("ResolveAttempt", calls.resolve(made)).reason == "ATTEMPT_RESOLVED"
    assert calls.listed('unresolved = "true"') == []


def test_there_is_nothing_to_decide_while_the_provider_is_asked_or_has_answered(calls: Call) -> None:
    for made in (calls.attempt(), calls.attempt("ACCEPTED", unresolved=True)):
        assert calls.shop.refused("ResolveAttempt", calls.resolve(made)).reason == "ATTEMPT_RESOLVED"
    undecided = calls.attempt(unresolved=True)
    refused = calls.shop.refused("ResolveAttempt", calls.resolve(undecided, 0))
    assert list(refused.fields) == ["decision"]
    assert calls.shop.refused("GetAttempt", pb.GetAttemptRequest(attempt_id=str(uuid4()))).reason == "NOT_FOUND"
