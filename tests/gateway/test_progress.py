"""Server-sent events: who gets them, from whom they come, and when they end."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import httpx
import pytest
from jeondan.v1 import account_pb2, campaign_pb2

from gateway.channel import Backend as Channel
from gateway.progress import Poller, Progress, Subscriber, finished
from tests.gateway.backend import UUID, Backend, Call, Failure
from tests.gateway.conftest import Running

State = campaign_pb2.Campaign
PATH = f"/api/v1/campaigns/{UUID}/events"
Wait = Callable[[Callable[[], bool]], None]


class Campaigns:
    """The campaign as the server knows it, and who may see it: token -> workspace."""

    def __init__(self, backend: Backend) -> None:
        self.campaign = State(id=UUID, name="가을", state=State.STATE_SENDING)
        self.campaign.counters.planned = 5
        self.workspaces = {"Bearer ada": "w1", "Bearer bob": "w1", "Bearer eve": "w2"}
        backend.answer("GetCampaign", self._campaign)
        backend.answer("GetWorkspace", self._workspace)

    def _campaign(self, call: Call) -> Any:
        if call.metadata.get("authorization") not in self.workspaces:
            return Failure(grpc.StatusCode.NOT_FOUND)
        copy = State()
        copy.CopyFrom(self.campaign)
        return campaign_pb2.GetCampaignResponse(campaign=copy)

    def _workspace(self, call: Call) -> Any:
        workspace = self.workspaces[call.metadata["authorization"]]
        return account_pb2.GetWorkspaceResponse(workspace=account_pb2.Workspace(id=workspace))


@pytest.fixture
def campaigns(backend: Backend, running: Running, wait_until: Wait) -> Iterator[Campaigns]:
    """A campaign that is being sent; afterwards nobody asks for it any more."""
    yield Campaigns(backend)
    wait_until(lambda: running.gateway.progress.pollers == 0)


class Listener:
    """One open line, read in a thread."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines: list[str] = []
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for line in self.response.iter_lines():
                self.lines.append(line)
        except (httpx.HTTPError, httpx.StreamError):
            pass
        self.ended.set()

    def events(self, name: str) -> int:
        """How many events of this name came."""
        return self.lines.count(f"event: {name}")


@contextmanager
def listening(running: Running, token: str, **headers: str) -> Iterator[Listener]:
    """A line of its own connection."""
    sent = {"Authorization": f"Bearer {token}", **headers}
    with (
        httpx.Client(base_url=running.url, timeout=20, trust_env=False) as client,
        client.stream("GET", PATH, headers=sent) as response,
    ):
        assert response.status_code == 200
        yield Listener(response)


def test_two_listeners_share_one_poller(running: Running, backend: Backend, campaigns: Campaigns, wait_until: Wait) -> None:
    with listening(running, "ada") as ada, listening(running, "bob") as bob:
        wait_until(lambda: ada.events("progress") == bob.events("progress") == 1)
        assert running.gateway.progress.pollers == 1
        before = len(backend.called("GetCampaign"))
        wait_until(lambda: len(backend.called("GetCampaign")) >= before + 6)
        campaigns.campaign.counters.planned = 4
        wait_until(lambda: ada.events("progress") == bob.events("progress") == 2)

        polls = [call.metadata["authorization"] for call in backend.called("GetCampaign")[before:]]
        assert all(first != second for first, second in zip(polls, polls[1:], strict=False)), "not in turn"
        assert len(backend.called("GetWorkspace")) == 2


def test_the_poller_stops_with_the_last_listener(
    running: Running, backend: Backend, campaigns: Campaigns, wait_until: Wait
) -> None:
    with listening(running, "ada") as ada:
        wait_until(lambda: ada.events("progress") == 1)
    wait_until(lambda: running.gateway.progress.pollers == 0)
    calls = len(backend.called("GetCampaign"))

    threading.Event().wait(0.4)

    assert len(backend.called("GetCampaign")) == calls


def test_another_workspace_has_a_poller_of_its_own(
    running: Running, backend: Backend, campaigns: Campaigns, wait_until: Wait
) -> None:
    with listening(running, "ada") as ada, listening(running, "eve") as eve:
        wait_until(lambda: ada.events("progress") == eve.events("progress") == 1)
        assert running.gateway.progress.pollers == 2


def test_who_may_not_see_it_gets_a_problem(client: httpx.Client, running: Running, campaigns: Campaigns) -> None:
    stranger = client.get(PATH, headers={"Authorization": "Bearer mallory"})
    nobody = httpx.get(running.url + PATH, trust_env=False)

    assert (stranger.status_code, nobody.status_code) == (404, 401)
    assert stranger.headers["Content-Type"] == nobody.headers["Content-Type"] == "application/problem+json"
    assert running.gateway.progress.pollers == 0


def test_who_may_not_see_it_any_more_is_sent_away_and_the_others_stay(
    running: Running, campaigns: Campaigns, wait_until: Wait
) -> None:
    with listening(running, "ada") as ada, listening(running, "bob") as bob:
        wait_until(lambda: ada.events("progress") == bob.events("progress") == 1)
        del campaigns.workspaces["Bearer ada"]
        wait_until(ada.ended.is_set)
        assert ada.events("error") == 1
        campaigns.campaign.name = "겨울"
        wait_until(lambda: bob.events("progress") == 2)
        assert not any("겨울" in line for line in ada.lines)
        assert not bob.ended.is_set()


def test_it_ends_when_nothing_moves_any_more(running: Running, campaigns: Campaigns, wait_until: Wait) -> None:
    with listening(running, "ada", **{"Last-Event-ID": "whatever"}) as ada:
        campaigns.campaign.state = State.STATE_DONE
        campaigns.campaign.counters.planned = 0
        campaigns.campaign.counters.accepted = 5
        wait_until(lambda: any('"STATE_DONE"' in line for line in ada.lines))
        assert ada.events("end") == 0
        campaigns.campaign.counters.accepted = 0
        campaigns.campaign.counters.delivered = 5
        wait_until(ada.ended.is_set)
        last = [line for line in ada.lines if line][-2:]
        assert last[0] == "event: end"
        assert '"delivered":5' in last[1]


def test_a_finished_campaign_ends_at_once(running: Running, campaigns: Campaigns, wait_until: Wait) -> None:
    campaigns.campaign.state = State.STATE_CANCELLED
    campaigns.campaign.counters.planned = 0
    with listening(running, "ada") as ada:
        wait_until(ada.ended.is_set)
        assert (ada.events("progress"), ada.events("end")) == (1, 1)


def test_silence_is_filled_with_comments(running: Running, campaigns: Campaigns, wait_until: Wait) -> None:
    with listening(running, "ada") as ada:
        wait_until(lambda: ada.lines.count(": still here") >= 2)
        assert ada.events("progress") == 1
        assert ada.response.headers["Content-Type"].startswith("text/event-stream")
        assert ada.response.headers["Cache-Control"] == "no-store"


def test_a_server_that_is_gone_for_a_while(running: Running, backend: Backend, campaigns: Campaigns, wait_until: Wait) -> None:
    with listening(running, "ada") as ada:
        wait_until(lambda: ada.events("progress") == 1)
        backend.answer("GetCampaign", Failure(grpc.StatusCode.INTERNAL))
        before = len(backend.called("GetCampaign"))
        wait_until(lambda: len(backend.called("GetCampaign")) > before + 2)
        Campaigns(backend).campaign.name = "다시"
        wait_until(lambda: any("다시" in line for line in ada.lines))
        assert ada.events("error") == 0


def test_in_a_crowd_several_are_checked_each_time(backend: Backend) -> None:
    campaign = State(id=UUID)
    backend.answer("GetCampaign", campaign_pb2.GetCampaignResponse(campaign=campaign))

    async def rounds() -> None:
        server = Channel(f"127.0.0.1:{backend.port}", ())
        server.open()
        poller = Poller(campaign)
        for number in range(65):
            poller.subscribers.append(Subscriber([("authorization", f"Bearer {number}")], campaign))
        for _ in range(22):
            await Progress(server).round(("w1", UUID), poller)
        await server.close()

    asyncio.run(rounds())

    asked = [call.metadata["authorization"] for call in backend.called("GetCampaign")]
    assert len(asked) == 22 * 3
    assert len(set(asked)) == 65


def test_head_opens_no_line(client: httpx.Client, running: Running, campaigns: Campaigns) -> None:
    answer = client.head(PATH, headers={"Authorization": "Bearer ada"})

    assert (answer.status_code, answer.content) == (200, b"")
    assert running.gateway.progress.pollers == 0


@pytest.mark.parametrize(
    ("state", "counters", "end"),
    [
        (State.STATE_SENDING, {}, False),
        (State.STATE_PAUSED, {}, False),
        (State.STATE_DONE, {}, True),
        (State.STATE_DONE, {"accepted": 1}, False),
        (State.STATE_DONE, {"unknown": 1}, False),
        (State.STATE_CANCELLED, {"planned": 1}, False),
        (State.STATE_CANCELLED, {"cancelled": 1, "delivered": 2}, True),
        (State.STATE_FAILED, {"planned": 1}, True),
        (State.STATE_FAILED, {"claimed": 1}, False),
    ],
)
def test_when_nothing_moves_any_more(state: Any, counters: dict[str, int], end: bool) -> None:
    assert finished(State(state=state, counters=campaign_pb2.Counters(**counters))) is end
