"""What merchants do all the time: calls at both doors and an open stream, none repeated; everything that fails is kept."""

import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import grpc
import httpx
from jeondan.v1 import catalog_pb2, send_pb2, types_pb2

from tests.flow import stubs

PAUSE = 0.03


class Load:
    """Callers in threads of their own until the `with` ends: `done` and `failed` by kind, `texts` that were accepted."""

    def __init__(self, client: Callable[[], httpx.Client], channel: Callable[[], grpc.Channel], key: str, sender: str) -> None:
        self._client, self._channel, self._key, self._sender = client, channel, key, sender
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._calling: list[str] = []
        self.done: Counter[str] = Counter()
        self.failed: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.slowest: dict[str, float] = {}

    @contextlib.contextmanager
    def going(self, *kinds: str, campaign: str = "") -> Iterator["Load"]:
        """Each kind in a thread."""
        work = {
            "rest read": self._rest(lambda http: http.get("/api/v1/products").raise_for_status()),
            "rest send": self._rest(self._post),
            "grpc read": self._grpc(lambda call: call("ListProducts", catalog_pb2.ListProductsRequest())),
            "grpc send": self._grpc(self._send),
            "grpc write": self._grpc(self._write),
            "stream": lambda kind: self._follow(kind, campaign),
        }
        self._calling = [kind for kind in kinds if kind != "stream"]
        threads = [threading.Thread(target=work[kind], args=(kind,), name=kind) for kind in kinds]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def until_moved(self, calls: int = 10) -> None:
        """So many more of each kind: whatever just came back has been called."""
        before = {kind: self.done[kind] for kind in self._calling}
        stubs.until(lambda: all(self.done[kind] >= count + calls for kind, count in before.items()), bool)

    def _rest(self, call: Callable[[httpx.Client], Any]) -> Callable[[str], None]:
        def run(kind: str) -> None:
            with self._client() as http:
                self._repeat(kind, lambda: call(http))

        return run

    def _grpc(self, call: Callable[[stubs.Caller], Any]) -> Callable[[str], None]:
        def run(kind: str) -> None:
            with self._channel() as channel:
                caller = stubs.Caller(channel, ("x-api-key", self._key))
                self._repeat(kind, lambda: call(caller))

        return run

    def _repeat(self, kind: str, call: Callable[[], Any]) -> None:
        while not self._stop.wait(PAUSE):
            began = time.monotonic()
            try:
                call()
            except (httpx.HTTPError, grpc.RpcError) as error:
                self._note(kind, error)
            else:
                self.done[kind] += 1
            self.slowest[kind] = max(self.slowest.get(kind, 0.0), time.monotonic() - began)

    def _note(self, kind: str, error: Exception) -> None:
        answer = getattr(error, "response", None)
        said = f"{answer.status_code} {answer.text[:200]}" if answer is not None else repr(error)[:400]
        print(kind, type(error).__name__, said)
        self.failed.append((kind, f"{time.strftime('%H:%M:%S')} {type(error).__name__} {said}"))

    def _text(self) -> str:
        return f"[봄날커피] 주문 {uuid4()}가 접수되었습니다."

    def _post(self, http: httpx.Client) -> None:
        text = self._text()
        body = {"to": "010-0078-0001", "text": text, "senderNumberId": self._sender, "purpose": "PURPOSE_INFO"}
        http.post("/api/v1/messages", json=body, headers={"Idempotency-Key": str(uuid4())}).raise_for_status()
        self._accepted(text)

    def _send(self, call: stubs.Caller) -> None:
        text = self._text()
        order = send_pb2.SendMessageRequest(
            to="010-0078-0002", text=text, sender_number_id=self._sender, purpose=types_pb2.PURPOSE_INFO
        )
        order.idempotency_key = str(uuid4())
        call("SendMessage", order)
        self._accepted(text)

    def _write(self, call: stubs.Caller) -> None:
        product = catalog_pb2.Product(name=f"원두 {uuid4()}", price_krw=9000, badge="신상")
        call("CreateProduct", catalog_pb2.CreateProductRequest(product=product, request_id=str(uuid4())))

    def _accepted(self, text: str) -> None:
        with self._lock:
            self.texts.append(text)

    def _follow(self, kind: str, campaign: str) -> None:
        """As a browser does: when a stream ends it opens another one; only a refusal is a failure."""
        for attempt in itertools.count():
            if self._stop.is_set():
                return
            try:
                with self._client() as http, http.stream("GET", f"/api/v1/campaigns/{campaign}/events", timeout=3) as answer:
                    answer.raise_for_status()
                    self.done["stream opened" if attempt == 0 else "stream opened again"] += 1
                    for line in answer.iter_lines():
                        self.done["stream events"] += line.startswith("event: progress")
                        if self._stop.is_set():
                            return
            except httpx.ReadTimeout:  # nothing new for a while: looked whether to stop
                continue
            except httpx.HTTPStatusError as error:
                self._note(kind, error)
            except httpx.TransportError:  # the stream was cut: a browser comes again by itself
                self.done["stream cut"] += 1
