"""Demo sets, made on this machine without a download, and taken in through the same door as every upload."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from pydantic import BaseModel, ConfigDict, Field

from dashboard.core.errors import DatasetError
from dashboard.data import attempts, intake, parent
from dashboard.data.datasets import Dataset

DIGIT_SIDE = 64  # pixels; the originals have 8
COMPRESSION = 1  # noise hardly compresses; speed matters more here


class ShapesSettings(BaseModel):
    """What is wrong with the generated set, so that every later diagnosis can be seen at work."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    images_a_class: int = Field(
        60, ge=6, le=2000, description="pictures of each class, before imbalance and near-duplicates"
    )
    side: int = Field(96, ge=32, le=256, description="width and height of each picture in pixels")
    label_noise: float = Field(0.0, ge=0, le=0.5, description="share of pictures put into a wrong class folder")
    imbalance: float = Field(
        0.0, ge=0, le=0.9, description="share of its pictures the last class lacks; those between lack less"
    )
    near_duplicates: float = Field(
        0.0, ge=0, le=0.5, description="share of pictures that come a second time, slightly changed"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="another seed, other pictures")


def handwritten_digits(folder: Path, settings: ShapesSettings | None = None) -> None:
    """Write scikit-learn's 1,797 digits as PNG files of 64 x 64 grey pixels into class folders `0` to `9`."""
    from sklearn.datasets import load_digits  # slow to import, and needed nowhere else

    digits = load_digits()
    for name in digits.target_names:
        (folder / str(name)).mkdir(parents=True)
    for number, (values, target) in enumerate(zip(digits.images, digits.target, strict=True)):
        grey = Image.fromarray(np.rint(values * (255 / 16)).astype(np.uint8))
        large = grey.resize((DIGIT_SIDE, DIGIT_SIDE), Image.Resampling.BICUBIC)
        large.save(folder / str(target) / f"digit-{number:04d}.png", compress_level=COMPRESSION)


# Shapes and textures: each drawer returns how much of the foreground shows, float32 (side, side) in 0..1.

Drawer = Callable[[np.random.Generator, int], np.ndarray]


def _polygon(angles: np.ndarray, radii: np.ndarray) -> Drawer:
    """A drawer of a polygon with the given corners, of random size, place and rotation."""

    def draw(rng: np.random.Generator, side: int) -> np.ndarray:
        size, turn = rng.uniform(0.22, 0.42) * side, rng.uniform(0, 2 * np.pi)
        centre = 0.5 * side + rng.uniform(-0.5, 0.5, 2) * (side - 2 * size) * 0.8
        points = centre + size * radii[:, None] * np.stack([np.cos(angles + turn), np.sin(angles + turn)], axis=1)
        canvas = Image.new("L", (2 * side, 2 * side))
        ImageDraw.Draw(canvas).polygon([(2 * float(x), 2 * float(y)) for x, y in points], fill=255)
        return np.asarray(canvas.resize((side, side), Image.Resampling.BOX), dtype=np.float32) / 255

    return draw


def _regular(corners: int, inner: float = 1.0) -> Drawer:
    """A regular polygon; `inner` below 1 pulls every second corner towards the centre."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return _polygon(angles, np.where(np.arange(corners) % 2, inner, 1.0))


def _field(rng: np.random.Generator, side: int, periods: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Two perpendicular phases in radians, turned and shifted at random; `periods` are the fewest and most waves."""
    turn, waves = rng.uniform(0, np.pi), rng.uniform(*periods)
    y, x = np.mgrid[:side, :side].astype(np.float32) * (2 * np.pi * waves / side)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return along + rng.uniform(0, 2 * np.pi), across + rng.uniform(0, 2 * np.pi)


def _edge(value: np.ndarray) -> np.ndarray:
    """A soft step at 0, about a pixel wide."""
    return np.clip(value * 3 + 0.5, 0, 1)


def _stripes(rng: np.random.Generator, side: int) -> np.ndarray:
    return _edge(np.sin(_field(rng, side, (3, 8))[0]))


def _checkerboard(rng: np.random.Generator, side: int) -> np.ndarray:
    along, across = _field(rng, side, (2, 5))
    return _edge(np.sin(along) * np.sin(across) * 2)


def _dots(rng: np.random.Generator, side: int) -> np.ndarray:
    along, across = _field(rng, side, (3, 6))
    return _edge(np.cos(along) + np.cos(across) - rng.uniform(0.7, 1.2))


def _waves(rng: np.random.Generator, side: int) -> np.ndarray:
    along, across = _field(rng, side, (3, 6))
    return _edge(np.sin(along + rng.uniform(1.2, 2.0) * np.sin(across * rng.uniform(0.5, 0.8))))


DRAWERS: dict[str, Drawer] = {
    "checkerboard": _checkerboard,
    "circle": _regular(64),
    "dots": _dots,
    "square": _regular(4),
    "star": _regular(10, inner=0.42),
    "stripes": _stripes,
    "triangle": _regular(3),
    "waves": _waves,
}


def shapes_and_textures(folder: Path, settings: ShapesSettings | None = None) -> None:
    """Write PNG files of eight classes. A file is named for what it shows, whatever folder label noise put it into."""
    settings = settings or ShapesSettings()
    class_names = list(DRAWERS)
    for name in class_names:
        (folder / name).mkdir(parents=True)
    for order, shown in enumerate(class_names):
        rng = np.random.default_rng([settings.seed, order])
        lacking = settings.imbalance * order / (len(class_names) - 1)
        for number in range(max(6, round(settings.images_a_class * (1 - lacking)))):
            wrong = [name for name in class_names if name != shown]
            label = str(rng.choice(wrong)) if rng.random() < settings.label_noise else shown
            pixels = _drawn(rng, shown, settings.side)
            _save(pixels, folder / label / f"{shown}-{number:04d}.png")
            if rng.random() < settings.near_duplicates:
                _save(_slightly_changed(rng, pixels), folder / label / f"{shown}-{number:04d}-again.png")


def _drawn(rng: np.random.Generator, name: str, side: int) -> np.ndarray:
    """One picture, uint8 (side, side, 3): two colours that can be told apart, uneven light, a little noise."""
    mask = DRAWERS[name](rng, side)[:, :, None]
    back, front = rng.uniform(30, 225, 3), rng.uniform(30, 225, 3)
    while abs(back.mean() - front.mean()) < 50:
        front = rng.uniform(30, 225, 3)
    light = np.linspace(rng.uniform(0.75, 1.0), rng.uniform(1.0, 1.25), side)
    light = light[:, None, None] if rng.random() < 0.5 else light[None, :, None]
    pixels = (back + (front - back) * mask) * light + rng.normal(0, rng.uniform(2, 14), (side, side, 1))
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _slightly_changed(rng: np.random.Generator, pixels: np.ndarray) -> np.ndarray:
    """The same picture as another camera would have kept it: a pixel aside, a touch lighter or darker."""
    moved = np.roll(pixels, int(rng.integers(-1, 2)), axis=1)
    return np.clip(np.rint(moved * rng.uniform(0.95, 1.05)), 0, 255).astype(np.uint8)


def _save(pixels: np.ndarray, path: Path) -> None:
    Image.fromarray(pixels).save(path, compress_level=COMPRESSION)


@dataclass(frozen=True)
class Sample:
    """One demo set. `make` writes class folders of pictures into an empty folder."""

    name: str
    title: str
    description: str
    make: Callable[[Path, ShapesSettings | None], None]


SAMPLES = {
    row.name: row
    for row in (
        Sample(
            "digits",
            "Handwritten digits",
            "1,797 small grey pictures of the digits 0 to 9, written by 43 people.",
            handwritten_digits,
        ),
        Sample(
            "shapes",
            "Shapes and textures",
            "Eight classes drawn on this machine, with label noise, imbalance and near-duplicates as you choose.",
            shapes_and_textures,
        ),
    )
}


def import_sample(
    name: str,
    on_progress: attempts.Progress | None = None,
    settings: ShapesSettings | None = None,
    cancelled: attempts.Cancelled | None = None,
) -> Dataset:
    """Generate a demo set and import it.

    Raises:
        DatasetError: `sample-unknown`.
    """
    if name not in SAMPLES:
        raise DatasetError("sample-unknown", f"There is no demo set '{name}'; expected one of {', '.join(SAMPLES)}.")
    sample = SAMPLES[name]
    if on_progress is not None:
        on_progress(0, 0, "Drawing pictures")
    with parent.scratch() as folder:
        sample.make(folder / "pictures", settings)
        source = intake.Source(folder / "pictures", sample.title)
        return intake.import_pictures(source, name=sample.title, on_progress=on_progress, cancelled=cancelled)
