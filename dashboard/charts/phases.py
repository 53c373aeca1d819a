"""What happened when: phases behind the curves, and marks on them."""

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING
from dashboard.core.steering import ASKED, LEARNING_RATE, MORE_EPOCHS, PATIENCE

COLORS = {FEATURE_EXTRACTION: theme.ICE, FINE_TUNING: theme.EMBER}
NARROW = {FEATURE_EXTRACTION: 0.36, FINE_TUNING: 0.24}  # of the width: less holds no name on a phone
# Whoever asks for a block or for the end sees the mark of that.
LINES = {
    "early stopping": "stopped early",
    "stop": "stopped",
    "thaw": "thawed",
    "learning rate": "rate lowered",
    ASKED + LEARNING_RATE: "rate set",
    ASKED + PATIENCE: "patience set",
    ASKED + MORE_EPOCHS: "longer",
}


def shade(figure: go.Figure, rows: pd.DataFrame) -> None:
    """Draw ice behind feature extraction and ember behind fine-tuning, their names above the plot; makes room for them.

    Args:
        rows: columns phase and step, in order.
    """
    figure.update_layout(margin_t=figure.layout.margin.t + 22)
    ends = rows.groupby("phase", sort=False)["step"].max()
    last, start = max(float(ends.max()), 1.0), 0.0
    for phase, end in ends.items():
        color = COLORS.get(str(phase), theme.NEUTRAL)
        figure.add_vrect(x0=start, x1=end, fillcolor=color, opacity=0.12, line_width=0, layer="below")
        figure.add_shape(type="line", x0=start, x1=end, y0=1, y1=1, yref="paper", line={"color": color, "width": 5})
        if (end - start) / last >= NARROW.get(str(phase), 0.36):
            place = {"x": start, "y": 1, "yref": "paper", "xanchor": "left", "yanchor": "bottom", "yshift": 2}
            figure.add_annotation(text=theme.literal(phase), showarrow=False, **place)
        start = float(end)


def mark(figure: go.Figure, marks: pd.DataFrame, epochs: pd.DataFrame, metric: str) -> None:
    """Draw a star at the best epoch, a dashed line where something was done about the training, a triangle at every
    warning.

    Args:
        marks: columns kind, step, epoch, text; of "best" the last one counts.
        epochs: columns epoch and `validation_<metric>`.
    """
    if marks.empty:
        return
    best = marks[marks["kind"] == "best"].tail(1)
    if len(best) and f"validation_{metric}" in epochs:
        _best(figure, best, epochs.set_index("epoch")[f"validation_{metric}"])
    for position, stop in enumerate(marks[marks["kind"].isin(LINES)].itertuples(index=False)):
        figure.add_vline(x=stop.step, line={"color": theme.NEUTRAL, "width": 2, "dash": "dash"})
        figure.add_annotation(
            x=stop.step,
            y=0.98 if metric == "loss" else 0.02,  # where the curve is not
            yref="paper",
            yanchor="top" if metric == "loss" else "bottom",
            xanchor="right",
            xshift=-4,
            yshift=(-1 if metric == "loss" else 1) * 14 * (position % 3),  # neighbours do not write over each other
            text=LINES[stop.kind] + (f", epoch {int(stop.epoch)}" if pd.notna(stop.epoch) else ""),
            hovertext=theme.literal(stop.text),
            showarrow=False,
        )
    _warnings(figure, marks[marks["kind"] == "warning"])


def _best(figure: go.Figure, best: pd.DataFrame, values: pd.Series) -> None:
    at = best[best["epoch"].isin(values.index)]
    figure.add_scatter(
        x=at["step"],
        y=values.reindex(at["epoch"]).to_numpy(),
        name="best",
        mode="markers",
        cliponaxis=False,
        marker={"symbol": "star", "size": 20, "color": theme.SPLIT_COLORS["validation"]}
        | {"line": {"color": theme.ON_COLOR, "width": 1}},
        hovertext=[theme.literal(text) for text in at["text"]],
        hoverinfo="text",
    )


def _warnings(figure: go.Figure, warnings: pd.DataFrame) -> None:
    """Triangles along the lower edge, whatever the axis shows."""
    if warnings.empty:
        return
    figure.add_scatter(
        x=warnings["step"],
        y=[0.03] * len(warnings),
        yaxis="y2",
        name="warning",
        mode="markers",
        marker={"symbol": "triangle-up", "size": 13, "color": theme.CLASS_COLORS[9]},
        hovertext=[theme.literal(text) for text in warnings["text"]],
        hoverinfo="text",
        showlegend=False,
    )
    figure.update_layout(yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True})
