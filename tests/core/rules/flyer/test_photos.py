"""Photos on the flyer: the subject stays in view, calm backgrounds grow, and the colour is found."""

import io

import pytest
from PIL import Image, ImageDraw

from core.rules.flyer.palette import DEFAULT_ACCENT, to_lch
from core.rules.flyer.photos import cover, leading_colour

BACK, THING = (235, 228, 215), (180, 40, 30)


def encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def studio(size: tuple[int, int], thing: tuple[int, int, int, int]) -> bytes:
    image = Image.new("RGB", size, BACK)
    image.paste(THING, thing)
    return encoded(image)


def busy(size: tuple[int, int], thing: tuple[int, int, int, int]) -> bytes:
    """The same, but with a background that cannot be drawn out."""
    image = Image.new("RGB", size, BACK)
    pen = ImageDraw.Draw(image)
    for n in range(0, size[0] + size[1], 14):
        pen.line((n, 0, 0, n), fill=(205, 196, 180), width=5)
    image.paste(THING, thing)
    return encoded(image)


def red_box(image: Image.Image) -> tuple[int, int, int, int]:
    red = Image.eval(image.getchannel("G"), lambda value: 255 if value < 110 else 0)
    box = red.getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize("size", [(300, 300), (1000, 560), (282, 540), (126, 126), (431, 177)])
def test_a_photo_fills_exactly_the_frame(size: tuple[int, int]) -> None:
    assert cover(studio((800, 600), (300, 200, 500, 400)), size).size == size


def test_the_crop_follows_a_subject_off_the_middle() -> None:
    left, _, right, _ = red_box(cover(busy((1200, 400), (850, 100, 1050, 300)), (400, 400)))
    assert right - left == pytest.approx(200, abs=6)
    assert left > 0 and right < 400


def test_a_tall_product_on_calm_ground_keeps_head_and_feet_in_a_wide_frame() -> None:
    wide = cover(studio((600, 600), (250, 60, 350, 540)), (900, 300))
    _, top, _, bottom = red_box(wide)
    assert top > 0 and bottom < 300
    edge = wide.getpixel((5, 150))
    assert isinstance(edge, tuple)
    assert all(abs(a - b) <= 3 for a, b in zip(edge, BACK, strict=True))


def test_a_broad_product_on_calm_ground_keeps_its_sides_in_a_tall_frame() -> None:
    left, _, right, _ = red_box(cover(studio((600, 600), (60, 250, 540, 350)), (280, 540)))
    assert left > 0 and right < 280


def test_a_busy_background_is_cropped_and_never_smeared() -> None:
    frame = cover(busy((600, 600), (250, 60, 350, 540)), (900, 300))
    assert red_box(frame)[1] == 0
    columns = {frame.crop((x, 0, x + 1, 300)).tobytes() for x in range(40)}
    assert len(columns) > 10


def test_the_mood_of_a_photo_is_its_strongest_colour() -> None:
    hue = to_lch(leading_colour(studio((600, 600), (150, 150, 450, 450))))[2]
    wanted = to_lch(THING)[2]
    assert abs(hue - wanted) < 15


def test_a_grey_photo_has_no_mood_of_its_own() -> None:
    assert leading_colour(encoded(Image.effect_noise((300, 300), 50).convert("RGB"))) == DEFAULT_ACCENT
