"""A bake-off on the Model page: which backbone is best for one's own pictures."""

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.charts import baking as charts
from dashboard.core import formula
from dashboard.core.backbones import BACKBONES
from dashboard.core.candidates import STARTING, candidate, expected_costs
from dashboard.core.recipe import Recipe, WeightsSource
from dashboard.data import datasets, weights
from dashboard.data.datasets import Dataset
from dashboard.runs import bake_offs, queue, status
from dashboard.ui import navigation, panels, resources, state, text
from dashboard.ui.jobs import Cancelled, Report

PLACE = "bake_off"
OWN, SAME = "own", "same"


def section(draft: Recipe) -> None:
    """Measure backbones on the current pictures, see which is worth its time, and take it."""
    chosen = state.dataset_id()
    if chosen is None:
        with st.container(border=True):
            st.write("Shows how often each backbone is right on your pictures, and how long it takes. Add some first.")
            if st.button("Add pictures", key="model_bake_dataset"):
                navigation.go("dataset")
        return
    dataset = datasets.get(chosen)
    panels.job(PLACE)
    results = bake_offs.kept(dataset)
    if len(results):
        _results(results.assign(label=labels(results)))
    if not panels.busy(PLACE):
        _candidates(draft, dataset, first=results.empty)


def labels(results: pd.DataFrame) -> pd.Series:
    """What each row is called: the network, and its image size where it was measured at several."""
    sizes = " at " + results["image_size"].astype(str) + " px"
    return results["name"] + sizes.where(results["name"].duplicated(keep=False), "")


def _results(results: pd.DataFrame) -> None:
    measured = results[results["reason"] == ""]
    point = panels.chart(
        charts.accuracy_against_time(measured),
        key=f"model_bake_chart_{len(measured)}",  # a new figure forgets the point that was chosen on the old one
        alt="How often each backbone is right on these pictures against the time it takes",
        data=results,
        selectable=True,
    )
    if len(measured):
        st.caption(
            f"Judged by a linear classifier on what the frozen backbone sees, {measured['folds'].iloc[0]:.0f}-fold on "
            f"{text.count(int(measured['count'].iloc[0]), 'training and validation picture')}; no test picture was "
            "looked at. Thawing usually adds to it. Larger points have larger weights."
        )
        _use(measured, point[0] if isinstance(point, list) else point)
    _table(results)


def _use(measured: pd.DataFrame, point: str | None) -> None:
    """Take a candidate into the draft: the most accurate, or the one chosen here or in the chart."""
    names = list(measured["label"])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Backbone",
            names,
            index=names.index(point) if point in names else 0,
            key=f"model_bake_choice_{point or ''}",  # choosing a point chooses here too
            help="The most accurate stands first. Or choose a point of the chart.",
        )
        row = measured[measured["label"] == name].iloc[0]
        recipe = state.draft()
        mine = (recipe.backbone, recipe.alpha, recipe.image_size, recipe.weights)
        chosen = (str(row["backbone"]), float(row["alpha"]), int(row["image_size"]), row["weights"])
        st.button(
            "Use this backbone",
            key="model_bake_use",
            icon=":material/check:",
            disabled=mine == chosen,
            on_click=use,
            args=chosen,
        )


def use(backbone: str, alpha: float, image_size: int, weights_source: WeightsSource = "imagenet") -> None:
    """Make a measured candidate the draft's network, with the weights it was measured with."""
    draft = state.draft()
    state.remember("weights_source", weights_source)
    if weights_source == "formula":
        state.take(draft.with_formula().replace(image_size=image_size))
        return
    if draft.weights != "imagenet":
        state.take(draft.pretrained())
    state.choose_backbone(backbone, image_size=image_size)
    state.change(alpha=alpha, image_size=image_size)


def _table(results: pd.DataFrame) -> None:
    shown = pd.DataFrame(
        {
            "label": results["label"],
            "accuracy": results["accuracy"].astype(float) * 100,
            "interval": [_interval(row) for row in results.to_dict("records")],
            "milliseconds": results["milliseconds"].astype(float),
            "megabytes": results["megabytes"].astype(float),
            "parameters": results["parameters"].astype(float) / 1e6,
            "image_size": results["image_size"],
            "seconds": results["seconds"].astype(float),
        }
    )
    if (results["reason"] != "").any():
        shown["reason"] = results["reason"]
    number = st.column_config.NumberColumn
    st.dataframe(
        shown,
        hide_index=True,
        placeholder="–",
        key="model_bake_table",
        alt="Backbones measured on these pictures",
        column_config={
            "label": st.column_config.TextColumn("Backbone", pinned=True),
            "accuracy": number("Right (%)", format="%.0f", help="Of pictures the classifier had not seen"),
            "interval": st.column_config.TextColumn("95 % interval", help="Where the true share is, 19 times of 20"),
            "milliseconds": number("Time (ms a picture)", format="%.1f", help="Of the frozen backbone, many at once"),
            "megabytes": number("Size (MB)", format="%.1f", help="Weights in float32"),
            "parameters": number("Parameters (M)", format="%.2f", help="Without the classifier"),
            "image_size": number("Image size (px)"),
            "seconds": number("Measured in (s)", format="%.0f", help="Less where its features were kept already"),
            "reason": st.column_config.TextColumn("Not measured because", width="large"),
        },
    )


def _interval(row: dict[str, object]) -> str | None:
    low, high = row["low"], row["high"]
    return f"{low:.0%} to {high:.0%}".replace("%", " %") if isinstance(low, float) and low == low else None


def _candidates(draft: Recipe, dataset: Dataset, *, first: bool) -> None:
    """Choose what is compared, and start."""
    place = st.container(border=True) if first else st.expander("Compare more backbones", icon=":material/add:")
    with place:
        st.write(
            "Which backbone is best for *your* pictures? Each sees your training and validation pictures once; what it "
            "made of them is kept, so that training begins with it."
        )
        size = st.segmented_control(
            "Image size",
            [OWN, SAME],
            format_func={OWN: "Each at its own", SAME: f"All at {draft.image_size} pixels"}.__getitem__,
            default=OWN,
            key="model_bake_size",
            required=True,
            help="Its own is the size a backbone was trained at. Larger sees more, and costs the square.",
        )
        here = present(draft, draft.image_size if size == SAME else None)
        names = st.multiselect("Backbones", list(here), default=list(here), key=f"model_bake_names_{size}")
        st.caption(
            f"{len(here)} of {sum(len(row.alphas) for row in BACKBONES.values() if row.weights_file)} can be "
            "compared: those whose ImageNet weights are on this machine, and the bundled ones. To add one, choose it "
            "above and download its weights."
        )
        _start([here[name] for name in names], dataset)


def present(draft: Recipe, image_size: int | None) -> Mapping[str, Recipe]:
    """Candidates whose ImageNet weights are on this machine, and the bundled ones, by name; the quickest first.

    Args:
        draft: says on which pictures.
        image_size: one for all; None for each backbone's own. Backbones that need more pixels are left out.
    """
    found = [
        candidate(draft, row.name, alpha, image_size or row.image_size)
        for row in BACKBONES.values()
        for alpha in row.alphas
        if (image_size or row.image_size) >= row.smallest_image_size
        and weights.whereabouts(row, alpha, image_size or row.image_size) == "on this machine"
    ]
    size = image_size or formula.IMAGE_SIZE
    if size >= BACKBONES[formula.BACKBONE].smallest_image_size:
        found.append(candidate(draft, formula.BACKBONE, formula.ALPHA, size, "formula"))
    found.sort(key=lambda recipe: expected_costs(recipe, 1000).total)
    return {recipe.network_name + (" (formula)" if recipe.weights == "formula" else ""): recipe for recipe in found}


def _start(chosen: list[Recipe], dataset: Dataset) -> None:
    members = resources.members(dataset.id, dataset.version)
    pictures = int((members["split"] != "test").sum())
    waiting = [recipe for recipe in chosen if not bake_offs.is_kept(recipe)]
    again = bool(chosen) and not waiting
    seconds = STARTING + sum(expected_costs(recipe, pictures).total for recipe in waiting or chosen)
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = st.button(
            "Measure again" if again else "Compare",
            key="model_bake_start",
            icon=":material/leaderboard:",
            disabled=not chosen,
        )
        if chosen:
            st.caption(f"About {text.duration(seconds)}; less where the pictures were seen before.")
    if wanted:
        panels.start(PLACE, "Comparing backbones", partial(_run, chosen, again, pictures))
        st.rerun()
    if queue.listing()["status"].isin(status.UNDER_WAY).any():
        st.caption(":material/info: A run is under way: times measured now are longer than they would be without it.")


def _run(chosen: list[Recipe], again: bool, pictures: int, report: Report, cancelled: Cancelled) -> int:
    for recipe in chosen if again else ():
        bake_offs.forget(recipe)
    return bake_offs.run(chosen, pictures, report, cancelled)
