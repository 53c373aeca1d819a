"""Training and validation loss by epoch, where they part, and how they would have gone on."""

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import phases, theme
from dashboard.core.overfitting import Story

HEIGHT = 440  # pixels
CURVES = (
    ("training", "loss", theme.SPLIT_COLORS["train"]),
    ("validation", "validation_loss", theme.SPLIT_COLORS["validation"]),
)


def curves(epochs: pd.DataFrame, story: Story, ghost: pd.DataFrame | None = None) -> go.Figure:
    """Both losses as they went, dotted as they would have gone on; the kept epoch, the turn and the stop marked.

    Args:
        epochs: columns epoch, phase, loss, validation_loss; at least one row.
        story: what they say.
        ghost: the same columns, of one phase of the run; drawn from where that phase ended.
    """
    figure = theme.figure(_title(story), height=HEIGHT)
    figure.update_layout(showlegend=True, **theme.legend_on_top(figure))
    for name, column, color in CURVES:
        line = {"x": epochs["epoch"], "y": epochs[column], "name": name, "mode": "lines+markers"}
        words = f"epoch %{{x}}<br>{name} loss %{{y:.3f}}<extra></extra>"
        figure.add_scatter(**line, line={"color": color, "width": 3}, marker={"size": 6}, hovertemplate=words)
        if ghost is not None:
            beyond = _beyond(epochs, ghost)
            words = f"ghost, epoch %{{x}}<br>{name} loss %{{y:.3f}}<extra></extra>"
            dots = {"color": color, "width": 3, "dash": "dot"}
            figure.add_scatter(
                x=beyond["epoch"], y=beyond[column], name=f"{name}, ghost", mode="lines", line=dots, showlegend=False,
                hovertemplate=words,
            )  # fmt: skip
    phases.shade(figure, epochs.assign(step=epochs["epoch"]))
    _mark(figure, epochs, story)
    figure.update_xaxes(title_text="epoch", showgrid=False, tickformat="d", nticks=8, rangemode="tozero")
    return figure.update_yaxes(title_text="loss", rangemode="tozero")


def _title(story: Story) -> str:
    if story.turned is None:
        return f"Still falling at epoch {story.stopped}"
    return f"Turned after epoch {story.turned}, stopped at {story.stopped}"


def _beyond(epochs: pd.DataFrame, ghost: pd.DataFrame) -> pd.DataFrame:
    """The ghost from the last epoch of its phase that the run had, so that the two join."""
    own = epochs[epochs["phase"].isin(ghost["phase"].unique())]
    return ghost[ghost["epoch"] >= own["epoch"].max()]


def _mark(figure: go.Figure, epochs: pd.DataFrame, story: Story) -> None:
    figure.add_vline(x=story.stopped, line={"color": theme.NEUTRAL, "width": 2, "dash": "dash"})
    figure.add_annotation(
        x=story.stopped, y=0.98, yref="paper", yanchor="top", xanchor="right", xshift=-4, showarrow=False, text="ended"
    )
    kept = epochs[epochs["epoch"] == story.kept]
    figure.add_scatter(
        x=kept["epoch"],
        y=kept["validation_loss"],
        name="kept",
        mode="markers",
        cliponaxis=False,
        marker={"symbol": "star", "size": 20, "color": theme.SPLIT_COLORS["validation"]}
        | {"line": {"color": theme.ON_COLOR, "width": 1}},
        hovertemplate="weights of epoch %{x} kept<extra></extra>",
    )
