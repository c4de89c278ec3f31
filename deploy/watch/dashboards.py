"""The Grafana dashboards, written as JSON by Grafana's own typed builders: `make dashboards`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FOLDER = Path(__file__).parent / "grafana/dashboards"
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: what it is called, its unit, and (expression, legend) of each line. `now` shows only the last value."""

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]
    now: bool = False


def _rate(metric: str, by: str, where: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{{where}}}[5m]))"


def _quantile(metric: str, quantile: float, by: str = "") -> str:
    return f"histogram_quantile({quantile}, sum by (le{', ' + by if by else ''}) (rate({metric}_bucket[5m])))"


SENDING = (
    Panel("도착 성공률 (15분)", "percentunit", (("jeondan:success:ratio15m", "{{provider}}"),), now=True),
    Panel("결과를 모르는 메시지", "short", (("max(jeondan_unknown_messages)", "unknown"),), now=True),
    Panel("차단된 발송 계정", "short", (("max by (provider) (jeondan_provider_breaker)", "{{provider}}"),), now=True),
    Panel("오늘 비용 (원)", "locale", (("sum(increase(jeondan_cost_won_total[24h]))", "24h"),), now=True),
    Panel("메시지 (초당)", "short", ((_rate("jeondan_messages_total", "state"), "{{state}}"),)),
    Panel("발송사별 (초당)", "short", ((_rate("jeondan_messages_total", "provider, channel"), "{{provider}} {{channel}}"),)),
    Panel("시간당 비용 (원)", "locale", (
        ("sum by (channel, provider) (increase(jeondan_cost_won_total[1h]))", "{{provider}} {{channel}}"),)),
    Panel("한 묶음의 발송 시간", "s", (
        (_quantile("jeondan_batch_seconds", 0.5), "p50"), (_quantile("jeondan_batch_seconds", 0.95), "p95"))),
    Panel("대기열", "short", (("max by (queue) (jeondan_queue_depth)", "{{queue}}"),)),
    Panel("전단 제작 시간", "s", ((_quantile("jeondan_compose_seconds", 0.95), "p95"),)),
)  # fmt: skip

DOORS = (
    Panel("프로세스", "short", (('sum by (service) (up{job="jeondan"})', "{{service}}"),), now=True),
    Panel("의존 서비스 (1 = 정상)", "short", (("min by (dependency) (jeondan_dependency_up)", "{{dependency}}"),), now=True),
    Panel("HTTP 오류율", "percentunit", (("jeondan:http_errors:ratio5m", "5xx"),), now=True),
    Panel("HTTP p95", "s", (("jeondan:http_p95:seconds5m", "p95"),), now=True),
    Panel("HTTP 요청 (초당)", "reqps", ((_rate("jeondan_http_seconds_count", "status"), "{{status}}"),)),
    Panel("느린 경로 p95", "s", ((f"topk(8, {_quantile('jeondan_http_seconds', 0.95, 'route')})", "{{route}}"),)),
    Panel("RPC (초당)", "reqps", ((_rate("jeondan_rpc_seconds_count", "code"), "{{code}}"),)),
    Panel("느린 RPC p95", "s", ((f"topk(8, {_quantile('jeondan_rpc_seconds', 0.95, 'method')})", "{{method}}"),)),
    Panel("데이터베이스 왕복 (초당)", "ops", ((_rate("jeondan_db_round_trips_total", "service"), "{{service}}"),)),
    Panel("의존 서비스", "short", (("min by (dependency) (jeondan_dependency_up)", "{{dependency}}"),)),
    Panel("메모리", "bytes", (('max by (service) (process_resident_memory_bytes{job="jeondan"})', "{{service}}"),)),
    Panel("CPU (코어)", "short", (('sum by (service) (rate(process_cpu_seconds_total{job="jeondan"}[5m]))', "{{service}}"),)),
)

LEVELS = (
    Panel("단건 10초 안 접수 (30일, 목표 99 %)", "percentunit", (("jeondan:single_in_time:ratio30d", "30d"),), now=True),
    Panel("남은 오차 예산: 단건", "percentunit", (("jeondan:single_budget:left30d", "30d"),), now=True),
    Panel("캠페인 마감 안 완료 (30일, 목표 99 %)", "percentunit", (("jeondan:campaigns_in_time:ratio30d", "30d"),), now=True),
    Panel("남은 오차 예산: 캠페인", "percentunit", (("jeondan:campaigns_budget:left30d", "30d"),), now=True),
    Panel("늦은 단건의 비율", "percentunit", (
        ("jeondan:single_late:ratio5m", "5m"), ("jeondan:single_late:ratio1h", "1h"), ("jeondan:single_late:ratio6h", "6h"))),
    Panel("단건: 요청에서 접수까지", "s", (
        (_quantile("jeondan_single_seconds", 0.5), "p50"), (_quantile("jeondan_single_seconds", 0.99), "p99"))),
    Panel("늦었고 아직 나가지 않은 단건", "short", (("max(jeondan_single_late)", "late"),)),
    Panel("끝난 캠페인 (1시간)", "short", (("sum by (in_time) (increase(jeondan_campaigns_total[1h]))", "{{in_time}}"),)),
)  # fmt: skip

BOARDS = {
    "sending": ("전단: 발송", SENDING),
    "doors": ("전단: 요청과 의존 서비스", DOORS),
    "service-levels": ("전단: 서비스 수준", LEVELS),
}


def document(name: str) -> str:
    """The JSON of one dashboard, the same bytes each time."""
    title, panels = BOARDS[name]
    board = boards.Dashboard(title).uid(f"jeondan-{name}").tags(["jeondan"]).timezone("Asia/Seoul")
    board = board.refresh("30s").time("now-6h", "now").readonly()
    for number, panel in enumerate(panels, 1):
        board = board.with_panel(_drawn(panel).id(number))
    return JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(board.build()) + "\n"


def _drawn(panel: Panel) -> Any:
    made: Any = stat.Panel() if panel.now else timeseries.Panel()
    made = made.title(panel.title).unit(panel.unit).datasource(SOURCE)
    if panel.now:
        made = made.span(6).height(5).reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    else:
        made = made.span(12).height(8).legend(common.VizLegendOptions().show_legend(True)).min(0)
    for reference, query in zip("ABC", _queries(panel), strict=False):
        made = made.with_target(query.ref_id(reference))
    return made


def _queries(panel: Panel) -> Iterator[Any]:
    for expression, legend in panel.lines:
        yield prometheus.Dataquery().expr(expression).legend_format(legend).datasource(SOURCE)


def main() -> None:
    """Write them all."""
    for name in BOARDS:
        (FOLDER / f"{name}.json").write_text(document(name))


if __name__ == "__main__":
    main()
