"""Every scripted misbehaviour, seen from the client's side, and whether the messages went out."""

import time
from typing import Any

import httpx
import pytest

ONE = "01011112222"


def send(sandbox: Any, timeout: float = 20) -> httpx.Response:
    fields = {"key": "sandbox-key", "user_id": "sandbox", "sender": "0212345678", "receiver": f"{ONE},01033334444", "msg": "x"}
    with httpx.Client(timeout=timeout) as client:
        return client.post(sandbox.url + "/send/", data=fields)


def accepted(sandbox: Any) -> int:
    count: int = sandbox.get("/stats")["accepted_messages"]
    return count


@pytest.mark.parametrize(
    ("kind", "options", "error", "sent"),
    [
        ("refuse", {}, (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError), 0),
        ("lost_answer_reset", {}, httpx.ReadError, 2),
        ("lost_answer_hang", {}, httpx.ReadTimeout, 2),
        ("lost_answer_hang", {"delay": 0.1}, httpx.ReadError, 2),
        ("cut_body", {}, (httpx.ReadError, httpx.RemoteProtocolError), 2),
        ("slow_answer", {"delay": 30}, httpx.ReadTimeout, 2),
        ("latency", {"delay": 30}, httpx.ReadTimeout, 0),
    ],
)
def test_the_connection_fails(sandbox: Any, kind: str, options: dict[str, Any], error: type[Exception], sent: int) -> None:
    sandbox.fault(kind, count=1, **options)
    with pytest.raises(error):
        send(sandbox, timeout=1)
    assert accepted(sandbox) == sent
    assert send(sandbox).json()["result_code"] == "1"


@pytest.mark.parametrize(
    ("kind", "options", "status", "sent"),
    [
        ("busy", {}, 503, 0),
        ("busy", {"status": 429}, 429, 0),
        ("error_500", {}, 500, 0),
        ("html_403", {}, 403, 0),
        ("error_500_after", {}, 500, 2),
    ],
)
def test_the_answer_is_an_error_page(sandbox: Any, kind: str, options: dict[str, Any], status: int, sent: int) -> None:
    sandbox.fault(kind, count=1, **options)
    answer = send(sandbox)
    assert (answer.status_code, accepted(sandbox)) == (status, sent)
    assert answer.headers["content-type"].startswith("text/html")
    assert "<html>" in answer.text


@pytest.mark.parametrize(("kind", "length"), [("truncated", range(10, 100)), ("empty", range(1))])
def test_the_answer_is_no_json_though_accepted(sandbox: Any, kind: str, length: range) -> None:
    sandbox.fault(kind, count=1)
    answer = send(sandbox)
    assert answer.status_code == 200
    assert len(answer.content) in length
    with pytest.raises(ValueError, match="Expecting|Unterminated"):
        answer.json()
    assert accepted(sandbox) == 2


@pytest.mark.parametrize(
    ("kind", "options", "answer"),
    [
        ("code", {"code": -900, "message": "점검 중입니다."}, {"result_code": -900, "message": "점검 중입니다."}),
        ("ip_blocked", {}, {"result_code": -101, "message": "인증오류입니다.-IP"}),
        ("sender_unregistered", {}, {"result_code": -103, "message": "등록/인증되지 않은 발신번호입니다."}),
        ("no_balance", {}, {"result_code": -201, "message": "보유건수 부족입니다."}),
    ],
)
def test_aligo_refuses(sandbox: Any, kind: str, options: dict[str, Any], answer: dict[str, Any]) -> None:
    sandbox.fault(kind, count=1, **options)
    assert send(sandbox).json() == answer
    assert accepted(sandbox) == 0
    assert send(sandbox).json()["result_code"] == "1"


def test_part_of_the_receivers_is_called_malformed(sandbox: Any) -> None:
    sandbox.fault("partial", count=1, receivers=1)
    answer = send(sandbox).json()
    assert (answer["success_cnt"], answer["error_cnt"]) == (1, 1)
    assert [row["receiver"] for row in sandbox.ask("/sms_list/", mid=answer["msg_id"])["list"]] == ["01033334444"]


def test_the_list_lags_behind(sandbox: Any) -> None:
    reference = send(sandbox).json()["msg_id"]
    sandbox.fault("list_delay", delay=30)
    assert sandbox.ask("/list/")["list"] == []
    assert len(sandbox.ask("/sms_list/", mid=reference)["list"]) == 2
    sandbox.move_clock(31)
    assert [row["mid"] for row in sandbox.ask("/list/")["list"]] == [reference]


def test_the_server_goes_down_and_comes_back(launch: Any) -> None:
    sandbox = launch()
    sandbox.fault("down", count=1, delay=1)
    with pytest.raises(httpx.TransportError):
        send(sandbox)
    refused, deadline = 0, time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            answer = send(sandbox)
            break
        except httpx.ConnectError:
            refused += 1
            time.sleep(0.05)
    assert refused > 0
    assert answer.json()["result_code"] == "1"
    assert accepted(sandbox) == 2


def test_a_rule_counts_waits_and_ends(sandbox: Any) -> None:
    rule = sandbox.fault("busy", path="/send/", after=1, count=2)
    assert [send(sandbox).status_code for _ in range(4)] == [200, 503, 503, 200]
    assert sandbox.ask("/remain/")["result_code"] == 1
    shown = sandbox.get("/faults")["faults"]
    assert [(one["id"], one["count"], one["hits"]) for one in shown] == [(rule["id"], 0, 2)]


def test_chance_repeats_with_its_seed(sandbox: Any) -> None:
    runs = []
    for _ in range(2):
        rule = sandbox.fault("busy", probability=0.5, seed=7)
        runs.append([send(sandbox).status_code for _ in range(20)])
        assert sandbox.http.delete(f"/__sandbox/faults/{rule['id']}").status_code == 204
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}
    assert send(sandbox).status_code == 200


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"kind": "nonsense"},
        {"kind": "busy", "count": -1},
        {"kind": "busy", "delay": "x"},
        {"kind": "busy", "id": 3},
        [1],
        "x",
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_one_sentence(sandbox: Any, rule: Any) -> None:
    answer = sandbox.http.post("/__sandbox/faults", json=rule)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert sandbox.get("/faults")["faults"] == []
