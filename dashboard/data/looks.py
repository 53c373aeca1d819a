"""How a picture looks, in a few numbers, measured once while it is decoded anyway.

Light to import and to run: it works in the process that opens uploads. Nothing here keeps a whole picture twice.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDE = 32  # pixels a side of the grey part of a signature
CHROMA = 8  # of its colour part
SIGNATURE = SIDE * SIDE + 2 * CHROMA * CHROMA  # bytes
SHARP_SIDE = 256  # pixels of the longer side at which sharpness is measured
ENOUGH = 512  # pixels of the shorter side; what is larger is averaged down first
BAND = 64  # rows of the averaged picture that are made at once
HASH = 8  # frequencies a side of the perceptual hash

# Rows are the lowest frequencies of the discrete cosine transform (type 2), as far as their signs matter.
_COSINES = np.cos(np.pi / SIDE * np.outer(np.arange(HASH), np.arange(SIDE) + 0.5)).astype(np.float32)


@dataclass(frozen=True)
class Looks:
    """What was measured of one picture.

    `brightness` is the mean of its grey values (0..255), `contrast` their standard deviation (0..127.5), `sharpness`
    the variance of the Laplacian at a fixed size (0 for one colour, 100 for a soft photograph, thousands for a crisp
    one), `phash` the perceptual hash as 16 hexadecimal digits, `signature` the picture at the size of a stamp: uint8
    (`SIGNATURE`,), see `grey_of` and `chroma_of`.
    """

    brightness: float
    contrast: float
    sharpness: float
    phash: str
    signature: np.ndarray


def measure(pixels: np.ndarray) -> Looks:
    """Measure a decoded picture, uint8 (height, width, 3)."""
    image = _reduced(pixels)
    grey = image.convert("L")
    counts = np.asarray(grey.histogram(), dtype=np.float64) / (grey.width * grey.height)
    levels = np.arange(256)
    brightness = float(counts @ levels)
    contrast = float(np.sqrt(counts @ (levels - brightness) ** 2))
    signature = _signature(image)
    return Looks(brightness, contrast, _sharpness(grey), _phash(grey_of(signature)), signature)


def grey_of(signatures: np.ndarray) -> np.ndarray:
    """The grey part of signatures, uint8 (..., `SIDE`, `SIDE`): the whole picture, its sides made equal."""
    return signatures[..., : SIDE * SIDE].reshape(*signatures.shape[:-1], SIDE, SIDE)


def chroma_of(signatures: np.ndarray) -> np.ndarray:
    """The colour part of signatures, uint8 (..., 2, `CHROMA`, `CHROMA`): Cb and Cr, 128 where there is no colour."""
    return signatures[..., SIDE * SIDE :].reshape(*signatures.shape[:-1], 2, CHROMA, CHROMA)


def _reduced(pixels: np.ndarray) -> Image.Image:
    """The picture, averaged down by a whole number where it is large, a band at a time so that memory stays small."""
    factor = min(pixels.shape[:2]) // ENOUGH
    if factor < 2:
        return Image.fromarray(pixels)
    rows = BAND * factor
    bands = [
        np.asarray(Image.fromarray(pixels[top : top + rows]).reduce(factor)) for top in range(0, len(pixels), rows)
    ]
    return Image.fromarray(np.concatenate(bands))


def _signature(image: Image.Image) -> np.ndarray:
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    colour = np.asarray(small.convert("YCbCr").reduce(SIDE // CHROMA))[:, :, 1:]
    return np.concatenate([np.asarray(small.convert("L")).ravel(), colour.transpose(2, 0, 1).ravel()])


def _sharpness(grey: Image.Image) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000), of a copy of one size, so that pictures compare."""
    scale = SHARP_SIDE / max(grey.size)
    size = (max(3, round(grey.width * scale)), max(3, round(grey.height * scale)))
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR  # enlarged squares would have crisp edges
    values = np.asarray(grey.resize(size, way)).astype(np.int16)
    inner = values[1:-1, 1:-1]
    laplacian = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * inner
    return float(laplacian.astype(np.float32).var())


def _phash(grey: np.ndarray) -> str:
    """The signs of the lowest frequencies about their median, as 16 digits (Zauner 2010, as imagehash has it)."""
    frequencies = _COSINES @ grey.astype(np.float32) @ _COSINES.T
    return np.packbits(frequencies > np.median(frequencies)).tobytes().hex()
