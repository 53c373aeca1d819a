"""Picture files as cameras and programs write them, each of another kind."""

import io

import numpy as np
from PIL import ExifTags, Image

SIZE = (150, 100)  # pixels, width and height


def scene(number: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture of its own for each number: soft patches of colour with hard edges between some of them."""
    rng = np.random.default_rng(number)
    patches = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    soft = np.asarray(patches.resize(size, Image.Resampling.BICUBIC)).copy()
    top, left = rng.integers(10, size[1] // 2), rng.integers(10, size[0] // 2)
    soft[top : top + size[1] // 3, left : left + size[0] // 3] = rng.integers(0, 256, 3)
    return Image.fromarray(soft)


def grainy(image: Image.Image) -> Image.Image:
    """The same with the noise of a sensor: fine detail, which a smaller scale would lose."""
    noise = np.random.default_rng(0).normal(0, 25, (image.height, image.width, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype("uint8"))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def lossless() -> dict[str, bytes]:
    """Files whose pixels every decoder must agree on."""
    clear = scene(1).copy()
    clear.putalpha(Image.linear_gradient("L").resize(SIZE))
    return {
        "plain.png": saved(scene(0), "PNG"),
        "half clear.png": saved(clear, "PNG"),
        "grey.png": saved(scene(2).convert("L"), "PNG"),
        "of 64 colours.png": saved(scene(3).quantize(64), "PNG"),
        "<img src=x onerror=alert(1)>.png": saved(scene(4), "PNG"),
        "tall and narrow.png": saved(scene(5, (30, 210)), "PNG"),
    }


def jpegs() -> dict[str, bytes]:
    """JPEGs upright and turned, of all that is common in how they are coded, one of them of many pixels."""
    found = {
        "fine.jpg": saved(scene(10), "JPEG", quality=97, subsampling=0),
        "coarse.jpg": saved(scene(11), "JPEG", quality=60, subsampling=2),
        "progressive.jpg": saved(scene(12), "JPEG", progressive=True),
        "grey.jpg": saved(scene(13).convert("L"), "JPEG"),
        "of a camera.jpg": saved(grainy(scene(14, (1200, 900))), "JPEG", quality=85),
    }
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        found[f"turned {orientation}.jpg"] = saved(scene(20 + orientation), "JPEG", quality=90, exif=exif)
    return found
