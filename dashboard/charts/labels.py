"""Names written beside points where nothing is in the way, on a phone too."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

PHONE = (270, 290)  # pixels of the plot on a phone; where names do not collide there, they do nowhere
LETTER = (6.6, 15)  # pixels of a letter, in width and height
SIDES = (
    ("left", "bottom"),
    ("right", "bottom"),
    ("left", "top"),
    ("right", "top"),
)  # where its point is seen from a name

Side = tuple[str, str]
Box = tuple[float, float, float, float]  # left, bottom, right, top, pixels


@dataclass(frozen=True)
class Place:
    """Where a name goes, and how many things are in its way there."""

    side: Side
    box: Box
    clashes: int


def pixels(values: pd.Series, span: list[float], axis: int) -> pd.Series:
    """Where values of an axis lie on a phone; `span` is the range of the axis."""
    return (values - span[0]) / (span[1] - span[0]) * PHONE[axis]


def around(table: pd.DataFrame) -> list[Box]:
    """The pixels that points take; columns px and py."""
    return [(x - 5, y - 5, x + 5, y + 5) for x, y in zip(table["px"], table["py"], strict=True)]


def place(x: float, y: float, lines: list[str], gap: int, taken: list[Box]) -> Place:
    """The side of a point where its name is least in the way of what is there already.

    Args:
        x: pixels from the left.
        y: pixels from the bottom.
        lines: of the name.
        gap: pixels between point and name.
        taken: what is there already.
    """
    boxes = [_box(x, y, lines, side, gap) for side in SIDES]
    clashes = [sum(_overlap(box, other) for other in taken) + 9 * _outside(box) for box in boxes]
    best = int(np.argmin(clashes))
    return Place(SIDES[best], boxes[best], clashes[best])


def _box(x: float, y: float, lines: list[str], side: Side, gap: int) -> Box:
    """The pixels a name takes that sees its point at `side`, `gap` pixels away."""
    width, height = max(map(len, lines)) * LETTER[0], len(lines) * LETTER[1]
    left = x + gap if side[0] == "left" else x - gap - width
    bottom = y + 6 if side[1] == "bottom" else y - 6 - height
    return left, bottom, left + width, bottom + height


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _outside(box: Box) -> bool:
    return box[0] < 0 or box[1] < 0 or box[2] > PHONE[0] + 10 or box[3] > PHONE[1] + 10


def write(figure: go.Figure, x: float, y: float, lines: list[str], side: Side, gap: int) -> None:
    """Write a name beside its point; of several lines the first is bold.

    Args:
        figure: gets the annotation.
        x: as the axis counts: on a logarithmic one the exponent of ten.
        y: likewise.
        lines: already literal.
        side: of a `Place`.
        gap: as of `place`.
    """
    figure.add_annotation(
        x=x,
        y=y,
        text="<br>".join([f"<b>{lines[0]}</b>", *lines[1:]] if len(lines) > 1 else lines),
        align=side[0],
        xanchor=side[0],
        yanchor=side[1],
        xshift=gap if side[0] == "left" else -gap,
        yshift=6 if side[1] == "bottom" else -6,
        borderpad=0,
        showarrow=False,
    )
