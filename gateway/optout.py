"""The page `/o/{code}`: one look, one button, no more ads. For anybody, on any phone, without a script."""

import html
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs

import grpc
from jeondan.v1 import optout_pb2 as pb
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.channel import Backend
from gateway.limits import Buckets, address_of
from gateway.pages import Page
from gateway.stubs import described
from gateway.transcoder import metadata

PATH = "/o/{code}"
GUESSES = 10  # phones of one carrier share addresses: so many times the limit of other callers, for wrong codes only
_SERVICE = "/jeondan.v1.OptoutService"
_NO_SUCH_CODE = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
_KST = timezone(timedelta(hours=9), "KST")
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
}
_PAGE = """<!doctype html>
<html lang="ko"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title>
<style>
body{{margin:0;background:#f4f5f7;color:#1a1a1a;font-family:sans-serif;font-size:18px;line-height:1.6;word-break:keep-all;
overflow-wrap:anywhere;word-wrap:break-word}}
main{{display:block;max-width:480px;margin:0 auto;padding:24px 20px;background:#fff;min-height:100vh;box-sizing:border-box}}
h1{{font-size:22px;line-height:1.4;margin:0 0 16px}}
p{{margin:0 0 16px}}
button{{display:block;width:100%;min-height:56px;margin:24px 0;padding:12px;border:2px solid #8f1d14;border-radius:8px;
background:#b3261e;color:#fff;font-size:20px;font-weight:bold;font-family:inherit}}
button:focus,a:focus{{outline:3px solid #0b57d0;outline-offset:3px}}
a{{color:#0b4bb3}}
.number{{white-space:nowrap}}
.call{{padding-top:16px;border-top:1px solid #c9ccd1;font-size:16px}}
</style></head>
<body><main>
{content}
</main></body></html>"""


def page(backend: Backend, rate: tuple[int, float]) -> Page:
    """Looking changes nothing, however often and by whomever; only the button does."""
    wrong = Buckets(GUESSES * rate[0], rate[1])

    async def show(request: Request) -> Response:
        guesser = address_of(request.scope)
        if wrong.left(guesser) < 1:
            return _answer(429, "잠시 후 다시 열어 주세요", _BUSY)
        try:
            shown, said = await _asked(backend, request)
        except grpc.aio.AioRpcError as error:
            if error.code() in _NO_SUCH_CODE:
                wrong.take(guesser)
                return _answer(404, "열 수 없는 주소입니다", _UNKNOWN)
            return _answer(503, "잠시 후 다시 열어 주세요", _BUSY)
        return _answer(200, *_content(shown, said=said))

    return show


async def _asked(backend: Backend, request: Request) -> tuple[Any, bool]:
    """What to show, and whether the button was pressed."""
    code, about = request.path_params["code"], metadata(request)
    if request.method == "POST" and parse_qs((await request.body()).decode("latin-1")).get("confirm") == ["yes"]:
        confirmed = pb.ConfirmOptoutRequest(code=code, request_id=str(uuid.uuid4()))
        answer: Any = await backend.call(f"{_SERVICE}/ConfirmOptout", confirmed, described(pb.ConfirmOptoutResponse()), about)
        return answer.page, True
    looked = pb.GetOptoutPageRequest(code=code)
    answer = await backend.call(f"{_SERVICE}/GetOptoutPage", looked, described(pb.GetOptoutPageResponse()), about)
    return answer.page, False


_BUSY = """<p>지금은 처리할 수 없습니다. 잠시 후 이 주소를 다시 열어 주세요.</p>
<p class="call">기다리지 않으시려면 받은 문자 맨 끝의 무료 수신거부 번호(080)로 전화해 주세요. 통화료는 없습니다.</p>"""
_UNKNOWN = """<p>주소가 잘렸거나 너무 오래되어 어느 문자인지 알 수 없습니다. 수신거부는 아직 처리되지 않았습니다.</p>
<p class="call">받은 문자 맨 끝의 무료 수신거부 번호(080)로 전화해 주세요. 통화료는 없습니다.</p>"""


def _content(shown: Any, *, said: bool) -> tuple[str, str]:
    """(heading, rest)."""
    shop = f"<strong>{html.escape(shown.shop)}</strong>"
    phone = f'<strong class="number">{html.escape(shown.masked_phone)}</strong>'
    if not shown.masked_phone:
        return "광고를 보내지 않습니다", f"<p>{shop}에 남아 있는 고객 정보가 없어 광고 문자를 보내지 않습니다.</p>{_call(shown)}"
    if shown.HasField("refuse_time"):
        heading = "수신거부가 처리되었습니다" if said else "이미 수신거부된 번호입니다"
        text = (
            f'<p role="status">{shop}의 광고 문자를 {phone} 번호로 더 보내지 않습니다.</p>'
            f"<p>처리일: {_day(shown.refuse_time.ToDatetime(UTC))}<br>주문·배송 같은 안내 문자는 받을 수 있습니다.</p>"
        )
        return heading, text
    return (
        "광고 문자를 그만 받으시겠습니까?",
        f"<p>{shop}에서 {phone} 번호로 보내는 광고 문자를 더 받지 않습니다.</p>"
        '<form method="post"><button type="submit" name="confirm" value="yes">광고 문자 그만 받기</button></form>'
        f"<p>로그인하거나 다른 정보를 입력할 필요가 없으며, 누르면 바로 처리됩니다.</p>{_call(shown)}",
    )


def _call(shown: Any) -> str:
    """The free number as a link that calls it."""
    if not shown.optout_number:
        return ""
    number = html.escape(shown.optout_number)
    return f'<p class="call">전화로도 됩니다. 무료 수신거부 <a class="number" href="tel:{number}">{_spoken(number)}</a></p>'


def _spoken(number: str) -> str:
    return f"{number[:3]}-{number[3:-4]}-{number[-4:]}" if len(number) > 7 else number


def _day(instant: datetime) -> str:
    day = instant.astimezone(_KST)
    return f"{day.year}년 {day.month}월 {day.day}일"


def _answer(status: int, heading: str, rest: str) -> Response:
    content = f"<h1>{heading}</h1>\n{rest}"
    return HTMLResponse(_PAGE.format(title=heading, content=content), status_code=status, headers=_HEADERS)
