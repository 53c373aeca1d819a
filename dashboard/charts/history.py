"""How training goes: every batch, every epoch, several runs, and how much patience is left."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import phases, theme
from dashboard.charts.decimation import kept

Metric = Literal["loss", "accuracy"]

TRAIN, VALIDATION = theme.SPLIT_COLORS["train"], theme.SPLIT_COLORS["validation"]
HEIGHT = 420  # pixels
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "pentagon", "hexagon", "star")
STEPS = {"title_text": "step", "showgrid": False, "tickformat": ",d", "nticks": 7}


def live(
    batches: pd.DataFrame,
    epochs: pd.DataFrame,
    marks: pd.DataFrame,
    smoothing: float = 0.9,
    metric: Metric = "loss",
) -> go.Figure:
    """One metric over the steps: raw batches thin, smoothed bold, validation as points, phases as shading behind.

    Args:
        batches: columns step, phase, epoch and the metric, one row a batch; drawn by at most 2,000 points a curve.
        epochs: columns epoch, phase, step (its last), the metric and `validation_<metric>`.
        marks: columns kind, step, epoch, text.
        smoothing: weight of what came before, 0..1; 0 smooths nothing.
        metric: the column.
    """
    if batches.empty and epochs.empty:
        return theme.empty("Draws the curve of every batch as soon as the first one is done.", height=HEIGHT)
    figure = theme.figure(_headline(epochs, metric), height=HEIGHT)
    figure.update_layout(showlegend=True, **theme.legend_on_top(figure))
    if len(batches):
        _draw_batches(figure, batches, smoothing, metric)
    if f"validation_{metric}" in epochs:
        _draw_validation(figure, epochs, metric)
    phases.shade(figure, batches if len(batches) else epochs)
    phases.mark(figure, marks, epochs, metric)
    figure.update_layout(hovermode="closest", uirevision=f"live {metric}")
    last = max(table["step"].max() for table in (batches, epochs) if len(table))
    figure.update_xaxes(**STEPS, range=[0, max(last, 2) * 1.03])
    return figure.update_yaxes(title_text=metric, **_range(batches, epochs, metric))


def smooth(values: pd.Series, smoothing: float) -> pd.Series:
    """Exponential moving average without a bias to its start.

    The correction is that of Adam's moments (Kingma and Ba 2015, section 3); pandas calls it `adjust`.
    """
    return values.ewm(alpha=1 - min(max(smoothing, 0.0), 0.999), adjust=True, ignore_na=True).mean()


def _draw_batches(figure: go.Figure, batches: pd.DataFrame, smoothing: float, metric: str) -> None:
    # Each phase begins anew: its loss has nothing to do with the one before.
    smoothed = batches.groupby("phase", sort=False)[metric].transform(smooth, smoothing)
    raw, drawn = batches.iloc[kept(batches[metric])], kept(smoothed)
    figure.add_scatter(
        x=raw["step"],
        y=raw[metric],
        name="each batch",
        mode="lines",
        line={"color": TRAIN, "width": 1},
        opacity=0.45,
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=batches["step"].to_numpy()[drawn],
        y=smoothed.to_numpy()[drawn],
        name="training",
        mode="lines" if len(batches) > 1 else "markers",
        line={"color": TRAIN, "width": 3.5},
        marker={"color": TRAIN, "size": 9},
        customdata=batches["epoch"].to_numpy()[drawn],
        hovertemplate=f"step %{{x:,}}, epoch %{{customdata}}<br>{metric} %{{y:.3f}}, smoothed<extra></extra>",
    )


def _draw_validation(figure: go.Figure, epochs: pd.DataFrame, metric: str) -> None:
    figure.add_scatter(
        x=epochs["step"],
        y=epochs[f"validation_{metric}"],
        name="validation",
        mode="lines+markers",
        line={"color": VALIDATION, "width": 2, "dash": "dot"},
        marker={"size": 10 if len(epochs) <= 60 else 5, "symbol": "diamond"},
        customdata=epochs["epoch"],
        cliponaxis=False,
        hovertemplate=f"epoch %{{customdata}}<br>validation {metric} %{{y:.3f}}<extra></extra>",
    )


def _headline(epochs: pd.DataFrame, metric: str) -> str:
    column = f"validation_{metric}"
    values = epochs[column].astype(float) if column in epochs else pd.Series(dtype=float)
    if values.isna().all():
        return f"{metric.capitalize()} of every batch"
    best = values.argmin() if metric == "loss" else values.argmax()
    return f"Best validation {metric} {values.iloc[best]:.2f}, epoch {int(epochs['epoch'].iloc[best])}"


def _range(batches: pd.DataFrame, epochs: pd.DataFrame, metric: str) -> dict[str, object]:
    """Accuracy from 0 to 1; loss from 0 to where both curves fit."""
    if metric == "accuracy":
        return {"range": [0, 1.02], "tickformat": ".0%"}
    drawn = [table[name] for table, name in ((batches, metric), (epochs, f"validation_{metric}")) if name in table]
    return {"range": [0, max(_ceiling(values) for values in drawn) * 1.1 or 1.0]}


def _ceiling(values: pd.Series) -> float:
    """The greatest value, or 2.5 times the greatest median of a stretch: wild batches must not flatten the rest."""
    finite = values.to_numpy(dtype=float)
    finite = finite[np.isfinite(finite)]
    if len(finite) < 20:
        return float(finite.max(initial=0.0))
    width = max(5, len(finite) // 200)
    stretches = finite[: len(finite) // width * width].reshape(-1, width)
    return float(min(finite.max(), 2.5 * np.median(stretches, axis=1).max()))


def learning_rate(batches: pd.DataFrame) -> go.Figure:
    """The learning rate of every step, on a logarithmic axis."""
    if batches.empty:
        return theme.empty("Draws the learning rate as soon as the first batch is done.")
    rates = batches["learning_rate"]
    figure = theme.figure(f"Learning rate now {rates.iloc[-1]:.2g}", height=240)
    drawn = batches.iloc[kept(rates)]
    figure.add_scatter(
        x=drawn["step"],
        y=drawn["learning_rate"],
        mode="lines" if len(drawn) > 1 else "markers",
        line={"color": TRAIN, "width": 3, "shape": "hv"},
        marker={"color": TRAIN, "size": 9},
        customdata=drawn["epoch"],
        hovertemplate="step %{x:,}, epoch %{customdata}<br>learning rate %{y:.2g}<extra></extra>",
    )
    phases.shade(figure, batches)
    figure.update_xaxes(**STEPS, range=[0, max(batches["step"].max(), 2) * 1.03])
    ends = np.log10(rates[rates > 0].agg(["min", "max"])) if (rates > 0).any() else np.array([-4.0, -3.0])
    figure.update_yaxes(title_text="learning rate", type="log", exponentformat="power", dtick=1)
    figure.update_yaxes(range=[float(min(ends)) - 0.3, float(max(ends)) + 0.3])
    return figure.update_layout(showlegend=False, uirevision="learning rate")


def compare(runs: Mapping[str, pd.DataFrame], metric: str = "validation_accuracy") -> go.Figure:
    """One curve a run over its epochs, told apart by colour and marker.

    Args:
        runs: epochs by name of the run.
        metric: a column of epochs.
    """
    curves = {name: epochs.dropna(subset=[metric]) for name, epochs in runs.items() if metric in epochs}
    curves = {name: epochs for name, epochs in curves.items() if len(epochs)}
    words = metric.replace("_", " ")
    if not curves:
        return theme.empty(f"Draws the {words} of the runs you select, one curve a run.", height=320)
    lines = -(-len(curves) // 2)  # of the legend, on a phone
    title, subtitle = _winner(curves, metric)
    figure = theme.figure(title, subtitle=subtitle, height=360 + 20 * lines)
    for index, (name, epochs) in enumerate(curves.items()):
        figure.add_scatter(
            x=epochs["epoch"],
            y=epochs[metric],
            name=theme.short(name, 16),
            mode="lines+markers",
            line={"color": theme.CLASS_COLORS[index % len(theme.CLASS_COLORS)], "width": 2},
            marker={"symbol": SYMBOLS[index % len(SYMBOLS)], "size": 8},
            customdata=[name] * len(epochs),
            hovertext=[theme.literal(name)] * len(epochs),
            hovertemplate=f"%{{hovertext}}<br>epoch %{{x}}, {words} %{{y:.3f}}<extra></extra>",
        )
    legend = {"orientation": "h", "xref": "container", "x": 0, "yref": "container", "y": 0.01, "yanchor": "bottom"}
    figure.update_layout(showlegend=True, legend=legend, margin_b=56 + 20 * lines)
    figure.update_xaxes(title_text="epoch", showgrid=False, tickformat="d", nticks=8)
    return figure.update_yaxes(title_text=words, tickformat=".0%" if metric.endswith("accuracy") else None)


def _winner(curves: Mapping[str, pd.DataFrame], metric: str) -> tuple[str, str]:
    """Title and subtitle: the best value, and whose it is."""
    best = min if metric.endswith("loss") else max
    peaks = {name: float(best(epochs[metric])) for name, epochs in curves.items()}
    winner = best(peaks, key=lambda name: peaks[name])
    return f"Best {metric.replace('_', ' ')} {peaks[winner]:.2f}", f"by {theme.short(winner, 48)}"


def patience(used: int, allowed: int) -> go.Figure:
    """A slim gauge: one box an epoch without improvement, filled from the left; full means the phase stops.

    Args:
        used: epochs since the validation loss was last better.
        allowed: epochs after which the phase stops, at least 1.
    """
    allowed = max(allowed, 1)
    used = min(max(used, 0), allowed)
    boxes = min(allowed, 40)
    filled = -(-used * boxes // allowed)
    figure = theme.figure(f"Patience: {used} of {allowed} epochs used", height=84)
    figure.add_bar(
        x=[0.9] * boxes,
        base=np.arange(boxes) + 0.05,
        y=[0] * boxes,
        width=0.8,
        orientation="h",
        hoverinfo="skip",
        marker={
            "color": [VALIDATION if box < filled else theme.CLEAR for box in range(boxes)],
            "line": {"color": VALIDATION, "width": 1.5},
        },
    )
    figure.update_xaxes(visible=False, range=[0, boxes], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-0.5, 0.5], fixedrange=True)
    return figure.update_layout(showlegend=False, barmode="overlay", margin={"t": 40, "b": 4, "l": 4, "r": 4})
