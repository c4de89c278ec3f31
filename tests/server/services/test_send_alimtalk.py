"""Order notices by Alimtalk over the wire: filled at once, priced by template, refused with the field that is wrong."""

from typing import Any

import pytest
from jeondan.v1 import send_pb2 as pb
from jeondan.v1 import types_pb2

from core import clock
from core.db import accounts, templates
from core.db.session import database
from core.rules.states import TemplateState
from core.rules.template import Template
from tests.server.shop import Shop, open_shop

ORDER = Template("TX_1", "key", "#{이름}님,\n주문번호 #{주문번호} 접수되었습니다.", "주문접수")
DRAFT = Template("TX_2", "key", "안녕하세요", "가입 안내", state=TemplateState.REJECTED)
FILLED = {"이름": "김하나", "주문번호": "A-1024"}
TEXT = "[봄날커피] 주문 A-1024 접수"


@pytest.fixture
def desk(shop: Shop) -> dict[str, str]:
    """Sender number and templates of a shop that can send."""
    with database().write(shop.workspace) as tx:
        account = accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "k", "user_id": "u"})
        sender = accounts.add_sender_number(tx, shop.workspace, "0212345678")
        templates.sync(tx, shop.workspace, account, [ORDER, DRAFT], clock.now())
        return {row.code: str(row.id) for row in tx.rows("SELECT id, code FROM templates")} | {"sender": str(sender)}


def notice(desk: dict[str, str], **more: Any) -> pb.SendMessageRequest:
    given = {"to": "010-2345-6789", "text": TEXT, "sender_number_id": desk["sender"], "purpose": types_pb2.PURPOSE_INFO}
    return pb.SendMessageRequest(**{**given, "template_id": desk["TX_1"], "variables": FILLED, **more})


def refused(shop: Shop, method: str, request: Any) -> dict[str, str]:
    return dict(shop.refused(method, request).fields)


def test_it_goes_as_alimtalk_at_its_price_with_its_text_for_the_others(shop: Shop, desk: dict[str, str]) -> None:
    message = shop.call("SendMessage", notice(desk)).message
    assert (message.channel, message.cost_krw) == (types_pb2.CHANNEL_ALIMTALK, 7)
    assert message.bytes == len(TEXT.encode("cp949"))
    found = shop.call("GetMessage", pb.GetMessageRequest(message_id=message.id)).message
    assert found == message
    without = shop.call("SendMessage", notice(desk, text="")).message
    assert (without.channel, without.bytes) == (types_pb2.CHANNEL_ALIMTALK, 0)


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"variables": {"이름": "김하나"}}, "variables", "MISSING_VARIABLE"),
        ({"variables": {**FILLED, "등급": "단골"}}, "variables", "BAD_VARIABLE"),
        ({"variables": {**FILLED, "이름": "오늘만 50% 할인"}}, "variables", "PURPOSE_LINT"),
        ({"template_id": ""}, "variables", "FALLBACK_WITHOUT_TEMPLATE"),
        ({"template_id": "01936f6e-0000-7000-8000-000000000000"}, "template_id", "TEMPLATE_GONE"),
        ({"template_id": "", "variables": {}, "text": " "}, "text", "TEXT_REQUIRED"),
    ],
)
def test_what_is_wrong_names_its_field(shop: Shop, desk: dict[str, str], change: Any, field: str, reason: str) -> None:
    assert refused(shop, "SendMessage", notice(desk, **change)) == {field: reason}


def test_only_approved_templates_of_ones_own(shop: Shop, desk: dict[str, str]) -> None:
    draft = notice(desk, template_id=desk["TX_2"], variables={})
    assert refused(shop, "SendMessage", draft) == {"template_id": "TEMPLATE_NOT_APPROVED"}
    other = open_shop(shop.channel)
    with database().write(other.workspace) as tx:
        accounts.add_provider_account(tx, other.workspace, "aligo", {"key": "k", "user_id": "u"})
        theirs = str(accounts.add_sender_number(tx, other.workspace, "0212345679"))
    strange = notice(desk, sender_number_id=theirs)
    assert refused(other, "SendMessage", strange) == {"template_id": "TEMPLATE_GONE"}


def test_a_batch_has_texts_for_all_or_for_nobody(shop: Shop, desk: dict[str, str]) -> None:
    def batch(*texts: str) -> pb.BatchSendRequest:
        drafts = [pb.BatchSendRequest.Draft(to=f"0102345000{at}", text=text, variables=FILLED) for at, text in enumerate(texts)]
        given = {"sender_number_id": desk["sender"], "purpose": types_pb2.PURPOSE_INFO, "template_id": desk["TX_1"]}
        return pb.BatchSendRequest(messages=drafts, **given)

    assert refused(shop, "BatchSend", batch(TEXT, "")) == {"messages": "FALLBACK_MIXED"}
    for texts in ((TEXT, TEXT), ("", "")):
        answer = shop.call("BatchSend", batch(*texts))
        assert (answer.accepted_count, answer.refused_count, answer.cost_krw) == (2, 0, 13)


def test_a_row_that_does_not_fill_it_refuses_only_itself(shop: Shop, desk: dict[str, str]) -> None:
    drafts = [pb.BatchSendRequest.Draft(to="01023450001", variables=one) for one in (FILLED, {}, {"이름": "가"})]
    given = {"sender_number_id": desk["sender"], "purpose": types_pb2.PURPOSE_INFO, "template_id": desk["TX_1"]}
    answer = shop.call("BatchSend", pb.BatchSendRequest(messages=drafts, **given))
    assert [one.refusal.field for one in answer.outcomes] == ["", "variables", "variables"]
    assert [one.refusal.reason for one in answer.outcomes] == ["", "MISSING_VARIABLE", "MISSING_VARIABLE"]
