"""What a page works on. Each stops the page with one sentence and the way on when there is nothing to work on."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.data import datasets
from dashboard.data.datasets import Dataset
from dashboard.runs import queue, status
from dashboard.runs.run import Run, open_run
from dashboard.ui import navigation, state


@dataclass(frozen=True)
class Chosen:
    """A run and its row."""

    run: Run
    row: dict[str, Any]

    @property
    def title(self) -> str:
        return f"Run {self.row['number']}: {self.row['name']}"


def nothing_yet(sentence: str, *, page: str, button: str) -> None:
    """An empty page: what it will show, and the button that gets there. Stops the page."""
    with st.container(border=True):
        st.write(sentence)
        if st.button(button, key=f"empty_{page}", type="primary"):
            navigation.go(page)
    st.stop()


def dataset(purpose: str) -> Dataset:
    """The current dataset; `purpose` completes "Add pictures to ...". Stops the page when there is none."""
    chosen = state.dataset_id()
    if chosen is None:
        nothing_yet(f"Add pictures first: this page {purpose}.", page="dataset", button="Add pictures")
    return datasets.get(str(chosen))


def run(purpose: str) -> Chosen:
    """The current run, whatever its status. Stops the page when there is none."""
    chosen = state.run_id()
    if chosen is None:
        nothing_yet(f"Nothing was trained yet: this page {purpose}.", page="train", button="Train a model")
    return Chosen(open_run(str(chosen)), queue.row(str(chosen)))


def finished_run(purpose: str) -> Chosen:
    """The current run if it has a model, otherwise the newest that has. Stops the page when there is none."""
    listing = queue.listing()
    done = listing[listing["status"].isin(status.WITH_MODEL)]
    having = [run_id for run_id in done["id"] if open_run(run_id).has_model]
    if not having:
        under_way = listing["status"].isin(status.UNDER_WAY).any()
        if under_way:
            nothing_yet(
                f"Training is still under way: when it ends, this page {purpose}.", page="run", button="Watch the run"
            )
        nothing_yet(f"Nothing was trained yet: this page {purpose}.", page="train", button="Train a model")
    chosen = state.run_id() if state.run_id() in having else having[0]
    row = queue.row(str(chosen))
    if chosen != state.run_id():
        st.caption(f"The current run has no model yet; this is run {row['number']}, the newest that has.")
    return Chosen(open_run(str(chosen)), row)
