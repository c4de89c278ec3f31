"""Who calls while the primary falls: readers and writers over gRPC and REST, each answer noted with its moment."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import grpc
import httpx
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status
from jeondan.v1 import account_pb2, campaign_pb2, catalog_pb2
from jeondan.v1.account_pb2_grpc import AccountServiceStub
from jeondan.v1.campaign_pb2_grpc import CampaignServiceStub
from jeondan.v1.catalog_pb2_grpc import CatalogServiceStub

PAUSE = 0.05  # seconds between two calls of the same caller
DEADLINE = 10.0


@dataclass(frozen=True)
class Said:
    """One call: when it began and ended, and what was answered (`OK`, or why not)."""

    begun: float
    ended: float
    word: str

    @property
    def answered(self) -> bool:
        """With what was asked for."""
        return self.word == "OK"


@dataclass
class Caller:
    """One client that never repeats a call."""

    name: str
    ask: Callable[[], str]
    said: list[Said] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        """Call again and again."""
        while not stop.wait(PAUSE):
            begun = time.monotonic()
            word = self.ask()
            self.said.append(Said(begun, time.monotonic(), word))


class Callers:
    """All of them, for one shop; `kept` are the products whose making was acknowledged."""

    def __init__(self, channel: grpc.Channel, url: str, api_key: str, campaign: UUID) -> None:
        self._mine = (("x-api-key", api_key),)
        self._http = httpx.Client(base_url=url, headers={"X-API-Key": api_key}, timeout=DEADLINE, trust_env=False)
        self._accounts, self._campaigns = AccountServiceStub(channel), CampaignServiceStub(channel)
        self._catalog = CatalogServiceStub(channel)
        self._campaign = str(campaign)
        self.kept: list[str] = []
        self.readers = [
            Caller("gRPC GetCampaign", self._get_campaign),
            Caller("gRPC GetWorkspace", self._get_workspace),
            Caller("REST list of campaigns", lambda: self._looked("/api/v1/campaigns")),
            Caller("REST campaign", lambda: self._looked(f"/api/v1/campaigns/{self._campaign}")),
        ]
        self.writers = [Caller("gRPC CreateProduct", self._make), Caller("REST product", self._post)]
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=one.run, args=(self._stop,), daemon=True) for one in (*self.readers, *self.writers)
        ]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * DEADLINE)
        self._http.close()

    def _get_campaign(self) -> str:
        request = campaign_pb2.GetCampaignRequest(campaign_id=self._campaign)
        return _word(lambda: self._campaigns.GetCampaign(request, metadata=self._mine, timeout=DEADLINE))

    def _get_workspace(self) -> str:
        request = account_pb2.GetWorkspaceRequest()
        return _word(lambda: self._accounts.GetWorkspace(request, metadata=self._mine, timeout=DEADLINE))

    def _make(self) -> str:
        product = catalog_pb2.Product(name="훈련 상품")
        request = catalog_pb2.CreateProductRequest(product=product, request_id=str(uuid4()))

        def make() -> None:
            self.kept.append(self._catalog.CreateProduct(request, metadata=self._mine, timeout=DEADLINE).product.id)

        return _word(make)

    def _looked(self, path: str) -> str:
        try:
            answer = self._http.get(path)
        except httpx.HTTPError as error:
            return type(error).__name__
        return "OK" if answer.status_code == 200 else _problem(answer)

    def _post(self) -> str:
        try:
            answer = self._http.post("/api/v1/products", json={"name": "훈련 상품"}, headers={"Idempotency-Key": str(uuid4())})
        except httpx.HTTPError as error:
            return type(error).__name__
        if answer.status_code != 200:
            return _problem(answer)
        self.kept.append(answer.json()["product"]["id"])
        return "OK"


def _word(call: Callable[[], object]) -> str:
    try:
        call()
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)  # type: ignore[arg-type, unused-ignore]
        info = ErrorInfo()
        known = any(detail.Unpack(info) for detail in status.details) if status else False
        return f"{error.code().name} {info.reason if known else ''}".strip()  # type: ignore[attr-defined, unused-ignore]
    return "OK"


def _problem(answer: httpx.Response) -> str:
    try:
        reason = answer.json().get("reason", "")
    except ValueError:
        reason = ""
    retry = " Retry-After" if "retry-after" in answer.headers else ""
    return f"{answer.status_code} {reason}{retry}".strip()


@dataclass(frozen=True)
class Figures:
    """What callers got between two moments."""

    calls: int
    answered: int
    gap: float  # the longest time in which one of them had no answer with what it asked for
    slowest: float
    others: dict[str, int]

    @property
    def share(self) -> float:
        """Of the calls."""
        return self.answered / self.calls if self.calls else 1.0


def figures(callers: Sequence[Caller], since: float, until: float) -> Figures:
    """Of the calls that began in between."""
    found = [(caller, said) for caller in callers for said in caller.said if since <= said.begun < until]
    gaps = [0.0]
    for caller in callers:
        moments = [since, *(said.ended for each, said in found if each is caller and said.answered)]
        moments += [until] if moments[-1] < until else []
        gaps += [after - before for before, after in zip(moments, moments[1:], strict=False)]
    good = [said for _, said in found if said.answered]
    return Figures(
        calls=len(found),
        answered=len(good),
        gap=max(gaps),
        slowest=max((said.ended - said.begun for _, said in found), default=0.0),
        others=dict(Counter(said.word for _, said in found if not said.answered)),
    )
