"""Which classes are taken for which."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.core import metrics

NAMED = 20  # classes up to which their names fit below the columns
LABELLED = 12  # classes up to which a share fits into its cell on a phone


def heatmap(counts: pd.DataFrame) -> go.Figure:
    """Confusion matrix as shares of each true class: right on the diagonal in green, mistakes beside it in red.

    Every cell is also an invisible point whose `customdata` is (true class, predicted class), so that a page knows
    which pictures a selected cell stands for.

    Args:
        counts: pictures, rows true classes, columns predicted ones, as of `metrics.confusion_matrix`.
    """
    if counts.to_numpy().sum() == 0:
        return theme.empty("Shows which classes are taken for which, once there are predictions.")
    cells = counts.to_numpy(dtype=float)
    totals = cells.sum(axis=1, keepdims=True)
    shares = np.divide(cells, totals, out=np.zeros_like(cells), where=totals > 0)
    figure = theme.figure(
        _finding(counts),
        subtitle="per cent of each true class",
        height=int(np.clip(190 + 44 * len(counts), 320, 900)),
    )
    right = np.eye(len(counts), dtype=bool)
    for mask, scale in ((right, theme.SEQUENTIAL), (~right, theme.MISTAKES)):
        figure.add_heatmap(
            z=np.where(mask, shares, np.nan),
            colorscale=scale,
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=1,
            ygap=1,
            hoverinfo="skip",
        )
    for strong in (False, True):
        figure.add_scatter(**_cells(counts, shares, (shares >= theme.STRONG) == strong, strong))
    return _axes(figure, counts)


def _cells(counts: pd.DataFrame, shares: np.ndarray, mask: np.ndarray, strong: bool) -> dict[str, object]:
    """Points that carry the numbers, the hover text and the names of the cells in `mask`."""
    rows, columns = np.nonzero(mask)
    true, predicted = [counts.index[row] for row in rows], [counts.columns[column] for column in columns]
    values, parts = counts.to_numpy()[rows, columns], shares[rows, columns]
    fits = len(counts) <= LABELLED
    color = theme.ON_COLOR if strong else theme.TEXT
    return {
        "x": columns,
        "y": rows,
        "mode": "markers+text" if fits else "markers",
        "marker": {"size": 18, "symbol": "square", "opacity": 0},
        "selected": {"marker": {"opacity": 0}},
        "unselected": {"marker": {"opacity": 0}, "textfont": {"color": color}},
        "text": [f"{part * 100:.0f}" if value else "" for value, part in zip(values, parts, strict=True)],
        "textfont": {"color": color},
        "customdata": [list(pair) for pair in zip(true, predicted, strict=True)],
        "hovertext": [
            f"{theme.literal(one)}<br>predicted as {theme.literal(other)}<br>"
            f"{theme.pictures(value)}, {part * 100:.0f} %"
            for one, other, value, part in zip(true, predicted, values, parts, strict=True)
        ],
        "hoverinfo": "text",
        "showlegend": False,
    }


def _axes(figure: go.Figure, counts: pd.DataFrame) -> go.Figure:
    positions = np.arange(len(counts))
    names = [theme.short(name, 14) for name in counts.index]
    many = len(names) > NAMED
    axis = {"tickvals": positions, "ticktext": names, "showgrid": False, "zeroline": False, "ticklen": 0}
    edge = len(counts) - 0.5
    tickangle = 0 if max(map(len, map(str, counts.index))) * len(names) < 36 else -45
    figure.update_xaxes(range=[-0.5, edge], tickangle=tickangle, showticklabels=not many, **axis)
    figure.update_xaxes(title_text="predicted class, in the same order" if many else "predicted class")
    figure.update_yaxes(title_text="true class", range=[edge, -0.5], **axis)
    return figure.update_yaxes(tickfont_size=9) if many else figure


def _finding(counts: pd.DataFrame) -> str:
    pair = metrics.most_mixed_up(counts)
    if pair is None:
        return "No class is taken for another"
    return f"Most mixed up: {theme.short(pair[0], 12)} and {theme.short(pair[1], 12)}"
