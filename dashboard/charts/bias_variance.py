"""Bias and variance along an axis, stacked to the error they add up to, and the learning curve."""

from typing import Any

import plotly.graph_objects as go

from dashboard.charts import theme

BIAS, VARIANCE = theme.CLASS_COLORS[3], theme.CLASS_COLORS[9]
HEIGHT = 320  # pixels


def parts(rows: list[dict[str, Any]], names: list[str], title: str, axis: str) -> go.Figure:
    """Bars of bias and variance, one a setting.

    Args:
        rows: as of `ml.bias_variance`, in order.
        names: what each bar is called; literal already.
        title: the question.
        axis: title of the axis.
    """
    figure = theme.figure(title, subtitle="bias and variance add up to the error on unseen pictures", height=HEIGHT)
    for name, key, color in (("bias", "bias", BIAS), ("variance", "variance", VARIANCE)):
        values = [100 * (row[key] or 0.0) for row in rows]
        figure.add_bar(
            x=names,
            y=values,
            name=name,
            marker_color=color,
            text=[f"{value:.1f}" for value in values],
            textfont_color=theme.ON_COLOR,
            hovertemplate=f"{name} %{{y:.1f}} points<extra></extra>",
        )
    figure.update_xaxes(title_text=axis, type="category")
    figure.update_yaxes(title_text="error, points of 100")
    return figure.update_layout(barmode="relative", **theme.legend_on_top(figure))


def learning_curve(rows: list[dict[str, Any]]) -> go.Figure:
    """Error on unseen and on trained pictures against training pictures; the band holds eight of ten heads.

    Args:
        rows: of the axis `data`, in order.
    """
    figure = theme.figure("Would more pictures help?", subtitle="the band holds 8 of 10 heads", height=HEIGHT)
    x = [row["value"] for row in rows]
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=x, y=[100 * row["high"] for row in rows], **band)
    fill = {"fill": "tonexty", "fillcolor": theme.faded(theme.SPLIT_COLORS["validation"], 0.2)}
    figure.add_scatter(x=x, y=[100 * row["low"] for row in rows], **band, **fill)
    for name, key, split in (("unseen", "error", "validation"), ("trained on", "training_error", "train")):
        figure.add_scatter(
            x=x,
            y=[None if row[key] is None else 100 * row[key] for row in rows],
            name=name,
            mode="lines+markers",
            line={"color": theme.SPLIT_COLORS[split], "width": 2.5},
            hovertemplate=f"{name}: %{{y:.1f}} %, %{{x}} pictures<extra></extra>",
        )
    figure.update_xaxes(title_text="training pictures", rangemode="tozero")
    figure.update_yaxes(title_text="wrong, %", rangemode="tozero")
    return figure.update_layout(**theme.legend_on_top(figure))
