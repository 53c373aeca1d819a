"""A network layer by layer: read once in the worker, its figures, its picture to take away, its table."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import drawing, topology
from dashboard.core.recipe import FINE_TUNING, recipe_from
from dashboard.core.spreadsheets import formula_safe
from dashboard.data import datasets
from dashboard.runs.run import open_run
from dashboard.ui import answers, navigation, panels, state, text

UNKNOWN = ["first class", "second class"]  # while there is no dataset
Architecture = dict[str, Any]  # as of `dashboard.ml.architecture.architecture`


def read(of: dict[str, Any]) -> Architecture:
    """A chosen network as `ml.architecture` has it; the page waits for it the first time."""
    names = [] if "run" in of else _class_names()
    found: Architecture = answers.answer("Reading the network", "architecture", of=of, class_names=names)
    return found


def _class_names() -> list[str]:
    chosen = state.dataset_id()
    return datasets.class_names(datasets.get(chosen)) if chosen else UNKNOWN


def layers(found: Architecture) -> pd.DataFrame:
    """Columns name, kind, block, shape, parameters, trainable (count), inputs (names) and state (a word)."""
    rows = pd.DataFrame(found["layers"])
    return rows.assign(state=[_state(*pair) for pair in zip(rows["parameters"], rows["trainable"], strict=True)])


def _state(parameters: int, trainable: int) -> str:
    if not parameters:
        return "no parameters"
    return "frozen" if not trainable else "trainable" if trainable == parameters else "in part"


def blocks(rows: pd.DataFrame) -> pd.DataFrame:
    """The same by block: columns name, layers, parameters, trainable, shape, kind, inputs, as `charts.drawing` draws.

    Args:
        rows: what `layers` returned.
    """
    order = {name: place for place, name in enumerate(dict.fromkeys(rows["block"]))}
    of_layer = dict(zip(rows["name"], rows["block"], strict=True))
    found = []
    for name, group in rows.groupby("block", sort=False):
        sources = {of_layer[source] for inputs in group["inputs"] for source in inputs}
        found.append(
            {
                "name": name,
                "kind": text.count(len(group), "layer"),
                "layers": len(group),
                "parameters": int(group["parameters"].sum()),
                "trainable": int(group["trainable"].sum()),
                "shape": group["shape"].iloc[-1],
                "inputs": sorted((each for each in sources if order[each] < order[name]), key=order.__getitem__),
            }
        )
    return pd.DataFrame(found)


def figures(of: dict[str, Any], found: Architecture, rows: pd.DataFrame) -> None:
    """Totals, and which phase they are of."""
    total, trainable = int(rows["parameters"].sum()), int(rows["trainable"].sum())
    panels.figures(
        {
            "Parameters": f"{total:,}",
            "Trainable": f"{trainable:,}",
            "Non-trainable": f"{total - trainable:,}",
            "Layers": f"{len(rows):,}",
        },
        helps={"Non-trainable": "What is frozen, and the moving statistics of every BatchNormalization."},
    )
    recipe = open_run(of["run"]).recipe if "run" in of else recipe_from(of["recipe"])
    phase = "as fine-tuning trains it" if found["phase"] == FINE_TUNING else "as feature extraction trains it"
    st.caption(
        f"{text.literal(recipe.network_name)} with its head, {phase}, for pictures of {recipe.image_size} pixels."
    )


def tiles(table: pd.DataFrame) -> None:
    """The blocks in ice and ember."""
    shown = table[table["parameters"] > 0].rename(columns={"shape": "output_shape"})
    shown = shown.assign(trainable=shown["trainable"] > 0)
    panels.chart(
        topology.blocks(shown), key="topology_blocks", alt="The network block by block, frozen and trainable", data=None
    )


def picture(rows: pd.DataFrame, table: pd.DataFrame, name: str) -> None:
    """The network as one drawing, of blocks or of layers, and the drawing to take away."""
    level = st.segmented_control(
        "Drawn", ["by block", "by layer"], default="by block", key="topology_level", required=True
    )
    boxes = table if level == "by block" else rows
    drawn = drawing.draw(boxes)
    image = drawing.svg(drawn)
    file = f"topology-{name}-{str(level).replace(' ', '-')}"
    with st.container(horizontal=True):
        _download("SVG", image.encode(), f"{file}.svg", "image/svg+xml", "sharp at any size")
        _download("PNG", lambda: drawing.png(drawn), f"{file}.png", "image/png", "for slides")
        navigation.link("export", "Keras' own plot_model of a finished run: Export")
    height = min(drawn.size[1], 640)
    with st.container(border=True, height=height + 40, key="topology_drawing"):
        st.image(image, width=drawn.size[0], alt=f"The network {level}, from the picture to the classes")


def _download(label: str, data: Any, name: str, mime: str, about: str) -> None:
    st.download_button(
        label,
        data=data,
        file_name=name,
        mime=mime,
        key=f"topology_{label.lower()}",
        icon=":material/download:",
        help=about,
        on_click="ignore",
    )


def layer_table(rows: pd.DataFrame) -> None:
    """Every layer, filtered by block, kind, state and name."""
    with st.grid(4, min_column_width=150):
        block = st.selectbox("Block", [None, *rows["block"].unique()], format_func=_every, key="topology_block")
        kind = st.selectbox("Kind", [None, *sorted(rows["kind"].unique())], format_func=_every, key="topology_kind")
        learns = st.selectbox("State", [None, *rows["state"].unique()], format_func=_every, key="topology_state")
        part = st.text_input("Name has", key="topology_part")
    keep = pd.Series(True, index=rows.index)
    for column, wanted in (("block", block), ("kind", kind), ("state", learns)):
        keep &= True if wanted is None else rows[column] == wanted
    if part.strip():
        keep &= rows["name"].str.contains(part.strip(), case=False, regex=False)
    shown = rows[keep].assign(inputs=rows.loc[keep, "inputs"].map(", ".join))
    total, trainable = int(shown["parameters"].sum()), int(shown["trainable"].sum())
    st.caption(
        f"{text.count(len(shown), 'layer')}: {total:,} parameters, {trainable:,} trainable, "
        f"{total - trainable:,} non-trainable."
    )
    _table(shown)


def _every(name: str | None) -> str:
    return "every" if name is None else name


def _table(shown: pd.DataFrame) -> None:
    columns = ["name", "kind", "block", "shape", "parameters", "trainable", "state", "inputs"]
    st.dataframe(
        shown[columns],
        hide_index=True,
        height=360,
        key="topology_table",
        alt="Layers with their output shapes and parameters",
        column_config={
            "name": st.column_config.TextColumn("Layer", pinned=True),
            "kind": "Kind",
            "block": "Block",
            "shape": st.column_config.TextColumn("Output", help="Height, width and channels; without the batch"),
            "parameters": st.column_config.NumberColumn("Parameters", format="localized"),
            "trainable": st.column_config.NumberColumn("Trainable", format="localized"),
            "state": st.column_config.TextColumn("State", help="In part: moving statistics do not train"),
            "inputs": st.column_config.TextColumn("Computed from", width="large"),
        },
    )
    st.download_button(
        "Data of this table",
        data=lambda: formula_safe(shown[columns]).to_csv(index=False),
        file_name="layers.csv",
        mime="text/csv",
        key="topology_csv",
        type="tertiary",
        icon=":material/download:",
        on_click="ignore",
    )
