"""Daily: how long people wait for an answer. From a histogram: what is told is the edge that so many stay below."""

from collections.abc import Mapping
from math import inf

from core.rules.checks.finding import Finding, State

MOST_SECONDS = 1.0  # for nineteen of twenty; as the alert HttpSlow
LEAST = 20


def quantile(buckets: Mapping[float, int], part: float) -> float:
    """The least edge of the histogram (edge -> how many at or below it) that `part` of all stay below."""
    wanted = part * buckets[inf]
    return min(edge for edge, count in buckets.items() if count >= wanted)


def judge(name: str, buckets: Mapping[float, int] | None, *, counted: bool = True) -> Finding:
    """One line; `name` is whose answers they are. None: nobody could be asked. `counted`: it may be told how many there were."""
    if buckets is None:
        return Finding("response", name, State.UNKNOWN, "NO_METRICS", f"{name}의 측정값(/metrics)을 읽지 못했습니다.")
    whole = buckets.get(inf, 0)
    many, few = (f" {whole:,}건", f" ({whole:,}건)") if counted else ("", "")
    if whole < LEAST:
        return Finding("response", name, State.OK, "FEW_REQUESTS", f"{name}: 판단하기에는 요청이 적습니다{few}.")
    half, most = quantile(buckets, 0.5), quantile(buckets, 0.95)
    facts = {"requests": str(whole), "p50_seconds": f"{half:g}", "p95_seconds": f"{most:g}"}
    told = f"{name}: 요청{many} 중 절반은 {_seconds(half, buckets)}, 95 %는 {_seconds(most, buckets)}."
    if most > MOST_SECONDS:
        return Finding("response", name, State.ATTENTION, "SLOW", told, "deploy/runbooks/http-slow.md를 따라 주세요.", facts)
    return Finding("response", name, State.OK, "FAST", told, "", facts)


def _seconds(edge: float, buckets: Mapping[float, int]) -> str:
    last = max(each for each in buckets if each != inf)
    return f"{last:g}초 넘게" if edge == inf else f"{edge:g}초 이내"
