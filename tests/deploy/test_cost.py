"""The cost table: exactly as the starting document counts, exactly as our price data counts, and every price with its source."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.rules import price
from core.rules.channel import Channel
from deploy.cost import model

ROOT = Path(__file__).parent.parent.parent


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "deploy.cost", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def entries(found: Any) -> list[dict[str, Any]]:
    """Everything that carries a price."""
    if isinstance(found, list):
        return [one for each in found for one in entries(each)]
    if not isinstance(found, dict):
        return []
    mine = [found] if "sure" in found else []
    return mine + [one for each in found.values() for one in entries(each)]


def test_every_price_says_from_where_from_when_and_how_sure() -> None:
    found = entries(model.data())
    assert len(found) > 20
    for one in found:
        assert one["source"] and one["sure"] in ("stated", "known", "measured"), one
        assert date.fromisoformat(one["as_of"]) <= date(2026, 12, 31)
    priced = [one for stage in model.data()["ours"]["stages"].values() for one in stage]
    assert all("usd" in one for one in priced)


@pytest.mark.parametrize(
    ("stage", "infrastructure", "sms", "kakao", "apart"),
    [("1", 12_500, 90_000, 150_000, Decimal("0.01")), ("2", 281_250, 900_000, 1_500_000, Decimal("0.032"))],
)
def test_the_starting_document_adds_up(stage: str, infrastructure: int, sms: int, kakao: int, apart: Decimal) -> None:
    bill = model.guide(model.wish(stage))
    assert sum(line.won for line in bill.infrastructure) == infrastructure
    assert [line.won for line in bill.messages] == [sms, kakao]
    assert bill.total == infrastructure + sms + kakao
    stated, dollars = model.stated(stage)
    assert abs(bill.total - stated) <= apart * stated  # it writes "about"
    assert abs(stated / model.rate() - dollars) <= 20


@pytest.mark.parametrize("provider", ["aligo", "solapi"])
def test_ours_is_the_price_table_of_the_product(provider: str) -> None:
    table = price.table(provider)
    bill = model.ours(replace(model.wish("2"), provider=provider))
    assert [line.won for line in bill.messages] == [100_000 * table.prices[Channel.SMS], 100_000 * table.prices[Channel.ALIMTALK]]


def test_advertising_becomes_lms_and_what_kakao_does_not_reach_goes_by_text() -> None:
    table = price.table("aligo").prices
    bill = model.ours(replace(model.wish("1"), ads=Decimal("0.4"), fallback=Decimal("0.1")))
    assert [(line.count, line.unit) for line in bill.messages] == [
        (6_000, table[Channel.SMS]),
        (4_000, table[Channel.LMS]),
        (10_000, table[Channel.ALIMTALK]),
        (1_000, table[Channel.SMS]),
    ]


def test_the_command_prints_both_stages_and_why_they_differ() -> None:
    text = run()
    for told in ("1단계", "2단계", "약 250,000원 ($200)", "약 2,600,000원 ($2,100)", "알림톡은 광고를 실을 수 없습니다"):
        assert told in text


def test_parameters_on_the_command_line() -> None:
    [told] = json.loads(run("--stage", "2", "--users", "2000", "--json"))
    assert (told["wish"]["sms"], told["wish"]["kakao"]) == (200_000, 200_000)
    assert told["guide"]["total_won"] == 281_250 + 2 * 2_400_000
    [told] = json.loads(run("--stage", "1", "--sms", "5", "--kakao", "0", "--json"))
    assert [line["count"] for line in told["ours"]["messages"]] == [5]
    assert told["guide"]["total_won"] == 12_500 + 45
