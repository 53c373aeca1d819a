"""What the blocks of a network make of a picture: walls of maps, what a unit sees, what fine-tuning changed."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts import feature_maps
from dashboard.core import receptive_field
from dashboard.core.packing import unpack
from dashboard.core.recipe import FINE_TUNING
from dashboard.runs.run import open_run
from dashboard.ui import answers, panels, state, text
from dashboard.ui.architectures import Architecture

WALL = 24  # maps of a block
COMPARED = 6  # of them before and after
SIDE = 112  # pixels of a map at least

Maps = dict[str, Any]  # as of `ml.depth.feature_maps`, with arrays


def block(found: Architecture) -> str:
    """Choose a block, from the picture up."""
    names = list(found["ends"])
    chosen = st.select_slider(
        "Block, from the picture to the classes",
        names,
        value=names[min(2, len(names) - 1)],
        key="depth_block",
        help="Low blocks find edges and colours, high ones parts of things, on fewer and fewer places.",
    )
    return str(chosen)


def maps(of: dict[str, Any], sha: str, name: str) -> Maps:
    """The strongest maps of a block on a picture."""
    found: Maps = answers.answer(
        "Computing every block", "feature_maps", version=written(of), of=of, sha=sha, block=name, count=WALL
    )
    return {**found, "maps": unpack(found["maps"]), "picture": unpack(found["picture"])}


def written(of: dict[str, Any]) -> int:
    """When the weights of a run were written, in nanoseconds: a run that was trained longer has others."""
    path = open_run(of["run"]).weights_path if "run" in of else None
    return path.stat().st_mtime_ns if path is not None and path.exists() else 0


def wall(found: Maps, name: str) -> None:
    """The strongest channels of a block, each as a small picture on the same scale."""
    arrays = found["maps"]
    low, high = float(arrays.min()), float(arrays.max())
    count = min(found["channel_count"], WALL)
    st.caption(
        f"The {count} strongest of {found['channel_count']:,} channels, {arrays.shape[1]} x {arrays.shape[2]} places "
        f"each, on one scale: dark is {low:.3g}, bright is {high:.3g}."
    )
    with st.grid(8, min_column_width=88, gap="small"):
        for channel, values in zip(found["channels"], arrays, strict=True):
            st.image(
                feature_maps.tile(values, low, high, SIDE),
                caption=f"channel {channel}",
                width="stretch",
                alt=f"Map of channel {channel} of {name}",
            )


def unit(found: Maps, name: str, architecture: Architecture) -> None:
    """One channel's map, and on the picture what its chosen unit sees."""
    arrays = found["maps"]
    height, width = arrays.shape[1:]
    left, right = st.columns(2)
    with left:
        channel = st.selectbox("Channel", found["channels"], key="depth_channel")
        with st.container(horizontal=True):
            row, column = _place("row", name, height), _place("column", name, width)
        values = arrays[found["channels"].index(channel)]
        chosen = panels.chart(
            feature_maps.units(values, (row, column), f"Channel {channel} of {name}"),
            key=f"depth_map_{name}_{channel}_{row}_{column}",
            alt=f"Map of channel {channel}, {height} by {width} units, one of them chosen",
            selectable=True,
        )
        if chosen is not None and tuple(chosen) != (row, column):
            state.remember(f"depth_row_{name}", int(chosen[0]))
            state.remember(f"depth_column_{name}", int(chosen[1]))
            st.rerun()
    with right:
        _seen(found, architecture, name, row, column)


def _place(axis: str, name: str, size: int) -> int:
    """Row or column of the unit: what was clicked or typed last, the middle at first."""
    place = f"depth_{axis}_{name}"
    at = min(int(state.remembered(place, size // 2)), size - 1)
    value = st.number_input(f"{axis.capitalize()} (0 to {size - 1})", 0, size - 1, at, key=f"{place}_{size}_{at}")
    state.remember(place, int(value))
    return int(value)


def _seen(found: Maps, architecture: Architecture, name: str, row: int, column: int) -> None:
    layers = [receptive_field.layer(each) for each in architecture["seen"]]
    end = architecture["ends"][name]
    box = receptive_field.field(layers, end, row, column, through_global=False)
    whole = receptive_field.field(layers, end, row, column)
    extent = receptive_field.extent(layers, end)
    side = found["picture"].shape[0]
    panels.chart(
        feature_maps.seen(
            found["picture"],
            box,
            f"It sees {box.height} x {box.width} of {side} x {side} pixels",
            "what lies in the shade cannot change it",
        ),
        key="depth_seen",
        alt=f"The picture with a frame around rows {box.top} to {box.bottom} and columns {box.left} to {box.right}",
    )
    words = f"Without the picture's edges its field would have {extent[0]:,} x {extent[1]:,} pixels."
    if whole != box:
        words += (
            " This is the field of the convolutions. The network also has squeeze-and-excitation, which weighs "
            "channels by their mean over all places: through it a unit depends on the whole picture."
        )
    st.caption(words)


def fine_tuning(of: dict[str, Any], sha: str, name: str, found: Maps) -> None:
    """How much each block changed, and maps of the chosen block before and after."""
    if "run" not in of:
        st.caption("Choose a finished run above: the network of the draft has not been trained yet.")
        return
    run = open_run(of["run"])
    if all(phase.name != FINE_TUNING for phase in run.recipe.phases):
        st.caption("This run trained its head alone: every block is as it was. A run with fine-tuning has changes.")
        return
    version, channels = written(of), found["channels"][:COMPARED]
    changed = answers.answer(
        "Comparing with the network before training", "fine_tuning", version=version, run=run.id, sha=sha
    )
    table = pd.DataFrame(changed)
    panels.chart(feature_maps.changes(table), key="depth_changes", alt="Change of each block", data=table)
    here = table.set_index("block").loc[name]
    st.caption(
        f"{text.literal(name)}: its weights changed by {here['weights']:.2%}, what it hands on for this picture by "
        f"{here['outputs']:.2%} (norm of the difference over the norm before). What a block hands on also changes with "
        "the blocks below it."
    )
    both = answers.answer(
        "Computing every block before and after",
        "before_and_after",
        version=version,
        run=run.id,
        sha=sha,
        block=name,
        channels=channels,
    )
    _pairs(unpack(both["before"]), unpack(both["after"]), channels)


def _pairs(before: np.ndarray, after: np.ndarray, channels: list[int]) -> None:
    low, high = float(min(before.min(), after.min())), float(max(before.max(), after.max()))
    with st.grid(len(channels), min_column_width=112):
        for channel, old, new in zip(channels, before, after, strict=True):
            with st.container(border=True):
                st.caption(f"Channel {channel}")
                with st.container(horizontal=True):
                    for values, word in ((old, "before"), (new, "after")):
                        shown = feature_maps.tile(values, low, high, SIDE)
                        st.image(shown, caption=word, width=64, alt=f"Channel {channel} {word} training")
