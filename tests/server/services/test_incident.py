"""ListIncidents: a workspace sees its own troubles, in sentences, and nothing of the house."""

from datetime import datetime, timedelta
from uuid import UUID

from jeondan.v1 import incident_pb2 as pb

from core import clock
from core.db import incidents
from core.db.session import database
from core.rules.alerts import Changes, Condition, Kind
from tests.server.shop import Shop, open_shop

FACTS = {"provider": "solapi", "cause": "발송사 잔액이 부족합니다."}


def begin(kind: Kind, subject: str, workspace: UUID | None, at: datetime | None = None, **facts: str) -> None:
    with database().system() as tx:
        condition = Condition(kind, subject, workspace, {**FACTS, **facts})
        incidents.apply(tx, Changes((condition,), (), ()), at or clock.now())


def end(kind: Kind, subject: str, *, told: bool) -> None:
    now = clock.now()
    with database().system() as tx:
        if told:
            tx.run("UPDATE incidents SET alerted_at = opened_at WHERE subject = :subject", subject=subject)
        incidents.apply(tx, Changes((), ((kind.value, subject),), ()), now)
        incidents.apply(tx, Changes((), (), ((kind.value, subject),)), now + timedelta(minutes=1))


def listed(shop: Shop, text: str = "", **more: object) -> list[pb.Incident]:
    return list(shop.call("ListIncidents", pb.ListIncidentsRequest(filter=text, **more)).incidents)


def test_a_trouble_says_what_since_when_and_what_to_do(shop: Shop) -> None:
    begin(Kind.ACCOUNT_PAUSED, "account", shop.workspace)
    [incident] = listed(shop)
    assert incident.kind == pb.Incident.KIND_ACCOUNT_PAUSED
    assert incident.sentence == "솔라피 계정이 정지되었습니다: 발송사 잔액이 부족합니다."
    assert incident.cure.startswith("원인을 고친 뒤")
    assert incident.HasField("open_time")
    assert not incident.HasField("close_time")


def test_only_the_own_ones_and_none_of_the_house(shop: Shop) -> None:
    other = open_shop(shop.channel)
    begin(Kind.BREAKER_OPEN, "theirs", other.workspace)
    begin(Kind.QUEUE_STUCK, "bulk", None)
    assert listed(shop) == []
    assert [one.subject for one in listed(other)] == ["theirs"]


def test_what_passed_before_anybody_heard_is_not_shown(shop: Shop) -> None:
    begin(Kind.BREAKER_OPEN, "quiet", shop.workspace)
    end(Kind.BREAKER_OPEN, "quiet", told=False)
    begin(Kind.BREAKER_OPEN, "loud", shop.workspace)
    end(Kind.BREAKER_OPEN, "loud", told=True)
    [incident] = listed(shop)
    assert (incident.subject, incident.HasField("close_time")) == ("loud", True)


def test_newest_first_by_kind_by_state_and_page_by_page(shop: Shop) -> None:
    for at in range(3):
        begin(Kind.BREAKER_OPEN, str(at), shop.workspace)
    begin(Kind.UNKNOWN_WORDS, "words", shop.workspace, words="‘보류’")
    end(Kind.BREAKER_OPEN, "0", told=True)
    assert [one.subject for one in listed(shop)] == ["words", "2", "1", "0"]
    assert [one.subject for one in listed(shop, 'kind = "BREAKER_OPEN" AND open = "true"')] == ["2", "1"]
    assert [one.subject for one in listed(shop, 'open = "false"')] == ["0"]
    first = shop.call("ListIncidents", pb.ListIncidentsRequest(page_size=3))
    rest = shop.call("ListIncidents", pb.ListIncidentsRequest(page_size=3, page_token=first.next_page_token))
    assert [one.subject for one in (*first.incidents, *rest.incidents)] == ["words", "2", "1", "0"]
    assert rest.next_page_token == ""
    assert shop.refused("ListIncidents", pb.ListIncidentsRequest(filter='kind = "QUEUE_STUCK"')).reason == "BAD_FILTER"
