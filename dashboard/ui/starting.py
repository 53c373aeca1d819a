"""A new run from the weights of another, whoever trained it."""

import streamlit as st

from dashboard.runs import starting
from dashboard.ui import navigation, panels, resources, state, text
from dashboard.ui.jobs import Cancelled, Report
from dashboard.ui.pickers import Chosen


def button(chosen: Chosen) -> None:
    """Take the weights of a finished run into the draft, on the pictures chosen in the frame."""
    place = f"start from {chosen.run.id}"
    if done := panels.job(place):
        state.take(state.draft().replace(**done.result))
        navigation.go("train")
    if panels.busy(place):
        return
    with st.popover("Start a new run from it", icon=":material/fork_right:"):
        dataset_id = state.dataset_id()
        if dataset_id is None:
            st.write("Add pictures first: a new run needs some to learn from.")
            if st.button("Add pictures", key="start_from_pictures", type="primary"):
                navigation.go("dataset")
            return
        recipe = state.draft()
        members = resources.members(recipe.dataset, recipe.dataset_version)
        class_names = sorted(members["class_name"].unique())
        st.write(_words(chosen, class_names))
        if st.button("Use these weights", key="start_from", type="primary"):

            def work(_report: Report, _cancelled: Cancelled) -> dict[str, object]:
                return starting.fields(chosen.run, class_names)

            panels.start(place, "Taking the weights over", work)
            st.rerun()


def _words(chosen: Chosen, class_names: list[str]) -> str:
    """What becomes of the head."""
    network = f"{chosen.run.recipe.network_name} begins with the weights of run {chosen.row['number']}"
    if starting.has_classes(chosen.run, class_names):
        return f"{network}, head included: the pictures chosen now have the same classes. It goes on learning."
    return (
        f"{network} and gets a new head: the pictures chosen now have other classes "
        f"({text.literal(_listed(class_names))}; not {text.literal(_listed(chosen.run.class_names))})."
    )


def _listed(class_names: list[str]) -> str:
    more = f" and {len(class_names) - 4} more" if len(class_names) > 4 else ""
    return ", ".join(class_names[:4]) + more
