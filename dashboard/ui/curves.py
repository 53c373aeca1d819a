"""The curves of a run, drawn once for all who look at it."""

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.charts import history
from dashboard.runs import events
from dashboard.ui import resources

DRAW_AGAIN = 2.0  # seconds; drawing curves costs the browser and the server more than writing figures


@dataclass(frozen=True)
class Curves:
    """Figures named accuracy, loss, learning_rate, and patience where it was told; and the tables behind them."""

    batches: pd.DataFrame
    epochs: pd.DataFrame
    figures: dict[str, go.Figure]


def of(run_id: str, *, under_way: bool, now: float) -> Curves:
    """The curves of a run, to look at and not to change: others may be looking at the same ones.

    While a run is under way one drawing serves everybody for `DRAW_AGAIN` seconds, and may be as old as that.

    Args:
        run_id: of the run.
        under_way: whether more may come; otherwise all of it is drawn.
        now: seconds of any clock that all who look share.
    """
    return _shared(run_id, int(now / DRAW_AGAIN)) if under_way else _drawn(run_id)


@st.cache_resource(show_spinner=False, max_entries=8)
def _shared(run_id: str, moment: int) -> Curves:
    return _drawn(run_id)


def _drawn(run_id: str) -> Curves:
    seen, batches = resources.run_events(run_id), resources.run_batches(run_id)
    epochs, marks = events.epochs(seen), events.marks(seen)
    figures = {
        "accuracy": history.live(batches, epochs, marks, metric="accuracy"),
        "loss": history.live(batches, epochs, marks, metric="loss"),
        "learning_rate": history.learning_rate(batches),
    }
    if said := events.last(seen, "patience"):
        figures["patience"] = history.patience(said["used"], said["allowed"])
    return Curves(batches, epochs, figures)
