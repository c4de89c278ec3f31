"""What the gateway and the server say about themselves: health, and what they have measured since they were started."""

import json
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from core.rules.checks.errors import Requests

_SECONDS = 5
_QUIET = {"/livez", "/health", "/metrics"}  # asked by machines, and fast: they would hide what people wait for


def health(url: str) -> Mapping[str, str] | None:
    """What the gateway says about each dependency; None when it does not answer."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=_SECONDS) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:  # 503 is an answer too
        text = error.read()
    except OSError:
        return None
    try:
        return {str(name): str(state) for name, state in json.loads(text)["checks"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def metrics(url: str) -> str | None:
    """The text; None when it cannot be read."""
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=_SECONDS) as answer:
            return str(answer.read().decode())
    except (OSError, ValueError):
        return None


def histogram(text: str | None, name: str) -> dict[float, int] | None:
    """Edge -> how many at or below it, over all labels; empty when nothing was measured yet."""
    if text is None:
        return None
    found: defaultdict[float, int] = defaultdict(int)
    for labels, value in _samples(text, name, "_bucket"):
        if labels.get("route") not in _QUIET:
            found[float(labels["le"])] += int(value)
    return dict(found)


def requests(text: str | None) -> Requests | None:
    """All, and those that ended in a 5xx."""
    if text is None:
        return None
    seen = [
        (labels["status"], int(value))
        for labels, value in _samples(text, "jeondan_http_seconds", "_count")
        if labels.get("route") not in _QUIET
    ]
    return Requests(sum(count for _, count in seen), sum(count for status, count in seen if status.startswith("5")))


def _samples(text: str, name: str, ending: str) -> list[tuple[dict[str, str], float]]:
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        if family.name == name
        for sample in family.samples
        if sample.name == name + ending
    ]
