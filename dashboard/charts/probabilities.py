"""How sure the network is of one picture."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme

ROW = 36  # pixels a class: its name above its bar, so that any width of card will do


def bars(
    probabilities: Mapping[str, float] | pd.Series, top: int = 5, colors: Mapping[str, str] | None = None
) -> go.Figure:
    """The most probable classes, most probable first.

    Args:
        probabilities: 0..1 by class name, in class index order.
        top: how many classes to show.
        colors: by class name; those of the class index by default.
    """
    values = pd.Series(dict(probabilities), dtype=float)
    if values.empty:
        return theme.empty("Shows how probable each class is.", height=ROW * 2)
    colors = colors or theme.class_colors(list(values.index))
    best = values.sort_values(ascending=False, kind="stable").head(top)
    rows = np.arange(len(best))
    figure = theme.figure("", height=ROW * len(best) + 8)
    figure.add_bar(x=np.ones(len(best)), y=rows, width=0.26, orientation="h", marker_color=theme.GRID, hoverinfo="skip")
    figure.add_bar(
        x=best,
        y=rows,
        width=0.26,
        orientation="h",
        marker_color=[colors[name] for name in best.index],
        customdata=list(best.index),
        hovertext=[f"{theme.literal(name)}: {value * 100:.2f} %" for name, value in best.items()],
        hoverinfo="text",
    )
    for x, texts, side in (
        (0, [theme.short(name, 24) for name in best.index], "right"),
        (1, [theme.literal(percent(value)) for value in best], "left"),
    ):
        figure.add_scatter(
            x=[x] * len(best),
            y=rows - 0.42,
            text=texts,
            mode="text",
            textposition=f"middle {side}",
            hoverinfo="skip",
            cliponaxis=False,
        )
    figure.update_xaxes(visible=False, range=[0, 1], fixedrange=True)
    figure.update_yaxes(visible=False, range=[len(best) - 0.75, -0.75], fixedrange=True)
    return figure.update_layout(barmode="overlay", showlegend=False, margin={"t": 2, "r": 2, "b": 2, "l": 2, "pad": 0})


def percent(share: float) -> str:
    """A probability as people read it: never 0 % or 100 % of what is not certain."""
    if not np.isfinite(share):
        return "not known"
    if 0 < share < 0.01:
        return "< 1 %"
    if 0.99 < share < 1:
        return "> 99 %"
    return f"{share * 100:.0f} %"
