"""The one decoder. Every picture this program ever looks at comes through here."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS
from dashboard.data import picture_bytes
from dashboard.data.picture_bytes import DAMAGED, JPEG, PNG

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
THUMBNAIL_SIDE = 256
TURNED, ON_ITS_SIDE = range(2, 9), range(5, 9)  # EXIF orientations
ENOUGH = 240  # pixels of the longer side, for thumbnails and looks
DECODER = 2  # raised whenever `decode` gives other pixels for the same bytes: what was computed from them is void
TILE_SIDES = (322, 323)  # tags of a TIFF

# Pillow would warn at one cap and refuse at twice that; `_check_size` refuses at ours.
Image.MAX_IMAGE_PIXELS = None
# What Pillow warns of (odd EXIF, odd palettes) either stops the decoding or does not matter.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class Picture:
    """A decoded picture, upright. `pixels` are uint8 (height, width, 3), fewer than the file has where fewer would do.

    `width`, `height`, `format` and `mode` are those of the file.
    """

    pixels: np.ndarray
    width: int
    height: int
    format: str
    mode: str
    animated: bool  # has more frames or pages than the one that was taken


def decode(path: Path, at_least: int | None = None) -> np.ndarray:
    """The pixels of a picture file, uint8 (height, width, 3), upright; see `read`."""
    with path.open("rb") as file:
        return read(file, at_least).pixels


def read(file: BinaryIO, at_least: int | None = None, *, longest: int | None = None) -> Picture:
    """Decode a picture: EXIF orientation applied, transparency on white, 16-bit levels scaled, first frame only.

    Args:
        file: open for reading.
        at_least: pixels a side that will do. A JPEG with four times as many is decoded at half, a quarter or an eighth
            of its size, at a fraction of the cost, and has at least twice as many still; None decodes it whole.
        longest: pixels of the longer side that will do, for a picture that is only looked at. Every byte of the file is
            decoded all the same, so what is damaged is found.

    Raises:
        UploadError: `image-empty`, `image-too-large`, `image-heic`, `image-format`, `image-truncated`,
            `image-unreadable`.
    """
    with _refusals():
        return _decoded(_open(file), at_least, longest)


def measure(file: BinaryIO) -> int:
    """The number of pixels the header declares, which is within the limits; raises as `read` does."""
    with _refusals():
        image = _open(file)
        return image.width * image.height


def _check_bytes(file: BinaryIO) -> None:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size == 0:
        raise UploadError("image-empty", "The file has no bytes. Copy it again from where it came.")
    if size > LIMITS.image_bytes:
        raise UploadError("image-too-large", f"The file has {size:,} bytes; at most {LIMITS.image_bytes:,} are taken.")


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except UploadError:
        raise
    except MemoryError as error:
        raise UploadError("image-too-large", "Decoding the picture needs more memory than is allowed.") from error
    except Exception as error:  # a decoder fed with anything may raise anything; it is never more than a bad picture
        raise _unreadable(error) from error


def _decoded(image: Image.Image, at_least: int | None, longest: int | None) -> Picture:
    mode, size = image.mode, image.size
    if image.format in ("JPEG", "MPO"):
        _draft(image, at_least, longest)
    image.load()
    turned = _orientation(image)
    width, height = size[::-1] if turned in ON_ITS_SIDE else size
    pixels = _to_rgb(ImageOps.exif_transpose(image) if turned in TURNED else image)
    # Phones write JPEGs with a second, smaller picture behind the first; that is no animation.
    is_jpeg = image.format in ("JPEG", "MPO")
    kind = "JPEG" if is_jpeg else str(image.format)
    return Picture(pixels, width, height, kind, mode, not is_jpeg and _is_animated(image))


def _orientation(image: Image.Image) -> int:
    """Which way up the file's EXIF says the picture is; 1 where it says nothing that can be read."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF says nothing about the orientation; the picture itself is fine
        return 1
    return found if isinstance(found, int) else 1


def _is_animated(image: Image.Image) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # damage behind the first frame does not harm the first frame
        return False


def _open(file: BinaryIO) -> Image.Image:
    """Read the header only, and refuse before anything is decoded."""
    _check_bytes(file)
    head = file.read(512)
    file.seek(0)
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        raise UploadError(
            "image-heic",
            "This is a HEIC or AVIF picture, as phones make them. Save it as JPEG first "
            "(iPhone: Settings, Camera, Formats, Most Compatible).",
        )
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        _check_size(*_webp_canvas(head))  # the WEBP decoder allocates its canvas while opening
        if int.from_bytes(head[4:8], "little") + 7 > file.seek(0, io.SEEK_END):
            raise _truncated()
        file.seek(0)
    if head.startswith(JPEG):
        picture_bytes.check_scans(file.read())
    if head.startswith(PNG):
        picture_bytes.check_sums(file.read())
    file.seek(0)
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UploadError(
            "image-format",
            f"{picture_bytes.kind(head)}; expected one of {', '.join(FORMATS)}. Save the picture as JPEG or PNG.",
        ) from error
    _check_size(*image.size)
    if image.format == "TIFF":
        _check_tile(image)
    return image


def _check_tile(image: Any) -> None:
    """A TIFF of a few pixels may declare a tile of a gigabyte, which is allocated whole."""
    width, height = (image.tag_v2.get(tag) for tag in TILE_SIDES)
    if isinstance(width, int) and isinstance(height, int):
        _check_size(width, height)


def _webp_canvas(head: bytes) -> tuple[int, int]:
    """Width and height as the header of a WEBP declares them; 1 x 1 where the decoder will refuse it anyway."""
    if head[12:16] == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if head[12:16] == b"VP8 " and len(head) >= 30:
        return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    return 1, 1


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise UploadError("image-unreadable", f"The picture is {width} x {height} pixels. Save it again.")
    if width > LIMITS.image_side or height > LIMITS.image_side or width * height > LIMITS.image_pixels:
        raise UploadError(
            "image-too-large",
            f"The picture is {width} x {height} pixels; at most {LIMITS.image_pixels // 1_000_000} million pixels and "
            f"{LIMITS.image_side:,} a side are taken. Scale it down first.",
        )


def _draft(image: Image.Image, at_least: int | None, longest: int | None) -> None:
    """Have a large JPEG decoded at a smaller scale, which its cosine transform gives away cheaply.

    Twice what is needed a side stays, so that the resizing which follows still smooths by itself.
    """
    if at_least:
        image.draft(None, (2 * at_least, 2 * at_least))
    elif longest:
        scale = longest / max(image.size)
        image.draft(None, (max(1, round(image.width * scale)), max(1, round(image.height * scale))))


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        grey = _to_levels(np.asarray(image))
        return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    if image.mode == "P" and image.palette is None:
        image = image.copy()  # to which Pillow gives the palette that the file lacks
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, layered)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _to_levels(values: np.ndarray) -> np.ndarray:
    """Grey values of more than 8 bits as uint8. Pillow's own conversion cuts off everything above 255."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if values.dtype == np.uint16 or (low >= 0 and 255 < high <= 65535):
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 1.0 if values.dtype.kind == "f" and high <= 1 else 255.0
    scaled = (values.astype(np.float32) - low) * (255.0 / max(high - low, 1e-12))
    levels: np.ndarray = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return levels


def _unreadable(error: Exception) -> UploadError:
    text = str(error).lower()
    if isinstance(error, EOFError) or "truncated" in text or "cut short" in text:
        return _truncated()
    return UploadError("image-unreadable", DAMAGED)


def _truncated() -> UploadError:
    return UploadError("image-truncated", "The picture ends before it is complete. Copy it again from where it came.")


def shrunk(pixels: np.ndarray, side: int = THUMBNAIL_SIDE) -> np.ndarray:
    """The picture at no more than `side` pixels a side, uint8 (height, width, 3); smaller ones keep their size."""
    if max(pixels.shape[:2]) <= side:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=1.0)
    return np.asarray(image)


def encoded(pixels: np.ndarray) -> bytes:
    """A small picture for a page to show, as JPEG: WEBP would be a fifth smaller and take ten times as long."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=80)
    return out.getvalue()
