"""`make demo`: the main job through the front door, on the sample data, with every message accounted for."""

import json
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from core import clock
from core.rules import night
from deploy.local.client import Client, progress
from deploy.local.product import Product, start_product
from deploy.local.refusal import Refusal
from deploy.local.sample import customers

SAMPLE = Path(__file__).parent / "sample"
BODY = """가을 원두전이 열렸습니다.
#{이름|고객}님께 하우스 블렌드 20% 할인!
11/23~11/30 매장과 온라인에서 만나요.
bomnal.example/fall"""
MARGIN = timedelta(minutes=30)  # a demo that begins shortly before the night would be held until morning
WAITING = ("planned", "held", "claimed", "unknown")


@dataclass
class Report:
    """What `report.json` says."""

    recipients: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    delivered: int = 0
    failed: int = 0
    unknown: int = 0
    cost_krw: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    flyer: str = ""
    campaign: str = ""


def main() -> int:
    """The whole job; 0 only when every message is accounted for."""
    var = Path(os.environ.get("VAR") or "var")
    recipients = int(os.environ.get("RECIPIENTS") or 1000)
    say("봄날커피의 하루: 상품 → 전단 → 고객 → 캠페인 → 발송 → 결과")
    offset = daytime_offset(clock.now())
    if offset:
        shown = clock.kst(clock.now() + offset)
        say(f"지금은 광고를 보낼 수 없는 밤입니다. 데모의 시계를 {shown:%H:%M}(KST)로 맞춥니다.")
    try:
        with start_product(var, quiet=True, extra={"CLOCK_OFFSET_SECONDS": str(int(offset.total_seconds())), "RATE_LIMIT": "6000/minute"}) as product:
            say("준비 완료: PostgreSQL, Valkey, 저장소, 샌드박스, 서버, 작업자, 게이트웨이")
            return run(product, var, recipients)
    except Refusal as refusal:
        print(f"jeondan: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def daytime_offset(now: datetime) -> timedelta:
    """How far the demo's clock is moved so that it is day in Korea."""
    if night.may_leave(now, night_consent=False) and night.may_leave(now + MARGIN, night_consent=False):
        return timedelta(0)
    return clock.kst(now).replace(hour=10, minute=0, second=0) - clock.kst(now)


def run(product: Product, var: Path, recipients: int) -> int:
    """Every step through REST, as a merchant's program would."""
    started = time.monotonic()
    login = json.loads((var / "demo-login.json").read_text())
    client = Client(product.gateway_url, login["api_key"])
    flyer, picture = make_flyer(client)
    path = var / "demo" / "flyer.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)
    say(f"전단: {path} ({len(picture):,}바이트)")
    tag = f"데모 {datetime.now():%m%d-%H%M%S}"
    import_customers(client, var, recipients, tag)
    report = send(client, flyer, tag)
    report.flyer = str(path)
    report.seconds["total"] = round(time.monotonic() - started, 3)
    (var / "demo" / "report.json").write_text(json.dumps(report.__dict__, ensure_ascii=False, indent=1))
    return judge(report, client, product)


def make_flyer(client: Client) -> tuple[str, bytes]:
    """Photos up, products registered, flyer composed; its id and its bytes."""
    catalog = json.loads((SAMPLE / "catalog.json").read_text())
    known = {product["sku"]: product["id"] for product in client.get("products", page_size=200)["products"]}
    products = []
    for number, entry in enumerate(catalog["products"], 1):
        progress("상품 등록", number, len(catalog["products"]))
        products.append(known.get(entry["sku"]) or add_product(client, entry))
    made = client.post("flyers", {"headline": "가을 원두전", "footer": "11/23~11/30 · 봄날커피", "productIds": products})
    flyer = client.wait(f"flyers/{made['flyer']['id']}", "flyer", "전단 만들기", {"STATE_READY"}, {"STATE_FAILED"})
    return flyer["id"], client.download(flyer["viewUrl"])


def add_product(client: Client, entry: dict[str, Any]) -> str:
    """One product with its photo."""
    photo = SAMPLE / entry["photo"]
    kind = "image/png" if photo.suffix == ".png" else "image/jpeg"
    upload = client.post("imageUploads", {"fileName": photo.name, "contentType": kind})["upload"]
    client.upload(upload, photo)
    image = client.post("images", {"objectName": upload["objectName"], "fileName": photo.name})["image"]
    image = client.wait(f"images/{image['id']}", "image", "", {"STATE_READY"}, {"STATE_REFUSED"})
    names = {"name": "name", "sku": "sku", "description": "description", "price_krw": "priceKrw", "badge": "badge"}
    product = {new: entry[old] for old, new in names.items()}
    if entry["sale_price_krw"] is not None:
        product["salePriceKrw"] = entry["sale_price_krw"]
    return str(client.post("products", {**product, "imageIds": [image["id"]]})["product"]["id"])


def import_customers(client: Client, var: Path, recipients: int, tag: str) -> None:
    """An Excel file with the dirt real files have; more than 20,000 rows come as csv."""
    path = SAMPLE / "customers.xlsx"
    if recipients != 1000:
        path = var / "demo" / ("customers.xlsx" if recipients <= 20_000 else "customers.csv")
        customers.write(path, recipients)
    upload = client.post("importUploads", {"fileName": path.name})["upload"]
    client.upload(upload, path)
    made = client.post("imports", {"objectName": upload["objectName"], "fileName": path.name, "tag": tag})["import"]
    done = client.wait(f"imports/{made['id']}", "import", "고객 가져오기", {"STATE_DONE"}, {"STATE_REFUSED", "STATE_FAILED"})
    say(f"고객: 새로 {done['createdCount']:,}, 갱신 {done['updatedCount']:,}, 중복 {done['duplicateCount']:,}, 오류 {done['errorCount']:,}")
    for warning in done["warnings"]:
        say(f"  알림: {warning}")
    for error in client.get(f"imports/{made['id']}/errors", page_size=3)["errors"]:
        say(f"  {error['row']}행 {error['column']} ‘{error['value']}’: {error['message']}")


def send(client: Client, flyer: str, tag: str) -> Report:
    """Write, preview, launch, follow to the last result."""
    sender = client.get("senderNumbers")["senderNumbers"][0]["id"]
    draft = {
        "name": "가을 원두전",
        "purpose": "PURPOSE_AD",
        "body": BODY,
        "subject": "가을 원두전",
        "flyerId": flyer,
        "senderNumberId": sender,
        "audience": {"anyTags": [tag]},
    }
    campaign = client.post("campaigns", draft)["campaign"]
    preview = client.post(f"campaigns/{campaign['id']}:preview", {})
    show_preview(preview)
    launched = time.monotonic()
    client.post(f"campaigns/{campaign['id']}:launch", {"etag": campaign["etag"]})
    return follow(client, campaign["id"], launched)


def show_preview(preview: dict[str, Any]) -> None:
    """Who gets what, at what cost."""
    kinds = ", ".join(f"{one['channel'].removeprefix('CHANNEL_')} {one['count']:,}건" for one in preview["channels"])
    left_out = ", ".join(f"{one['label']} {one['count']:,}" for one in preview["exclusions"]) or "없음"
    say(f"미리보기: 대상 {preview['selected']:,}명 → {kinds}, 예상 {preview['costKrw']:,}원 · 제외: {left_out}")
    if preview["samples"]:
        sample = preview["samples"][0]
        say(f"  가장 긴 문자 {sample['bytes']}바이트, {sample['maskedName']}님:")
        for line in sample["text"].splitlines():
            say(f"    {line}")


def follow(client: Client, campaign: str, launched: float) -> Report:
    """Until nobody is waiting and every result is known."""
    seconds: dict[str, float] = {}
    while True:
        now = client.get(f"campaigns/{campaign}")["campaign"]
        counters = now["counters"]
        gone = time.monotonic() - launched
        if now["state"] != "STATE_PLANNING":
            seconds.setdefault("plan", round(gone, 3))
        if "plan" in seconds and not any(counters[name] for name in WAITING):
            seconds.setdefault("deliver", round(gone, 3))
        settled = counters["selected"] - sum(counters[name] for name in (*WAITING, "accepted"))
        progress("발송과 결과", settled, counters["selected"], f"접수 {counters['accepted']:,} 도착 {counters['delivered']:,} {now['waitingFor']}")
        if "deliver" in seconds and not counters["accepted"]:
            break
        time.sleep(0.2)
    return Report(
        recipients=counters["selected"],
        excluded={one["reason"]: one["count"] for one in now["exclusions"]},
        accepted=counters["accepted"] + counters["delivered"] + counters["failed"],
        delivered=counters["delivered"],
        failed=counters["failed"],
        unknown=counters["unknown"],
        cost_krw=now["costKrw"],
        seconds=seconds,
        campaign=campaign,
    )


def judge(report: Report, client: Client, product: Product) -> int:
    """The table, and whether it adds up, also by the sandbox's own count."""
    excluded = sum(report.excluded.values())
    rows = [("대상", report.recipients), ("제외", excluded), ("발송사 접수", report.accepted), ("도착", report.delivered),
            ("실패", report.failed), ("미확인", report.unknown), ("비용(원)", report.cost_krw)]  # fmt: skip
    say("")
    for name, number in rows:
        say(f"  {name:<12} {number:>12,}")
    for name, spent in report.seconds.items():
        say(f"  {name:<12} {spent:>11.1f}초")
    for name, megabytes in sorted(product.peak_rss().items()):
        say(f"  {name:<24} {megabytes:>6.0f} MB")
    whole = report.recipients == excluded + report.accepted + report.unknown and report.accepted == report.delivered + report.failed
    doubled = client.sandbox_duplicates(product.sandbox_url, product.stack.wants_sandbox)
    say(f"\n보고서: {product.stack.var / 'demo' / 'report.json'}")
    if whole and not report.unknown and not doubled:
        say("모든 고객이 정확히 한 곳에 있습니다.")
        return 0
    say(f"맞지 않습니다: 합계 {'일치' if whole else '불일치'}, 미확인 {report.unknown}, 중복 {doubled}")
    return 1


def say(line: str) -> None:
    """One line for the person who watches."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
