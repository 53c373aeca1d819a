"""Looking for look-alikes once more, by what a network sees in the pictures."""

import streamlit as st

from dashboard.core.recipe import Recipe
from dashboard.data import datasets
from dashboard.data.datasets import Dataset
from dashboard.runs import workers
from dashboard.ui import networks, panels, resources, state, text
from dashboard.ui.jobs import Cancelled, Report

PLACE = "look_alikes"


def section(dataset: Dataset) -> None:
    """The button, the work under way, and what came of it."""
    if done := panels.job(PLACE):
        found = text.count(done.result, "pair")
        st.success(
            f"{found} of look-alikes more. Divide again to keep them on one side."
            if done.result
            else "The network sees no look-alikes but those that are known.",
            icon=":material/visibility:",
        )
    recipe = state.draft()
    if panels.busy(PLACE) or recipe.weights == "none" or not networks.weights_ready(recipe):
        return  # what random weights see says nothing
    if st.button(
        f"Look for more with {recipe.network_name}",
        key="dataset_look_again",
        icon=":material/visibility:",
        help="Compares what the frozen network sees in every picture, which finds mirrored copies too. What is "
        "computed is kept, and a run need not compute it again.",
    ):
        panels.start(
            PLACE, "Looking for look-alikes", lambda report, cancelled: _look(dataset, recipe, report, cancelled)
        )
        st.rerun()


def _look(dataset: Dataset, recipe: Recipe, report: Report, cancelled: Cancelled) -> int:
    found = workers.look_alikes(resources.worker(), recipe, on_progress=report, cancelled=cancelled)
    new = datasets.add_likenesses(dataset, found)
    resources.forget_look_alikes()
    return new
