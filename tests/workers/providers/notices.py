"""A template and Alimtalk parcels made of it, for the tests of every provider that takes them."""

from collections.abc import Sequence

from core.rules.channel import Channel
from core.rules.template import Button, Template, write
from workers.providers import Parcel

LINK = "https://shop.example/o/#{주문번호}"
CONTENT = "#{고객명}님,\r\n주문번호 #{주문번호} 접수되었습니다."


def template(code: str, channel: str) -> Template:
    """As both sandboxes seed it."""
    return Template(code, channel, CONTENT, "주문접수", buttons=(Button("WL", "주문 보기", mobile=LINK, pc=LINK),))


def parcel(made_of: Template, sender: str, receivers: Sequence[str]) -> Parcel:
    """An order notice for each."""
    shared = {"이름": "김하나", "만료일": "내일"}
    written = [write(made_of, {**shared, "고객명": f"고객{at}", "주문번호": f"A-{at}"}) for at in range(len(receivers))]
    texts = [one.text for one in written]
    return Parcel(Channel.ALIMTALK, sender, list(receivers), texts, template=made_of, written=written)
