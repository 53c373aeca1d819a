"""How soon runs get how far: validation accuracy over the minutes each has had."""

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme

HEIGHT = 400  # pixels
ROOM = 1.16  # of the time axis, for the names at the ends of the curves
APART = 0.08  # of the accuracy axis, between two labels


def race(runs: Mapping[str, pd.DataFrame]) -> go.Figure:
    """One curve a run, each epoch a point, its name and best accuracy at its end.

    A run that ended earlier goes on as a dotted line at the best it reached: those are the weights it kept.

    Args:
        runs: columns minutes (from the beginning of the run to the end of the epoch, above 0), epoch and
            validation_accuracy (0..1), by a name of at most 20 characters.
    """
    curves = {name: rows.dropna(subset=["validation_accuracy"]) for name, rows in runs.items()}
    curves = {name: rows for name, rows in curves.items() if len(rows)}
    if not curves:
        return theme.empty("Draws validation accuracy over minutes, one curve a run.", height=HEIGHT)
    longest = max(float(rows["minutes"].iloc[-1]) for rows in curves.values())
    title, subtitle = _headline(curves)
    figure = theme.figure(title, subtitle=subtitle, height=HEIGHT)
    figure.update_layout(showlegend=True, **theme.legend_on_top(figure))
    for index, (name, rows) in enumerate(curves.items()):
        _draw(figure, name, rows, theme.CLASS_COLORS[index % len(theme.CLASS_COLORS)], longest, index)
    _keep_apart(figure.layout.annotations)
    seconds = longest < 1.5
    figure.update_xaxes(title_text="minutes since the run began", range=[0, longest * ROOM], showgrid=False, nticks=8)
    figure.update_xaxes(tickformat=".2~f" if seconds else None)
    return figure.update_yaxes(title_text="validation accuracy", range=[0, 1.04], tickformat=".0%")


def _draw(figure: go.Figure, name: str, rows: pd.DataFrame, color: str, longest: float, index: int) -> None:
    best = float(rows["validation_accuracy"].max())
    figure.add_scatter(
        x=rows["minutes"],
        y=rows["validation_accuracy"],
        name=theme.short(name, 20),
        mode="lines+markers",
        line={"color": color, "width": 3},
        marker={"symbol": ("circle", "square", "diamond", "triangle-up")[index % 4], "size": 7},
        customdata=rows["epoch"],
        hovertemplate="epoch %{customdata}, %{x:.1f} minutes<br>validation accuracy %{y:.1%}<extra></extra>",
    )
    end = float(rows["minutes"].iloc[-1])
    if end < longest:
        figure.add_scatter(
            x=[end, longest],
            y=[best, best],
            mode="lines",
            line={"color": color, "width": 2, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
        )
    figure.add_annotation(
        x=max(end, longest), y=best, text=f"<b>{best:.0%}</b>", showarrow=False, xanchor="left", xshift=8,
        font={"color": color, "size": 16},
    )  # fmt: skip


def _keep_apart(labels: Sequence[go.layout.Annotation]) -> None:
    """Move labels up that would be written over each other."""
    lowest = 0.0
    for label in sorted(labels, key=lambda each: float(each.y)):
        label.y = max(float(label.y), lowest)
        lowest = label.y + APART


def _headline(curves: Mapping[str, pd.DataFrame]) -> tuple[str, str]:
    """Who is ahead, and how long it took to get there."""
    peaks = {name: rows.loc[rows["validation_accuracy"].idxmax()] for name, rows in curves.items()}
    first = max(peaks, key=lambda name: float(peaks[name]["validation_accuracy"]))
    accuracy, minutes = float(peaks[first]["validation_accuracy"]), float(peaks[first]["minutes"])
    took = f"{minutes:.1f} minutes" if minutes >= 1 else f"{60 * minutes:.0f} seconds"
    return f"{theme.short(first, 22)}: {accuracy:.0%}", f"validation accuracy, reached after {took}"
