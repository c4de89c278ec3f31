"""What arrived, as a handset would show it."""

from itertools import islice
from typing import Any

from deploy.local.sandbox.calls import World
from deploy.local.sandbox.clock import stamp
from deploy.local.sandbox.results import DELIVERED
from deploy.local.sandbox.texts import carried

_SEARCHED = 300_000


def as_number(text: str) -> int | None:
    """A receiver as the store keeps it."""
    digits = "".join(filter(str.isdigit, text))
    return int(digits) if digits.isascii() and digits.startswith("0") and len(digits) > 1 else None


class Handset:
    """Views over the accepted messages, newest first."""

    def __init__(self, world: World) -> None:
        self._world = world

    def messages(self, limit: int, receiver: str = "") -> list[dict[str, Any]]:
        store, number = self._world.store, as_number(receiver)
        if receiver and number is None:
            return []
        places = list(store.positions(number))[::-1] if number else range(len(store.receivers) - 1, -1, -1)
        return [self.message(place) for place in islice(places, limit)]

    def message(self, place: int) -> dict[str, Any]:
        store = self._world.store
        batch, receiver = store.batch_at(place), store.receivers[place]
        state, text = self._world.state(batch, receiver), store.text(batch, place - batch.start)
        return {
            "id": place,
            "provider": batch.provider,
            "reference": batch.group or str(batch.reference),
            "receiver": f"0{receiver}",
            "sender": batch.sender,
            "type": batch.kind,
            "title": batch.title,
            "text": text,
            "bytes": carried(text)[1],
            "images": [self._image(name) for name in batch.images],
            "state": state,
            "template": batch.template,
            "kakao": store.kakao(batch, place - batch.start),
            "test": batch.test,
            "shown": state == DELIVERED,
            "accepted_at": stamp(batch.accepted_at),
            "shown_at": stamp(batch.due + self._world.ripen) if state == DELIVERED else "",
        }

    def phones(self, limit: int, search: str = "") -> list[dict[str, Any]]:
        """The handsets that got something last, each with its newest message."""
        store, wanted = self._world.store, "".join(filter(str.isdigit, search))
        seen: set[int] = set()
        phones = []
        for place in islice(range(len(store.receivers) - 1, -1, -1), _SEARCHED):
            receiver = store.receivers[place]
            if receiver in seen or (wanted and wanted not in f"0{receiver}"):
                continue
            if self._world.state(store.batch_at(place), receiver) == DELIVERED:
                seen.add(receiver)
                phones.append(self.message(place))
                if len(phones) == limit:
                    break
        return phones

    def _image(self, name: str) -> dict[str, Any]:
        return {"hash": name, "bytes": self._world.store.images.size(name), "url": f"/__sandbox/images/{name}"}
