"""A small REST client for the demo: JSON in and out, uploads by presigned PUT, waiting with a progress line."""

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx

from deploy.local.refusal import Refusal

PATIENCE = 120.0  # seconds without any change


class Client:
    """Speaks to the gateway with an API key."""

    def __init__(self, gateway: str, api_key: str) -> None:
        self._http = httpx.Client(base_url=f"{gateway}/api/v1/", headers={"X-API-Key": api_key}, timeout=60)

    def get(self, path: str, **query: object) -> Any:
        """GET as JSON."""
        return self._answer(self._http.get(path, params={name: str(value) for name, value in query.items()}))

    def post(self, path: str, body: object) -> Any:
        """POST as JSON, with a request id so that a repeated call has one effect."""
        return self._answer(self._http.post(path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())}))

    def upload(self, upload: dict[str, Any], path: Path) -> None:
        """PUT a file where the API said, with the headers it said."""
        answer = httpx.put(upload["uploadUrl"], content=path.read_bytes(), headers=upload["headers"], timeout=60)
        if answer.status_code >= 300:
            raise Refusal(f"upload of {path.name} answered {answer.status_code}")

    def download(self, url: str) -> bytes:
        """The bytes behind a presigned address."""
        return httpx.get(url, timeout=60).raise_for_status().content

    def wait(self, path: str, name: str, title: str, good: set[str], bad: set[str]) -> Any:
        """Poll a resource until its work is done, showing how far it is."""
        last, since = None, time.monotonic()
        while True:
            found = self.get(path)[name]
            if found != last:
                last, since = found, time.monotonic()
            if time.monotonic() - since > PATIENCE:
                raise Refusal(f"{path} has not moved for {PATIENCE:.0f} s; see the logs")
            if title:
                steps = found.get("progress") or {"done": 0, "total": 0}
                progress(title, steps["done"], steps["total"])
            if found["state"] in good:
                return found
            if found["state"] in bad:
                raise Refusal(f"{path}: {found.get('refusal') or found.get('failure') or found['state']}")
            time.sleep(0.1)

    def sandbox_duplicates(self, url: str, ours: bool) -> int:
        """How many messages the sandbox got more than once, by its own log; 0 when the provider is not ours."""
        return int(httpx.get(f"{url}/__sandbox/stats").json()["duplicates"]) if ours else 0

    def _answer(self, response: httpx.Response) -> Any:
        if response.status_code >= 300:
            problem = json.loads(response.text or "{}")
            raise Refusal(f"{response.request.method} {response.request.url.path}: {problem.get('detail', response.status_code)}")
        return response.json()


_shown: dict[str, Any] = {"title": "", "at": 0.0}


def progress(title: str, done: int, total: int, more: str = "") -> None:
    """One line that moves on a terminal, one line a second elsewhere, one at the end."""
    ended = total > 0 and done >= total
    now = time.monotonic()
    if title == _shown["title"] and not ended and now - _shown["at"] < (0.1 if sys.stdout.isatty() else 1.0):
        return
    if ended and title == _shown["title"] and _shown.get("ended"):
        return
    _shown.update(title=title, at=now, ended=ended)
    share = f"{done:,}/{total:,}" if total else "…"
    line = f"{title}: {share} {more}".rstrip()
    if line == _shown.get("line"):
        return
    _shown["line"] = line
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\033[K{line}" + ("\n" if ended else ""))
    else:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
