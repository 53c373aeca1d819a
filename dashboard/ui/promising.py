"""The promise before a run: how long it takes at most and what it needs, and the best that fits into a time."""

import streamlit as st

from dashboard.core.errors import WorkerError
from dashboard.core.planning import Plan
from dashboard.core.recipe import Recipe
from dashboard.data.datasets import Dataset
from dashboard.runs import measures
from dashboard.runs.measures import Judgement
from dashboard.ui import networks, panels, resources, state, text
from dashboard.ui.jobs import Cancelled, Report

PLACE = "promise"
MINUTES = 5


def panel(dataset: Dataset) -> None:
    """The promise of the draft, where it was measured; else the button that measures."""
    recipe = state.draft()
    if (done := panels.job(PLACE)) and done.result:
        _take_over(done.result)
        st.rerun()  # the fields of the page were drawn before
    planned, reason = state.remembered("plan", (None, ""))
    if planned == recipe:
        st.success(reason, icon=":material/schedule:")
    if panels.busy(PLACE):
        return
    judged = measures.judge(recipe, resources.members(dataset.id, dataset.version))
    if judged:
        _figures(judged)
    if judged and judged.refusal:
        _refusal(judged)
    _questions(measured=judged is not None, ready=networks.weights_ready(recipe))


def _figures(judged: Judgement) -> None:
    promised = judged.promise
    shown = {"Time, at most": text.duration(promised.total), "Memory": text.size(promised.memory)}
    if promised.disk:
        shown["Disk"] = text.size(promised.disk)
    panels.figures(
        {name: f"About {value}" if name.startswith("Time") else value for name, value in shown.items()},
        helps={
            "Time, at most": "Measured on this machine with a few of your pictures, as busy as it was then. "
            "A phase that learns nothing more ends sooner.",
            "Memory": "The most the training process will have at once.",
            "Disk": "For what stays frozen, computed once and kept; what is there already is not counted.",
        },
    )
    parts = [f"{name.lower()} {text.duration(seconds)}" for name, seconds in promised.seconds.items() if seconds >= 0.5]
    st.caption(f"{'; '.join(parts).capitalize()}.")


def _refusal(judged: Judgement) -> None:
    st.error(measures.sentence(judged), icon=":material/block:")
    if judged.nearest and st.button("Take the nearest settings that fit", key="train_nearest", type="primary"):
        nearest = judged.nearest.recipe
        state.take(nearest)
        _measure(nearest)
        st.rerun()


def _questions(*, measured: bool, ready: bool) -> None:
    """How long will it take? And: the best in a given time."""
    recipe = state.draft()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if not measured and st.button(
            "How long will it take?", key="train_measure", icon=":material/timer:", disabled=not ready
        ):
            _measure(recipe)
            st.rerun()
        minutes = st.number_input(
            "Minutes",
            min_value=0.5,
            max_value=10_000.0,
            value=float(state.remembered("minutes", MINUTES)),
            step=1.0,
            format="%g",
            key="train_minutes",
            width=140,
            on_change=lambda: state.remember("minutes", state.widget("train_minutes")),
            help="Epochs, the thaw line and, where you augment, views are chosen so that training ends in this time. "
            "More time thaws more.",
        )
        if st.button("Best model in this time", key="train_plan", icon=":material/auto_fix_high:", disabled=not ready):
            _plan(recipe, minutes)
            st.rerun()


def _measure(recipe: Recipe) -> None:
    def work(report: Report, cancelled: Cancelled) -> None:
        measures.take(recipe, on_progress=_until(report, cancelled))

    panels.start(PLACE, "Timing a few batches", work)


def _plan(recipe: Recipe, minutes: float) -> None:
    def work(report: Report, cancelled: Cancelled) -> Plan:
        return measures.plan(recipe, minutes, on_progress=_until(report, cancelled))

    panels.start(PLACE, "Timing a few batches at several thaw lines", work)


def _until(report: Report, cancelled: Cancelled) -> Report:
    """Report, and end the work once somebody asked for it."""

    def say(done: int, total: int, words: str) -> None:
        if cancelled():
            raise WorkerError("cancelled", "Cancelled; nothing was measured.")
        report(done, total, words)

    return say


def _take_over(plan: Plan) -> None:
    """Put a plan into the draft, with what it says."""
    state.take(plan.recipe)
    state.remember("plan", (state.draft(), plan.reason))
