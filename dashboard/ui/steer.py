"""Changing a run while it trains, and letting one that has ended train longer."""

import streamlit as st

from dashboard.core.errors import DashboardError
from dashboard.core.recipe import FINE_TUNING
from dashboard.core.steering import LAST_EPOCH, LEARNING_RATE, LEVERS, MORE_EPOCHS, PATIENCE, THAW
from dashboard.runs import events, queue, steering, supervisor
from dashboard.ui import resources, state, text
from dashboard.ui.pickers import Chosen

LONGER = 5  # epochs offered


def panel(chosen: Chosen) -> None:
    """What can be changed while the run trains; each is done at its next batch and marked on the curves."""
    with st.expander("Change it while it trains", icon=":material/tune:"):
        st.caption("Each change is done at the next batch, marked on the curves and kept in the recipe.")
        _values(chosen)
        with st.container(horizontal=True):
            _thaw(chosen)
            if st.button("Stop after this epoch", key="steer_last", icon=":material/last_page:"):
                _ask(chosen, LAST_EPOCH)
            if st.button(f"{LONGER} more epochs", key="steer_more", icon=":material/more_time:"):
                _ask(chosen, MORE_EPOCHS, LONGER)


def _values(chosen: Chosen) -> None:
    recipe = chosen.run.recipe
    batches = events.last(resources.run_events(chosen.run.id), "batches")
    now = batches["learning_rate"][-1] if batches else recipe.learning_rate
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rate = st.number_input(
            "Learning rate",
            min_value=LEVERS[LEARNING_RATE].least,
            max_value=LEVERS[LEARNING_RATE].most,
            value=float(f"{now:.2g}"),
            step=float(f"{now / 10:.1g}"),
            format="%.2g",
            key=f"steer_rate_{chosen.run.id}",
            help="From the next batch on. A schedule goes on from there in its own shape.",
            width=190,
        )
        if st.button("Set", key="steer_rate_set", help="Set the learning rate"):
            _ask(chosen, LEARNING_RATE, rate)
        patience = st.number_input(
            "Patience, in epochs",
            min_value=1,
            max_value=1000,
            value=recipe.patience,
            key=f"steer_patience_{chosen.run.id}",
            help="Epochs without a better validation loss before the phase stops.",
            width=190,
        )
        if st.button("Set", key="steer_patience_set", help="Set the patience"):
            _ask(chosen, PATIENCE, patience)


def _thaw(chosen: Chosen) -> None:
    phase = events.last(resources.run_events(chosen.run.id), "phase")
    fine_tuning = phase is not None and phase["phase"] == FINE_TUNING
    possible = fine_tuning or chosen.run.recipe.fine_tune_epochs > 0
    if st.button(
        "Thaw the next block" if fine_tuning or not possible else "Fine-tune now",
        key="steer_thaw",
        icon=":material/local_fire_department:",
        disabled=not possible,
        help="When this epoch ends." if possible else "This recipe has no epochs of fine-tuning.",
    ):
        _ask(chosen, THAW)


def _ask(chosen: Chosen, lever: str, value: float | None = None) -> None:
    try:
        steering.ask(chosen.run, lever, value)
    except DashboardError as error:
        st.error(text.literal(error.message), icon=":material/error:")
        return
    st.toast("Asked. It is done at the next batch.", icon=":material/tune:")


def longer(chosen: Chosen) -> None:
    """More epochs for a run that has ended, from where its last one left off."""
    with st.popover("Train longer", icon=":material/more_time:"):
        epochs = st.number_input("More epochs, at the most", min_value=1, max_value=1000, value=LONGER, key="longer")
        st.caption("It goes on from its last epoch, with its optimizer's state. Early stopping counts anew.")
        if st.button("Train", key="longer_start", type="primary", icon=":material/play_arrow:"):
            try:
                queue.extend(chosen.run.id, int(epochs))
            except DashboardError as error:
                st.error(text.literal(error.message), icon=":material/error:")
                return
            supervisor.ensure()
            state.choose_run(chosen.run.id)
            st.rerun()
