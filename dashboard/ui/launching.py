"""From a recipe to a run."""

import streamlit as st

from dashboard.core.errors import AlreadyUnderWay, DashboardError
from dashboard.core.recipe import Recipe
from dashboard.data import samples, weights
from dashboard.data.datasets import Dataset
from dashboard.runs import measures, queue, supervisor, workers
from dashboard.runs.run import Run, open_run
from dashboard.ui import navigation, networks, panels, resources, state, text
from dashboard.ui.jobs import Cancelled, Report

DEMO = {"alpha": 0.35, "image_size": 64, "epochs": 5, "fine_tune_epochs": 5}

STARTS = {
    "imagenet": "with ImageNet weights",
    "formula": "with formula weights",
    "file": "with your weights",
    "none": "from random weights",
}


def summary(dataset: Dataset) -> None:
    """One line: which network on which pictures, from which weights."""
    recipe = state.draft()
    members = resources.members(dataset.id, dataset.version)
    training = int((members["split"] == "train").sum())
    head = ", head included," if recipe.keep_head else ""
    st.write(
        f"**{recipe.network_name}** {STARTS[recipe.weights]}{head} at {recipe.image_size} pixels, on "
        f"{text.count(training, 'training picture')} of **{text.literal(dataset.name)}** in "
        f"{text.count(members['class_name'].nunique(), 'class')}."
    )
    networks.say_formula(recipe)


def start_button(dataset: Dataset) -> None:
    """Start a run of the draft, or say why it cannot start."""
    recipe = state.draft()
    place = "train"
    if done := panels.job(place):
        follow(*done.result)
    panels.refusal()
    missing = not networks.weights_ready(recipe)
    if missing:
        networks.missing_weights(recipe)
    if not panels.busy(place) and st.button(
        "Start training", key="train_start", type="primary", icon=":material/play_arrow:", disabled=missing
    ):
        panels.start(place, "Checking the recipe", lambda _report, _cancelled: launch(recipe))
        st.rerun()


def follow(run_id: str, told: str = "") -> None:
    """Go to a run; `told` says why it is not a new one where that was asked for."""
    if told:
        st.toast(told, icon=":material/info:")
    run = open_run(run_id)
    if not run.is_brought:  # its pictures are on another machine
        state.choose_dataset(run.recipe.dataset)
    state.choose_run(run_id)
    navigation.go("run")


def launch(recipe: Recipe) -> tuple[str, str]:
    """Check what only the worker can check, add the run to the queue, and see that somebody takes it.

    Returns:
        The run's id, and an empty text. Where a run of the same recipe waits or trains already, that one's id and a
        sentence: another tab pressed the same button.

    Raises:
        RecipeError: `does-not-fit`, where the recipe was measured and there is not room enough.
    """
    measures.require(recipe)
    workers.check(resources.worker(), recipe)
    run_id, told = enqueue(recipe)
    supervisor.ensure()
    return run_id, told


def enqueue(recipe: Recipe) -> tuple[str, str]:
    """As `launch`, without looking whether the recipe can be trained."""
    try:
        return queue.enqueue(recipe).id, ""
    except AlreadyUnderWay as twin:
        return twin.run_id, twin.message


def again(run: Run) -> None:
    """A new run of a run's recipe, with what was changed while it trained, and the way to it."""
    try:
        launched = enqueue(run.recipe)
    except DashboardError as error:
        st.error(text.literal(error.message), icon=":material/error:")
        return
    supervisor.ensure()
    follow(*launched)


def demo(dataset: str = "", version: int = 1) -> Recipe:
    """The recipe of "try it now": a small network from the best weights that are here."""
    recipe = Recipe(dataset=dataset, dataset_version=version, **DEMO)
    if weights.imagenet_file(recipe.backbone_row, recipe.alpha, recipe.image_size).present:
        return recipe
    return recipe.with_formula().replace(**DEMO)


def try_it_now() -> None:
    """One click from nothing to a training run: the digits, a small network, the weights that are here."""

    def work(report: Report, _cancelled: Cancelled) -> tuple[str, str]:
        dataset = samples.import_sample("digits", on_progress=report)
        return launch(demo(dataset.id, dataset.version))

    panels.start("try", "Drawing handwritten digits", work)
