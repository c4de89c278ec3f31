"""Logs and Sentry events without personal data."""

import json
import subprocess
import sys

import pytest
import structlog

from core import telemetry

WRITE = """
from core import telemetry
from core.settings import load
telemetry.start(load(), "test")
log = telemetry.log("room")
facts = {"phone": "01012345678", "api_key": "jd_secret", "nested": {"to": ["+82 10 1234 5678"]}}
log.info("greeting", note="call 010-1234-5678 now", count=3, **facts)
try:
    raise ValueError("private words to 01012345678")
except ValueError:
    log.exception("broken")
"""


def test_a_log_line_is_json_without_numbers_and_secrets(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITE], env={**environment, "LOG_FORMAT": "json"}, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    greeting, broken = map(json.loads, done.stderr.splitlines())
    assert (greeting["event"], greeting["count"], greeting["process"], greeting["source"]) == ("greeting", 3, "test", "room")
    assert (greeting["phone"], greeting["api_key"], greeting["note"]) == ("[hidden]", "[hidden]", "call [phone] now")
    assert greeting["nested"] == {"to": ["[phone]"]}
    assert (broken["error"], [one.rpartition(" ")[2] for one in broken["frames"]]) == ("ValueError", ["<module>"])
    assert "1234" not in done.stderr and "private words" not in done.stderr


@pytest.mark.parametrize(
    "text", ["01012345678", "010-1234-5678", "010.1234.5678", "+82 10-1234-5678", "8210 1234 5678", "0111234567"]
)
def test_numbers_are_scrubbed_however_they_are_written(text: str) -> None:
    assert telemetry.scrub(f"<{text}>") == "<[phone]>"


@pytest.mark.parametrize("text", ["2026-11-23", "1234567890123456", "ab010", "01a20694-55be-7115-8788-c83b36ae2389", "12,000원"])
def test_other_numbers_stay(text: str) -> None:
    assert telemetry.scrub(text) == text


def test_a_sentry_event_carries_no_request_arguments_texts_or_numbers() -> None:
    event = {
        "request": {"data": "01012345678"},
        "extra": {"body": "hello"},
        "contexts": {"dramatiq": {"data": {"args": ["01012345678"]}}},
        "exception": {"values": [{"type": "ValueError", "value": "no 010-1234-5678", "stacktrace": {"frames": []}}]},
        "breadcrumbs": {"values": [{"message": "to 01012345678"}]},
        "logentry": {"message": "to 01012345678"},
        "level": "error",
    }
    with structlog.contextvars.bound_contextvars(request_id="order-7", phone="01012345678"):
        sent = telemetry._scrub_sentry(event, {})
    assert sent == {
        "level": "error",
        "tags": {"request_id": "order-7"},
        "exception": {"values": [{"type": "ValueError", "module": None, "stacktrace": {"frames": []}}]},
    }
