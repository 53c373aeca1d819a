"""Where the boxes of a network are drawn: one below what it is computed from, branches beside one another.

The steps of Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures", 1981:
ranks by the longest way from the picture, a place on every rank for a line that passes, order by what lies above.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LINE = 0.16  # width of a place for a line that passes, where a box has 1
SWEEPS = 3

Point = tuple[float, int]  # x in boxes from the left, rank from 0 at the picture


@dataclass(frozen=True)
class Placed:
    """Middles of boxes and the lines between them; `width` in boxes, `ranks` how many."""

    boxes: dict[str, Point]
    lines: list[list[Point]]
    width: float
    ranks: int


def place(inputs: Mapping[str, Sequence[str]]) -> Placed:
    """Args: inputs: by name what a box is computed from; every box stands behind its inputs."""
    rank: dict[str, int] = {}
    for name, sources in inputs.items():
        rank[name] = 1 + max((rank[source] for source in sources), default=-1)
    rows: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    above: dict[str, list[str]] = {}
    ways: list[list[str]] = []
    for name, sources in inputs.items():
        above[name] = []
        for source in sources:
            way = [source, *(f"{source}\n{name}\n{at}" for at in range(rank[source] + 1, rank[name])), name]
            for at, (upper, lower) in enumerate(zip(way, way[1:], strict=False), rank[source] + 1):
                above.setdefault(lower, []).append(upper)
                if lower != name:
                    rows[at].append(lower)
            ways.append(way)
        rows[rank[name]].append(name)
    _order(rows, above)
    return _spread(rows, ways)


def _order(rows: list[list[str]], above: dict[str, list[str]]) -> None:
    """Sort every rank by where its neighbours stand, downwards and upwards in turn."""
    below: dict[str, list[str]] = {}
    for lower, uppers in above.items():
        for upper in uppers:
            below.setdefault(upper, []).append(lower)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        neighbours, ordered = (above, rows) if down else (below, rows[::-1])
        for before, row in zip(ordered, ordered[1:], strict=False):
            middle = {name: index - (len(before) - 1) / 2 for index, name in enumerate(before)}
            keys = {name: _mean([middle[each] for each in neighbours.get(name, ()) if each in middle]) for name in row}
            row.sort(key=keys.__getitem__)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _spread(rows: list[list[str]], ways: list[list[str]]) -> Placed:
    widths = [[LINE if "\n" in name else 1.0 for name in row] for row in rows]
    widest = max((sum(each) for each in widths), default=1.0)
    places: dict[str, Point] = {}
    for rank, (row, taken) in enumerate(zip(rows, widths, strict=True)):
        x = (widest - sum(taken)) / 2
        for name, width in zip(row, taken, strict=True):
            places[name] = (x + width / 2, rank)
            x += width
    boxes = {name: at for name, at in places.items() if "\n" not in name}
    return Placed(boxes, [[places[name] for name in way] for way in ways], widest, len(rows))
