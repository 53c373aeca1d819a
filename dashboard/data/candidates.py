"""Which pictures are worth a closer look: each picture beside windows of every other, as a few low frequencies.

A picture that was cropped, shifted or edited is nearly some window of the original. Windows are so close together that
a crop of at least three quarters of each side lies near one of them.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from dashboard.data import side_by_side
from dashboard.data.looks import SIDE, grey_of

LEFT_OUT = (0.0, 0.06, 0.12), (0.0, 0.115, 0.23)  # of a side, before a window of 0.88 and of 0.77 of it
WINDOWS = np.array(
    [(0.0, 0.0, 1.0)] + [(x, y, 1 - offsets[-1]) for offsets in LEFT_OUT for x in offsets for y in offsets]
)  # left, top and side of each window as shares of a picture
CELLS = 8  # a side of what a window is averaged down to
KEPT, KEPT_OF_MANY = 16, 8  # candidates of a picture
LEAST = 0.4  # correlation of descriptors below which nothing was ever found to be alike
PIECES = 16  # of the work, for processes side by side
BLOCK = 768  # pictures a side of one matrix product
# Beyond so many pictures only neighbours are compared: those that share one of so many regions.
MANY, REGIONS, NEAREST = 20_000, 256, 2
NEIGHBOURHOOD, ENOUGH, MOST = 8.0, 9.0, 1.5  # cells, levels squared, deviations; see `levelled`

_Rows = tuple[np.ndarray, np.ndarray, np.ndarray]
_cells = np.arange(SIDE)


def gaussian(deviation: float) -> np.ndarray:
    """Matrix (`SIDE`, `SIDE`) that smooths the rows or columns of a grey by so many cells."""
    weights = np.exp(-((_cells[:, None] - _cells) ** 2) / (2 * deviation**2))
    weights[weights < 1e-6] = 0  # products of what is smaller are denormal numbers, which are slow
    smooth: np.ndarray = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return smooth


def averaging(count: int, start: float = 0.0, extent: float = 1.0, side: int = SIDE) -> np.ndarray:
    """Matrix (count, side) that averages a part of `side` cells down to `count`."""
    edges = (start + extent * np.arange(count + 1) / count) * side
    cells = np.arange(side)
    shares = np.clip(np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells), 0, None)
    matrix: np.ndarray = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


_smooth = gaussian(NEIGHBOURHOOD)
_rows = [averaging(CELLS, top, side) for _, top, side in WINDOWS]
_columns = [averaging(CELLS, left, side) for left, _, side in WINDOWS]
_frequency = np.arange(CELLS)
_cosines = np.cos(np.pi * np.outer(_frequency, _frequency + 0.5) / CELLS) * np.sqrt(2 / CELLS)
_cosines[0] /= np.sqrt(2)
_cosines = _cosines.astype(np.float32)
# Pictures have little in their high frequencies and tell much by it.
_weights = np.sqrt(np.hypot(_frequency[:, None], _frequency)).astype(np.float32)


def levelled(greys: np.ndarray) -> np.ndarray:
    """Greys (n, `SIDE`, `SIDE`) relative to their neighbourhood, in its deviations: light and captions count less."""
    differences = greys - _smooth @ greys @ _smooth.T
    spread = _smooth @ (differences * differences) @ _smooth.T
    found: np.ndarray = np.clip(differences / np.sqrt(spread + ENOUGH), -MOST, MOST)
    return found


def described(signatures: np.ndarray, windows: slice = slice(None)) -> np.ndarray:
    """Descriptors of windows of pictures, float32 (windows, n, `CELLS` squared), each of length 1."""
    greys = levelled(grey_of(signatures).astype(np.float32))
    found = []
    for rows, columns in list(zip(_rows, _columns, strict=True))[windows]:
        cells = _cosines @ (rows @ greys @ columns.T) @ _cosines.T * _weights
        flat = cells.reshape(len(greys), -1)
        found.append(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))
    return np.stack(found)


class _Best:
    """The best few of what each picture was compared with, in one of the two roles."""

    def __init__(self, count: int) -> None:
        self.kept = KEPT if count <= MANY else KEPT_OF_MANY
        self.likeness = np.full((count, self.kept), LEAST, np.float32)
        self.other = np.full((count, self.kept), -1, np.int32)

    def meet(self, ids: np.ndarray, others: np.ndarray, likeness: np.ndarray) -> None:
        """Take in a block of likeness (ids, others)."""
        better = likeness.max(axis=1) > self.likeness[ids].min(axis=1)
        if not better.any():
            return
        ids, likeness = ids[better], likeness[better]
        few = min(self.kept, likeness.shape[1])
        best = np.argpartition(-likeness, few - 1, axis=1)[:, :few]
        rows = np.arange(len(ids))[:, None]
        together = np.concatenate([self.likeness[ids], likeness[rows, best]], axis=1)
        kept = np.argpartition(-together, self.kept - 1, axis=1)[:, : self.kept]
        self.likeness[ids] = together[rows, kept]
        self.other[ids] = np.concatenate([self.other[ids], others[best]], axis=1)[rows, kept]

    def join(self, mine: np.ndarray, others: np.ndarray, likeness: np.ndarray) -> None:
        """Take in what another one kept: positions, positions of others, likeness; sorted by the first."""
        ids, first, counts = np.unique(mine, return_index=True, return_counts=True)
        place = np.arange(len(mine)) - np.repeat(first, counts)
        row = np.repeat(np.arange(len(ids)), counts)
        came = np.full((len(ids), self.kept), -1, np.float32)
        whom = np.full((len(ids), self.kept), -1, np.int32)
        came[row, place], whom[row, place] = likeness, others
        together = np.concatenate([self.likeness[ids], came], axis=1)
        kept = np.argpartition(-together, self.kept - 1, axis=1)[:, : self.kept]
        rows = np.arange(len(ids))[:, None]
        self.likeness[ids] = together[rows, kept]
        self.other[ids] = np.concatenate([self.other[ids], whom], axis=1)[rows, kept]

    def rows(self, wanted: np.ndarray) -> _Rows:
        """Positions of the wanted pictures, of the others, and their likeness."""
        mine, places = np.nonzero((self.other >= 0) & wanted[:, None])
        return mine.astype(np.int32), self.other[mine, places], self.likeness[mine, places]


def found(
    signatures: np.ndarray, wanted: np.ndarray | None = None, on_progress: Callable[[int, int], None] | None = None
) -> pd.DataFrame:
    """The pairs that are worth a closer look.

    Args:
        signatures: uint8 (n, `looks.SIGNATURE`).
        wanted: bool (n,); of which pictures the best few are looked for, among all. Of all, when None.
        on_progress: told what is done of what.

    Returns:
        Columns inner and outer (positions) and likeness, each pair once: the inner picture resembles the outer one, or
        some window of it.
    """
    count = len(signatures)
    wanted = np.ones(count, bool) if wanted is None else wanted
    wholes = np.empty((count, CELLS * CELLS), np.float32)
    for ids in _parts(np.arange(count)):
        wholes[ids] = described(signatures[ids], slice(1))[0]
    regions = _regions(signatures, wholes, wanted)
    work = [(signatures, wholes, regions[start::PIECES]) for start in range(min(PIECES, len(regions)))]
    best = _Best(count), _Best(count)
    for number, pieces in enumerate(side_by_side.results(_compared, work)):
        for mine, rows in zip(best, pieces, strict=True):
            mine.join(*rows)
        if on_progress is not None:
            on_progress(number + 1, len(work))
    as_inner, as_outer = best
    return _each_once(as_inner.rows(wanted), as_outer.rows(wanted), as_inner.kept)


def _compared(
    signatures: np.ndarray, wholes: np.ndarray, regions: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[_Rows, _Rows]:
    """The best few of some regions, for pictures as the inner and as the outer one."""
    as_inner, as_outer = _Best(len(wholes)), _Best(len(wholes))
    for inner, outer in regions:
        for ids in _parts(outer):
            windows = described(signatures[ids])
            for partners in _parts(inner):
                likeness = _likeness(wholes[partners], windows)
                likeness[partners[:, None] == ids] = -1
                as_inner.meet(partners, ids, likeness)
                as_outer.meet(ids, partners, likeness.T)
    everybody = np.ones(len(wholes), bool)
    return as_inner.rows(everybody), as_outer.rows(everybody)


def _parts(ids: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(ids), BLOCK):
        yield ids[start : start + BLOCK]


def _likeness(wholes: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """The best correlation of each whole picture with any window of each other, float32 (wholes, pictures)."""
    best: np.ndarray = wholes @ windows[0].T
    one = np.empty_like(best)
    for window in windows[1:]:
        np.matmul(wholes, window.T, out=one)
        np.maximum(best, one, out=best)
    return best


def _regions(signatures: np.ndarray, wholes: np.ndarray, wanted: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Which pictures are compared with which: inner and outer positions; a pair may come more than once."""
    everybody = np.arange(len(wholes))
    if len(wholes) > MANY:
        return _neighbourhoods(signatures, wholes, wanted)
    chosen, others = everybody[wanted], everybody[~wanted]
    parts = [(chosen, part) for part in _parts(everybody)] + [(others, part) for part in _parts(chosen)]
    return [(inner, outer) for inner, outer in parts if len(inner) and len(outer)]


def _neighbourhoods(
    signatures: np.ndarray, wholes: np.ndarray, wanted: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Regions of an inverted file: a picture is in the cells that it, and that each window of it, lies nearest to."""
    centres = _centres(wholes)
    as_inner = np.zeros((len(wholes), REGIONS), bool)
    as_outer = np.zeros((len(wholes), REGIONS), bool)
    for ids in _parts(np.arange(len(wholes))):
        near = described(signatures[ids]) @ centres.T
        nearest = np.argpartition(-near, NEAREST - 1, axis=2)[:, :, :NEAREST]
        as_inner[ids[:, None], nearest[0]] = True
        for window in nearest:
            as_outer[ids[:, None], window] = True
    regions = []
    for inner, outer in zip(as_inner.T, as_outer.T, strict=True):
        regions.append((np.flatnonzero(inner & wanted), np.flatnonzero(outer)))
        regions.append((np.flatnonzero(inner & ~wanted), np.flatnonzero(outer & wanted)))
    return [(inner, outer) for inner, outer in regions if len(inner) and len(outer)]


def _centres(wholes: np.ndarray) -> np.ndarray:
    """Directions (`REGIONS`, d) that pictures gather around (spherical k-means), seeded."""
    random = np.random.default_rng(0)
    some = wholes[random.permutation(len(wholes))[: 40 * REGIONS]]
    centres = some[:REGIONS].copy()
    for _ in range(8):
        nearest = (some @ centres.T).argmax(axis=1)
        for number in range(REGIONS):
            middle = some[nearest == number].sum(axis=0)
            centres[number] = middle / max(float(np.linalg.norm(middle)), 1e-6)
    return centres


def _each_once(as_inner: _Rows, as_outer: _Rows, kept: int) -> pd.DataFrame:
    """Each pair in its better direction, if it is among the best few of one of the two."""
    pairs = pd.DataFrame(
        {
            "mine": np.concatenate([as_inner[0], as_outer[0]]),
            "inner": np.concatenate([as_inner[0], as_outer[1]]),
            "outer": np.concatenate([as_inner[1], as_outer[0]]),
            "likeness": np.concatenate([as_inner[2], as_outer[2]]),
        }
    ).sort_values("likeness", ascending=False, kind="stable", ignore_index=True)
    first, second = pairs["inner"].to_numpy(np.int64), pairs["outer"].to_numpy(np.int64)
    pairs["ends"] = np.minimum(first, second) << 32 | np.maximum(first, second)
    pairs = pairs[~pairs.duplicated(["mine", "ends"])]
    pairs = pairs[pairs.groupby("mine").cumcount() < kept]
    return pairs.loc[~pairs["ends"].duplicated(), ["inner", "outer", "likeness"]].reset_index(drop=True)


def nearest_windows(signatures: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """For each pair the position in `WINDOWS` of the window of the outer picture that the inner one resembles most."""
    wholes = described(signatures[inner], slice(1))[0]
    best: np.ndarray = np.einsum("nd,wnd->nw", wholes, described(signatures[outer])).argmax(axis=1)
    return best
