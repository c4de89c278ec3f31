"""`python -m deploy.cost`: what a month costs, stage 1 and stage 2, by the starting document and by our own price data."""

import argparse
import json
import sys
from dataclasses import asdict, replace
from decimal import Decimal

from deploy.checks.table import padded, width
from deploy.cost import model
from deploy.cost.model import Bill, Wish

SURE = {"stated": "안내서", "known": "공개 단가(확인 필요)", "measured": "측정", "computed": "계산", "sample": "견본"}
NOTES = """차이가 나는 까닭
 1. 알림톡은 광고를 실을 수 없습니다. 카카오톡 건수는 주문·예약 같은 안내에만 쓸 수 있고, 광고는 SMS·LMS·MMS로 나갑니다.
 2. 광고 SMS 90바이트 중 ‘(광고)[상호]’와 무료수신거부가 35바이트를 씁니다. 남는 55바이트를 넘으면 LMS이고 SMS의 약 3배입니다.
    ADS=1로 모두 LMS인 달을 볼 수 있습니다. 전단 그림(MMS)은 그보다 비쌉니다.
 3. 알림톡이 닿지 않은 사람에게 보내는 문자는 따로 듭니다 (FALLBACK=0.1).
 4. 안내서의 그림은 Multi-AZ와 복제본을 그리지만 값은 한 대입니다. 알리고는 등록된 IP만 받으므로 고정 IP(NAT)가 듭니다.
 5. 안내서의 합계는 어림값입니다: 항목을 더한 값을 함께 보입니다.
 6. 발송 단가는 협상 전 값이고, 알리고 알림톡 단가는 확인되지 않았습니다 (core/rules/prices.json). 부가세는 넣지 않았습니다."""


def main() -> int:
    """Print both stages, or one with other numbers."""
    given = _arguments()
    stages = [given.stage] if given.stage else ["1", "2"]
    wanted = [_wish(stage, given) for stage in stages]
    if given.json:
        print(json.dumps([_document(one) for one in wanted], ensure_ascii=False, indent=1))
        return 0
    print("\n\n".join([*map(_page, wanted), NOTES]))
    return 0


def _wish(stage: str, given: argparse.Namespace) -> Wish:
    """The stage with whatever was said otherwise; other users alone change the messages in proportion."""
    told = model.wish(stage)
    times = Decimal(given.users or told.users) / told.users
    return replace(
        told,
        users=given.users or told.users,
        sms=int(told.sms * times) if given.sms is None else given.sms,
        kakao=int(told.kakao * times) if given.kakao is None else given.kakao,
        ads=given.ads,
        fallback=given.fallback,
        provider=given.provider,
    )


def _page(wanted: Wish) -> str:
    head = f"{wanted.stage}단계 · 사용자 {wanted.users:,}명 · 한 달에 SMS {wanted.sms:,}건, 카카오톡 {wanted.kakao:,}건"
    by_guide, by_ours = model.guide(wanted), model.ours(wanted)
    lines = [head, "", *_bill(by_guide)]
    if wanted == replace(model.wish(wanted.stage), provider=wanted.provider):
        told, dollars = model.stated(wanted.stage)
        apart = (by_guide.total - told) / told
        lines.append(f"  안내서에 적힌 합계: 약 {told:,}원 (${dollars:,}); 항목을 더하면 {apart:+.1%}")
    lines += ["", *_bill(by_ours), f"  안내서의 단가보다 {by_ours.total - by_guide.total:+,}원"]
    return "\n".join(lines)


def _bill(bill: Bill) -> list[str]:
    lines = [*bill.infrastructure, *bill.messages]
    columns = max(width(line.name) for line in lines)
    told = [f"  {bill.title}"]
    for line in lines:
        counted = f"{line.count:,}건 × {line.unit}원" if line.count else ""
        told.append(f"    {padded(line.name, columns)}  {model.won(line.won):>12,}원  {padded(counted, 24)}{SURE[line.sure]}")
    return [*told, f"    {padded('합계', columns)}  {bill.total:>12,}원  (${bill.total / float(model.rate()):,.0f})"]


def _document(wanted: Wish) -> dict[str, object]:
    bills = {"guide": model.guide(wanted), "ours": model.ours(wanted)}
    told = {name: {**asdict(bill), "total_won": bill.total} for name, bill in bills.items()}
    document = {"wish": asdict(wanted), "stated_won": model.stated(wanted.stage)[0], **told}
    return dict(json.loads(json.dumps(document, default=str)))


def _share(text: str) -> Decimal:
    share = Decimal(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("0에서 1 사이여야 합니다")
    return share


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError("0 이상이어야 합니다")
    return count


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.cost", description=__doc__)
    parser.add_argument("--stage", choices=["1", "2"], help="default: both")
    parser.add_argument("--users", type=_count, default=0)
    parser.add_argument("--sms", type=_count, help="messages a month by text")
    parser.add_argument("--kakao", type=_count, help="messages a month by Kakao")
    parser.add_argument("--ads", type=_share, default=Decimal(0), help="share of the texts that advertise and so become LMS")
    parser.add_argument("--fallback", type=_share, default=Decimal(0), help="share of Alimtalk that goes by text instead")
    parser.add_argument("--provider", choices=["aligo", "solapi"], default="aligo")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
