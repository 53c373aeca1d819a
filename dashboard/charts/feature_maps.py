"""Feature maps as pictures, the part of the picture a unit sees, and how much each block changed."""

import base64
import io

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from PIL import Image

from dashboard.charts import theme
from dashboard.core.receptive_field import Box

# From the least to the most: dark to light, so it reads without colour too (five colours of matplotlib's viridis).
SCALE = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
CLICKABLE = 28  # places a side; of larger maps every second or fourth can be clicked on
FRAME = "#b5388a"  # around what is seen: neither ice nor ember
SIDE = 340  # pixels


def colored(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers as colours, uint8, shape (height, width, 3); what is not finite as the strongest."""
    with np.errstate(invalid="ignore"):
        shares = np.clip((values - low) / (high - low if high > low else 1.0), 0, 1)
    shares = np.nan_to_num(shares, nan=1.0)
    stops = np.linspace(0, 1, len(SCALE))
    return (
        np.stack([np.interp(shares, stops, [color[at] for color in SCALE]) for at in range(3)], axis=-1)
        .round()
        .astype("uint8")
    )


def tile(values: np.ndarray, low: float, high: float, side: int = 112) -> np.ndarray:
    """A map as a picture of at least `side` pixels, every unit a square; as of `colored`."""
    times = max(1, -(-side // max(values.shape)))
    return np.repeat(np.repeat(colored(values, low, high), times, axis=0), times, axis=1)


def units(values: np.ndarray, chosen: tuple[int, int], title: str) -> go.Figure:
    """One map with its chosen unit; every place that can be clicked on has `customdata` of its row and column."""
    height, width = values.shape
    squares = tile(values, float(values.min()), float(values.max()), SIDE)  # a browser would blur smaller ones
    figure = _picture(squares, (height, width), title, "click on a unit")
    rows, columns = (
        np.unique(np.linspace(0, size - 1, min(size, CLICKABLE)).round().astype(int)) for size in (height, width)
    )
    grid = [(int(row), int(column)) for row in rows for column in columns]
    figure.add_scatter(
        x=[column for _, column in grid],
        y=[row for row, _ in grid],
        mode="markers",
        marker={"size": max(6, SIDE // max(len(rows), len(columns)) - 3), "symbol": "square", "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[list(place) for place in grid],
        hovertext=[f"row {row}, column {column}: {values[row, column]:.3g}" for row, column in grid],
        hoverinfo="text",
        showlegend=False,
    )
    return _framed(figure, Box(chosen[0], chosen[1], chosen[0] + 1, chosen[1] + 1))


def seen(picture: np.ndarray, box: Box, title: str, subtitle: str) -> go.Figure:
    """The picture, in colours 0..1 of shape (height, width, 3), with a frame around what a unit sees."""
    colors = (np.clip(picture, 0, 1) * 255).round().astype("uint8")
    figure = _picture(colors, picture.shape[:2], title, subtitle)
    shade = {"fillcolor": "rgba(0,0,0,0.55)", "line_width": 0}
    height, width = picture.shape[:2]
    for part in (
        Box(0, 0, box.top, width),
        Box(box.bottom, 0, height, width),
        Box(box.top, 0, box.bottom, box.left),
        Box(box.top, box.right, box.bottom, width),
    ):
        if part.height > 0 and part.width > 0:
            figure.add_shape(**_edges(part), **shade)
    return _framed(figure, box)


def _picture(colors: np.ndarray, size: tuple[int, ...], title: str, subtitle: str) -> go.Figure:
    """Colours stretched over axes that count `size`, rows and columns."""
    height, width = size
    data = io.BytesIO()
    Image.fromarray(colors).save(data, "PNG")
    figure = theme.figure(title, subtitle=subtitle, height=SIDE + 76)
    figure.add_layout_image(
        source=f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}",
        xref="x",
        yref="y",
        x=-0.5,
        y=-0.5,
        sizex=width,
        sizey=height,
        sizing="stretch",
        layer="below",
    )
    figure.add_scatter(x=[0], y=[0], mode="markers", marker_opacity=0, hoverinfo="skip", showlegend=False)
    axis = {"visible": False, "fixedrange": True}
    figure.update_xaxes(range=[-0.5, width - 0.5], constrain="domain", **axis)
    figure.update_yaxes(range=[height - 0.5, -0.5], scaleanchor="x", constrain="domain", **axis)
    return figure.update_layout(margin={"b": 8, "l": 4, "r": 4}, dragmode=False)


def _edges(box: Box) -> dict[str, float]:
    return {"x0": box.left - 0.5, "x1": box.right - 0.5, "y0": box.top - 0.5, "y1": box.bottom - 0.5}


def _framed(figure: go.Figure, box: Box) -> go.Figure:
    if not (box.height and box.width):
        return figure
    figure.add_shape(**_edges(box), line={"color": "#ffffff", "width": 5})
    return figure.add_shape(**_edges(box), line={"color": FRAME, "width": 3})


def changes(table: pd.DataFrame) -> go.Figure:
    """How much each block changed, in per cent of what it was.

    Args:
        table: columns block, weights and outputs, shares of the norm before; in order from the input.
    """
    most = table.loc[table["weights"].idxmax()] if len(table) else None
    if most is None or not most["weights"]:
        return theme.empty(
            "No block's weights changed: fine-tuning brought nothing better, so those before it were kept."
        )
    figure = theme.figure(
        f"{theme.short(most['block'], 16)} changed most",
        subtitle="per cent of what it was before, by block",
        height=150 + 26 * len(table),
    )
    for column, symbol, color in (
        ("weights", "circle", theme.CLASS_COLORS[3]),
        ("outputs", "diamond-open", theme.CLASS_COLORS[0]),
    ):
        figure.add_scatter(
            x=100 * table[column],
            y=[theme.short(name, 18) for name in table["block"]],
            name={"weights": "its weights", "outputs": "what it hands on for this picture"}[column],
            mode="markers",
            marker={"symbol": symbol, "size": 10, "color": color, "line_width": 2},
            hovertemplate="%{x:.2f} %",
            cliponaxis=False,
        )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(rangemode="tozero", ticksuffix=" %")
    return figure.update_layout(showlegend=True, **theme.legend_on_top(figure))
