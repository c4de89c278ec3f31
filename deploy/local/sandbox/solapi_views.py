"""Solapi: how groups and messages look, and reading them page by page."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from deploy.local.sandbox.calls import Call, World
from deploy.local.sandbox.optouts import Optout, Optouts
from deploy.local.sandbox.solapi_codes import MESSAGES, REGISTERED, Refusal
from deploy.local.sandbox.solapi_groups import Group, Groups
from deploy.local.sandbox.solapi_messages import PRICES, Entry
from deploy.local.sandbox.templates import Template

ACCOUNT = "26000000000001"
_KINDS = ("sms", "lms", "mms", "ata", "cta", "cti", "nsa", "rcs_sms", "rcs_lms", "rcs_mms", "rcs_tpl", "fax", "voice")
_STATUS = {"2000": "PENDING", "3000": "SENDING"}
_DEFAULT_PAGE, _LARGEST_PAGE = 20, 500


def iso(at: float) -> str | None:
    """Times are UTC, though ids carry Korean ones."""
    if not at:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> float | None:
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class Views:
    """The shapes Solapi answers in."""

    def __init__(self, world: World, groups: Groups) -> None:
        self._world, self._groups = world, groups

    def group(self, group: Group) -> dict[str, Any]:
        tally, status = self._groups.tally(group), self._groups.status(group)
        batch = group.batches[-1] if group.batches and not group.batches[-1].cancelled_at else None
        money = {"requested": group.cost / 100 if batch else 0, "replacement": 0, "refund": 0, "sum": 0}
        good = group.total - group.failed
        return {
            "count": {
                "total": group.total,
                "sentTotal": tally["sent"],
                "sentFailed": tally["failed"],
                "sentSuccess": tally["delivered"],
                "sentPending": tally["sent"] - tally["failed"] - tally["delivered"],
                "sentReplacement": 0,
                "refund": 0,
                "registeredFailed": group.failed,
                "registeredSuccess": good,
            },
            "countForCharge": {kind: _at_home(group.kinds.get(kind.upper())) for kind in _KINDS},
            "balance": money,
            "point": {"requested": 0, "replacement": 0, "refund": 0, "sum": 0},
            "app": {"profit": dict.fromkeys(_KINDS, 0), "appId": None, "version": None},
            "log": [{"createAt": iso(group.created_at), "message": "메시지 그룹이 생성되었습니다."}],
            "customFields": group.options.get("customFields") or {},
            "status": status,
            "allowDuplicates": bool(group.options.get("allowDuplicates")),
            "strict": bool(group.options.get("strict")),
            "isRefunded": False,
            "prepaid": True,
            "accountId": ACCOUNT,
            "masterAccountId": None,
            "apiVersion": "4",
            "groupId": group.id,
            "_id": group.id,
            "price": {"82": {kind.lower(): price / 100 for kind, price in PRICES.items()}},
            "scheduledDate": iso(batch.reserved_for) if batch else None,
            "dateSent": iso(batch.due) if batch and status != "SCHEDULED" else None,
            "dateCompleted": iso(batch.due + self._world.ripen) if batch and status == "COMPLETE" else None,
            "dateCreated": iso(group.created_at),
            "dateUpdated": iso(group.updated_at),
        }

    def message(self, name: str, group: Group, entry: Entry) -> dict[str, Any]:
        code = self._groups.code(group, entry)
        batch = group.batches[-1] if group.batches else None
        done = iso(batch.due + self._world.ripen) if batch and code not in _STATUS else None
        return {
            "_id": name,
            "messageId": name,
            "groupId": group.id,
            "accountId": ACCOUNT,
            **{part: entry[part] for part in ("type", "country", "text", "from", "to", "customFields")},
            "subject": entry["subject"] or None,
            "imageId": entry["imageId"] or None,
            "statusCode": code,
            "status": _STATUS.get(code, "COMPLETE"),
            "reason": None,
            "networkCode": None,
            "networkName": "ETC",
            "dateProcessed": iso(batch.due) if batch else None,
            "dateReported": done,
            "dateReceived": done if code == "4000" else None,
            "replacement": False,
            "autoTypeDetect": entry["auto"],
            "resendCount": 0,
            "log": [],
            "queues": [],
            "currentQueue": None,
            "kakaoOptions": entry.get("kakaoOptions") or {"pfId": None, "templateId": None, "disableSms": False, "buttons": []},
            "dateCreated": iso(group.created_at),
            "dateUpdated": done or iso(group.updated_at),
        }

    def registered(self, name: str, entry: Entry) -> dict[str, Any]:
        """A message as the answer to handing it over shows it."""
        shown = {part: entry[part] for part in ("to", "from", "type", "country", "customFields")}
        return {**shown, "messageId": name, "accountId": ACCOUNT, **_said(entry["code"])}

    def report(self, name: str, group: Group, entry: Entry) -> dict[str, Any]:
        """A message as a webhook tells it."""
        shown = self.message(name, group, entry)
        names = ("messageId", "groupId", "type", "to", "from", "statusCode", "dateProcessed", "dateReported")
        more = {part: shown[part] for part in (*names, "dateReceived", "networkCode", "customFields")}
        return more | {"statusMessage": _said(shown["statusCode"])["statusMessage"]}


class Lists:
    """Reading back: groups, the messages of one, messages by what they have in common."""

    def __init__(self, groups: Groups, views: Views) -> None:
        self._groups, self._views = groups, views

    def groups(self, call: Call, user: str) -> dict[str, Any]:
        fields = query(call)
        wanted = fields.get("value") if fields.get("criteria") == "groupId" else fields.get("groupId")
        found = (group for group in self._groups.of(user) if wanted in (None, "", group.id))
        return _page(fields, ((group.id, group) for group in found), self._views.group, "groupList")

    def of_group(self, call: Call, user: str) -> dict[str, Any]:
        return self._listed(query(call), self._of_group(self._groups.find(call.parts[0], user)))

    def messages(self, call: Call, user: str) -> dict[str, Any]:
        fields = query(call)
        criteria, values = fields.get("criteria", "").split(","), fields.get("value", "").split(",")
        fields |= dict(zip(filter(None, criteria), values, strict=False))
        found = self._candidates(fields, user)
        return self._listed(fields, (row for row in found if self._fits(fields, *row)))

    def _candidates(self, fields: Mapping[str, str], user: str) -> Iterator[tuple[str, Group, Entry]]:
        names = [name for name in (fields.get("messageId"), *fields.get("messageIds", "").split(",")) if name]
        if names:
            found = ((name, self._groups.message(name, user)) for name in names)
            return ((name, *pair) for name, pair in found if pair)
        if fields.get("groupId"):
            try:
                return self._of_group(self._groups.find(fields["groupId"], user))
            except Refusal:
                return iter(())
        return (row for group in self._groups.of(user) for row in self._of_group(group))

    def _of_group(self, group: Group) -> Iterator[tuple[str, Group, Entry]]:
        return ((name, group, entry) for name, entry in self._groups.entries(group))

    def _fits(self, fields: Mapping[str, str], name: str, group: Group, entry: Entry) -> bool:
        same = all(fields.get(part) in (None, "", entry[part]) for part in ("to", "from", "type"))
        code = fields.get("statusCode")
        at = group.updated_at if fields.get("dateType") == "UPDATED" else group.created_at
        first, last = instant(fields.get("startDate", "")), instant(fields.get("endDate", ""))
        in_time = (first is None or at >= first) and (last is None or at <= last)
        return same and in_time and (not code or code == self._groups.code(group, entry))

    def _listed(self, fields: Mapping[str, str], rows: Iterator[tuple[str, Group, Entry]]) -> dict[str, Any]:
        pairs = ((name, (name, group, entry)) for name, group, entry in rows)
        return _page(fields, pairs, lambda row: self._views.message(*row), "messageList")


_TEMPLATE_STATES = {"REGISTERED": "PENDING", "IN_REVIEW": "INSPECTING"}


def templates(call: Call, found: Iterator[Template]) -> dict[str, Any]:
    """One page of Alimtalk templates: a real list, unlike groups and messages."""
    shown = _page(query(call), ((one.code, one) for one in found), _template, "templateList")
    return shown | {"templateList": list(shown["templateList"].values())}


def _template(one: Template) -> dict[str, Any]:
    names = {"buttonName": "name", "buttonType": "linkType"}
    links = {name: name for name in ("linkMo", "linkPc", "linkIos", "linkAnd")}
    return {
        "templateId": one.code,
        "name": one.name,
        "channelId": one.channel,
        "content": one.content,
        "status": _TEMPLATE_STATES.get(one.state, one.state),
        "messageType": "BA",
        "emphasizeType": "TEXT" if one.title else "NONE",
        "emphasizeTitle": one.title or None,
        "buttons": [{shown: button.get(name) for shown, name in (names | links).items()} for button in one.buttons],
        "comments": [{"isAdmin": True, "content": one.comment}] if one.comment else [],
        "isHidden": False,
        "accountId": ACCOUNT,
    }


def blacks(call: Call, said: Optouts) -> dict[str, Any]:
    """One page of who said no by an 080 number, newest last; `dateCreated[gte]` leaves older ones out."""
    fields = query(call)
    since = instant(fields.get("dateCreated[gte]", "")) or 0.0
    shown = _page(fields, ((one.key, one) for one in said.known if one.at >= since), _black, "blackList")
    return shown | {"blackList": list(shown["blackList"].values())}


def _black(one: Optout) -> dict[str, Any]:
    times = dict.fromkeys(("dateCreated", "dateUpdated"), iso(one.at))
    numbers = {"senderNumber": one.sender, "recipientNumber": one.receiver}
    return {"handleKey": one.key, "type": "DENIAL", "accountId": ACCOUNT, **numbers, **times}


def query(call: Call) -> dict[str, str]:
    """The fields of a query string."""
    return dict(parse_qsl(call.query.decode("latin-1"), keep_blank_values=True))


def _page(
    fields: Mapping[str, str], rows: Iterator[tuple[str, Any]], shown: Callable[[Any], dict[str, Any]], name: str
) -> dict[str, Any]:
    """One page of rows by id; `nextKey` is the first id of the next one."""
    text, start = fields.get("limit", ""), fields.get("startKey") or fields.get("start_key") or None
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else _DEFAULT_PAGE
    if not 1 <= limit <= _LARGEST_PAGE:
        raise Refusal("ValidationError", f"limit은 1에서 {_LARGEST_PAGE} 사이여야 합니다.")
    for key, row in rows:
        if start in (None, key):
            found = [(key, row), *islice(rows, limit)]
            break
    else:
        found = []
    following = found[limit][0] if len(found) > limit else None
    return {"startKey": start, "nextKey": following, "limit": limit, name: {key: shown(row) for key, row in found[:limit]}}


def _said(code: str) -> dict[str, str]:
    return {"statusCode": code, "statusMessage": MESSAGES.get(code, "")}


def _at_home(count: int | None) -> dict[str, int]:
    return {"82": count} if count else {}


def failed(entries: list[tuple[str, Entry]]) -> list[tuple[str, Entry]]:
    """Those that were refused when they were handed over."""
    return [pair for pair in entries if pair[1]["code"] != REGISTERED]
