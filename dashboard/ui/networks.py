"""Choosing a backbone: the catalogue, where its weights are, and how much of it is thawed."""

import secrets
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import backbones, topology
from dashboard.core import files, formula
from dashboard.core.backbones import BACKBONES, Backbone
from dashboard.core.errors import WeightsError
from dashboard.core.recipe import Recipe
from dashboard.core.settings import workspace
from dashboard.data import weights
from dashboard.runs import bringing, workers
from dashboard.ui import forms, panels, resources, state, text

RECOMMENDED = "MobileNetV2"
WHY = "MobileNetV2 is small and quick on any processor, and accurate enough to begin with."
PREPROCESSING = {
    "built_in": "built in",
    "minus_one_to_one": "-1 to 1",
    "torch": "ImageNet mean and deviation",
    "caffe": "BGR minus ImageNet mean",
    "centred": "minus ImageNet mean",
}
SOURCES = {
    "imagenet": "ImageNet",
    "formula": "Formula (bundled)",
    "file": "A file of mine",
    "none": "Random (not pretrained)",
}


def catalogue() -> pd.DataFrame:
    """All backbones, one row each; `status` says where the ImageNet weights of the usual variant are.

    `top1` and `top5` are NaN where there are no such weights to reach them with.
    """
    rows = [
        {
            "name": row.name,
            "status": _where(row),
            "parameters": row.parameters,
            "megabytes": row.megabytes,
            "top1": row.top1,
            "top5": row.top5,
            "image_size": row.image_size,
            "smallest_image_size": row.smallest_image_size,
            "preprocessing": PREPROCESSING[row.preprocessing],
        }
        for row in BACKBONES.values()
    ]
    return pd.DataFrame(rows)


def _where(row: Backbone) -> str:
    if row.weights_file is None:
        return "none published"
    place = weights.whereabouts(row, row.alphas[-1] if 1.0 not in row.alphas else 1.0, row.image_size)
    return f"to download ({row.download_megabytes_at(1.0):.0f} MB)" if place == "to download" else str(place)


def table(rows: pd.DataFrame) -> None:
    """The catalogue as a table; choosing a row chooses the backbone."""
    st.dataframe(
        rows,
        hide_index=True,
        height=320,
        placeholder="–",
        key="model_table",
        on_select=_choose_row,
        selection_mode="single-row",
        alt="All backbones with size, accuracy and where their weights are",
        column_config={
            "name": st.column_config.TextColumn("Backbone", pinned=True),
            "parameters": st.column_config.NumberColumn("Parameters (M)", format="%.1f", help="Without the classifier"),
            "megabytes": st.column_config.NumberColumn("Size (MB)", format="%.0f", help="Weights in float32"),
            "top1": st.column_config.NumberColumn("ImageNet top-1 (%)", format="%.1f", help="As Keras publishes it"),
            "top5": st.column_config.NumberColumn("ImageNet top-5 (%)", format="%.1f"),
            "image_size": st.column_config.NumberColumn(
                "Image size (px)", help="The weights were trained at this size"
            ),
            "smallest_image_size": st.column_config.NumberColumn("Smallest (px)", help="The network refuses less"),
            "preprocessing": st.column_config.TextColumn("Preprocessing", help="Done inside the model"),
            "status": st.column_config.TextColumn("ImageNet weights"),
        },
    )


def _choose_row() -> None:
    rows = state.widget("model_table")["selection"]["rows"]
    if rows:
        row = list(BACKBONES.values())[rows[0]]
        state.choose_backbone(row.name, image_size=row.image_size)


def variant(recipe: Recipe) -> None:
    """Width and image size, where there is a choice."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(recipe.backbone_row.alphas) > 1:
            forms.field("model", "alpha")
        forms.field("model", "image_size")
    panels.refusal()


def source(recipe: Recipe) -> None:
    """Where the weights come from, and what to do when they are not here."""
    key = "model_weights"
    published = recipe.backbone_row.weights_file is not None
    there = [each for each in SOURCES if published or each not in ("imagenet", "formula")]
    st.segmented_control(
        "Weights",
        there,
        format_func=SOURCES.__getitem__,
        default=recipe.weights if recipe.weights in there else "none",
        key=key,
        required=True,
        on_change=lambda: _choose_source(state.widget(key)),
    )
    chosen = state.remembered("weights_source", recipe.weights)
    if chosen == "file":
        _own_file(recipe)
    elif chosen == "formula":
        _formula(recipe)
    elif recipe.backbone_row.weights_file is None:
        st.info(
            f"Nobody published weights of {recipe.network_name} for Keras, so it begins with random ones and all of it "
            "learns, with the dropout of its paper. Expect minutes where a pretrained network "
            "takes seconds, and fewer right answers.",
            icon=":material/casino:",
        )
    elif chosen == "none":
        st.warning(
            "Random weights: not pretrained. The network knows nothing yet, so all of it is thawed; it needs many "
            "pictures and more epochs, and will be right less often.",
            icon=":material/casino:",
        )
    else:
        _imagenet(recipe)


def _choose_source(chosen: str) -> None:
    state.remember("weights_source", chosen)
    recipe = state.draft()
    if chosen == "none":
        state.take(recipe.from_scratch(), keep="model_weights")
    elif chosen == "imagenet":
        state.take(recipe.pretrained(), keep="model_weights")
    elif chosen == "formula":
        state.take(recipe.with_formula(), keep="model_weights")


def _formula(recipe: Recipe) -> None:
    st.caption(
        ":material/check_circle: They come with Thaw: learned from pictures drawn by formulas, without any photograph. "
        f"There are some for {formula.BACKBONE} {formula.ALPHA} alone, which is chosen with them. "
        f"{formula.beside_imagenet()}"
    )


def say_formula(recipe: Recipe) -> None:
    """One line where a recipe starts from the bundled weights because better ones are not on this machine."""
    file = weights.imagenet_file(recipe.backbone_row, recipe.alpha, recipe.image_size)
    if recipe.weights != "formula" or file.present:
        return
    why = "are not on this machine" + ("" if weights.can_be_had(recipe) else " and cannot be fetched from here")
    st.caption(
        f":material/info: ImageNet's weights {why}: it starts from the formula weights that come with Thaw. "
        f"{formula.beside_imagenet()}"
    )


def _imagenet(recipe: Recipe) -> None:
    file = weights.imagenet_file(recipe.backbone_row, recipe.alpha, recipe.image_size)
    place = "download"
    if panels.job(place):
        st.rerun()
    if file.present:
        st.caption(f":material/check_circle: On this machine ({text.size(file.megabytes * 1e6)}).")
    elif not panels.busy(place):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.write(f"Not on this machine yet: {text.literal(file.name)}, {file.megabytes:.0f} MB.")
            if st.button("Download", key="model_download", icon=":material/download:"):
                panels.start(
                    place, f"Downloading {file.name}", lambda report, cancelled: _download(file, report, cancelled)
                )
                st.rerun()
        st.caption(f"Without a network: put the file into {text.literal(str(file.path.parent))}")


def _download(file: weights.PretrainedFile, report: Any, cancelled: Any) -> Path:
    return weights.download(
        file, lambda done, total: report(done, total, f"Downloading {file.name} (bytes)"), cancelled
    )


def _own_file(recipe: Recipe) -> None:
    place = "weights_file"
    if done := panels.job(place):
        state.change(weights="file", weights_file=done.result, keep_head=False)
        st.rerun()
    if recipe.weights == "file":
        st.caption(":material/check_circle: Your file fits this network.")
        _head(recipe)
    file = st.file_uploader(
        "A weights file of this backbone, or of a classifier on it (.h5)",
        type=["h5"],
        key=state.upload_key("model_weights_file"),
    )
    if file is not None and not panels.busy(place) and st.button("Use this file", key="model_use_file", type="primary"):
        staged = workspace("uploads", f"{secrets.token_hex(8)}.h5")
        with files.replacing(staged) as aside, aside.open("wb") as target:
            shutil.copyfileobj(file, target)

        def work(report: Any, _cancelled: Any) -> str:
            report(0, 0, "Comparing the file with the network")
            try:
                bringing.check_weights(staged)
                sha = weights.take_file(staged, file.name)
            finally:
                staged.unlink()
            with workers.Worker() as fresh:  # a file that breaks its reader does not take the warm worker along
                workers.check(fresh, recipe.replace(weights="file", weights_file=sha))
            return sha

        panels.start(place, "Reading the weights", work)
        state.clear_uploads()
        st.rerun()


def _head(recipe: Recipe) -> None:
    """Whether the head in the file is kept, where it is known what it tells apart."""
    class_names = weights.classes_of(recipe.weights_file or "")
    if class_names:
        forms.field("model", "keep_head")
        st.caption(f"Its head tells apart: {text.literal(', '.join(class_names))}")


def blocks(recipe: Recipe) -> pd.DataFrame | None:
    """The blocks of the network with what is thawed; None while they are being read."""
    place = f"topology {recipe.backbone} {recipe.alpha} {recipe.image_size}"
    names: dict[str, Any] = {"backbone": recipe.backbone, "alpha": recipe.alpha, "image_size": recipe.image_size}
    if not workers.topology_known(**names):
        _read(place, names)
        return None
    rows = pd.DataFrame(workers.topology(resources.worker(), **names))
    thawed_from = position(rows, recipe)
    return rows.assign(trainable=[index >= thawed_from for index in range(len(rows))])


def _read(place: str, names: dict[str, Any]) -> None:
    """Let the worker read the network: by itself the first time, after a failure only when asked."""
    panels.job(place)
    if panels.busy(place):
        return
    tried = state.remembered(place, False)
    if not tried or st.button("Read the network again", key="model_read_again"):
        state.remember(place, True)
        panels.start(place, "Reading the network", lambda _r, _c: workers.topology(resources.worker(), **names))
        panels.job(place)


def position(rows: pd.DataFrame, recipe: Recipe) -> int:
    """Index of the lowest thawed block; the number of blocks when nothing is thawed."""
    names = list(rows["name"])
    if recipe.fine_tune_epochs == 0:
        return len(names)
    if recipe.unfreeze_from in names:
        return names.index(recipe.unfreeze_from)
    return 0 if recipe.weights == "none" else len(names) - max(1, len(names) // 3)


def thaw(recipe: Recipe, rows: pd.DataFrame) -> None:
    """The network in ice and ember, and one handle to move the line between them."""
    names = list(rows["name"])
    nothing = "nothing (all frozen)"
    st.select_slider(
        "Thaw from this block up, in the second phase",
        [*names, nothing],
        value=[*names, nothing][position(rows, recipe)],
        key="model_unfreeze_from",
        help="Frozen blocks keep what they know, thawed ones learn your pictures. More fits more, and takes longer.",
        on_change=lambda: _thaw_from(state.widget("model_unfreeze_from"), nothing, recipe),
    )
    panels.chart(
        topology.blocks(rows),
        key="model_topology",
        alt="The network block by block, frozen and trainable",
        data=rows,
    )


def _thaw_from(block: str, nothing: str, recipe: Recipe) -> None:
    if block == nothing:
        state.change(keep="model_unfreeze_from", fine_tune_epochs=0, unfreeze_from=None)
    else:
        state.change(keep="model_unfreeze_from", fine_tune_epochs=recipe.fine_tune_epochs or 5, unfreeze_from=block)


def weights_ready(recipe: Recipe) -> bool:
    """Whether the weights the recipe starts from are on this machine."""
    try:
        weights.require(recipe)
    except WeightsError:
        return False
    return True


def missing_weights(recipe: Recipe) -> None:
    """The ways on when ImageNet weights are not here: fetch them where there are any, take the bundled ones, or begin
    from random ones."""
    with st.container(border=True):
        st.write(f"The ImageNet weights of {recipe.network_name} are needed before it can start.")
        if recipe.backbone_row.weights_file is not None:
            _imagenet(recipe)
        if st.button(
            "Begin with the bundled formula weights instead", key="train_formula", icon=":material/functions:"
        ):
            state.remember("weights_source", "formula")
            state.take(recipe.with_formula())
            st.rerun()
        st.caption(f"Those are of {formula.BACKBONE} {formula.ALPHA}. {formula.beside_imagenet()}")
        if st.button("Begin from random weights instead (not pretrained)", key="train_random", type="tertiary"):
            state.take(recipe.from_scratch())
            st.rerun()


def overview(rows: pd.DataFrame, recipe: Recipe) -> None:
    """Accuracy against size, with the recommended and the chosen backbone marked."""
    chosen = panels.chart(
        backbones.accuracy_against_size(rows, RECOMMENDED, recipe.backbone),
        key=f"model_overview_{recipe.backbone}",  # a new figure forgets the point that was chosen on the old one
        alt="ImageNet accuracy of each backbone against the size of its weights",
        selectable=True,
    )
    if chosen is not None and (name := str(chosen[0] if isinstance(chosen, list) else chosen)) != recipe.backbone:
        state.choose_backbone(name, image_size=BACKBONES[name].image_size)
        st.rerun()
    st.caption(f":material/star: {WHY}")
