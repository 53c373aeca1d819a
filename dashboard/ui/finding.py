"""The learning-rate finder on the Train page: try all rates in seconds, see the curve, take the one it suggests."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import finder, theme
from dashboard.core import range_test
from dashboard.core.range_test import Suggestion
from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING, Recipe
from dashboard.runs import workers
from dashboard.ui import networks, panels, resources, state
from dashboard.ui.jobs import Cancelled, Job, Report

PLACE = "find"
PHASES = {FEATURE_EXTRACTION: "First, frozen", FINE_TUNING: "Then, thawed"}
FIELDS = {FEATURE_EXTRACTION: "learning_rate", FINE_TUNING: "fine_tune_learning_rate"}
EPOCHS = {FEATURE_EXTRACTION: "epochs", FINE_TUNING: "fine_tune_epochs"}


@dataclass(frozen=True)
class Answer:
    """The curve of one phase of a recipe, as of `range_test.curve`, and what it suggests."""

    recipe: Recipe
    phase: str
    curve: pd.DataFrame
    suggestion: Suggestion


def panel() -> None:
    """Choose a phase, start, follow, look at the curve, take its rate."""
    recipe = state.draft()
    st.caption(
        "Trains a copy of the network for up to 100 batches while the learning rate grows from almost nothing to far "
        "too much, and looks where the loss falls. It takes seconds, and no run comes of it."
    )
    phase = st.segmented_control(
        "Learning rate of", list(PHASES), format_func=PHASES.__getitem__, key="train_find_phase", required=True,
        default=FEATURE_EXTRACTION,
    )  # fmt: skip
    if done := panels.job(PLACE):
        _keep(done)
    _start(recipe, phase)
    answer = _kept(phase)
    if answer is not None:
        _show(answer, recipe)


def _start(recipe: Recipe, phase: str) -> None:
    """The button, or beside a button that is off the sentence why."""
    reason = _hindrance(recipe, phase)
    if panels.busy(PLACE):
        return
    if st.button("Find", key="train_find", icon=":material/search:", disabled=bool(reason)):
        panels.start(PLACE, "Finding the learning rate", lambda *job: _find(recipe, phase, *job))
        st.rerun()
    if reason:
        st.caption(reason)


def _hindrance(recipe: Recipe, phase: str) -> str:
    """Why there is nothing to find now, in one sentence; empty where there is."""
    if not networks.weights_ready(recipe):
        return f"Needs the weights of {recipe.network_name}, which are not on this machine yet: fetch them above."
    if not getattr(recipe, EPOCHS[phase]):
        return "This phase has 0 epochs, so nothing learns in it: give it some first."
    return ""


def _find(recipe: Recipe, phase: str, report: Report, cancelled: Cancelled) -> Answer:
    found = workers.find_learning_rate(resources.worker(), recipe, phase, on_progress=report, cancelled=cancelled)
    return Answer(recipe, phase, *found)


def _keep(done: Job) -> None:
    state.remember(f"found {done.result.phase}", done.id)


def _kept(phase: str) -> Answer | None:
    """The newest curve of a phase."""
    job = resources.jobs().get(state.remembered(f"found {phase}", None))
    return job.result if job else None


def _show(answer: Answer, recipe: Recipe) -> None:
    """The curve, whether it still holds, and the button that takes its rate into the draft."""
    field, rate = FIELDS[answer.phase], answer.suggestion.learning_rate
    if range_test.relevant(answer.recipe, answer.phase) != range_test.relevant(recipe, answer.phase):
        st.caption(":material/history: The recipe has changed since: find again for what it is now.")
    figure = finder.curve(answer.curve, answer.suggestion)
    panels.chart(figure, key=f"train_{field}_curve", alt=theme.alt(figure), data=answer.curve)
    if rate is None:
        st.caption(answer.suggestion.reason)
    elif getattr(recipe, field) == rate:
        st.caption(f":material/check_circle: {rate:.2g} is the learning rate of this phase.")
    else:
        taken: dict[str, Any] = {field: rate}
        st.button(f"Use {rate:.2g}", key="train_find_use", type="primary", on_click=state.change, kwargs=taken)
