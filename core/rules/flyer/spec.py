"""What a flyer is made of: its layout, its words and its products, and what is refused before anything is drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from core.errors import InvalidInput, Violation


class Layout(StrEnum):
    HERO = "hero"
    HIGHLIGHT = "highlight"
    GRID = "grid"


@dataclass(frozen=True)
class Item:
    """One product on the flyer; prices in won, the photo as it was uploaded."""

    name: str
    price_krw: int
    sale_price_krw: int | None
    badge: str
    photo: bytes | None


@dataclass(frozen=True)
class Flyer:
    """One flyer; `accent` is "#RRGGBB", or empty to take the colour from the first photo."""

    layout: Layout
    headline: str
    shop: str
    footer: str
    items: tuple[Item, ...]
    accent: str = ""


_CAPACITY = {Layout.HERO: (1, 1), Layout.HIGHLIGHT: (2, 5), Layout.GRID: (2, 6)}
_BEST = {1: Layout.HERO, 2: Layout.GRID, 3: Layout.HIGHLIGHT, 4: Layout.GRID, 5: Layout.HIGHLIGHT, 6: Layout.GRID}
_HIGHEST_PRICE = 999_999_999


def capacity(layout: Layout) -> tuple[int, int]:
    """How many products the layout takes: fewest, most."""
    return _CAPACITY[layout]


def best_layout(count: int) -> Layout:
    """The layout that suits this many products."""
    if count not in _BEST:
        raise InvalidInput("전단에는 상품을 1개에서 6개까지 넣을 수 있습니다.", reason="FLYER_ITEM_COUNT")
    return _BEST[count]


def validate(flyer: Flyer) -> None:
    """Refuses a flyer that cannot be drawn honestly, naming every wrong field."""
    fewest, most = capacity(flyer.layout)
    count = len(flyer.items)
    if not fewest <= count <= most:
        wanted = f"{fewest}개" if fewest == most else f"{fewest}~{most}개"
        message = f"이 레이아웃에는 상품이 {wanted} 필요합니다. 지금은 {count}개입니다."
        raise InvalidInput(message, [Violation("items", message, "FLYER_ITEM_COUNT")], reason="FLYER_ITEM_COUNT")
    wrong = list(_wrong_words(flyer)) + [w for n, item in enumerate(flyer.items) for w in _wrong_prices(n, item)]
    if wrong:
        raise InvalidInput(wrong[0].message, wrong)


def _wrong_words(flyer: Flyer) -> Iterator[Violation]:
    if not flyer.headline.strip():
        yield Violation("headline", "전단의 제목을 적어 주세요.", "REQUIRED")
    for number, item in enumerate(flyer.items):
        if not item.name.strip():
            yield Violation(f"items[{number}].name", "상품 이름을 적어 주세요.", "REQUIRED")


def _wrong_prices(number: int, item: Item) -> Iterator[Violation]:
    if not 0 <= item.price_krw <= _HIGHEST_PRICE:
        yield Violation(f"items[{number}].price_krw", "가격은 0원부터 999,999,999원까지입니다.", "PRICE_OUT_OF_RANGE")
    sale = item.sale_price_krw
    if sale is not None and not 0 <= sale < item.price_krw:
        yield Violation(f"items[{number}].sale_price_krw", "할인가는 정가보다 낮아야 합니다.", "SALE_NOT_LOWER")
