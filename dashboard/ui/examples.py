"""What each augmentation does to one's own pictures, before anything is trained, and what is traded for it."""

from typing import Any

import streamlit as st

from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.recipe import Recipe
from dashboard.core.views import what_is_traded
from dashboard.data.datasets import Dataset
from dashboard.data.labels import TRAIN
from dashboard.runs import examples, workers
from dashboard.runs.examples import Examples
from dashboard.ui import panels, resources, state, text
from dashboard.ui.jobs import Cancelled, Report

PLACE = "examples"
LEAST = 64  # pixels a picture keeps on a narrow screen


class _CancelledError(Exception):
    """Nobody waits for the rest."""


def traded(dataset: Dataset) -> None:
    """One sentence under the augmentation field: what keeping views costs and gives, in this recipe's numbers."""
    recipe = state.draft()
    training = int((resources.members(dataset.id, dataset.version)["split"] == TRAIN).sum())
    st.caption(what_is_traded(recipe, training, everything_learns=_everything_learns(recipe)))


def _everything_learns(recipe: Recipe) -> bool | None:
    """Whether the lowest block is thawed, where the names of the blocks are known; None where they decide nothing."""
    names: dict[str, Any] = {"backbone": recipe.backbone, "alpha": recipe.alpha, "image_size": recipe.image_size}
    if recipe.unfreeze_from is None or not workers.topology_known(**names):
        return None
    return bool(workers.topology(resources.worker(), **names)[0]["name"] == recipe.unfreeze_from)


def grid() -> None:
    """One row an augmentation: a picture as it is and what becomes of it, or the button that makes them."""
    recipe = state.draft()
    panels.job(PLACE)
    busy = panels.busy(PLACE)
    rows = {name: examples.known(each) for name, each in examples.rows_of(recipe).items()}
    if any(found is None for name, found in rows.items() if name in AUGMENTATIONS):
        if not busy:
            _nothing_yet(recipe)
        return
    if not busy and None in rows.values():
        _draw_the_chosen(recipe)
    shown = {name: found for name, found in rows.items() if found is not None}
    picture = _which_picture(next(iter(shown.values())))
    st.caption("First the picture as it is, then three versions of it, changed as training changes it.")
    for name, found in shown.items():
        _row(name, found, picture, recipe)


def _nothing_yet(recipe: Recipe) -> None:
    with st.container(border=True):
        st.write("See what each of them does to your own training pictures, before anything is trained.")
        if st.button("Show examples", key="train_examples", icon=":material/visibility:"):
            _start(recipe)


def _draw_the_chosen(recipe: Recipe) -> None:
    """The row of what was chosen follows the choice by itself; after a failure only when asked."""
    tried = str(examples.folder(recipe))
    if state.remembered(tried, False):
        if st.button("Show all chosen together", key="train_examples_chosen"):
            _start(recipe)
        return
    state.remember(tried, True)
    _start(recipe)


def _start(recipe: Recipe) -> None:
    def work(report: Report, cancelled: Cancelled) -> None:
        def tell(done: int, total: int, words: str) -> None:
            report(done, total, words)
            if cancelled():
                raise _CancelledError

        report(0, 0, "Changing pictures (Keras starts first, which takes some seconds)")
        try:
            workers.augmentation_examples(resources.worker(), recipe, on_progress=tell)
        except _CancelledError:
            return

    panels.start(PLACE, "Changing pictures", work)
    st.rerun()


def _which_picture(found: Examples) -> int:
    numbers = range(len(found.class_names))
    if len(numbers) < 2:
        return 0
    chosen = st.segmented_control(
        "Examples from",
        numbers,
        format_func=lambda number: text.literal(found.class_names[number]),
        default=0,
        required=True,
        key=f"train_example_{found.folder.name}",
    )
    return int(chosen or 0)


def _row(name: str, found: Examples, picture: int, recipe: Recipe) -> None:
    chosen = name in recipe.augmentation
    words, pictures = st.columns([1, 2], vertical_alignment="center")
    with words, st.container(gap="xsmall"):
        st.markdown(f"**{name}**" + (" :material/check_circle: chosen" if chosen else ""))
        st.caption(AUGMENTATIONS[name].reason if name in AUGMENTATIONS else ", ".join(recipe.augmentation))
    with pictures, st.grid(examples.CHANGED + 1, min_column_width=LEAST, gap="small"):
        for view, path in enumerate(found.files(picture)):
            what = "as it is" if view == 0 else f"changed by {name}, version {view}"
            st.image(str(path), width="stretch", alt=f"{found.class_names[picture]} {what}")
