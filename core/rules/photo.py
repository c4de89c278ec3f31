"""Uploaded photos: what is accepted, and how one is opened: upright, in sRGB, without more memory than it takes."""

import io
from dataclasses import dataclass

from PIL import Image, ImageCms, ImageOps

from core.errors import InvalidInput

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 50_000_000
MIN_SIDE = 200
STORED_SIDE = 2400
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_QUALITY = 90
_SRGB = ImageCms.createProfile("sRGB")


@dataclass(frozen=True)
class Photo:
    """What an accepted photo is: its size as a viewer sees it (after EXIF rotation) and its format."""

    width: int
    height: int
    format: str


def check(data: bytes) -> Photo:
    """Refuses what is no usable photo; the size is judged from the header, before anything is decoded."""
    image = _open(data)
    width, height = _upright_size(image)
    if min(width, height) < MIN_SIDE:
        raise InvalidInput(
            f"사진이 너무 작습니다({width}×{height}). 가로세로 {MIN_SIDE}픽셀 이상이어야 합니다.",
            reason="IMAGE_TOO_SMALL",
        )
    name = "JPEG" if image.format == "MPO" else image.format or ""
    _decode(image, MIN_SIDE)
    return Photo(width, height, name)


def normalise(data: bytes) -> bytes:
    """The photo as it is stored: JPEG, at most 2400 pixels, sRGB, no EXIF (which may tell where somebody lives)."""
    check(data)
    image = upright(data, STORED_SIDE)
    image.thumbnail((STORED_SIDE, STORED_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY, optimize=True, subsampling=0)
    return out.getvalue()


def upright(data: bytes, about: int) -> Image.Image:
    """The photo as RGB, turned as its EXIF says, flattened on white; its sides at least `about`, if they were."""
    image = _open(data)
    profile = image.info.get("icc_profile")
    _decode(image, about)
    flat = _to_srgb(ImageOps.exif_transpose(image), profile)
    flat.info = {}  # Pillow would write a comment found here into the next file
    return flat


def _open(data: bytes) -> Image.Image:
    if not data:
        raise InvalidInput("빈 이미지 파일입니다.", reason="IMAGE_EMPTY")
    if len(data) > MAX_BYTES:
        raise InvalidInput("이미지는 10MB까지 올릴 수 있습니다.", reason="IMAGE_TOO_LARGE")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except Exception:  # decoders throw anything at hostile bytes; all of it means the same here
        raise _not_an_image() from None
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels()
    return image


def _decode(image: Image.Image, about: int) -> None:
    try:
        image.draft(None, (about, about))
        image.load()
    except Exception:
        raise _not_an_image() from None


def _upright_size(image: Image.Image) -> tuple[int, int]:
    try:
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except Exception:
        raise _not_an_image() from None
    return (image.height, image.width) if turned else (image.width, image.height)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    if profile and image.mode in ("RGB", "CMYK"):
        return _managed(image, profile)
    return image.convert("RGB")


def _managed(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        managed = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):  # a broken profile is common and harmless: take the numbers as sRGB
        return image.convert("RGB")
    return managed or image.convert("RGB")


def _not_an_image() -> InvalidInput:
    return InvalidInput(
        "이미지로 읽을 수 없는 파일입니다. JPEG, PNG, WebP, GIF 파일을 온전한 상태로 올려 주세요.",
        reason="IMAGE_NOT_AN_IMAGE",
    )


def _too_many_pixels() -> InvalidInput:
    return InvalidInput("이미지의 가로세로가 너무 큽니다. 5천만 화소까지 올릴 수 있습니다.", reason="IMAGE_TOO_MANY_PIXELS")
