"""The only module that reads or writes `st.session_state`: ids and small frozen objects, never data."""

from typing import Any

import streamlit as st

from dashboard.core.errors import DashboardError
from dashboard.core.recipe import Recipe, find_backbone
from dashboard.data import datasets, weights
from dashboard.runs import queue
from dashboard.runs.run import ELSEWHERE, open_run

# A page's widgets are keyed "<page>_<field>"; a field of the recipe has one on these pages and in the frame.
PAGES_WITH_FIELDS = ("frame", "model", "train")


def init() -> None:
    """Start a session where the last one ended: newest dataset, newest run, its recipe as the draft."""
    if "draft" in st.session_state:
        return
    runs, sets = queue.listing(), datasets.listing()
    own = runs[runs["dataset_id"] != ELSEWHERE]
    st.session_state.run_id = runs["id"].iloc[0] if len(runs) else None
    st.session_state.dataset_id = sets["id"].iloc[0] if len(sets) else None
    st.session_state.draft = open_run(own["id"].iloc[0]).recipe if len(own) else _first_draft()
    st.session_state.refusal = None
    st.session_state.jobs = {}
    st.session_state.uploads = 0


def _first_draft() -> Recipe:
    """The advised recipe; on the bundled weights where ImageNet's are neither here nor to be had."""
    recipe = Recipe(dataset="")
    return recipe if weights.can_be_had(recipe) else recipe.with_formula()


def draft() -> Recipe:
    """The recipe being edited; its dataset is the current one."""
    recipe: Recipe = st.session_state.draft
    if st.session_state.dataset_id:
        dataset = datasets.get(st.session_state.dataset_id)
        recipe = recipe.replace(dataset=dataset.id, dataset_version=dataset.version)
    return recipe


def change(*, keep: str = "", **changes: Any) -> None:
    """Change fields of the draft; a refusal is kept to be shown and the draft stays as it was.

    Args:
        keep: key of the widget that asked; the other widgets of these fields take the new value.
        changes: fields of the recipe.
    """
    try:
        st.session_state.draft = st.session_state.draft.replace(**changes)
        st.session_state.refusal = None
    except DashboardError as error:
        st.session_state.refusal = error.message
    for field in changes:
        for page in PAGES_WITH_FIELDS:
            if (key := f"{page}_{field}") != keep:
                st.session_state.pop(key, None)


def take(recipe: Recipe, *, keep: str = "") -> None:
    """Make a whole recipe the draft; see `change`."""
    before = st.session_state.draft.model_dump()
    change(keep=keep, **{name: value for name, value in recipe.model_dump().items() if value != before[name]})


def change_from_widget(field: str, key: str) -> None:
    """Callback of a widget that edits one field."""
    changes = {field: widget(key)}
    if field == "alpha" and draft().weights == "formula":  # the bundled weights are of one width
        changes["weights"] = "imagenet"
        remember("weights_source", "imagenet")
    change(keep=key, **changes)


def choose_backbone(name: str, *, image_size: int, keep: str = "") -> None:
    """Take another backbone into the draft; what only made sense for the old one goes back to its default.

    The one it has already changes nothing: a browser sends a choice again when its label, which names the width, has
    changed meanwhile.
    """
    if name == draft().backbone:
        return
    if st.session_state.draft.backbone_row.weights_file is None:
        take(st.session_state.draft.pretrained(), keep=keep)  # what it was trained with suits no other
    change(
        keep=keep,
        backbone=name,
        alpha=1.0,
        image_size=image_size,
        unfreeze_from=None,
        weights="imagenet",
        weights_file=None,
        keep_head=False,
    )
    if find_backbone(name).weights_file is None:
        take(st.session_state.draft.from_scratch(), keep=keep)
    remember("weights_source", st.session_state.draft.weights)


def widget(key: str) -> Any:
    """The value of a widget, for callbacks."""
    return st.session_state.get(key)


def put(key: str, value: Any) -> None:
    """Give a widget a value; in a callback, or before the widget is drawn."""
    st.session_state[key] = value


def refusal() -> str | None:
    """Why the last change was not taken."""
    return _text("refusal")


def dataset_id() -> str | None:
    return _text("dataset_id")


def choose_dataset(dataset: str | None) -> None:
    st.session_state.dataset_id = dataset
    st.session_state.pop("frame_dataset", None)


def run_id() -> str | None:
    return _text("run_id")


def choose_run(run: str | None) -> None:
    st.session_state.run_id = run
    st.session_state.pop("frame_run", None)


def run_from_address() -> None:
    """Take the run named in the address, so that a link or a reload shows the same run."""
    named = st.query_params.get("run")
    if named and named != st.session_state.run_id:
        choose_run(named)


def job_id(place: str) -> str | None:
    """The background job a page follows at a place of its own."""
    found: str | None = st.session_state.jobs.get(place)
    return found


def follow_job(place: str, job: str | None) -> None:
    st.session_state.jobs[place] = job


def upload_key(page: str) -> str:
    """Key of a page's uploader; changes after `clear_uploads`, which empties it."""
    return f"{page}_upload_{st.session_state.uploads}"


def clear_uploads() -> None:
    st.session_state.uploads += 1


def remembered(name: str, default: Any) -> Any:
    """A small value of a page that outlives its widget."""
    return st.session_state.get(f"kept_{name}", default)


def remember(name: str, value: Any) -> None:
    st.session_state[f"kept_{name}"] = value


def _text(key: str) -> str | None:
    value: str | None = st.session_state[key]
    return value
