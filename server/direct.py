"""What SendService freezes when it takes messages, and how a message is shown: to both SendMessage and the lists."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from jeondan.v1 import send_pb2 as pb
from jeondan.v1 import types_pb2

from core import jobs
from core.db import accounts, direct, guests, messages, provider_accounts, templates
from core.db.ids import instant_of
from core.db.session import Row
from core.errors import InvalidInput, Violation
from core.rules import alimtalk_policy
from core.rules import direct as rules
from core.rules.channel import Channel
from core.rules.phone import mask
from core.rules.price import to_won
from core.rules.purpose import InfoReason
from core.rules.reasons import label
from core.rules.routing import Route
from core.rules.states import MessageState
from core.rules.template import Template, problems
from core.rules.text import byte_length, channel_for
from server.convert import enum, enum_name, instant, stamp
from server.errors import wrong
from server.preview import sender_of
from server.routing import routes_of
from server.rpc import Call

Request = pb.SendMessageRequest | pb.BatchSendRequest


def order(call: Call, request: Request, wanted: Sequence[rules.Direct]) -> direct.Order:
    """What the messages of a call share; refused when the call as a whole cannot go."""
    rules.check_purpose(enum_name(types_pb2.Purpose, "PURPOSE", request.purpose))
    schedule = instant(request.schedule_time) if request.HasField("schedule_time") else None
    expire = instant(request.expire_time) if request.HasField("expire_time") else None
    begin, end = rules.window(call.now, schedule, expire)
    sender_id = UUID(request.sender_number_id)
    sender = sender_of(call.tx, sender_id)
    if sender is None:
        raise wrong("sender_number_id", "등록된 발신번호를 골라 주세요.", "SENDER_NOT_REGISTERED")
    channels = Counter(one.channel for one in wanted).most_common(1) or [(Channel.SMS, 0)]
    ways = _routes(call, sender_id, channels[0][0])
    template = UUID(request.template_id) if request.template_id else None
    if template and not call.caller.test:
        ways = _of_template(call, template, ways)
    subject = rules.check_subject(request.subject)
    why = enum_name(types_pb2.InfoReason, "INFO_REASON", request.info_reason) or InfoReason.TRANSACTION
    falls_back = _falls_back(template, wanted)
    return direct.Order(call.workspace, call.caller.test, sender_id, sender, subject, ways, begin, end, why, template, falls_back)


def template_of(call: Call, request: Request) -> Template | None:
    """The template it goes by, when it can; None for texts."""
    if not request.template_id:
        return None
    row = templates.get(call.tx, UUID(request.template_id))
    found = templates.as_template(row) if row and row.gone_at is None else None
    shown = [found.emphasis_title, *(button.name for button in found.buttons)] if found else []
    policy = alimtalk_policy.problems(found.content, shown) if found else ()
    for problem in (*problems(found, ad=False), *policy):
        raise InvalidInput(problem.message, [replace(problem, field="template_id")], reason=problem.reason)
    return found


def checked_one(call: Call, one: Any, by: Template | None) -> rules.Direct:
    """A message that can be sent. Its shop is looked up only when the text is in doubt."""
    given = (one.to, one.text, one.client_reference, dict(one.variables), by)
    try:
        return rules.check(*given)
    except InvalidInput as refusal:
        if refusal.reason != "PURPOSE_LINT":
            raise
        return rules.check(*given, shop=accounts.workspace_row(call.tx, call.workspace).name)


def checked(call: Call, wanted: Iterable[Any], by: Template | None) -> tuple[list[rules.Direct], dict[int, InvalidInput]]:
    """Every message for itself: those that can be sent, and by their place those that cannot."""
    good: dict[int, rules.Direct] = {}
    refused: dict[int, InvalidInput] = {}
    for place, one in enumerate(wanted):
        try:
            good[place] = checked_one(call, one, by)
        except InvalidInput as refusal:
            refused[place] = refusal
    outside = _strangers(call, [one.phone for one in good.values()])
    refused |= {place: _no_guest() for place, one in good.items() if one.phone in outside}
    return [one for place, one in good.items() if place not in refused], refused


def check_guest(call: Call, wanted: rules.Direct) -> None:
    """On trial only to the numbers of the guest list."""
    if _strangers(call, [wanted.phone]):
        raise _no_guest()


def _strangers(call: Call, numbers: Sequence[str]) -> set[str]:
    return set() if call.caller.test else guests.strangers(call.tx, call.workspace, numbers)


def _no_guest() -> InvalidInput:
    sentence = "시험 중인 작업 공간은 시험 명단의 번호로만 보낼 수 있습니다. 번호를 시험 명단에 먼저 넣어 주세요."
    return wrong("to", sentence, "NOT_ON_GUEST_LIST")


def store(call: Call, given: direct.Order, wanted: Sequence[rules.Direct]) -> list[pb.Message]:
    """Keep the messages, and queue them for when the transaction is safe; as everybody may see them."""
    if not wanted:
        return []
    places = direct.add(call.tx, given, wanted, accounts.keys(call.tx, call.workspace), call.now)
    if given.begin <= call.now:
        for batch in {batch: None for batch, _ in places}:
            call.tx.after_commit(partial(jobs.deliver_single, call.workspace, batch))
    return shown(call, messages.at(call.tx, places))


def cost(given: direct.Order, wanted: Iterable[rules.Direct]) -> Decimal:
    """Won for all of these, exact."""
    return sum((_price([route.frozen() for route in given.routes[:1]], one.channel) for one in wanted), Decimal(0))


def all_refused(refused: Mapping[int, InvalidInput]) -> InvalidInput:
    """The call as a whole is refused, because it shall go as a whole or not at all; says which messages and why."""
    wrong = [
        Violation(f"messages[{place}].{one.field}", one.message, one.reason)
        for place, why in refused.items()
        for one in why.violations
    ]
    sentence = f"{len(refused)}건을 보낼 수 없어 모두 보내지 않았습니다."
    return InvalidInput(sentence, wrong, facts={"refused_count": str(len(refused))})


def outcomes(
    wanted: Sequence[Any], sent: Iterable[pb.Message], refused: Mapping[int, InvalidInput]
) -> Iterator[pb.BatchSendResponse.Outcome]:
    """What became of each message of a call, in its order."""
    stored = iter(sent)
    for place, one in enumerate(wanted):
        if place in refused:
            yield _refusal(refused[place], one.client_reference)
        else:
            yield pb.BatchSendResponse.Outcome(message=next(stored))


def _routes(call: Call, sender: UUID, channel: Channel) -> tuple[Route, ...]:
    """By which accounts they may leave, at today's prices; a test key has one of its own, which is no account at all."""
    if call.caller.test:
        account = accounts.rehearsal_account(call.tx, call.workspace, sender)
        return (Route(account, accounts.REHEARSAL, dict.fromkeys(Channel, Decimal(0))),)
    if not provider_accounts.standing(call.tx):
        raise InvalidInput("발송사 계정이 없습니다. 설정에서 먼저 연결해 주세요.", reason="NO_PROVIDER_ACCOUNT")
    found = routes_of(call.tx, call.workspace, sender, channel, ad=False)
    if not found:
        raise wrong("sender_number_id", "이 발신번호가 등록된 발송사 계정이 없습니다.", "SENDER_NOT_REGISTERED")
    return found


def _of_template(call: Call, template: UUID, ways: Sequence[Route]) -> tuple[Route, ...]:
    """Only by the account that has the template."""
    row = templates.get(call.tx, template)
    found = tuple(way for way in ways if row and way.account == row.provider_account_id)
    if not found:
        sentence = "이 템플릿이 있는 발송사 계정에 발신번호가 등록되어 있지 않습니다."
        raise wrong("sender_number_id", sentence, "SENDER_NOT_REGISTERED")
    return found


def _falls_back(template: UUID | None, wanted: Sequence[rules.Direct]) -> bool:
    """Whether a text follows where the Alimtalk does not reach: for all of a call, or for nobody."""
    with_text = sum(bool(one.text) for one in wanted)
    if template and 0 < with_text < len(wanted):
        raise wrong("messages", "대체 문자는 모두 적거나 모두 비워 주세요.", "FALLBACK_MIXED")
    return bool(template and with_text)


def _price(routes: Sequence[Any], channel: str) -> Decimal:
    price = routes[0]["prices"].get(channel) if routes else None
    if price is None:
        raise InvalidInput(f"단가표에 {channel} 단가가 없습니다.", reason="NO_PRICE", facts={"channel": channel})
    return Decimal(price)


def _refusal(why: InvalidInput, reference: str) -> pb.BatchSendResponse.Outcome:
    place = why.violations[0].field if why.violations else ""
    named = reference[: rules.LONGEST_REFERENCE]
    refused = pb.BatchSendResponse.Refusal(reason=why.reason, message=why.message, field=place, client_reference=named)
    return pb.BatchSendResponse.Outcome(refusal=refused)


def shown(call: Call, rows: Iterable[Row[Any]]) -> list[pb.Message]:
    """Messages as everybody may see them."""
    unseal = accounts.keys(call.tx, call.workspace).opener()
    return [_message(row, unseal) for row in rows]


def _message(row: Row[Any], unseal: Callable[[bytes], str]) -> pb.Message:
    text = unseal(row.text_sealed) if row.text_sealed else ""
    size = byte_length(text)
    channel = row.channel or _channel(row, text, size)
    return pb.Message(
        id=f"{row.batch_id}-{row.position}",
        campaign_id=str(row.campaign_id) if row.kind == "CAMPAIGN" else "",
        contact_id=str(row.contact_id or ""),
        masked_phone=mask(unseal(row.phone_sealed)) if row.phone_sealed else "",
        state=enum(pb.Message.State, "STATE", MessageState(row.state).name),
        reason=row.reason or "",
        reason_label=label(row.reason) if row.reason else "",
        channel=enum(types_pb2.Channel, "CHANNEL", channel),
        provider=row.provider or "",
        provider_reference=row.reference or "",
        send_time=stamp(row.sent_at),
        create_time=stamp(instant_of(row.batch_id)),
        client_reference=row.client_reference or "",
        test=row.test,
        bytes=size,
        cost_krw=to_won(_cost(row, channel)),
        expire_time=stamp(row.expires_at),
        result_time=stamp(row.result_at),
        result=row.words or "",
    )


def _channel(row: Row[Any], text: str, size: int) -> str:
    """What it will go as."""
    if row.template_id and row.kind == "SEND":
        return Channel.ALIMTALK.value
    return channel_for(text, byte_count=size).value if text else ""


def _cost(row: Row[Any], channel: str) -> Decimal:
    """Won for one message: by the price list while it waits, by its call once it left."""
    if row.state in (MessageState.PLANNED, MessageState.HELD, MessageState.CLAIMED):
        return _price(row.routes, channel) if row.kind == "SEND" and channel else Decimal(0)
    taken = row.outcome in ("ACCEPTED", "UNKNOWN") and row.reason != "NOT_TAKEN"
    return Decimal(row.unit_price) if taken else Decimal(0)
