"""A draft: everything that stands in the way of a launch is named, at the place where it can be mended."""

from dataclasses import replace

import pytest

from core.rules.draft import Draft, finished_body, finished_subject, problems

GOOD = Draft(
    ad=True,
    body="#{이름|고객}님, 원두 20% 할인",
    subject="",
    shop="봄날커피",
    optout_number="0801234567",
    sender_active=True,
    account_known=True,
    flyer_state=None,
)


def found(**changes: object) -> list[tuple[str, str]]:
    return [(one.field, one.reason) for one in problems(replace(GOOD, **changes))]


def test_a_good_draft_has_no_problem() -> None:
    assert found() == []
    assert found(ad=False, optout_number="", shop="") == []
    assert found(flyer_state="READY", subject="가을") == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"body": "  \n"}, [("campaign.body", "TEXT_REQUIRED")]),
        ({"body": "축하 🎉"}, [("campaign.body", "UNSUPPORTED_CHARACTERS")]),
        ({"subject": "축하 🎉"}, [("campaign.subject", "UNSUPPORTED_CHARACTERS")]),
        ({"body": "#{이름 님"}, [("campaign.body", "BAD_VARIABLE")]),
        ({"body": "가" * 1001}, [("campaign.body", "BODY_TOO_LONG")]),
        ({"body": "#{이름}" + "가" * 1001}, [("campaign.body", "BODY_TOO_LONG")]),
        ({"ad": False, "body": "가" * 1001}, [("campaign.body", "BODY_TOO_LONG")]),
        ({"body": "( 광 고 ) 할인"}, [("campaign.body", "LABEL_VARIANT")]),
        ({"body": "할인 (광고)"}, [("campaign.body", "LABEL_NOT_FIRST")]),
        ({"subject": "(광 고) 할인"}, [("campaign.subject", "LABEL_VARIANT")]),
        ({"body": "수신거부 02-123-4567"}, [("campaign.body", "OPTOUT_NOT_FREE")]),
        ({"optout_number": ""}, [("workspace.optout_number", "NO_OPTOUT_NUMBER")]),
        ({"optout_number": "0212345678"}, [("workspace.optout_number", "OPTOUT_NUMBER_INVALID")]),
        ({"shop": ""}, [("workspace.name", "SENDER_NAME_MISSING")]),
        ({"subject": "가" * 17}, [("campaign.subject", "SUBJECT_TOO_LONG")]),
        ({"ad": False, "subject": "가" * 21}, [("campaign.subject", "SUBJECT_TOO_LONG")]),
        ({"sender_active": False}, [("campaign.sender_number_id", "SENDER_NOT_REGISTERED")]),
        ({"account_known": False}, [("workspace", "NO_PROVIDER_ACCOUNT")]),
        ({"flyer_state": "COMPOSING"}, [("campaign.flyer_id", "FLYER_NOT_READY")]),
        ({"flyer_state": "READY", "ad": False}, [("campaign.purpose", "FLYER_IS_AD")]),
        ({"too_late": True}, [("campaign.expire_time", "EXPIRE_TIME_PAST")]),
    ],
)
def test_each_problem_is_named_once_at_its_place(changes: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert found(**changes) == expected
    assert all(one.message for one in problems(replace(GOOD, **changes)))


def test_all_problems_are_named_together() -> None:
    several = found(
        body="축하 🎉", optout_number="", sender_active=False, account_known=False, flyer_state="FAILED", too_late=True
    )
    assert len(several) == 6


def test_an_advertisement_is_finished_with_label_and_optout_and_information_is_not() -> None:
    assert finished_body(GOOD) == "(광고)[봄날커피] #{이름|고객}님, 원두 20% 할인\n무료거부0801234567"
    assert finished_body(replace(GOOD, ad=False, body="배송\r\n시작")) == "배송\n시작"
    assert finished_subject(replace(GOOD, subject=" 가을 ")) == "(광고) 가을"
    assert finished_subject(replace(GOOD, subject=" 가을 ", ad=False)) == "가을"
    assert finished_subject(GOOD) == ""
