"""Pieces of the Pooling page: choose a pooling, see what it makes of a picture, and what a shift changes."""

from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts import feature_maps, windows
from dashboard.core.packing import unpack
from dashboard.core.receptive_field import Box
from dashboard.core.sliding import PADDINGS, VALID, Padding, Sliding
from dashboard.ui import answers, panels, placing, specimens, text

PAGE = "pooling"
KINDS = ("max", "average", "global max", "global average")
SOURCES = {"grey": "The picture in grey", "edges": "Its edges"}
SHIFTS = 16  # pixels
Asked = dict[str, Any]  # as `ml.pooling.whole`


def asked(of: dict[str, Any], sha: str) -> Asked:
    """What is pooled and how. Raises LessonError as `Sliding.refuse`."""
    kind = st.segmented_control("Pooling", KINDS, default="max", key="pooling_kind", required=True)
    with st.grid(4, min_column_width=110):
        source = st.selectbox(
            "Of",
            list(SOURCES),
            format_func=SOURCES.__getitem__,
            key="pooling_of",
            help="A network pools what its filters found, such as edges (here Sobel's, the larger of both ways).",
        )
        side, stride, padding = (2, 2, VALID) if str(kind).startswith("global") else _movement()
    how = Sliding((side, side), (stride, stride), padding)
    size = specimens.image_size(of)
    how.refuse((size, size))
    return {"of": of, "sha": sha, "source": source, "kind": kind, "how": how.as_record()}


def _movement() -> tuple[int, int, Padding]:
    side = st.number_input("Window", 1, 1024, 2, key="pooling_window", help="Pixels a side.")
    stride = st.number_input(
        "Stride",
        1,
        1024,
        2,
        key="pooling_stride",
        help="Pixels from one window to the next; below its side they overlap.",
    )
    padding = st.selectbox(
        "Padding",
        PADDINGS,
        key="pooling_padding",
        help="valid: windows stay inside the picture. same: they may stick out, where nothing counts.",
    )
    return int(side), int(stride), padding


def compute(question: Asked, shift: int) -> dict[str, Any]:
    """As `ml.pooling.whole`, with arrays."""
    found: dict[str, Any] = answers.answer("Pooling", "pool", **question, shift=shift)
    return {name: unpack(each) if isinstance(each, dict) else each for name, each in found.items()}


def show(question: Asked, found: dict[str, Any]) -> None:
    """The picture with the window, what is pooled of it, and the numbers of one window."""
    values, pooled = found["values"], found["pooled"]
    size, is_global = (pooled.shape[0], pooled.shape[1]), question["kind"].startswith("global")
    before = (values.shape[0], values.shape[1])
    how = Sliding(before) if is_global else _sliding(question["how"])
    slot = st.container()
    row, column = at = placing.current(PAGE, size)
    box = Box(0, 0, *before) if is_global else how.box(before, row, column)
    left, right = st.columns(2)
    with left:
        clicked_input = panels.chart(
            windows.under(windows.shades(values), box, placing.targets(how, before), f"In: {before[0]} x {before[1]}"),
            key=f"pooling_in_{row}_{column}",
            alt=f"What is pooled, with a window on {placing.words(box)}",
            selectable=True,
        )
    with right:
        clicked_output = panels.chart(
            feature_maps.units(pooled, at, f"Out: {size[0]} x {size[1]}"),
            key=f"pooling_out_{row}_{column}",
            alt=f"The pooled map, with its value in row {row}, column {column} chosen",
            selectable=True,
        )
    placing.clicked(PAGE, size, at, (clicked_input, clicked_output))
    with slot:
        placing.sliders(PAGE, size, at)
    _window(question["kind"], how.patch(values[..., np.newaxis], row, column)[..., 0], float(pooled[row, column]))
    _smaller(values.size, pooled.size)


def _sliding(record: dict[str, Any]) -> Sliding:
    return Sliding(tuple(record["kernel"]), tuple(record["stride"]), record["padding"], tuple(record["dilation"]))


def _window(kind: str, window: np.ndarray, value: float) -> None:
    """The numbers of one window where they can be read, and what becomes of them."""
    inside = window[~np.isnan(window)]
    word = "largest" if kind.endswith("max") else "mean"
    sentence = f"The {word} of its {text.count(inside.size, 'value')} is **{value:.6g}**."
    if max(window.shape) > windows.WRITTEN:
        st.markdown(f"The window has {window.shape[0]} x {window.shape[1]} values. {sentence}")
        return
    left, right = st.columns(2, vertical_alignment="center")
    with left:
        panels.chart(
            windows.numbers(window, "Under the window"),
            key="pooling_numbers",
            alt=f"Under the window: {np.array2string(np.nan_to_num(window), precision=3, threshold=121)}",
        )
    with right:
        out = " Cells outside the picture count for nothing." if inside.size < window.size else ""
        st.markdown(sentence + out)


def _smaller(before: int, after: int) -> None:
    panels.figures(
        {
            "Values in": f"{before:,}",
            "Values out": f"{after:,}",
            "Times fewer": f"{before / after:,.4g}",
            "Weights": "0",
        },
        helps={"Weights": "Pooling has nothing to learn."},
    )


def shift() -> int:
    return int(
        st.slider(
            "Move the picture to the right by (pixels)",
            0,
            SHIFTS,
            1,
            key="pooling_shift",
            help="What is lost on the right is made up for on the left by repeating the first column.",
        )
    )


def survives(found: dict[str, Any], pixels: int) -> None:
    """How much the shift changes, unpooled and pooled, as numbers and as pictures on one scale."""
    panels.figures(
        {
            "Unpooled changes by": text.share(found["values_change"]),
            "Pooled changes by": text.share(found["pooled_change"]),
            "Unpooled values kept": text.share(found["values_kept"]),
            "Pooled values kept": text.share(found["pooled_kept"]),
        },
        helps={
            "Unpooled changes by": "The mean difference at a place; 100 % would be that of two places at random.",
            "Pooled changes by": "Likewise; one value alone is compared with itself.",
            "Unpooled values kept": "Those that moved by at most 1 % of the picture's range.",
        },
    )
    differences = {
        "unpooled": np.abs(found["values_shifted"] - found["values"]),
        "pooled": np.abs(found["pooled_shifted"] - found["pooled"]),
    }
    high = max(float(each.max()) for each in differences.values()) or 1.0
    for place, (word, values) in zip(st.columns(2), differences.items(), strict=True):
        with place:
            st.image(
                feature_maps.tile(values, 0.0, high, 340),
                caption=f"What a shift by {text.count(pixels, 'pixel')} changes, {word}: bright is {high:.3g}",
                width="stretch",
                alt=f"Difference after the shift, {word}",
            )
