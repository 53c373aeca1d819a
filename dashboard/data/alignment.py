"""Whether two pictures show the same thing: one is laid over the other, then they are compared detail by detail.

The map is found by Gauss-Newton steps on shift and scale of both axes, with gain and offset fitted beside (Lucas and
Kanade 1981; Baker and Matthews 2004), on pictures levelled by their neighbourhood. Everything is done for many pairs at
once. A map is (left, width, top, height): where the outer picture's sides fall on the inner one, in its sides.
"""

import numpy as np

from dashboard.data.candidates import WINDOWS, averaging, gaussian, levelled, nearest_windows
from dashboard.data.looks import CHROMA, SIDE, chroma_of, grey_of

AT_ONCE = 64  # pairs; what they need fits a core's cache
COARSE, FINE = 5, 4  # steps at half and at full size
OUTSIDE = 0.07  # of a side that the outer picture may show beyond the inner one at an edge it was not cropped at
SCALES = (0.95, 1.4)  # of the outer picture in sides of the inner one
STEP = 0.06
HOPELESS = 0.6  # correlation at half size below which a pair is not looked at any closer
SMOOTH, NEAR = 0.8, 3.0  # cells; of the details that are compared, and of the neighbourhood they are levelled by
BAND, CORNER = 0.17, 0.3  # of a side; where a caption or a logo may lie
COLOURLESS = 4.0  # levels of chroma, as the picture's root mean square
TINT, HUE = 8.0, 0.3  # levels, and a share of the colour, by which the colour of a place may differ
OTHER_COLOURS = 0.15  # share of places whose colours may differ by more
SAME_COLOURS = 0.95  # cosine of two pictures' colours from which a few places more do not matter
BURNT = 235  # level of the strongest of red, green and blue from which on a place may have lost its colour
ENOUGH = 0.1  # share of places that must have kept it for colours to be judged
# Similarities that are neither here nor there. A second look is the other way round; and in one light, if one picture
# has so many more cells of a white that swallows details: such pictures have lost more of their likeness.
UNSURE, UNLIT = (0.6, 0.97), 0.5
WHITE, WHITER = 250, 0.02  # level, and share of cells

_halve = averaging(SIDE // 2)
_smooth, _near = gaussian(SMOOTH), gaussian(NEAR)
_starts = np.stack([-WINDOWS[:, 0], np.ones(len(WINDOWS)), -WINDOWS[:, 1], np.ones(len(WINDOWS))], axis=1)
_starts = _starts / WINDOWS[:, 2:]


def similarity(signatures: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """How alike pairs of pictures are, float32 (pairs,): 1 for the same details in the same places and colours.

    Args:
        signatures: uint8 (n, `looks.SIGNATURE`).
        inner, outer: positions of the two pictures of each pair; the inner one may be cropped from the outer one.
    """
    parts = [
        _similarity(signatures, inner[start : start + AT_ONCE], outer[start : start + AT_ONCE])
        for start in range(0, len(inner), AT_ONCE)
    ]
    together: np.ndarray = np.concatenate([np.empty(0, np.float32), *parts])
    return together


def second_look(signatures: np.ndarray, inner: np.ndarray, outer: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Similarities that are at least what the first look gave: of unsure pairs also the other way round, in one light.

    Args:
        signatures, inner, outer: as of `similarity`.
        first: float (pairs,), what that gave.
    """
    found = first.astype(np.float32)
    unsure = np.flatnonzero((found > UNSURE[0]) & (found < UNSURE[1]))
    found[unsure] = np.maximum(found[unsure], similarity(signatures, outer[unsure], inner[unsure]))
    dim = np.flatnonzero((found > UNLIT) & (found < UNSURE[1]))
    one, other = signatures[inner[dim]], signatures[outer[dim]]
    white = [(grey_of(each) >= WHITE).mean(axis=(1, 2)) for each in (one, other)]
    burnt = abs(white[0] - white[1]) > WHITER
    pale, deep = np.where((white[0] > white[1])[:, None], (one, other), (other, one))[:, burnt]
    lit = np.concatenate([pale, _in_light_of(pale, deep)])
    ends = np.arange(len(pale)), np.arange(len(pale), len(lit))
    for moving, fixed in (ends, ends[::-1]):
        found[dim[burnt]] = np.maximum(found[dim[burnt]], similarity(lit, moving, fixed))
    return found


def _in_light_of(pale: np.ndarray, deep: np.ndarray) -> np.ndarray:
    """Signatures `deep` with the tones of `pale`, each in the order it has: what is lost in one is lost in both."""
    count, cells = len(pale), SIDE * SIDE
    levels = grey_of(deep).reshape(count, cells).astype(np.int64)
    histogram = np.bincount((levels + 256 * np.arange(count)[:, None]).ravel(), minlength=256 * count)
    histogram = histogram.reshape(count, 256)
    ranks = np.clip(histogram.cumsum(axis=1) - (histogram + 1) // 2, 0, cells - 1)
    tones = np.take_along_axis(np.sort(grey_of(pale).reshape(count, cells), axis=1), ranks, axis=1)
    found = deep.copy()
    found[:, :cells] = np.take_along_axis(tones, levels, axis=1)
    return found


def _similarity(signatures: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    moving, fixed = (levelled(grey_of(signatures[ids]).astype(np.float32)) for ids in (inner, outer))
    small_moving, small_fixed = _halve @ moving @ _halve.T, _halve @ fixed @ _halve.T
    maps = _starts[nearest_windows(signatures, inner, outer)]
    maps = _refined(small_moving, small_fixed, maps, COARSE)
    found: np.ndarray = _correlation(small_moving, small_fixed, maps)
    close = np.flatnonzero(found >= HOPELESS)
    found = np.minimum(found, HOPELESS).astype(np.float32)
    if len(close):
        maps = _refined(moving[close], fixed[close], maps[close], FINE)
        details = _details(signatures[inner[close]], signatures[outer[close]], maps)
        found[close] = np.where(_same_colours(signatures[inner[close]], signatures[outer[close]], maps), details, 0)
    return found


def _placing(offset: np.ndarray, scale: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """For one axis: matrices (n, side, side) that lay the inner picture on the outer one's grid, and what it covers."""
    centres = (np.arange(side) + 0.5) / side
    places = (offset[:, None] + scale[:, None] * centres) * side - 0.5
    reach = np.maximum(scale, 1)[:, None, None]
    shares: np.ndarray = np.maximum(1 - np.abs(places[:, :, None] - np.arange(side)) / reach, 0).astype(np.float32)
    shares /= np.maximum(shares.sum(axis=2, keepdims=True), 1e-6)
    covered: np.ndarray = ((places >= -0.5) & (places <= side - 0.5)).astype(np.float32)
    return shares, covered


def _laid(pictures: np.ndarray, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pictures on the outer grid, what they cover of it, and the matrices of rows and of columns."""
    side = pictures.shape[-1]
    across, covered_across = _placing(maps[:, 0], maps[:, 1], side)
    down, covered_down = _placing(maps[:, 2], maps[:, 3], side)
    across = across.transpose(0, 2, 1)
    return down @ pictures @ across, covered_down[:, :, None] * covered_across[:, None, :], down, across


def _slopes(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of pictures by their sides, across and down."""
    down, across = np.gradient(pictures, axis=(1, 2))
    return across * pictures.shape[-1], down * pictures.shape[-1]


def _refined(moving: np.ndarray, fixed: np.ndarray, maps: np.ndarray, steps: int) -> np.ndarray:
    count, side = fixed.shape[:2]
    centres = ((np.arange(side) + 0.5) / side).astype(np.float32)
    slopes = _slopes(moving)
    terms = np.empty((count, 6, side, side), np.float32)  # how each cell changes with the map, the gain and the offset
    for _ in range(steps):
        laid, covered, down, across = _laid(moving, maps)
        gain, rest = _fitted(laid, fixed, covered)
        np.matmul(down @ slopes[0], across, out=terms[:, 0])
        np.matmul(down @ slopes[1], across, out=terms[:, 2])
        terms[:, 0:3:2] *= gain[:, None, None, None]
        np.multiply(terms[:, 0], centres, out=terms[:, 1])
        np.multiply(terms[:, 2], centres[:, None], out=terms[:, 3])
        terms[:, 4], terms[:, 5] = laid, 1
        maps = _bounded(maps + np.clip(_step(terms, rest, covered), -STEP, STEP))
    return maps


def _fitted(laid: np.ndarray, fixed: np.ndarray, covered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gain that makes the laid picture most like the fixed one, and what is left of the latter."""
    cells = covered.sum(axis=(1, 2))
    first = laid - ((laid * covered).sum(axis=(1, 2)) / cells)[:, None, None]
    second = fixed - ((fixed * covered).sum(axis=(1, 2)) / cells)[:, None, None]
    weighed = first * covered
    gain = np.clip((weighed * second).sum(axis=(1, 2)) / np.maximum((weighed * first).sum(axis=(1, 2)), 1e-3), 0.3, 3)
    return gain, second - gain[:, None, None] * first


def _step(terms: np.ndarray, rest: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """One weighted least-squares step; cells that fit badly, such as a logo, hardly count (Geman and McClure)."""
    count = len(rest)
    spread = (covered * rest * rest).sum(axis=(1, 2)) / covered.sum(axis=(1, 2))
    weights = covered / (1 + rest * rest / (4 * spread[:, None, None] + 1e-6))
    flat = terms.reshape(count, 6, -1)
    weighed = flat * weights.reshape(count, 1, -1)
    curvature = (weighed @ flat.transpose(0, 2, 1)).astype(np.float64)
    towards = (weighed @ rest.reshape(count, -1, 1)).astype(np.float64)
    np.einsum("nii->ni", curvature)[:] = np.einsum("nii->ni", curvature) * 1.003 + 1e-3
    step: np.ndarray = np.linalg.solve(curvature, towards)[:, :4, 0]
    return step


def _bounded(maps: np.ndarray) -> np.ndarray:
    scales = np.clip(maps[:, 1::2], *SCALES)
    offsets = np.clip(maps[:, 0::2], np.minimum(1 - scales - OUTSIDE, OUTSIDE), OUTSIDE)
    return np.stack([offsets[:, 0], scales[:, 0], offsets[:, 1], scales[:, 1]], axis=1)


def _regions(side: int) -> np.ndarray:
    """What is compared, each in turn: everything; all but the upper or lower band; all but one of the corners."""
    band, corner = round(side * BAND), round(side * CORNER)
    regions = np.ones((7, side, side), np.float32)
    regions[1, :band] = regions[2, -band:] = 0
    regions[3, :corner, :corner] = regions[4, :corner, -corner:] = 0
    regions[5, -corner:, :corner] = regions[6, -corner:, -corner:] = 0
    return regions


_compared = {side: _regions(side) for side in (SIDE, SIDE // 2)}


def _correlation(moving: np.ndarray, fixed: np.ndarray, maps: np.ndarray) -> np.ndarray:
    laid, covered, down, across = _laid(moving, maps)
    return _best_correlation(laid, fixed, covered, down, across)


def _details(inner: np.ndarray, outer: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Correlation of what is left of two pictures when each is levelled by its neighbourhood in what both show."""
    moving, fixed = (_smooth @ grey_of(each).astype(np.float32) @ _smooth.T for each in (inner, outer))
    laid, covered, down, across = _laid(moving, maps)
    weight = np.maximum(_near @ covered @ _near.T, 1e-3)
    details = []
    for picture in (laid, fixed):
        differences = (picture - _near @ (picture * covered) @ _near.T / weight) * covered
        spread = _near @ (differences * differences) @ _near.T / weight
        details.append(np.clip(differences / np.sqrt(spread + 9), -2, 2))
    return _best_correlation(details[0], details[1], covered, down, across)


def _best_correlation(
    laid: np.ndarray, fixed: np.ndarray, covered: np.ndarray, down: np.ndarray, across: np.ndarray
) -> np.ndarray:
    """The greatest correlation over the regions, which are of the outer picture and then of the inner one."""
    count, side = fixed.shape[:2]
    first, second, weight = (each.reshape(count, -1) for each in (laid, fixed, covered))
    products = np.stack([np.ones_like(first), first, second, first * first, second * second, first * second], axis=1)
    products *= weight[:, None]
    regions = _compared[side]
    of_outer = products @ regions.reshape(len(regions), -1).T
    laid_regions = (down[:, None] @ regions[1:] @ across[:, None]).reshape(count, len(regions) - 1, -1)
    sums = np.concatenate([of_outer, products @ laid_regions.transpose(0, 2, 1)], axis=2)
    cells, sum_1, sum_2, square_1, square_2, product = sums.transpose(1, 0, 2)
    cells = np.maximum(cells, 1)
    spread = (square_1 - sum_1**2 / cells) * (square_2 - sum_2**2 / cells)
    found: np.ndarray = ((product - sum_1 * sum_2 / cells) / np.sqrt(np.maximum(spread, 1e-3))).max(axis=1)
    return found


def _same_colours(inner: np.ndarray, outer: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Whether colours agree in most places, paler or stronger, or one of the two pictures has none."""
    moving, fixed = (chroma_of(each).astype(np.float32) - 128 for each in (inner, outer))
    both = [_laid(moving[:, part], maps) for part in range(2)]
    covered = both[0][1]
    laid = np.stack([each[0] for each in both], axis=1)
    shown = np.maximum(covered.sum(axis=(1, 2)), 1)
    energies = [(each * each * covered[:, None]).sum(axis=(1, 2, 3)) for each in (laid, fixed)]
    gain = (laid * fixed * covered[:, None]).sum(axis=(1, 2, 3)) / np.maximum(energies[0], 1)
    laid = np.clip(gain, 0.5, 2)[:, None, None, None] * laid
    away = _distance_to_near(laid, fixed)
    strength = np.maximum(np.linalg.norm(laid, axis=1), np.linalg.norm(fixed, axis=1))
    kept = covered * (np.maximum(_laid(_strongest(inner), maps)[0], _strongest(outer)) < BURNT)
    left = kept.sum(axis=(1, 2))
    others = kept * (away > np.maximum(TINT, HUE * strength))
    colourless = (np.minimum(*energies) < shown * COLOURLESS**2) | (left < ENOUGH * shown)
    one_way = (laid * fixed * kept[:, None]).sum(axis=(1, 2, 3))
    lengths = [np.sqrt((each * each * kept[:, None]).sum(axis=(1, 2, 3))) for each in (laid, fixed)]
    few = others.sum(axis=(1, 2)) < OTHER_COLOURS * np.maximum(left, 1)
    same: np.ndarray = colourless | few | (one_way > SAME_COLOURS * lengths[0] * lengths[1])
    return same


def _strongest(signatures: np.ndarray) -> np.ndarray:
    """The level (0..255 and more) of the strongest of red, green and blue where a place is brightest, as JFIF has them.

    Shape (n, `CHROMA`, `CHROMA`).
    """
    cells = SIDE // CHROMA
    brightness = grey_of(signatures).reshape(-1, CHROMA, cells, CHROMA, cells).max(axis=(2, 4)).astype(np.float32)
    blueness, redness = (chroma_of(signatures).astype(np.float32) - 128).transpose(1, 0, 2, 3)
    green = -0.344136 * blueness - 0.714136 * redness
    strongest: np.ndarray = brightness + np.maximum(np.maximum(1.402 * redness, 1.772 * blueness), green)
    return strongest


def _distance_to_near(laid: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """How far each colour (n, 2, side, side) is from the nearest one in the same place or beside it."""
    side = fixed.shape[-1]
    around = np.pad(laid, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    distances = [
        np.linalg.norm(around[:, :, down : down + side, across : across + side] - fixed, axis=1)
        for down in range(3)
        for across in range(3)
    ]
    nearest: np.ndarray = np.minimum.reduce(distances)
    return nearest
