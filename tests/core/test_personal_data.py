"""What the law wants of personal data beside the features: sealed, never collected, over TLS, contracted, and in no log."""

import base64
import os
from pathlib import Path

import pytest

from core import telemetry
from core.crypto import Keyring, hash_password, new_passphrase, new_workspace_keys
from core.rules import columns, personal
from core.settings import load
from workers import providers

PRIVACY = Path(__file__).parents[2] / "deploy/privacy"


def test_passwords_are_hashed_one_way_and_credentials_sealed() -> None:
    """R-PII-1"""
    assert hash_password("spring-day-coffee-1").startswith("$argon2id$")
    ring = Keyring(base64.b64encode(os.urandom(32)).decode())
    wrapped = ring.wrap(b"provider-secret", "provider:1")
    assert b"provider-secret" not in wrapped and ring.unwrap(wrapped, "provider:1") == b"provider-secret"
    with pytest.raises(ValueError, match="belongs elsewhere"):
        ring.unwrap(wrapped, "provider:2")


@pytest.mark.parametrize("header", ["주민등록번호", "여권번호", "운전면허번호", "외국인등록번호", "카드번호", "계좌번호"])
def test_what_must_not_be_collected_is_left_out_of_a_file(header: str) -> None:
    """R-PII-2"""
    assert columns.forbidden_columns(["이름", header, "휴대폰"]) == (header,)


def test_a_number_is_sealed_anew_each_time_and_found_by_a_keyed_hash() -> None:
    """R-PII-2"""
    keys, others = new_workspace_keys(), new_workspace_keys()
    one, two = keys.sealer()("01023456789"), keys.sealer()("01023456789")
    assert one != two and keys.opener()(one) == keys.opener()(two) == "01023456789"
    assert keys.lookup("01023456789") == keys.lookup("01023456789") != others.lookup("01023456789")


@pytest.mark.parametrize("name", ["ALIGO_SMS_URL", "ALIGO_KAKAO_URL", "SOLAPI_URL", "LINK_BASE_URL", "AWS_ENDPOINT_URL_S3"])
def test_production_sends_nothing_over_the_internet_in_clear(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """R-PII-3: loopback may be plain, everything else is https."""
    for key, value in {**environment, "APP_ENV": "production", "LINK_BASE_URL": "https://jeondan.example"}.items():
        monkeypatch.setenv(key, value)
    load.cache_clear()
    load()
    load.cache_clear()
    monkeypatch.setenv(name, "http://api.example.com")
    with pytest.raises(SystemExit):
        load()
    assert name in capsys.readouterr().err
    monkeypatch.setenv(name, "https://api.example.com")
    load()
    load.cache_clear()


def test_a_password_of_an_export_cannot_be_guessed_and_can_be_read_aloud() -> None:
    """R-PII-4"""
    made = {new_passphrase() for _ in range(100)}
    assert len(made) == 100
    assert all(len(one) == 24 and not set(one) & set("01IOilo") for one in made)


def test_every_provider_stands_in_the_list_of_processors_with_its_checks() -> None:
    """R-PII-12, R-NTC-3: whom data is given to is published, and each has its column of checks."""
    text = (PRIVACY / "processors.ko.md").read_text()
    named = set(providers.names()) - {"rehearsal"}
    assert named and all(text.count(f"({name})") == 2 for name in named)
    assert "SENTRY_DSN" in text and "파일 저장소" in text


def test_the_internal_plan_has_a_chapter_for_each_duty() -> None:
    """R-PII-13, R-PII-7, R-NTC-4: also keys and disasters from a million on, and whom to tell of a leak within 72 hours."""
    text = (PRIVACY / "internal-plan.ko.md").read_text()
    chapters = [line.partition(". ")[2] for line in text.splitlines() if line.startswith("## ")]
    assert len(chapters) == 11
    for word in ("암호 키", "재해·재난", "접속기록", "파기", "권한", "72시간", "정보주체의 요청"):
        assert word in text, word
    assert all((PRIVACY.parents[1] / duty.text.partition("서식: ")[2]).is_file() for duty in personal.DUTIES[:1])


def test_the_whole_ceiling_of_sanctions_is_a_reason_to_count_people() -> None:
    """R-PII-14: repeated and mass cases cost up to a tenth of the revenue, so the thresholds rise and are each told."""
    assert [duty.from_people for duty in personal.DUTIES] == sorted({duty.from_people for duty in personal.DUTIES})


@pytest.mark.parametrize("number", ["01012345678", "010-1234-5678", "010 1234 5678", "+82 10-1234-5678"])
def test_no_number_leaves_the_process_in_a_log_or_an_error_report(number: str) -> None:
    """R-PII-15"""
    event = {"message": f"failed for {number}", "extra": {"text": number}, "exception": {"values": [{"value": f"x {number}"}]}}
    assert number not in str(telemetry._scrub_sentry(event, None))
    assert number not in telemetry.scrub(f"sent to {number} now")
