"""The judge's own log: read as it grows, whole lines only, references as the sandbox gives them."""

import json
from pathlib import Path
from typing import Any

from deploy.local.sandbox.solapi_codes import REGISTERED
from tests.faults.log import Log, doubled


def call(user: str, *receivers: str, **more: Any) -> str:
    record = {"e": "batch", "p": "aligo", "u": user, "k": "SMS", "at": 1.0, "err": 0, "to": receivers, "txt": ["글"], **more}
    return json.dumps(record) + "\n"


def test_it_reads_what_was_added(tmp_path: Path) -> None:
    log, file = Log(tmp_path), tmp_path / "accepted.jsonl"
    assert log.of(["one"]) == []
    file.write_text(call("one", "0101", "0102") + call("two", "0101"))
    assert [taken.reference for taken in log.of(["one", "two"])] == ["700100200", "700100201"]
    half = call("one", "0103", g="G4V")
    with file.open("a") as more:
        more.write('{"e":"cancel"}\n' + half[:20])
    assert log.people(["one"]) == 2
    with file.open("a") as more:
        more.write(half[20:])
    assert [taken.reference for taken in log.of(["one"])] == ["700100200", "G4V"]
    assert log.of(["one"])[0].texts == ("글", "글")


def test_it_counts_who_got_it_twice(tmp_path: Path) -> None:
    (tmp_path / "accepted.jsonl").write_text(call("one", "0101", "0102") + call("one", "0101", "0101") + call("two", "0102"))
    assert doubled(Log(tmp_path).of(["one"])) == {"0101": 2}


def test_a_group_of_which_nobody_was_taken_is_refused_and_not_lost(tmp_path: Path) -> None:
    log, file = Log(tmp_path), tmp_path / "accepted.jsonl"
    filled = ({"e": "solapi.add", "g": "G1", "m": [{"code": "1011"}, {"code": "1062"}]},
              {"e": "solapi.add", "g": "G2", "m": [{"code": "1011"}, {"code": REGISTERED}]})  # fmt: skip
    file.write_text("".join(json.dumps(line) + "\n" for line in filled))
    assert (log.turned_away("G1"), log.turned_away("G2"), log.turned_away("G3")) == (2, 0, 0)
