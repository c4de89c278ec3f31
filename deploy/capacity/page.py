"""The capacity page as Markdown: every figure with its command, what a machine carries, what the loads ask for."""

from deploy.capacity.model import Load, Need, figures, needs, of

STAGES = {
    "1단계 (상점 100곳, 한 달 20,000건)": Load(merchants=100, messages=20_000, people=1_000, keep_months=12),
    "2단계 (상점 1,000곳, 한 달 200,000건)": Load(merchants=1_000, messages=200_000, people=2_000, keep_months=12),
    "상점 1,000곳, 한 달 1억 건": Load(),
}
SIZES = {
    "1단계 (상점 100곳, 한 달 20,000건)": (
        "t3.small 한 대(2 vCPU, 2 GB)에 compose로 모두: 제품 {product} + PostgreSQL {postgres} + Redis {redis}."
        " 스왑 1 GB를 둡니다. 무료 Redis 등급(한 달 50만 명령)은 쓸 수 없습니다: 일이 없어도 한 달 {commands} 명령입니다."
    ),
    "2단계 (상점 1,000곳, 한 달 200,000건)": (
        "t3.medium 두 대(4 GB씩)에 제품을 나누고 RDS db.t3.medium, ElastiCache cache.t3.micro(0.5 GB)."
        " 두 대인 까닭은 속도가 아니라 하나가 죽어도 되기 때문입니다."
    ),
    "상점 1,000곳, 한 달 1억 건": (
        "제품 4 vCPU 두 대(8 GB씩), PostgreSQL 4 vCPU 16 GB와 복제본, 디스크는 아래 표, Redis 1 GB."
        " 이 크기는 아래 필요량에 여유를 둔 것이며 이 크기의 기계에서 재어 보지는 않았습니다."
    ),
}

HEAD = """# 용량: 이 기계가 나르는 양과 앞으로 필요한 양

<!-- `python -m deploy.capacity > deploy/capacity.ko.md`로 만듭니다. 손으로 고치지 마세요: 시험이 명령의 출력과 견줍니다. -->

값은 모두 잰 것이거나 잰 것에서 계산한 것입니다. 2코어 개발 기계를 다른 일과 나눠 쓰며 재었습니다.
다른 기계의 값은 그 기계에서 같은 명령으로 재어 `deploy/capacity/measured.json`에 적으세요.
가정(바쁜 날, 바쁜 시간, 단건의 몫, 발송사의 답)은 명령의 인자로 바꿉니다: `make capacity MESSAGES=50000000 MERCHANTS=300`.
"""


def page() -> str:
    """All of it."""
    parts = [HEAD, "## 잰 값\n", _figures(), "\n## 필요한 양\n"]
    for title, load in STAGES.items():
        parts += [f"### {title}\n", _sized(title), "", table(needs(load)), ""]
    return "\n".join(parts).rstrip() + "\n"


def table(found: list[Need]) -> str:
    """The lines of a load."""
    rows = [f"| {one.name} | {one.value} | {one.how} |" for one in found]
    return "\n".join(["| 무엇 | 얼마 | 어떻게 |", "|---|---:|---|", *rows])


def _figures() -> str:
    rows = [
        f"| `{one.name}` | {one.title} | {one.value:,.10g} {one.unit} | `{one.command}` | {one.at} |"
        for one in figures().values()
    ]
    return "\n".join(["| 이름 | 무엇 | 값 | 명령 | 언제 |", "|---|---|---:|---|---|", *rows])


def _sized(title: str) -> str:
    return SIZES[title].format(
        product=f"{of('memory_mb_product'):,.0f} MB",
        postgres=f"{of('memory_mb_postgres'):,.0f} MB",
        redis=f"{of('memory_mb_redis'):,.0f} MB",
        commands=f"{of('redis_commands_per_second') * 86_400 * 30 / 1e6:,.0f}백만",
    )
