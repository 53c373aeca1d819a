"""The lesson on overfitting: where a run turned, and the ghost that goes on."""

import pandas as pd
import streamlit as st

from dashboard.charts import overfitting as charts
from dashboard.charts import theme
from dashboard.core import overfitting
from dashboard.runs import events, ghosts, status
from dashboard.ui import panels, resources, text
from dashboard.ui.pickers import Chosen

PLACE = "overfitting"
APART = 0.005  # of a loss; more between a ghost and its run is said


def panel(chosen: Chosen) -> None:
    """The curves of a run in words and marks, then its ghost."""
    said = resources.run_events(chosen.run.id)
    epochs = events.epochs(said).dropna(subset=["validation_loss", "loss"])
    if epochs.empty:
        _nothing(chosen)
        return
    panels.job(PLACE)
    story = overfitting.story(epochs, events.marks(said))
    phase = _phase(epochs)
    ghost = ghosts.read(chosen.run, phase)
    figure = charts.curves(epochs, story, ghost.epochs if ghost else None)
    panels.chart(figure, key="overfitting_curves", alt=theme.alt(figure), data=ghost.epochs if ghost else epochs)
    for sentence in filter(None, story.sentences):
        st.write(text.literal(sentence))
    st.subheader("Had it gone on")
    if ghost:
        _compare(epochs, ghost)
    _button(chosen, epochs, phase, again=ghost is not None)


def _nothing(chosen: Chosen) -> None:
    message = str(chosen.row["message"] or "")
    st.info(
        "This run has no finished epoch, so there is no curve to look at. " + text.literal(message),
        icon=":material/info:",
    )


def _phase(epochs: pd.DataFrame) -> str:
    """The phase whose ghost is looked at; a choice where there are several."""
    phases = list(epochs["phase"].unique())
    if len(phases) == 1:
        return str(phases[0])
    return str(
        st.segmented_control("Phase that goes on", phases, default=phases[-1], required=True, key="overfitting_phase")
    )


def _compare(epochs: pd.DataFrame, ghost: ghosts.Ghost) -> None:
    count, gap = overfitting.coincide(epochs, ghost.epochs)
    st.write(overfitting.avoided(epochs, ghost.epochs))
    shared = text.count(count, "epoch")
    if gap > APART:
        words = f"In the first {shared} it differs from the run by up to {gap:.2g} in a loss, so take it with care."
    else:
        same = "to the last digit" if gap == 0 else f"to {gap:.1g} in every loss"
        words = f"Its first {shared} coincide with the run's own {same}."
    st.caption(f"{ghost.text} {words}")


def _button(chosen: Chosen, epochs: pd.DataFrame, phase: str, *, again: bool) -> None:
    if panels.busy(PLACE):
        return
    if chosen.row["status"] in status.UNDER_WAY:
        st.caption("The run is still under way; when it has ended, its ghost can go on.")
        return
    own = epochs[epochs["phase"] == phase]
    more = ghosts.more(len(own))
    before = epochs[epochs["epoch"] <= own["epoch"].max()]
    seconds = float(before["seconds"].sum() + own["seconds"].mean() * more)
    label = "Go on again" if again else "Go on without early stopping"
    if st.button(
        label, key="overfitting_ghost", type="secondary" if again else "primary", icon=":material/fast_forward:"
    ):
        panels.start(
            PLACE,
            "Training on without early stopping",
            lambda report, cancelled: ghosts.make(
                resources.worker(), chosen.run, phase, on_progress=report, cancelled=cancelled
            ),
        )
        st.rerun()
    st.caption(
        f"Trains the same {phase} anew from its start, seed and order, and {more} epochs further: about "
        f"{text.duration(seconds)}, beside what is frozen if it is not kept any more. The run stays as it is."
    )
