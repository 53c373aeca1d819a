"""Small pictures and archives for tests, made with a seed."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 24


def pixels(seed: int, side: int = SIDE) -> np.ndarray:
    """A smooth picture that compresses well and is different for each seed, uint8 (side, side, 3)."""
    corners = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), dtype=np.uint8)
    return np.array(Image.fromarray(corners).resize((side, side), Image.Resampling.BICUBIC))


def picture(seed: int, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels(seed)).save(out, kind, **options)
    return out.getvalue()


def classes(*class_names: str, images: int = 4) -> dict[str, bytes]:
    """Different pictures in class folders: `roses/0.png`, ..."""
    return {
        f"{name}/{number}.png": picture(100 * order + number)
        for order, name in enumerate(class_names)
        for number in range(images)
    }


def folder_of(files: Mapping[str, bytes], path: Path) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def zip_of(files: Mapping[str, bytes] | list[tuple[str | zipfile.ZipInfo, bytes]], path: Path) -> Path:
    pairs = list(files.items()) if isinstance(files, Mapping) else files
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in pairs:
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return path
