"""A draft: everything that stands in the way of a launch is named, at the place where it can be mended."""

from dataclasses import replace

import pytest

from core.rules.draft import Draft, Flyer, Notice, finished_body, finished_subject, problems, warnings
from core.rules.template import Button, Template

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

INFO = {"ad": False, "body": "#{이름|고객}님, 원두가 준비되었습니다.", "info_reason": "TRANSACTION"}


def found(**changes: object) -> list[tuple[str, str]]:
    return [(one.field, one.reason) for one in problems(replace(GOOD, **changes))]


def test_a_good_draft_has_no_problem() -> None:
    assert found() == []
    assert found(optout_number="", shop="", **INFO) == []
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
        ({**INFO, "body": "가" * 1001}, [("campaign.body", "BODY_TOO_LONG")]),
        ({"body": "( 광 고 ) 할인"}, [("campaign.body", "LABEL_VARIANT")]),
        ({"body": "할인 (광고)"}, [("campaign.body", "LABEL_NOT_FIRST")]),
        ({"subject": "(광 고) 할인"}, [("campaign.subject", "LABEL_VARIANT")]),
        ({"body": "수신거부 02-123-4567"}, [("campaign.body", "OPTOUT_NOT_FREE")]),
        ({"optout_number": ""}, [("workspace.optout_number", "NO_OPTOUT_NUMBER")]),
        ({"optout_number": "0212345678"}, [("workspace.optout_number", "OPTOUT_NUMBER_INVALID")]),
        ({"shop": ""}, [("workspace.name", "SENDER_NAME_MISSING")]),
        ({"subject": "가" * 17}, [("campaign.subject", "SUBJECT_TOO_LONG")]),
        ({**INFO, "subject": "가" * 21}, [("campaign.subject", "SUBJECT_TOO_LONG")]),
        ({"sender_active": False}, [("campaign.sender_number_id", "SENDER_NOT_REGISTERED")]),
        ({"account_known": False}, [("workspace", "NO_PROVIDER_ACCOUNT")]),
        ({"flyer_state": "COMPOSING"}, [("campaign.flyer_id", "FLYER_NOT_READY")]),
        ({**INFO, "flyer_state": "READY"}, [("campaign.purpose", "FLYER_IS_AD")]),
        ({"too_late": True}, [("campaign.expire_time", "EXPIRE_TIME_PAST")]),
        ({"flyer_state": "READY", "body": "#{이름} 할인!"}, [("campaign.body", "TEXT_REQUIRED")]),
        ({"flyer_state": "READY", "flyer": Flyer(prohibited=("액상",))}, [("campaign.flyer_id", "PROHIBITED_GOODS")]),
        ({"body": "원두 20% 할인 bit.ly/1"}, [("campaign.body", "LINK_SHORTENED")]),
        ({**INFO, "info_reason": ""}, [("campaign.info_reason", "INFO_REASON_MISSING")]),
        ({**INFO, "body": "주문 접수. 다음에 쿠폰 드려요"}, [("campaign.purpose", "PURPOSE_LINT")]),
        ({**INFO, "subject": "할인"}, [("campaign.purpose", "PURPOSE_LINT")]),
        (
            {**INFO, "fallback": "할인"},
            [("campaign.purpose", "PURPOSE_LINT"), ("campaign.fallback_body", "FALLBACK_WITHOUT_TEMPLATE")],
        ),
    ],
)
def test_each_problem_is_named_once_at_its_place(changes: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert found(**changes) == expected
    assert all(one.message for one in problems(replace(GOOD, **changes)))


def test_all_problems_are_named_together() -> None:
    several = found(
        body="모두 축하해요 🎉", optout_number="", sender_active=False, account_known=False, flyer_state="FAILED", too_late=True
    )
    assert len(several) == 6


def test_an_advertisement_is_finished_with_label_and_optout_and_information_is_not() -> None:
    assert finished_body(GOOD) == "(광고)[봄날커피] #{이름|고객}님, 원두 20% 할인\n무료거부0801234567"
    assert finished_body(replace(GOOD, ad=False, body="배송\r\n시작")) == "배송\n시작"
    assert finished_subject(replace(GOOD, subject=" 가을 ")) == "(광고) 가을"
    assert finished_subject(replace(GOOD, subject=" 가을 ", ad=False)) == "가을"
    assert finished_subject(GOOD) == ""


def test_information_with_a_mark_of_advertising_is_overruled_by_two_people_only() -> None:
    """R-PUR-2, R-PUR-4: the draft knows only whether they did."""
    survey = {**INFO, "body": "구매하신 원두는 어떠셨나요? 답해 주시면 커피 쿠폰을 드립니다."}
    assert found(**survey) == [("campaign.purpose", "PURPOSE_LINT")]
    assert found(**survey, overruled=True) == []


def test_an_advertisement_is_never_lowered() -> None:
    """R-PUR-1: nothing makes AD without its furniture into something else."""
    assert found(overruled=True, info_reason="STATUS", optout_number="") == [("workspace.optout_number", "NO_OPTOUT_NUMBER")]


def test_a_template_is_read_with_its_buttons() -> None:
    """R-KKO-2, R-PUR-2: approval by Kakao does not end the merchant's responsibility."""
    fair = Template("TX", "@가게", "#{이름}님, 주문이 접수되었습니다.")
    sold = replace(fair, buttons=(Button("WL", "할인 보기"),))
    pushed = replace(fair, content="포인트가 지급되었습니다.")
    for template, expected in ((fair, set()), (sold, {"PURPOSE_LINT"}), (pushed, {"ALIMTALK_POLICY"})):
        assert {reason for _, reason in found(**{**INFO, "body": ""}, notice=Notice(template))} == expected


def test_an_offer_only_in_the_picture_is_pointed_out() -> None:
    """R-LBL-6: a warning; a picture with hardly any text beside it is refused."""
    flyer = Flyer(offers=("케냐 원두", "12000", "NEW"))
    picture = replace(GOOD, flyer_state="READY", flyer=flyer)
    assert [one.reason for one in warnings(replace(picture, body="오늘만 만나요, 놀러 오세요"))] == ["OFFER_ONLY_IN_IMAGE"]
    for body in ("케냐가 왔습니다 어서 오세요", "단돈 12,000원에 드려요", "원두 특가"):
        assert warnings(replace(picture, body=body)) == ()
    assert warnings(replace(GOOD, body="니코틴 액상 할인"))[0].reason == "GOODS_SUSPECT"


def test_a_fallback_keeps_the_purpose_of_its_template() -> None:
    """R-KKO-5: whom an Alimtalk does not reach gets information, no advertisement."""
    notice = Notice(Template("TX", "@가게", "#{이름}님, 주문이 접수되었습니다."))
    said = {**INFO, "body": "", "notice": notice}
    assert found(**said, fallback="주문이 접수되었습니다.") == []
    assert found(**said, fallback="주문 접수. 다음 구매 10% 할인") == [("campaign.purpose", "PURPOSE_LINT")]
