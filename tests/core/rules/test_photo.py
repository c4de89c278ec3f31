"""Uploaded photos: what is refused, with which reason, and what an accepted one becomes."""

import io
import struct
import warnings
import zlib

import pytest
from PIL import Image

from core.errors import InvalidInput
from core.rules.photo import MAX_BYTES, STORED_SIDE, check, normalise, upright

RED, BLUE = (220, 30, 30), (30, 30, 220)


def halves(size: tuple[int, int] = (600, 400), mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.convert(mode)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_header_claiming(width: int, height: int) -> bytes:
    """A tiny but well-formed PNG whose header promises an enormous picture."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(10_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def jpeg_header_claiming(width: int, height: int) -> bytes:
    data = bytearray(encoded(halves()))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def reason(data: bytes) -> str:
    with pytest.raises(InvalidInput) as refused:
        check(data)
    assert refused.value.message
    return refused.value.reason


def near(one: object, other: tuple[int, int, int], tolerance: int = 12) -> bool:
    assert isinstance(one, tuple)
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_the_four_usual_formats_are_accepted(kind: str) -> None:
    photo = check(encoded(halves(), kind))
    assert (photo.width, photo.height, photo.format) == (600, 400, kind)


def test_nothing_is_no_photo() -> None:
    assert reason(b"") == "IMAGE_EMPTY"


def test_more_than_ten_mebibytes_is_refused_before_it_is_read() -> None:
    assert reason(b"\xff\xd8\xff" + bytes(MAX_BYTES)) == "IMAGE_TOO_LARGE"


def test_ten_mebibytes_to_the_byte_are_not_too_large() -> None:
    data = encoded(halves())
    assert check(data + bytes(MAX_BYTES - len(data))).width == 600


@pytest.mark.parametrize(
    "data",
    [
        b"hello, this is a letter and no picture" * 20,
        "이름,전화번호\n김하나,01012345678\n".encode("cp949"),
        b"<svg xmlns='http://www.w3.org/2000/svg' width='500' height='500'/>",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        bytes(5000),
    ],
)
def test_what_only_pretends_is_no_image(data: bytes) -> None:
    assert reason(data) == "IMAGE_NOT_AN_IMAGE"


def test_an_image_of_a_format_we_do_not_take_is_refused() -> None:
    assert reason(encoded(halves(), "BMP")) == "IMAGE_NOT_AN_IMAGE"
    assert reason(encoded(halves(), "TIFF")) == "IMAGE_NOT_AN_IMAGE"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_cut_off_on_its_way_is_refused(kind: str, share: float) -> None:
    grain = Image.effect_noise((500, 400), 60).convert("RGB")
    data = encoded(grain, kind)
    assert reason(data[: int(len(data) * share)]) == "IMAGE_NOT_AN_IMAGE"


@pytest.mark.parametrize("size", [(8000, 8000), (10_000, 10_000), (60_000, 60_000)])
def test_a_decompression_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    bomb = png_header_claiming(*size)
    assert len(bomb) < 200
    assert reason(bomb) == "IMAGE_TOO_MANY_PIXELS"


def test_a_jpeg_bomb_is_refused_by_its_header() -> None:
    assert reason(jpeg_header_claiming(65_000, 65_000)) == "IMAGE_TOO_MANY_PIXELS"


def test_the_limit_does_not_lean_on_warnings_being_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert reason(png_header_claiming(10_000, 10_000)) == "IMAGE_TOO_MANY_PIXELS"


def test_fifty_megapixels_are_the_last_that_pass_the_header() -> None:
    assert reason(png_header_claiming(10_000, 5_000)) == "IMAGE_NOT_AN_IMAGE"
    assert reason(png_header_claiming(10_000, 5_001)) == "IMAGE_TOO_MANY_PIXELS"


def test_a_thumbnail_is_too_small() -> None:
    assert reason(encoded(halves((199, 400)))) == "IMAGE_TOO_SMALL"
    assert reason(encoded(halves((400, 199)))) == "IMAGE_TOO_SMALL"
    assert check(encoded(halves((200, 200)))).width == 200


def test_a_phone_held_sideways_is_understood() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(halves(), exif=exif)
    assert (check(data).width, check(data).height) == (400, 600)
    image = upright(data, 600)
    assert image.size == (400, 600)
    assert near(image.getpixel((200, 50)), RED) and near(image.getpixel((200, 550)), BLUE)


def test_transparent_pictures_stand_on_white() -> None:
    image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    image.paste((220, 30, 30, 255), (100, 100, 200, 200))
    flat = upright(encoded(image, "PNG"), 300)
    assert flat.mode == "RGB"
    assert flat.getpixel((10, 10)) == (255, 255, 255) and flat.getpixel((150, 150)) == RED


def test_a_palette_with_a_transparent_colour_stands_on_white() -> None:
    image = Image.new("P", (300, 300), 0)
    image.putpalette([0, 0, 0, *RED])
    image.paste(1, (100, 100, 200, 200))
    flat = upright(encoded(image, "PNG", transparency=0), 300)
    assert flat.getpixel((10, 10)) == (255, 255, 255) and flat.getpixel((150, 150)) == RED


@pytest.mark.parametrize("mode", ["CMYK", "L", "RGB"])
def test_every_colour_mode_of_jpeg_becomes_rgb(mode: str) -> None:
    assert upright(encoded(halves(mode=mode)), 600).mode == "RGB"


def test_sixteen_bit_grey_keeps_its_tones() -> None:
    image = Image.new("I;16", (300, 300), 32_768)
    grey = upright(encoded(image, "PNG"), 300).getpixel((10, 10))
    assert near(grey, (128, 128, 128), 2)


def test_an_animation_shows_its_first_frame() -> None:
    first, second = Image.new("RGB", (300, 300), RED), Image.new("RGB", (300, 300), BLUE)
    data = encoded(first, "GIF", save_all=True, append_images=[second])
    assert near(upright(data, 300).getpixel((10, 10)), RED)


def test_a_broken_colour_profile_does_not_cost_the_photo() -> None:
    data = encoded(halves(), icc_profile=b"no profile at all")
    assert near(upright(data, 600).getpixel((50, 50)), RED)


def test_a_large_jpeg_is_decoded_small() -> None:
    data = encoded(halves((4000, 3000)))
    assert upright(data, 300).size == (500, 375)


def test_a_stored_photo_carries_nothing_but_the_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    data = encoded(halves((3600, 2400)), exif=exif, comment=b"where somebody lives")
    stored = normalise(data)
    image = Image.open(io.BytesIO(stored))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert image.size == (1600, STORED_SIDE)
    assert not image.getexif() and "icc_profile" not in image.info and b"somebody" not in stored


def test_a_small_photo_is_not_blown_up() -> None:
    assert Image.open(io.BytesIO(normalise(encoded(halves(), "PNG")))).size == (600, 400)


def test_a_stored_photo_is_accepted_again() -> None:
    assert check(normalise(encoded(halves(), "WEBP"))).format == "JPEG"


def test_storing_refuses_what_checking_refuses() -> None:
    with pytest.raises(InvalidInput):
        normalise(b"no photo")
