"""What a merchant sees of the night before a launch: who goes now, who in the morning, and what each costs."""

from dataclasses import replace

import pytest
from jeondan.v1 import campaign_pb2 as pb

from core import clock
from core.db.session import database
from tests.server.services.marketer import INFO, create, customers, preview, refused
from tests.server.services.test_campaign_schedule import stamp, today
from tests.server.shop import Shop
from tests.workers import shop as engine


@pytest.fixture
def at_ten(shop: Shop, sender: str, worker: None, sandbox: engine.Sandbox, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop at 22:00 with 12 customers, of whom 3 agreed to the night."""
    shop = replace(shop, metadata=(("x-api-key", shop.api_key),))  # a session would be over by then
    engine.Time(sandbox, monkeypatch).at(22)
    customers(shop, 12)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE contacts SET night_consent = id IN (SELECT id FROM contacts ORDER BY id LIMIT 3)")
    return shop


def test_an_audience_at_night_is_shown_in_two_with_both_costs(at_ten: Shop, sender: str) -> None:
    """R-NGT-7: recipients with night consent go now, the rest in the morning."""
    found = preview(at_ten, create(at_ten, sender))
    split = found.night_split
    assert (split.now_count, split.later_count) == (3, 9)
    assert split.now_cost_krw + split.later_cost_krw == found.cost_krw
    assert split.now_cost_krw == 25, "3 SMS at 8.4 won"
    opens = clock.kst(split.later_time.ToDatetime(tzinfo=clock.KST))
    assert (opens.hour, opens.minute, opens > clock.now()) == (8, 0, True)


def test_the_split_follows_the_hours_of_the_merchant(at_ten: Shop, sender: str) -> None:
    """R-NGT-2, R-NGT-7: the wider window of the merchant."""
    with database().write(at_ten.workspace) as tx:
        tx.run("UPDATE workspaces SET quiet_until = '10:00'")
    split = preview(at_ten, create(at_ten, sender)).night_split
    assert clock.kst(split.later_time.ToDatetime(tzinfo=clock.KST)).hour == 10


def test_with_a_pace_everybody_waits_for_the_day(at_ten: Shop, sender: str) -> None:
    """R-NGT-7: slots lie in the day only, for those who agreed to the night as well."""
    pace = pb.Pace(people=100)
    pace.duration.FromSeconds(3600)
    split = preview(at_ten, create(at_ten, sender, pace=pace)).night_split
    assert (split.now_count, split.now_cost_krw, split.later_count) == (0, 0, 12)


def test_where_nobody_waits_there_is_no_split(shop: Shop, sender: str, worker: None) -> None:
    """R-PUR-5, R-NGT-7: by day, and for information, all go at once."""
    customers(shop, 1)
    assert not preview(shop, create(shop, sender)).HasField("night_split")
    assert not preview(shop, create(shop, sender, purpose=INFO)).HasField("night_split")


def test_a_schedule_is_held_against_the_hours_of_the_merchant(shop: Shop, sender: str, worker: None) -> None:
    """R-NGT-4: at scheduling, with its own window."""
    customers(shop, 1)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE workspaces SET quiet_from = '18:00'")
    made = create(shop, sender, schedule_time=stamp(today(18)))
    assert refused(shop, "Launch", made).fields == {"campaign.schedule_time": "SCHEDULE_AT_NIGHT"}
