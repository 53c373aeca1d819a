"""Mini-batches: the noise and the angle of their gradients, their speed, and trainings side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.charts.history import SYMBOLS
from dashboard.core import gradient_noise

COLOR = theme.CLASS_COLORS[0]
HEIGHT = 360  # pixels
AXES = {"step": "steps", "seconds": "seconds", "pictures": "pictures seen"}


def noise(rows: pd.DataFrame) -> go.Figure:
    """Relative noise against batch size, both logarithmic, with the fitted line and one that falls as 1/sqrt(B).

    Args:
        rows: columns size and noise.
    """
    slope = gradient_noise.slope(rows["size"], rows["noise"])
    title = "Too few sizes for a slope" if slope is None else f"Noise falls with slope {slope:.2f}".replace("-", "−")
    figure = theme.figure(title, subtitle="slope −0.5: as one over the root of the batch size", height=HEIGHT)
    figure.update_layout(showlegend=True, **theme.legend_on_top(figure))
    law = rows["noise"].iloc[0] * (rows["size"] / rows["size"].iloc[0]) ** -0.5
    figure.add_scatter(
        x=rows["size"], y=law, name="1/√B", mode="lines", line={"color": theme.NEUTRAL, "width": 2, "dash": "dash"},
        hoverinfo="skip",
    )  # fmt: skip
    if slope is not None:
        shift = float(np.mean(np.log(rows["noise"]) - slope * np.log(rows["size"])))
        fitted = np.exp(shift) * rows["size"] ** slope
        figure.add_scatter(
            x=rows["size"], y=fitted, name="fitted", mode="lines", line={"color": COLOR, "width": 2}, hoverinfo="skip"
        )
    figure.add_scatter(
        x=rows["size"], y=rows["noise"], name="measured", mode="markers", marker={"color": COLOR, "size": 10},
        hovertemplate="batches of %{x}<br>noise %{y:.2f} of the gradient<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(title_text="noise / gradient", type="log", nticks=6)
    return _sizes(figure, rows)


def angle(rows: pd.DataFrame) -> go.Figure:
    """How far a batch points away from where all pictures point; columns size and angle in degrees."""
    last = rows.iloc[-1]
    title = f"Batches of {int(last['size'])} point {last['angle']:.0f}° aside"
    figure = theme.figure(title, subtitle="90° is no better than a blind step", height=HEIGHT)
    figure.add_scatter(
        x=rows["size"], y=rows["angle"], mode="lines+markers", line={"color": COLOR, "width": 3}, marker={"size": 9},
        hovertemplate="batches of %{x}<br>%{y:.0f}° from the full gradient<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(title_text="degrees", rangemode="tozero")
    return _sizes(figure, rows)


def speed(rows: pd.DataFrame) -> go.Figure:
    """Pictures a second in training the head, both axes logarithmic; columns size and pictures_per_second."""
    first, best = rows["pictures_per_second"].iloc[0], rows["pictures_per_second"].max()
    title = f"{best / first:,.0f} times faster than one by one"
    figure = theme.figure(title, subtitle="one product of matrices does a whole batch", height=HEIGHT)
    figure.add_scatter(
        x=rows["size"], y=rows["pictures_per_second"], mode="lines+markers", line={"color": COLOR, "width": 3},
        marker={"size": 9}, hovertemplate="batches of %{x}<br>%{y:,.0f} pictures a second<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(title_text="pictures a second", type="log", nticks=6)
    return _sizes(figure, rows)


def _sizes(figure: go.Figure, rows: pd.DataFrame) -> go.Figure:
    sizes = [int(size) for size in rows["size"]]
    return figure.update_xaxes(
        title_text="batch size", type="log", tickvals=sizes, ticktext=[str(each) for each in sizes]
    )


def race(curves: Sequence[dict[str, Any]], by: str) -> go.Figure:
    """Loss over all training pictures while the same head learns with batches of several sizes.

    Args:
        curves: a record a size: size, and lists of equal length: loss, and those that `AXES` names.
        by: one of `AXES`.
    """
    best = min(curves, key=lambda each: each["loss"][-1])
    title = f"Lowest in equal time: batches of {best['size']}"
    figure = theme.figure(title, subtitle=f"loss of all training pictures by {AXES[by]}", height=HEIGHT + 40)
    figure.update_layout(showlegend=True, **theme.legend_on_top(figure))
    for index, each in enumerate(curves):
        figure.add_scatter(
            x=each[by], y=each["loss"], name=f"{each['size']}", mode="lines+markers",
            line={"color": theme.CLASS_COLORS[index], "width": 2.5},
            marker={"symbol": SYMBOLS[index], "size": 6},
            hovertemplate=f"batches of {each['size']}<br>%{{x:.4~g}} {AXES[by]}, loss %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title_text=AXES[by], showgrid=False, rangemode="tozero", nticks=7)
    return figure.update_yaxes(title_text="loss", rangemode="tozero")
