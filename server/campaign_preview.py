"""What a merchant sees before a launch: who gets it, when, as what and for how much, and what stands in the way."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from jeondan.v1 import campaign_pb2 as pb

from core.db import accounts, feeds
from core.db.session import Row, Tx
from core.errors import Violation
from core.rules import night, optout
from core.rules.draft import warnings
from core.rules.night import Window
from core.rules.price import PriceTable, to_won
from core.rules.text import find_rare
from server import campaign_control as control
from server import campaign_view as view
from server import preview as previews
from server.convert import stamp
from server.preview import Preview

Answer = pb.PreviewCampaignResponse


def answer(tx: Tx, row: Row[Any], samples: int, now: datetime) -> Answer:
    """The whole audience rendered with the code that sends, and the sums."""
    draft = previews.draft_of(tx, row, now)
    found = previews.draft_preview(tx, row, draft, samples)
    prices, quiet = previews.prices_of(tx, row, draft), accounts.quiet_hours(tx, row.workspace_id)
    people, cost = sum(found.channels.values()), found.cost(prices)
    return Answer(
        selected=found.selected,
        exclusions=view.funnel(found.selected, found.excluded.items()),
        channels=view.channel_costs(found, prices),
        cost_krw=to_won(cost),
        samples=view.samples(found),
        problems=view.problems([*previews.problems(draft, found), *control.too_slow(row, people, now, quiet)]),
        warnings=view.problems([*warnings(draft), *late_optouts(tx, row, now), *control.over_budget(row, cost)]),
        expected_end_time=stamp(control.forecast_end(row, people, now, quiet)),
        rare_characters=sorted({one.character for one in find_rare(row.body + row.subject)}),
        night_split=night_split(row, found, prices, quiet, now),
    )


def late_optouts(tx: Tx, row: Row[Any], now: datetime) -> list[Violation]:
    """Advertising while the provider's list of opt-outs is out of sight (R-OPT-3)."""
    return optout.late(feeds.of_workspace(tx, row.workspace_id), now) if row.purpose == "AD" else []


def night_split(row: Row[Any], found: Preview, prices: PriceTable, quiet: Window, now: datetime) -> Answer.NightSplit | None:
    """Who would go at once and who in the morning, with both costs; None when all go at once (R-NGT-7).

    With a pace nobody goes at night: its slots are in the day.
    """
    begins = row.scheduled_at or now
    if row.purpose != "AD" or night.may_leave(begins, night_consent=False, window=quiet):
        return None
    at_night = {} if row.pace_people else found.night
    cost = sum((prices.cost(channel, people) for channel, people in at_night.items()), Decimal(0))
    people = sum(at_night.values())
    return Answer.NightSplit(
        now_count=people,
        now_cost_krw=to_won(cost),
        later_count=sum(found.channels.values()) - people,
        later_cost_krw=to_won(found.cost(prices)) - to_won(cost),
        later_time=stamp(night.next_open(begins, quiet)),
    )
