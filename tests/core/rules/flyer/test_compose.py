"""A whole flyer: what every carrier takes, the same bytes every time, and no word over another."""

import hashlib
import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import InvalidInput
from core.rules.flyer.compose import SIZE, compose, draw
from core.rules.flyer.encode import MAX_BYTES
from core.rules.flyer.spec import Flyer, Item, Layout, capacity

ROOT = Path(__file__).parents[4]
COFFEE = (ROOT / "deploy/local/sample/photos/coffee.png").read_bytes()
CAKE = (ROOT / "deploy/local/sample/photos/cake.jpg").read_bytes()
FORTY = "봄날커피 시그니처 하우스 블렌드 스페셜티 원두 홀빈 대용량 업소용 특가 1kg"
ITEMS = (
    Item("봄날 하우스 블렌드 200g", 15_900, 12_700, "BEST", COFFEE),
    Item("에티오피아 예가체프 드립백 10입", 18_000, 14_400, "20%", CAKE),
    Item("콜드브루 원액 500ml", 16_000, None, "NEW", None),
    Item("말차 크림 케이크", 7_500, None, "", CAKE),
    Item(FORTY, 1_890_000, 1_512_000, "오늘만 특가", None),
    Item("에스프레소 도피오", 4_500, None, "1+1", COFFEE),
)
EVERY = [(layout, count) for layout in Layout for count in range(capacity(layout)[0], capacity(layout)[1] + 1)]


def flyer(layout: Layout = Layout.GRID, count: int = 6, **changes: object) -> Flyer:
    made = Flyer(layout, "11월 원두 할인전, 최대 20%", "봄날커피", "11.23(월) ~ 11.30(월) · 매장과 온라인", ITEMS[:count])
    return replace(made, **changes)  # type: ignore[arg-type]


def noise(seed: int) -> bytes:
    """A photo that hardly compresses."""
    image = Image.frombytes("RGB", (900, 900), Random(seed).randbytes(900 * 900 * 3))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def markers(data: bytes) -> list[int]:
    """The JPEG's segments up to the first scan."""
    found, at = [], 2
    while data[at + 1] != 0xDA:
        assert data[at] == 0xFF
        found.append(data[at + 1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


@pytest.mark.parametrize(("layout", "count"), EVERY)
def test_every_flyer_is_what_every_carrier_takes(layout: Layout, count: int) -> None:
    data = compose(flyer(layout, count))
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", SIZE)
    assert max(SIZE) <= 1000 and len(data) <= MAX_BYTES == 200_000
    assert not image.getexif() and "icc_profile" not in image.info and "progressive" not in image.info
    segments = markers(data)
    assert 0xC0 in segments and 0xC2 not in segments
    assert [marker for marker in segments if 0xE0 <= marker <= 0xEF or marker == 0xFE] == [0xE0]


def test_the_busiest_photos_still_fit_and_the_room_is_used() -> None:
    items = tuple(replace(item, photo=noise(n)) for n, item in enumerate(ITEMS))
    assert 150_000 < len(compose(flyer(items=items))) <= MAX_BYTES


@pytest.mark.parametrize(("layout", "count"), [(Layout.HERO, 1), (Layout.HIGHLIGHT, 4), (Layout.GRID, 6)])
def test_two_runs_give_the_same_bytes(layout: Layout, count: int) -> None:
    assert compose(flyer(layout, count)) == compose(flyer(layout, count))


def test_another_process_gives_the_same_bytes() -> None:
    script = (
        "import hashlib; from core.rules.flyer.compose import compose; from core.rules.flyer.spec import Flyer, Item, Layout;"
        "print(hashlib.sha256(compose(Flyer(Layout.HERO, '원두전', '봄날커피', '', "
        "(Item('말차', 7500, 7000, 'NEW', None),)))).hexdigest())"
    )
    run = [sys.executable, "-c", script]
    there = subprocess.run(run, cwd=ROOT, env={"PYTHONHASHSEED": "77"}, capture_output=True, text=True, check=True)
    item = Item("말차", 7_500, 7_000, "NEW", None)
    here = hashlib.sha256(compose(Flyer(Layout.HERO, "원두전", "봄날커피", "", (item,)))).hexdigest()
    assert there.stdout.strip() == here


def test_threads_do_not_disturb_each_other() -> None:
    wanted = [compose(flyer(layout, count)) for layout, count in EVERY]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda pair: compose(flyer(*pair)), EVERY)) == wanted


WORDS = st.text(
    st.one_of(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), st.sampled_from("  0123456789gAW,.%()+~·")),
    min_size=1,
    max_size=40,
).filter(str.strip)
PRICES = st.integers(0, 999_999_999)
MADE_ITEMS = st.builds(lambda name, price, badge: Item(name, price, None, badge, None), WORDS, PRICES, WORDS)


@settings(max_examples=40, deadline=None, database=None)
@given(st.sampled_from(EVERY), st.lists(MADE_ITEMS, min_size=6, max_size=6), WORDS, WORDS, WORDS, st.booleans())
def test_no_word_is_lost_or_stands_on_another(
    kind: tuple[Layout, int], items: list[Item], headline: str, shop: str, footer: str, sale: bool
) -> None:
    layout, count = kind
    chosen = tuple(
        replace(item, sale_price_krw=item.price_krw // 2) if sale and item.price_krw and n % 2 == 0 else item
        for n, item in enumerate(items[:count])
    )
    sheet = draw(Flyer(layout, headline, shop, footer, chosen))
    assert sheet.dropped == 0
    for n, one in enumerate(sheet.texts):
        assert sheet.box.inset(36, 20).contains(one)
        for other in sheet.texts[n + 1 :]:
            apart = one.right <= other.left or other.right <= one.left
            assert apart or one.bottom <= other.top or other.bottom <= one.top, (one, other)


def test_six_names_of_forty_characters_fit() -> None:
    items = tuple(replace(item, name=(FORTY + str(n))[-40:]) for n, item in enumerate(ITEMS))
    assert draw(flyer(items=items)).dropped == 0
    assert len(compose(flyer(items=items))) <= MAX_BYTES


def test_a_missing_photo_gets_a_stand_in_that_differs_from_paper() -> None:
    items = tuple(replace(item, photo=None, badge="") for item in ITEMS[:2])
    sheet = draw(flyer(count=2, items=items))
    colours = sheet.image.crop((52, 200, 476, 700)).getcolors(1_000_000)
    assert colours is not None
    seen = {colour for _, colour in colours}
    assert {sheet.palette.mist, sheet.palette.mist_mark} <= seen


def test_all_photos_missing_still_makes_a_flyer() -> None:
    items = tuple(replace(item, photo=None) for item in ITEMS)
    assert len(compose(flyer(items=items))) > 10_000


@pytest.mark.parametrize(("layout", "count"), [(Layout.HERO, 2), (Layout.HIGHLIGHT, 1), (Layout.HIGHLIGHT, 6), (Layout.GRID, 1)])
def test_a_wrong_number_of_products_is_refused(layout: Layout, count: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        compose(flyer(layout, count))
    assert refused.value.reason == "FLYER_ITEM_COUNT"


@pytest.mark.parametrize("field", ["headline", "shop", "footer"])
def test_a_character_without_a_glyph_is_refused_wherever_it_stands(field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        compose(replace(flyer(), **{field: "🎁 선물"}))  # type: ignore[arg-type]
    assert refused.value.reason == "MISSING_GLYPH" and "🎁" in refused.value.message


def test_a_badge_or_name_without_a_glyph_is_refused() -> None:
    for item in (replace(ITEMS[0], name="🎁 선물"), replace(ITEMS[0], badge="🎁")):
        with pytest.raises(InvalidInput):
            compose(flyer(Layout.HERO, items=(item,)))


def test_a_broken_photo_is_refused_with_its_reason() -> None:
    with pytest.raises(InvalidInput) as refused:
        compose(flyer(Layout.HERO, items=(replace(ITEMS[0], photo=COFFEE[:5000]),)))
    assert refused.value.reason == "IMAGE_NOT_AN_IMAGE"


def test_an_accent_colours_the_flyer() -> None:
    blue, green = (draw(flyer(Layout.HIGHLIGHT, 3, accent=accent)).palette.deep for accent in ("#1D4ED8", "#15803D"))
    assert blue[2] > blue[1] and green[1] > green[2]


def test_an_accent_that_is_no_colour_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        compose(flyer(accent="blue"))
    assert refused.value.reason == "ACCENT_INVALID"
