"""Solapi: messages, groups, files, money and webhooks, as `api.solapi.com` answers them."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from deploy.local.sandbox.accounts import Account
from deploy.local.sandbox.calls import Call, Handler, World
from deploy.local.sandbox.solapi_codes import ERRORS, MESSAGES, REGISTERED, Refusal
from deploy.local.sandbox.solapi_groups import Group, Groups
from deploy.local.sandbox.solapi_guard import Guard
from deploy.local.sandbox.solapi_hooks import Hooks
from deploy.local.sandbox.solapi_messages import PRICES, Desk, Entry, entry, spread
from deploy.local.sandbox.solapi_views import ACCOUNT, Lists, Views, blacks, failed, instant, iso, templates
from deploy.local.sandbox.wire import Reply, busy_page

_JSON = "application/json; charset=utf-8"
_MESSAGES_MAX = 10_000
_BODY_MAX = 15_000_000
_FILE_MAX = 200 * 1024
_JPEG = b"\xff\xd8\xff"
_OPTIONS = ("allowDuplicates", "strict", "customFields", "appId", "agent")
_LIMITS = ((b"x-ratelimit-limit", b"100;w=5;b=100"), (b"x-ratelimit-remaining", b"0"), (b"x-ratelimit-reset", b"1"))

Action = Callable[[Call, Account], object]


class Solapi:
    """Every path by its methods. All but the price list want a signature."""

    def __init__(self, world: World, hooks: Hooks, groups: Groups) -> None:
        self._world, self._hooks, self._groups = world, hooks, groups
        self._guard, self._views = Guard(world), Views(world, groups)
        self._lists = Lists(groups, self._views)
        groups_path, one = "/messages/v4/groups", "/messages/v4/groups/{}"
        self._actions: dict[str, dict[str, Action]] = {
            groups_path: {"POST": self._open, "GET": self._read(self._lists.groups)},
            one: {"GET": self._show, "DELETE": self._delete},
            f"{one}/messages": {"PUT": self._fill, "GET": self._read(self._lists.of_group)},
            f"{one}/send": {"POST": self._start},
            f"{one}/schedule": {"POST": self._schedule, "DELETE": self._unschedule},
            "/messages/v4/send": {"POST": self._send},
            "/messages/v4/send-many/detail": {"POST": self._send_many},
            "/messages/v4/list": {"GET": self._read(self._lists.messages)},
            "/messages/v4/list-old": {"GET": self._read(self._lists.messages)},
            "/kakao/v2/templates": {"GET": self._templates},
            "/iam/v1/black": {"GET": self._blacks},
            "/storage/v1/files": {"POST": self._upload},
            "/cash/v1/balance": {"GET": self._balance},
            "/pricing/v1/messaging/default": {"GET": self._prices},
            "/senderid/v1/numbers": {"GET": self._senders},
            "/senderid/v1/numbers/active": {"GET": self._active_senders},
            "/webhook/v1/outgoing": {"POST": self._hook, "GET": self._list_hooks},
            "/webhook/v1/outgoing/{}": {"DELETE": self._unhook},
        }
        self.paths: dict[str, Handler] = {path: self._handler(path) for path in self._actions}

    def busy(self, status: int) -> Reply:
        if status != 429:
            return busy_page(status)
        return _refused(Refusal("TooManyRequests"), *_LIMITS, (b"x-retry-after", b"1"))

    def _handler(self, path: str) -> Handler:
        actions = self._actions[path]

        def answer(call: Call) -> Reply:
            try:
                if call.method not in actions:
                    raise Refusal("MethodNotAllowed")
                account = self._admit(call)
                with self._world.seen_by(call):
                    return Reply(_encoded(actions[call.method](call, account)), content_type=_JSON)
            except Refusal as refusal:
                return _refused(refusal)

        return answer

    def _admit(self, call: Call) -> Account:
        if call.path.startswith("/pricing/"):
            return Account("", "", frozenset(), 0)
        account = self._guard.admit(call)
        scripted = call.faults.get("code")
        if scripted:
            raise Refusal(scripted.error, scripted.message, ERRORS.get(scripted.error, (400, ""))[0])
        if len(call.body) > _BODY_MAX:
            raise Refusal("RecipientsTooMany")
        return account

    def _read(self, found: Callable[[Call, str], dict[str, Any]]) -> Action:
        return lambda call, account: found(call, account.user)

    # groups

    def _open(self, call: Call, account: Account) -> object:
        return self._views.group(self._groups.open(account.user, _options(_json(call))))

    def _show(self, call: Call, account: Account) -> object:
        return self._views.group(self._groups.find(call.parts[0], account.user))

    def _delete(self, call: Call, account: Account) -> object:
        group = self._groups.find(call.parts[0], account.user)
        self._groups.end(group, "delete")
        return self._views.group(group)

    def _fill(self, call: Call, account: Account) -> object:
        group = self._groups.find(call.parts[0], account.user)
        entries = self._add(call, account, group, _json(call))
        return {
            "errorCount": len(failed(entries)),
            "resultList": [self._views.registered(name, one) for name, one in entries],
        }

    def _start(self, call: Call, account: Account) -> object:
        group = self._groups.find(call.parts[0], account.user)
        _pay(call)
        self._groups.start(group)
        return self._views.group(group)

    def _schedule(self, call: Call, account: Account) -> object:
        group = self._groups.find(call.parts[0], account.user)
        self._groups.start(group, self._booked(_json(call)))
        return self._views.group(group)

    def _unschedule(self, call: Call, account: Account) -> object:
        group = self._groups.find(call.parts[0], account.user)
        self._groups.unschedule(group)
        return self._views.group(group)

    # one call

    def _send_many(self, call: Call, account: Account) -> object:
        wanted = _json(call)
        group = self._groups.open(account.user, _options(wanted))
        entries = self._add(call, account, group, wanted)
        self._launch(call, group, self._booked(wanted) if wanted.get("scheduledDate") else 0.0)
        answer: dict[str, object] = {
            "failedMessageList": [self._views.registered(name, one) for name, one in failed(entries)],
            "groupInfo": self._views.group(group),
        }
        if wanted.get("showMessageList"):
            answer["messageList"] = [_listed(name, one) for name, one in entries if one["code"] == REGISTERED]
        return answer

    def _send(self, call: Call, account: Account) -> object:
        wanted = _json(call)
        message = wanted.get("message")
        if not isinstance(message, dict) or isinstance(message.get("to"), list):
            raise Refusal("ValidationError", "message가 필요합니다.")
        group = self._groups.open(account.user, _options(wanted))
        [(name, one)] = self._add(call, account, group, {"messages": [message]})
        self._launch(call, group)
        if one["code"] != REGISTERED:
            raise Refusal("InvalidStatusCode", f"{name} 의 statusCode({one['code']})")
        return {"groupId": group.id, **self._views.registered(name, one)}

    def _launch(self, call: Call, group: Group, booked: float = 0.0) -> None:
        """Start what was just filled. Assumed: a group of which nothing is good has failed; an unpaid one is deleted."""
        if group.failed == group.total:
            return self._groups.end(group, "failed")
        try:
            _pay(call)
            self._groups.start(group, booked)
        except Refusal:
            self._groups.end(group, "delete")
            raise

    def _add(self, call: Call, account: Account, group: Group, wanted: Mapping[str, Any]) -> list[tuple[str, Entry]]:
        self._groups.must_be_pending(group)
        raw = wanted.get("messages")
        if not isinstance(raw, list) or not raw or not all(isinstance(one, dict) for one in raw):
            raise Refusal("ValidationError", "messages가 필요합니다.")
        spread_out = [message for one in raw for message in spread(one)]
        if len(spread_out) > _MESSAGES_MAX:
            raise Refusal("RecipientsTooMany")
        desk = Desk(account.senders, self._groups.pictures, bool(group.options.get("strict")), self._world.templates, None)
        desk.taken = None if group.options.get("allowDuplicates") else set(group.receivers)
        desk.senders = frozenset() if "sender_unregistered" in call.faults else desk.senders
        desk.spoilt = call.faults["partial"].receivers if "partial" in call.faults else 0
        entries = [entry(message, desk) for message in spread_out]
        return list(zip(self._groups.add(group, entries), entries, strict=True))

    def _booked(self, wanted: Mapping[str, Any]) -> float:
        at = instant(str(wanted.get("scheduledDate", "")))
        if at is None:
            raise Refusal("ValidationError", "scheduledDate 형식이 올바르지 않습니다.")
        return at if at > self._world.clock.now() else 0.0

    # everything else

    def _upload(self, call: Call, account: Account) -> object:
        wanted = _json(call)
        try:
            data = base64.b64decode(str(wanted.get("file", "")), validate=True)
        except (binascii.Error, ValueError):
            raise Refusal("ValidationError", "file은 base64여야 합니다.") from None
        if wanted.get("type") == "MMS" and (not data.startswith(_JPEG) or len(data) > _FILE_MAX):
            raise Refusal("ValidationError", "MMS 이미지는 200KB 이하의 JPG여야 합니다.")
        name = self._groups.keep(self._world.store.images.keep(data))
        now = iso(self._world.clock.now())
        return {
            "kakao": {"daou": None, "biztalk": None},
            "type": str(wanted.get("type", "")),
            "originalName": str(wanted.get("name") or name),
            "link": wanted.get("link"),
            "fileSize": len(data),
            "fileId": name,
            "name": str(wanted.get("name") or name),
            "url": f"/__sandbox/images/{self._groups.pictures[name]}",
            "accountId": ACCOUNT,
            "references": [],
            "dateCreated": now,
            "dateUpdated": now,
        }

    def _balance(self, call: Call, account: Account) -> object:
        alert = {"enabled": True, "notificationBalance": "0", "currentBalance": None, "balances": [10000], "channels": ["SMS"]}
        money = {"balance": account.balance / 100, "point": 0, "minimumCash": 0, "rechargeTo": 0, "rechargeTryCount": 0}
        return {"accountId": ACCOUNT, **money, "autoRecharge": 0, "lowBalanceAlert": alert}

    def _prices(self, call: Call, account: Account) -> object:
        prices = {kind.lower(): price / 100 for kind, price in PRICES.items()}
        return [{"countryName": "Korea, South", "countryId": "82", **prices, "cta": 19, "cti": 23}]

    def _templates(self, call: Call, account: Account) -> object:
        return templates(call, self._world.templates.of("solapi"))

    def _blacks(self, call: Call, account: Account) -> object:
        return blacks(call, self._world.optouts)

    def _senders(self, call: Call, account: Account) -> object:
        status = "BLOCKED" if "sender_unregistered" in call.faults else "ACTIVE"
        rows = [{"phoneNumber": number, "status": status, "accountId": ACCOUNT} for number in sorted(account.senders)]
        return {"startKey": None, "nextKey": None, "limit": 20, "senderIdList": rows}

    def _active_senders(self, call: Call, account: Account) -> object:
        return sorted(account.senders)

    def _hook(self, call: Call, account: Account) -> object:
        return self._hooks.add(account.user, _json(call))

    def _list_hooks(self, call: Call, account: Account) -> object:
        return {"startKey": None, "nextKey": None, "limit": 20, "webhookList": self._hooks.of(account.user)}

    def _unhook(self, call: Call, account: Account) -> object:
        return self._hooks.remove(account.user, call.parts[0])


def _json(call: Call) -> dict[str, Any]:
    try:
        wanted = json.loads(call.body or b"{}")
    except (ValueError, RecursionError):
        raise Refusal("ValidationError", "JSON이 아닙니다.") from None
    if not isinstance(wanted, dict):
        raise Refusal("ValidationError", "JSON 객체가 필요합니다.")
    return wanted


def _options(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: wanted[name] for name in _OPTIONS if wanted.get(name)}


def _pay(call: Call) -> None:
    if "no_balance" in call.faults:
        raise Refusal("NotEnoughBalance")


def _listed(name: str, one: Entry) -> dict[str, Any]:
    shown = {"messageId": name, "statusCode": one["code"], "statusMessage": MESSAGES[one["code"]]}
    return shown | {"customFields": one["customFields"]}


def _encoded(payload: object) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _refused(refusal: Refusal, *headers: tuple[bytes, bytes]) -> Reply:
    body = _encoded({"errorCode": refusal.code, "errorMessage": refusal.message})
    return Reply(body, refusal.status, _JSON, headers)
