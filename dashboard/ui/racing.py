"""A network from random weights beside a pretrained one, on the same pictures: who learns what in how many minutes."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import racing, topology
from dashboard.core.backbones import BACKBONES
from dashboard.core.recipe import Recipe
from dashboard.data import weights
from dashboard.data.datasets import Dataset
from dashboard.runs import pace, queue, status, supervisor
from dashboard.runs.run import open_run
from dashboard.ui import curves, launching, navigation, networks, panels, resources, state, text

OLD = BACKBONES["AlexNet"]
SIZES = (67, 96, 128, 227)  # pixels; the first is its smallest, the last its own
PLACE = "alexnet"


def blocks() -> None:
    """AlexNet from the picture to the classes."""
    rows = networks.blocks(Recipe(dataset="", backbone=OLD.name, image_size=OLD.image_size).from_scratch())
    if rows is not None:
        panels.chart(topology.blocks(rows), key="alexnet_blocks", alt="The seven blocks of AlexNet", data=rows)


def panel(dataset: Dataset) -> None:
    """Both curves, live while they are drawn; and the button that begins."""
    supervisor.look_after()
    pair = runs_of(dataset)
    under_way = any(row["status"] in status.UNDER_WAY for row in pair.values())
    if pair:
        st.fragment(_curves, run_every=curves.DRAW_AGAIN if under_way else None)(
            {name: str(row["id"]) for name, row in pair.items()}, {name: row["status"] for name, row in pair.items()}
        )
    _begin(dataset, under_way)


def runs_of(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """The newest run of AlexNet on these pictures, and the newest with pretrained weights: their rows by the network's
    name; without one that is not there."""
    listing = queue.listing()
    own = listing[(listing["dataset_id"] == dataset.id) & (listing["dataset_version"] == dataset.version)]
    found: dict[str, dict[str, Any]] = {}
    for row in own[own["status"] != status.FAILED].to_dict("records"):
        recipe = open_run(row["id"]).recipe
        if recipe.backbone == OLD.name and OLD.name not in found and recipe.weights == "none":
            found[OLD.name] = row
        elif recipe.weights == "imagenet" and not any(name != OLD.name for name in found):
            found[recipe.network_name] = row
    return dict(sorted(found.items(), key=lambda each: each[0] != OLD.name))


def _curves(run_ids: dict[str, str], drawn: dict[str, str]) -> None:
    rows = {name: queue.row(run_id) for name, run_id in run_ids.items()}
    if {name: row["status"] for name, row in rows.items()} != drawn:
        st.rerun()
    tables = {name: pace.minutes(resources.run_events(run_id)) for name, run_id in run_ids.items()}
    begun = [table.assign(network=name) for name, table in tables.items() if len(table)]
    panels.chart(
        racing.race(tables),
        key="alexnet_race",
        alt="Validation accuracy of both networks over the minutes each has trained",
        data=pd.concat(begun) if begun else None,
    )
    for name, row in rows.items():
        st.caption(_standing(name, row, tables[name]))


def _standing(name: str, row: dict[str, Any], table: pd.DataFrame) -> str:
    """A run in one line: what it is doing or what came of it, and where its own page is."""
    parts = [f"**{name}**, run {row['number']}: {row['status']}"]
    if len(table):
        parts.append(f"{text.count(len(table), 'epoch')} in {text.duration(60 * float(table['minutes'].iloc[-1]))}")
    if row["test_accuracy"] is not None and row["test_accuracy"] == row["test_accuracy"]:
        parts.append(f"right on {row['test_accuracy']:.0%} of the test pictures")
    return ", ".join(parts) + "."


def _begin(dataset: Dataset, under_way: bool) -> None:
    """What would be trained, and the button; where pretrained weights are missing, the way to them."""
    if (ready := pretrained(state.draft())) is None:
        st.info("For the other curve a pretrained network is needed. Download the weights of one on the Model page.")
        navigation.link("model", "Model")
        return
    size = st.segmented_control(
        "AlexNet's image size, pixels",
        SIZES,
        default=OLD.image_size,
        key="alexnet_size",
        required=True,
        help="227 is the paper's. Less is quicker: its layers stay the same and see fewer places.",
    )
    done = panels.job(PLACE)
    if done:
        st.rerun()
    if panels.busy(PLACE):
        return
    recipes = [old(ready, int(size or OLD.image_size)), ready]
    if st.button(
        f"Train AlexNet and {ready.network_name}, one after the other",
        key="alexnet_start",
        type="primary",
        icon=":material/play_arrow:",
        disabled=under_way,
    ):
        panels.start(PLACE, "Checking the recipes", lambda *_: [launching.launch(each) for each in reversed(recipes)])
        st.rerun()
    st.caption(
        f"{ready.network_name} starts with ImageNet weights and learns as the Train page says; AlexNet starts from "
        f"nothing and has up to {recipes[0].fine_tune_epochs} epochs, all of it at once."
    )


def pretrained(draft: Recipe) -> Recipe | None:
    """The draft where it begins with ImageNet weights that are here; else the recommended network, or None."""
    if draft.weights == "imagenet" and networks.weights_ready(draft):
        return draft
    base = draft if draft.weights == "imagenet" else draft.pretrained()
    row = BACKBONES[networks.RECOMMENDED]
    for alpha in reversed(row.alphas):
        if weights.whereabouts(row, alpha, row.image_size) == "on this machine":
            return base.replace(backbone=row.name, alpha=alpha, image_size=row.image_size, unfreeze_from=None)
    return None


def old(beside: Recipe, image_size: int) -> Recipe:
    """AlexNet from random weights, on the pictures, with the augmentation and the seed of another recipe."""
    fields = {"backbone": OLD.name, "alpha": 1.0, "image_size": image_size, "steering": ()}
    fields |= {"gradual_thawing": False, "rate_decay": 1.0, "head_rate_factor": 1.0}  # nothing in it is to be kept
    return beside.pretrained().replace(**fields).from_scratch()
