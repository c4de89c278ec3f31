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
from deploy.local.client import PATIENCE, Client, progress
from deploy.local.product import Product, start_product
from deploy.local.refusal import Refusal
from deploy.local.sample import customers

SAMPLE = Path(__file__).parent / "sample"
# The coupon is this run's own, so that the sandbox can tell a second run from a message that was sent twice.
BODY = """가을 원두전이 열렸습니다.
#{{이름|고객}}님께 하우스 블렌드 20% 할인!
11/23~11/30 매장과 온라인에서 만나요.
쿠폰번호 {coupon}
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
        extra = {"CLOCK_OFFSET_SECONDS": str(int(offset.total_seconds())), "RATE_LIMIT": "6000/minute"}
        say("시작:", end="")
        with start_product(var, quiet=True, extra=extra, ready=lambda name: say(f" {name}", end="")) as product:
            say("")
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
    coupon = f"{datetime.now():%m%d-%H%M%S}"
    import_customers(client, var, recipients, f"데모 {coupon}")
    before = client.sandbox_duplicates(product.sandbox_url, product.stack.wants_sandbox)
    report = send(client, flyer, coupon)
    report.flyer = str(path)
    report.seconds["total"] = round(time.monotonic() - started, 3)
    (var / "demo" / "report.json").write_text(json.dumps(report.__dict__, ensure_ascii=False, indent=1))
    doubled = client.sandbox_duplicates(product.sandbox_url, product.stack.wants_sandbox) - before
    show(report, product)
    return judge(report, doubled)


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
    counts = (("새로", "createdCount"), ("갱신", "updatedCount"), ("중복", "duplicateCount"), ("오류", "errorCount"))
    say("고객: " + ", ".join(f"{name} {done[count]:,}" for name, count in counts))
    for warning in done["warnings"]:
        say(f"  알림: {warning}")
    for error in client.get(f"imports/{made['id']}/errors", page_size=3)["errors"]:
        say(f"  {error['row']}행 {error['column']} ‘{error['value']}’: {error['message']}")


def send(client: Client, flyer: str, coupon: str) -> Report:
    """Write, preview, launch, follow to the last result."""
    sender = client.get("senderNumbers")["senderNumbers"][0]["id"]
    draft = {
        "name": "가을 원두전",
        "purpose": "PURPOSE_AD",
        "body": BODY.format(coupon=coupon),
        "subject": "가을 원두전",
        "flyerId": flyer,
        "senderNumberId": sender,
        "audience": {"anyTags": [f"데모 {coupon}"]},
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
    last, since = None, launched
    while True:
        now = client.get(f"campaigns/{campaign}")["campaign"]
        counters = now["counters"]
        gone = time.monotonic() - launched
        if now["state"] != "STATE_PLANNING":
            seconds.setdefault("plan", round(gone, 3))
        if "plan" in seconds and not any(counters[name] for name in WAITING):
            seconds.setdefault("deliver", round(gone, 3))
        settled = counters["selected"] - sum(counters[name] for name in (*WAITING, "accepted"))
        known = f"결과 대기 {counters['accepted']:,}, 도착 {counters['delivered']:,} {now['waitingFor']}"
        progress("발송과 결과", settled, counters["selected"], known)
        if "deliver" in seconds and not counters["accepted"]:
            break
        if counters != last:
            last, since = counters, time.monotonic()
        if time.monotonic() - since > PATIENCE:
            say(f"{PATIENCE:.0f}초 동안 달라진 것이 없어 더 기다리지 않습니다. 기록(logs)을 확인해 주세요.")
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


STEPS = {"plan": "계획", "deliver": "접수까지", "total": "전체"}


def show(report: Report, product: Product) -> None:
    """Where everybody is, how long it took, what it held in memory."""
    rows = [
        ("대상", report.recipients),
        ("제외", sum(report.excluded.values())),
        ("발송사 접수", report.accepted),
        ("도착", report.delivered),
        ("실패", report.failed),
        ("미확인", report.unknown),
        ("비용(원)", report.cost_krw),
    ]
    say("\n결과")
    for name, number in rows:
        say(f"  {padded(name, 14)} {number:>12,}")
    say("걸린 시간")
    for step, spent in report.seconds.items():
        say(f"  {padded(STEPS[step], 14)} {spent:>11.1f}초")
    say("프로세스별 최대 메모리")
    for name, megabytes in sorted(product.peak_process_rss().items()):
        say(f"  {name:<14} {megabytes:>10.0f} MB")
    say(f"\n전단: {report.flyer}\n보고서: {product.stack.var / 'demo' / 'report.json'}")
    say("받은 문자를 보려면 make run 으로 띄운 뒤 가상 휴대폰(/phone)을 여세요.")


def judge(report: Report, doubled: int) -> int:
    """Whether it adds up, also by the sandbox's own count."""
    excluded = sum(report.excluded.values())
    settled = report.delivered + report.failed
    whole = report.recipients == excluded + report.accepted + report.unknown and report.accepted == settled
    if whole and not report.unknown and not doubled:
        say("모든 고객이 정확히 한 곳에 있습니다.")
        return 0
    say(f"맞지 않습니다: 합계 {'일치' if whole else '불일치'}, 미확인 {report.unknown}, 두 번 보낸 문자 {doubled}")
    return 1


def padded(text: str, width: int) -> str:
    """Korean letters are two columns wide."""
    return text + " " * (width - sum(2 if letter >= "가" else 1 for letter in text))


def say(line: str, end: str = "\n") -> None:
    """One line for the person who watches."""
    print(line, end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main())
