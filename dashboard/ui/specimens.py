"""What a lesson is shown on: a network and a picture, chosen in the same way on every page."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.core.errors import UploadError
from dashboard.core.recipe import Recipe
from dashboard.data import datasets, intake, parent, samples, staging
from dashboard.runs import queue, status
from dashboard.runs.run import open_run
from dashboard.ui import launching, networks, pickers, resources, state
from dashboard.ui.adding import PICTURES

OWN, DEMO, UPLOAD = "Your pictures", "Demo set", "Upload"
A_PAGE = 12  # thumbnails at once
OF_A_CLASS = 2  # pictures of a demo set
DRAFT = "draft"


def network(page: str, *, trained: bool = False) -> dict[str, Any]:
    """A select box, keyed `<page>_network`, of the finished runs and of the draft's backbone with its weights.

    Where those weights are not on this machine the backbone has random ones, and says so.

    Args:
        page: its name, which begins the keys of its widgets.
        trained: runs only; stops the page where there is none.

    Returns:
        What `ml.specimens.network` takes: `{"run": id}` or `{"recipe": {...}}`.
    """
    names = _runs()
    if trained and not names:
        pickers.nothing_yet(
            "Nothing was trained yet: this page looks into a trained network.", page="train", button="Train a model"
        )
    recipe = _drafted(state.draft())
    if not trained:
        names[DRAFT] = f"{recipe.network_name} at {recipe.image_size} pixels {launching.STARTS[recipe.weights]}"
    options = list(names)
    current = state.run_id()
    chosen = st.selectbox(
        "Network",
        options,
        index=options.index(current) if current in options else 0,
        format_func=names.__getitem__,
        key=f"{page}_network",
    )
    if chosen != DRAFT:
        return {"run": chosen}
    if recipe.weights != state.draft().weights:
        st.caption(
            "Its weights are not on this machine yet, so it begins from random ones. The Model page fetches them."
        )
    return {"recipe": recipe.model_dump(mode="json")}


def image_size(of: dict[str, Any]) -> int:
    """Pixels a side of what a chosen network sees."""
    return open_run(of["run"]).recipe.image_size if "run" in of else int(of["recipe"]["image_size"])


def _runs() -> dict[str, str]:
    """Names of the runs that have a model by their ids, the newest first."""
    listing = queue.listing()
    rows = listing[listing["status"].isin(status.WITH_MODEL)]
    return {row.id: f"Run {row.number}: {row.name}" for row in rows.itertuples() if open_run(row.id).has_model}


def _drafted(recipe: Recipe) -> Recipe:
    """The draft, without a classifier, and from random weights where its own are not here."""
    bare = recipe.replace(keep_head=False)
    return bare if networks.weights_ready(bare) else bare.replace(weights="none", weights_file=None)


def picture(page: str) -> str:
    """A picture of the current dataset, of a demo set, or one just uploaded; the first there is until one is chosen.

    Args:
        page: its name, which begins the keys of its widgets.

    Returns:
        The SHA-256 it is stored under.
    """
    ways = (OWN, DEMO, UPLOAD) if state.dataset_id() else (DEMO, UPLOAD)
    way = st.segmented_control("Picture from", ways, default=ways[0], key=f"{page}_source", required=True)
    if way == OWN:
        return _own(page)
    sha = _uploaded(page) if way == UPLOAD else ""
    return sha or _demo(page)


def _own(page: str) -> str:
    dataset = pickers.dataset("shows what a network does to them")
    members = resources.members(dataset.id, dataset.version)
    return _wall(page, f"{dataset.id}", members)


def _demo(page: str) -> str:
    name = st.segmented_control(
        "Demo set",
        list(samples.SAMPLES),
        format_func=lambda each: samples.SAMPLES[each].title,
        default="shapes",
        key=f"{page}_demo",
        required=True,
    )
    return _wall(page, str(name), demonstration(str(name)))


@st.cache_data(show_spinner="Drawing pictures")
def demonstration(name: str) -> pd.DataFrame:
    """A few pictures of a demo set, taken into the workspace without a dataset; columns sha256 and class_name."""
    settings = samples.ShapesSettings(images_a_class=6) if name == "shapes" else None
    with parent.scratch() as folder:
        samples.SAMPLES[name].make(folder / "pictures", settings)
        paths = [
            path
            for class_folder in sorted((folder / "pictures").iterdir())
            for path in sorted(class_folder.iterdir())[:OF_A_CLASS]
        ]
        taken = intake.take_pictures(paths, [path.name for path in paths])
    return taken.assign(class_name=[path.parent.name for path in paths])[["sha256", "class_name"]]


def _wall(page: str, place: str, pictures: pd.DataFrame) -> str:
    """Choose among stored pictures, a class at a time; `place` says whose the choice is."""
    shas = set(pictures["sha256"])
    sha = str(state.remembered(f"specimen_{place}", ""))
    sha = sha if sha in shas else str(pictures["sha256"].iloc[0])
    class_name = str(pictures.loc[pictures["sha256"] == sha, "class_name"].iloc[0])
    with st.popover("Choose a picture", icon=":material/photo_library:"):
        names = sorted(pictures["class_name"].unique())
        wanted = st.selectbox("Class", names, index=names.index(class_name), key=f"{page}_class_{place}")
        of_class = list(pictures.loc[pictures["class_name"] == wanted, "sha256"])
        number = -(-len(of_class) // A_PAGE)
        at = st.pagination(number, key=f"{page}_pictures_{place}") if number > 1 else 1
        _thumbnails(page, place, of_class[(at - 1) * A_PAGE :][:A_PAGE], sha)
    return sha


def _thumbnails(page: str, place: str, shas: Sequence[str], current: str) -> None:
    with st.grid(4, min_column_width=72, gap="small"):
        for number, sha in enumerate(shas, 1):
            with st.container(gap="xxsmall"):
                path = datasets.thumbnail_path(sha)
                if path.exists():
                    st.image(str(path), width="stretch", alt=f"picture {number}")
                st.button(
                    f"Take {number}",
                    key=f"{page}_take_{sha}",
                    disabled=sha == current,
                    on_click=state.remember,
                    args=(f"specimen_{place}", sha),
                )


def _uploaded(page: str) -> str:
    """The picture that was sent, taken in once; empty before."""
    file = st.file_uploader("One picture", type=PICTURES, key=state.upload_key(f"{page}_picture"))
    if file is None:
        st.caption("Until you send one, this page shows a picture of a demo set.")
        return ""
    known: dict[str, str] = state.remembered("specimens_sent", {})
    if file.file_id not in known:
        known = {file.file_id: _taken(file)}
        state.remember("specimens_sent", known)
    return known[file.file_id]


def _taken(file: Any) -> str:
    """Raises UploadError where the picture is refused."""
    staged = staging.stage_upload([(file.name, file)])
    try:
        row = intake.take_pictures(*staging.staged_files(staged)).iloc[0]
    finally:
        staging.discard(staged)
    if row["code"]:
        raise UploadError(str(row["code"]), str(row["reason"]))
    return str(row["sha256"])
