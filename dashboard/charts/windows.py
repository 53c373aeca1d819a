"""Small squares of numbers, and pictures on which a window lies that can be moved by a click."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.charts import feature_maps, theme
from dashboard.core.receptive_field import Box

CLICKABLE = 28  # places a side
SQUARE = 210  # pixels of a square of numbers
WRITTEN = 11  # cells a side that still have their numbers in them


def number(value: float) -> str:
    """Four digits at most; whole numbers as they are, without a negative zero."""
    value = 0.0 if value == 0 else value
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e5 else f"{value:.3g}"


def numbers(values: np.ndarray, title: str, *, largest: float | None = None) -> go.Figure:
    """A square of numbers: positive ones in green, negative ones in red, the stronger the larger.

    Args:
        values: shape (rows, columns); NaN is padding, which counts as 0 and is written so on no colour.
        title: what they are.
        largest: magnitude that has the full colour; the largest of them when left out.
    """
    filled = np.nan_to_num(values)
    shares = np.abs(filled) / (largest or float(np.abs(filled).max()) or 1.0)
    rows, columns = values.shape
    figure = theme.figure(title, height=SQUARE + 50)
    for is_shown, scale in ((filled > 0, theme.SEQUENTIAL), (filled < 0, theme.MISTAKES)):
        figure.add_heatmap(
            z=np.where(is_shown & ~np.isnan(values), shares, np.nan),
            colorscale=scale,
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=1,
            ygap=1,
            hoverinfo="skip",
        )
    for strong in (False, True):
        places = np.argwhere((shares >= theme.STRONG) == strong)
        figure.add_scatter(**_written(values, places, theme.ON_COLOR if strong else theme.TEXT))
    axis = {"visible": False, "fixedrange": True, "constrain": "domain"}
    figure.update_xaxes(range=[-0.5, columns - 0.5], **axis)
    figure.update_yaxes(range=[rows - 0.5, -0.5], scaleanchor="x", **axis)
    for shape in ({"x0": -0.5, "x1": columns - 0.5, "y0": -0.5, "y1": rows - 0.5},):
        figure.add_shape(**shape, line={"color": theme.NEUTRAL, "width": 1})
    return figure.update_layout(margin={"t": 44, "b": 4, "l": 4, "r": 4}, dragmode=False)


def _written(values: np.ndarray, places: np.ndarray, color: str) -> dict[str, object]:
    cells = [float(values[row, column]) for row, column in places]
    fits = max(values.shape) <= WRITTEN
    return {
        "x": [int(column) for _, column in places],
        "y": [int(row) for row, _ in places],
        "mode": "text" if fits else "markers",
        "marker": {"opacity": 0},
        "text": [number(0.0 if np.isnan(cell) else cell) for cell in cells] if fits else None,
        "textfont": {"color": color, "size": 13 if max(values.shape) <= 5 else 9},
        "hovertext": ["padding: counts as 0" if np.isnan(cell) else f"{cell:.6g}" for cell in cells],
        "hoverinfo": "text",
        "showlegend": False,
    }


def shades(values: np.ndarray) -> np.ndarray:
    """One channel as shades of grey 0..1 from its least to its largest value, shape (height, width, 3)."""
    low, span = float(values.min()), float(np.ptp(values)) or 1.0
    return np.repeat(((values - low) / span)[..., np.newaxis], 3, axis=-1)


def under(picture: np.ndarray, box: Box, targets: Sequence[tuple[int, int, int, int]], title: str) -> go.Figure:
    """A picture with the window on it; a click moves the window.

    Args:
        picture: colours 0..1, shape (height, width, 3).
        box: what lies under the window.
        targets: places that can be clicked on: row and column of the picture, then the place of the output that the
            window belongs to, which becomes `customdata`.
        title: what it is.
    """
    figure = feature_maps.seen(picture, box, title, "click to move the window")
    figure.layout.shapes = figure.layout.shapes[-2:]  # its frame; the rest of the picture stays as bright
    figure.add_scatter(
        x=[column for _, column, _, _ in targets],
        y=[row for row, _, _, _ in targets],
        mode="markers",
        marker={"size": max(6, feature_maps.SIDE // CLICKABLE - 3), "symbol": "square", "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[[row, column] for _, _, row, column in targets],
        hovertext=[f"row {row}, column {column}" for row, column, _, _ in targets],
        hoverinfo="text",
        showlegend=False,
    )
    return figure


def grid(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Places spread over a picture, at most `CLICKABLE` a side, rows first."""
    rows, columns = (np.unique(np.linspace(0, side - 1, min(side, CLICKABLE)).round().astype(int)) for side in size)
    return [(int(row), int(column)) for row in rows for column in columns]
