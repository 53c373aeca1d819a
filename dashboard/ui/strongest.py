"""A filter is a feature: the patches of one's own pictures that excite it most."""

from typing import Any

import streamlit as st

from dashboard.core.packing import unpack
from dashboard.data import datasets
from dashboard.ui import answers, convolving, depths, pickers, state, text

MOST = 300  # pictures that are looked at
COUNT = 12  # patches
SIDE = 96  # pixels of a patch at least


def section(of: dict[str, Any]) -> None:
    """Choose any filter of the network, and see what excites it. Stops the page where there are no pictures."""
    if state.dataset_id() is None:
        pickers.nothing_yet(
            "Add pictures first: here stand the parts of them that excite a filter most.",
            page="dataset",
            button="Add pictures",
        )
    dataset = datasets.get(str(state.dataset_id()))
    layers = {each["name"]: each for each in convolving.layers(of)}
    with st.grid(2, min_column_width=150):
        name = st.select_slider(
            "Layer, from the picture to the classes",
            list(layers),
            value=list(layers)[len(layers) // 2],
            key="convolution_any_layer",
        )
        most = layers[name]["filters"] - 1
        channel = st.number_input(f"Filter (0 to {most})", 0, most, 0, key=f"convolution_any_filter_{most}")
    asked = f"{of} {dataset.id} {dataset.version} {name}"
    if asked not in state.remembered("strongest", ()):
        st.caption(f"Looks at up to {MOST} pictures of {text.literal(dataset.name)}, evenly over its classes.")
        if not st.button("Find its patches", key="convolution_find", icon=":material/search:"):
            return
        state.remember("strongest", (*state.remembered("strongest", ()), asked))
    found = answers.answer(
        "Looking at your pictures",
        "strongest_patches",
        version=depths.written(of),
        of=of,
        layer=name,
        channel=int(channel),
        dataset=[dataset.id, dataset.version],
        most=MOST,
        count=COUNT,
    )
    _wall(found, name, int(channel))


def _wall(found: list[dict[str, Any]], name: str, channel: int) -> None:
    top, left, bottom, right = found[0]["box"]
    st.caption(
        f"The {len(found)} pictures that excite filter {channel} of {text.literal(name)} most, each cut to what the "
        f"unit sees ({bottom - top} x {right - left} pixels for the first). The number is its output, after "
        "normalization and activation where they follow."
    )
    if found[0]["value"] <= 0:
        st.caption("None of your pictures excites it: its output is nowhere above 0.")
    with st.grid(6, min_column_width=96, gap="small"):
        for each in found:
            patch = unpack(each["patch"])
            times = max(1, -(-SIDE // max(patch.shape[:2])))
            st.image(
                patch.clip(0, 1).repeat(times, axis=0).repeat(times, axis=1),
                caption=f"{text.literal(each['class_name'])} {each['value']:.3g}",
                width="stretch",
                alt=f"Patch of a picture of {each['class_name']}, output {each['value']:.3g}",
            )
