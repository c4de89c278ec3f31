"""Solapi's Alimtalk on the wire: it fills templates in by itself and says at once what does not fit."""

from typing import Any

import pytest

from tests.deploy.sandbox.conftest import Sandbox
from tests.deploy.sandbox.solapi_shop import ONE, SENDER, codes, good, sent

CHANNEL = "KA01PF260930112001000abcdefghij"
VALUES = {"#{고객명}": "김하나", "#{주문번호}": "A-1"}
TEXT = "김하나님,\r\n주문번호 A-1 접수되었습니다."


@pytest.fixture(autouse=True)
def templates(sandbox: Sandbox) -> None:
    sandbox.http.delete("/__sandbox/templates")


def notice(to: str = ONE, **options: Any) -> dict[str, Any]:
    kakao = {"pfId": CHANNEL, "templateId": "KA01TP0412", "variables": VALUES, "disableSms": True, **options}
    return {"to": to, "from": SENDER, "type": "ATA", "kakaoOptions": kakao}


def test_a_template_is_filled_in_by_solapi(sandbox: Sandbox) -> None:
    reference = sent(sandbox, notice())
    sandbox.move_clock(61)
    [message] = sandbox.get("/messages")["messages"]
    assert (message["type"], message["text"], message["template"]) == ("ATA", TEXT, "KA01TP0412")
    assert message["kakao"]["buttons"][0]["linkMo"] == "https://shop.example/o/A-1"
    [row] = good(sandbox, "GET", f"/messages/v4/list?groupId={reference}")["messageList"].values()
    assert (row["type"], row["statusCode"], row["kakaoOptions"]["disableSms"]) == ("ATA", "4000", True)
    group = good(sandbox, "GET", f"/messages/v4/groups/{reference}")
    assert (group["countForCharge"]["ata"], group["price"]["82"]["ata"]) == ({"82": 1}, 13)


WRONG = [
    ({"pfId": "KA01PFother"}, "1041"),
    ({"templateId": "KA01TPother"}, "1042"),
    ({"templateId": "KA01TP0414"}, "1042"),
    ({"variables": {"#{고객명}": "김하나"}}, "1043"),
    ({"variables": {}}, "1043"),
    ({"variables": None}, "1043"),
]


@pytest.mark.parametrize(("options", "code"), WRONG, ids=str)
def test_what_does_not_fit_is_said_at_once(sandbox: Sandbox, options: dict[str, Any], code: str) -> None:
    reference = sent(sandbox, notice(), notice("01033334444", **options))
    assert codes(sandbox, reference)["01033334444"] == code
    assert sandbox.get("/stats")["by_type"] == {"ATA": 1}


@pytest.mark.parametrize(("text", "code"), [(TEXT.replace("\r\n", "\n"), "2000"), ("다른 글", "1043")])
def test_a_text_beside_the_values_must_be_the_same(sandbox: Sandbox, text: str, code: str) -> None:
    reference = sent(sandbox, notice(), notice("01033334444") | {"text": text})
    assert codes(sandbox, reference)["01033334444"] == code


def test_whom_kakao_does_not_reach(sandbox: Sandbox) -> None:
    numbers = ["01011119001", "01011119005", "01011119007", "01011119004"]
    reference = sent(sandbox, *map(notice, numbers))
    sandbox.move_clock(61)
    assert list(codes(sandbox, reference).values()) == ["4000", "3107", "3104", "3000"]


def test_templates_are_listed_page_by_page(sandbox: Sandbox) -> None:
    first = good(sandbox, "GET", "/kakao/v2/templates?limit=2")
    assert [row["templateId"] for row in first["templateList"]] == ["KA01TP0412", "KA01TP0413"]
    rest = good(sandbox, "GET", f"/kakao/v2/templates?limit=2&startKey={first['nextKey']}")
    [last] = rest["templateList"]
    assert (last["templateId"], last["status"], last["channelId"], rest["nextKey"]) == ("KA01TP0414", "INSPECTING", CHANNEL, None)
    assert first["templateList"][1]["emphasizeTitle"] == "#{만료일} 소멸"
    assert first["templateList"][0]["buttons"][0]["buttonType"] == "WL"
