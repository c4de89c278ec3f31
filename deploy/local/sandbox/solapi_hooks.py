"""Solapi's webhooks: who wants to be told, and telling them, five times if need be."""

import asyncio
import json
import secrets
from dataclasses import dataclass
from hashlib import sha1
from itertools import islice
from typing import Any

import httpx

from deploy.local.sandbox.calls import World
from deploy.local.sandbox.faults import Faults
from deploy.local.sandbox.solapi_codes import Refusal
from deploy.local.sandbox.solapi_groups import Group, Groups
from deploy.local.sandbox.solapi_views import ACCOUNT, Views, iso

EVENTS = ("SINGLE-REPORT", "GROUP-REPORT")
_TRIES = 5
_ITEMS = 100
_LOOK_EVERY = 0.1
_UNTOLD = ("2000", "3000")


@dataclass(frozen=True, slots=True)
class Hook:
    """One registered address."""

    id: str
    user: str
    event: str
    url: str
    name: str
    at: float


class Hooks:
    """Registered addresses, which outlive restarts, and the pushes to them, which may be lost by one."""

    def __init__(self, world: World, groups: Groups, faults: Faults, secret: str, pause: float) -> None:
        self._world, self._groups, self._faults = world, groups, faults
        self._views = Views(world, groups)
        self._secret, self._pause = sha1(secret.encode(), usedforsecurity=False).hexdigest(), pause
        self._hooks: dict[str, Hook] = {}
        for record in groups.hook_events:
            self._replay(record)
        world.store.forgetting.append(self._keep)

    def add(self, user: str, wanted: dict[str, Any]) -> dict[str, Any]:
        event, url = wanted.get("eventId"), wanted.get("url")
        if event not in EVENTS or not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise Refusal("ValidationError", "eventId와 url이 필요합니다.")
        name = "WH" + secrets.token_hex(8)
        hook = Hook(name, user, event, url, str(wanted.get("name", "")), self._world.clock.now())
        self._write(hook)
        self._hooks[name] = hook
        return _shown(hook)

    def of(self, user: str) -> list[dict[str, Any]]:
        return [_shown(hook) for hook in self._hooks.values() if hook.user == user]

    def remove(self, user: str, name: str) -> dict[str, Any]:
        hook = self._hooks.get(name)
        if hook is None or hook.user != user:
            raise Refusal("ResourceNotFound")
        self._world.store.write({"e": "solapi.unhook", "id": name})
        return _shown(self._hooks.pop(name))

    async def run(self) -> None:
        """Look for what has ended, for ever."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            tellings: set[asyncio.Task[None]] = set()
            while True:
                for group in self._groups.ripe():
                    for hook in self._hooks.values():
                        if hook.user == group.user:
                            telling = asyncio.create_task(self._tell(client, hook, group))
                            tellings.add(telling)
                            telling.add_done_callback(tellings.discard)
                await asyncio.sleep(_LOOK_EVERY)

    async def _tell(self, client: httpx.AsyncClient, hook: Hook, group: Group) -> None:
        """Everything about one group. A fault is asked for once a push, not once a try."""
        for items in self._pushes(hook, group):
            fired = self._faults.push(hook.event)
            if "webhook_lost" in fired:
                continue
            if "webhook_backwards" in fired:
                items = items[::-1]
            for _ in range(2 if "webhook_twice" in fired else 1):
                await self._push(client, hook, items, flat="webhook_flat" in fired)

    def _pushes(self, hook: Hook, group: Group) -> list[list[dict[str, Any]]]:
        if hook.event == "GROUP-REPORT":
            return [[_event(self._views.group(group))]]
        rows = ((name, entry) for name, entry in self._groups.entries(group) if self._groups.code(group, entry) not in _UNTOLD)
        items = (_event(self._views.report(name, group, entry)) for name, entry in rows)
        pushes = []
        while page := list(islice(items, _ITEMS)):
            pushes.append(page)
        return pushes

    async def _push(self, client: httpx.AsyncClient, hook: Hook, items: list[dict[str, Any]], flat: bool) -> None:
        headers = {"content-type": "application/json", "x-solapi-event-name": hook.event, "x-solapi-secret": self._secret}
        for count in range(_TRIES):
            payload = [item["data"] if flat else {**item, "retryCount": count} for item in items]
            body = json.dumps(payload, ensure_ascii=False).encode()
            try:
                answer = await client.post(hook.url, content=body, headers=headers)
                if answer.status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(self._pause * 2**count)

    def _write(self, hook: Hook) -> None:
        record = {"e": "solapi.hook", "id": hook.id, "u": hook.user, "ev": hook.event, "url": hook.url, "name": hook.name}
        self._world.store.write(record | {"at": hook.at})

    def _keep(self) -> None:
        """Who forgets the messages does not mean the addresses."""
        for hook in self._hooks.values():
            self._write(hook)

    def _replay(self, record: dict[str, Any]) -> None:
        if record["e"] == "solapi.hook":
            parts = (record[name] for name in ("id", "u", "ev", "url", "name", "at"))
            self._hooks[record["id"]] = Hook(*parts)
        else:
            self._hooks.pop(record["id"], None)


def _event(data: dict[str, Any]) -> dict[str, Any]:
    return {"eventDataId": "E4V" + secrets.token_hex(12), "retryCount": 0, "data": data}


def _shown(hook: Hook) -> dict[str, Any]:
    names = {"webhookId": hook.id, "eventId": hook.event, "url": hook.url, "name": hook.name}
    return {**names, "accountId": ACCOUNT, "status": "ACTIVE", "dateCreated": iso(hook.at)}
