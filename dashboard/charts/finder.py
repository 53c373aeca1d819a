"""The learning-rate range test: the loss while the learning rate grows, and the rate to take."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.core.range_test import SETTLING, Suggestion

COLOR = theme.SPLIT_COLORS["train"]
HEIGHT = 340  # pixels
EMPTY = "Draws the loss of small batches while the learning rate grows, and marks the rate to take."


def curve(rows: pd.DataFrame, suggestion: Suggestion) -> go.Figure:
    """Loss against learning rate on a logarithmic axis: each batch faint, smoothed strong, the suggestion marked.

    Args:
        rows: as of `range_test.curve`.
        suggestion: what they say.
    """
    if rows.empty:
        return theme.empty(EMPTY, height=HEIGHT)
    rate = suggestion.learning_rate
    title = "No learning rate stands out" if rate is None else f"Try {rate:.2g}: {suggestion.reason}"
    figure = theme.figure(title, height=HEIGHT)
    figure.add_scatter(
        x=rows["learning_rate"],
        y=rows["loss"],
        name="each batch",
        mode="lines",
        line={"color": COLOR, "width": 1},
        opacity=0.45,
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=rows["smoothed_learning_rate"],
        y=rows["smoothed"],
        name="smoothed",
        mode="lines",
        line={"color": COLOR, "width": 3.5},
        hovertemplate="learning rate %{x:.2g}<br>loss %{y:.3f}, smoothed<extra></extra>",
    )
    if rate is not None:
        _mark(figure, rows, rate)
    ends = np.log10(rows["learning_rate"].agg(["min", "max"]).to_numpy(dtype=float))
    figure.update_xaxes(title_text="learning rate", type="log", dtick=1, exponentformat="power", showgrid=False)
    figure.update_xaxes(range=[ends[0] - 0.1, ends[1] + 0.1])
    figure.update_yaxes(title_text="loss", range=[0, _ceiling(rows)])
    return figure.update_layout(showlegend=False, hovermode="closest")


def _mark(figure: go.Figure, rows: pd.DataFrame, rate: float) -> None:
    """A line at the suggestion with its value beside it, and a point where the smoothed curve passes it."""
    at, losses = np.log10(rows["smoothed_learning_rate"].to_numpy(dtype=float)), rows["smoothed"].to_numpy(dtype=float)
    figure.add_vline(x=rate, line={"color": theme.NEUTRAL, "width": 2, "dash": "dash"})
    figure.add_scatter(
        x=[rate],
        y=[np.interp(np.log10(rate), at, losses)],
        name="suggestion",
        mode="markers",
        marker={"symbol": "diamond", "size": 14, "color": COLOR, "line": {"color": theme.ON_COLOR, "width": 1.5}},
        hovertemplate=f"{rate:.2g}<extra></extra>",
    )
    place = {"x": np.log10(rate), "y": 0.98, "yref": "paper", "yanchor": "top", "xanchor": "left", "xshift": 6}
    figure.add_annotation(text=f"{rate:.2g}", showarrow=False, **place)


def _ceiling(rows: pd.DataFrame) -> float:
    """Somewhat above what the batches begin with: the explosion at the end may leave the chart."""
    return float(max(rows["loss"].head(SETTLING).max(), rows["smoothed"].head(SETTLING).max()) * 1.2) or 1.0
