"""Pieces of the Convolution page: choose a filter, slide it over a picture, see every product of a place."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts import feature_maps, windows
from dashboard.core import filters
from dashboard.core.packing import unpack
from dashboard.core.sliding import PADDINGS, Sliding, sliding
from dashboard.ui import answers, depths, panels, placing, specimens, state

PAGE = "convolution"
CLASSIC, TYPED, NETWORK = "Made by hand", "Type numbers", "Of the network"
Question = dict[str, Any]  # as `ml.convolution.filtered`


def layers(of: dict[str, Any]) -> list[dict[str, Any]]:
    """The convolutions of a network, as `ml.convolution.layers`."""
    found: list[dict[str, Any]] = answers.answer(
        "Reading the network", "convolutions", version=depths.written(of), of=of
    )
    return found


def question(of: dict[str, Any], sha: str) -> Question:
    """The filter that is chosen, and how it moves. Raises LessonError as `filters.typed` and `Sliding.refuse`."""
    way = st.segmented_control(
        "Filter", (CLASSIC, TYPED, NETWORK), default=CLASSIC, key="convolution_way", required=True
    )
    if way == NETWORK:
        return {"of": of, "sha": sha, **_of_network(of)}
    weights = _classic() if way == CLASSIC else _typed()
    bias, how = _movement((len(weights), len(weights)))
    side = specimens.image_size(of)
    how.refuse((side, side))
    return {"of": of, "sha": sha, "weights": weights.tolist(), "bias": bias, "sliding": how.as_record()}


def _classic() -> np.ndarray:
    row = filters.FILTERS[
        st.selectbox(
            "Which",
            list(filters.FILTERS),
            index=1,
            format_func=lambda name: filters.FILTERS[name].title,
            key="convolution_filter",
        )
    ]
    st.caption(row.effect)
    return row.values


def _typed() -> np.ndarray:
    """A grid of numbers; begins with Sobel's. Raises LessonError."""
    side = st.segmented_control(
        "Size",
        filters.SIDES,
        default=3,
        format_func=lambda each: f"{each} x {each}",
        key="convolution_side",
        required=True,
    )
    start = np.zeros((side, side))
    middle = (side - 3) // 2
    start[middle : middle + 3, middle : middle + 3] = filters.FILTERS["sobel-upright"].values
    names = [f"column {number}" for number in range(1, side + 1)]
    edited = st.data_editor(
        pd.DataFrame(start, columns=names),
        hide_index=True,
        num_rows="fixed",
        key=f"convolution_grid_{side}",
        column_config={name: st.column_config.NumberColumn(name, format="%.6g") for name in names},
    )
    return filters.typed([[None if pd.isna(cell) else float(cell) for cell in row] for row in edited.to_numpy()])


def _movement(kernel: tuple[int, int]) -> tuple[float, Sliding]:
    """Bias, stride, padding and dilation of a filter of one's own."""
    with st.grid(4, min_column_width=110):
        stride = st.number_input("Stride", 1, 8, 1, key="convolution_stride", help="Pixels from one place to the next.")
        padding = st.selectbox(
            "Padding",
            PADDINGS,
            key="convolution_padding",
            help="valid: the filter stays inside the picture. same: zeros around it keep its size (at stride 1).",
        )
        dilation = st.number_input(
            "Dilation", 1, 8, 1, key="convolution_dilation", help="Pixels from one weight to the next: it sees wider."
        )
        bias = st.number_input(
            "Bias",
            -filters.LARGEST,
            filters.LARGEST,
            0.0,
            step=1.0,
            key="convolution_bias",
            help="Added at every place.",
        )
    return float(bias), Sliding(kernel, (int(stride), int(stride)), padding, (int(dilation), int(dilation)))


def _of_network(of: dict[str, Any]) -> dict[str, Any]:
    """A layer and the number of its filter."""
    found = {each["name"]: each for each in layers(of) if each["shown"]}
    if not found:
        st.info("This network has no convolution wider than one pixel. Choose another one.", icon=":material/info:")
        st.stop()
    name = st.selectbox("Layer", list(found), key="convolution_layer")
    each = found[name]
    number = st.number_input(
        f"Filter (0 to {each['filters'] - 1})", 0, each["filters"] - 1, 0, key=f"convolution_number_{each['filters']}"
    )
    how = sliding(each["sliding"])
    st.caption(
        f"{how.kernel[0]} x {how.kernel[1]} x {each['channels']} weights, stride {how.stride[0]}, padding "
        f"{how.padding}, dilation {how.dilation[0]}, as the network has it."
    )
    return {"layer": name, "filter": int(number)}


def show(asked: Question) -> None:
    """The picture under the filter, the output, and all the numbers of one place."""
    version = depths.written(asked["of"])
    channel = int(state.remembered("convolution_channel", 0))
    found = answers.answer("Convolving", "convolve", version=version, question=asked, channel=channel)
    channel = min(channel, found["channels"] - 1)
    values, output, how = unpack(found["values"]), unpack(found["output"]), sliding(found["sliding"])
    size, slot = (output.shape[0], output.shape[1]), st.container()
    row, column = at = placing.current(PAGE, size)
    box = how.box((values.shape[0], values.shape[1]), row, column)
    left, right = st.columns(2)
    with left:
        clicked_input = panels.chart(
            windows.under(
                values / 255 if "weights" in asked else windows.shades(values),
                box,
                placing.targets(how, (values.shape[0], values.shape[1])),
                f"In: {values.shape[0]} x {values.shape[1]}"
                + (f", channel {channel}" if found["channels"] > 1 else ""),
            ),
            key=f"convolution_in_{row}_{column}",
            alt=f"What the filter slides over, with the filter on {placing.words(box)}",
            selectable=True,
        )
    with right:
        clicked_output = panels.chart(
            feature_maps.units(output, at, f"Out: {size[0]} x {size[1]}"),
            key=f"convolution_out_{row}_{column}",
            alt=f"The output, with its pixel in row {row}, column {column} chosen",
            selectable=True,
        )
    placing.clicked(PAGE, size, at, (clicked_input, clicked_output))
    with slot:
        placing.sliders(PAGE, size, at)
    _products(asked, at, channel, found["channels"])
    _costs(found, how, values.shape, size)


def _products(asked: Question, at: tuple[int, int], channel: int, channels: int) -> None:
    """Patch, filter and products of one channel as squares of numbers, and their sum."""
    place = answers.answer(
        "Convolving",
        "convolve_at",
        version=depths.written(asked["of"]),
        question=asked,
        row=at[0],
        column=at[1],
    )
    if channels > 1:
        channel = _channel(channels, channel)
    arrays = {name: np.array(place[name], dtype=float)[..., channel] for name in ("patch", "weights", "products")}
    titles = {"patch": "The patch", "weights": "times the filter", "products": "gives the products"}
    with st.grid(3, min_column_width=220, gap="small"):
        for name, values in arrays.items():
            panels.chart(
                windows.numbers(values, titles[name]),
                key=f"convolution_{name}",
                alt=f"{titles[name]}: {np.array2string(np.nan_to_num(values), precision=3, threshold=121)}",
            )
    padding = " Cells outside the picture are padding and count as 0." if np.isnan(arrays["patch"]).any() else ""
    st.markdown(f"{_sum(place['sums'], channel)} {_with_bias(place)}{padding}")


def _channel(channels: int, current: int) -> int:
    """The channel of the input whose numbers are shown."""
    chosen = st.number_input(
        f"Channel of the input (0 to {channels - 1})", 0, channels - 1, current, key=f"convolution_channel_{channels}"
    )
    if int(chosen) != current:
        state.remember("convolution_channel", int(chosen))
        st.rerun()
    return int(chosen)


def _sum(sums: list[float], channel: int) -> str:
    if len(sums) == 1:
        return f"The products add up to **{sums[0]:.6g}**."
    return (
        f"The products of channel {channel} add up to {sums[channel]:.6g}, those of all {len(sums)} channels to "
        f"**{sum(sums):.6g}**."
    )


def _with_bias(place: dict[str, Any]) -> str:
    return f"With the bias {place['bias']:.6g} the output has **{place['value']:.6g}** there."


def _costs(found: dict[str, Any], how: Sliding, shape: tuple[int, ...], size: tuple[int, int]) -> None:
    """Weights of the filter's layer, and of a fully connected one in its place."""
    one = found["filters"] == 1
    panels.figures(
        {
            "Weights of the filter"
            if one
            else f"Weights of all {found['filters']} filters": f"{found['layer_weights']:,}",
            "Fully connected instead": f"{found['dense']:,}",
            "Times as many": f"{found['dense'] / found['layer_weights']:,.0f}",
        },
        helps={
            "Fully connected instead": "A weight from every input to every output, and a bias for each output: from "
            f"{shape[0]} x {shape[1]} places to {size[0]} x {size[1]}. A filter uses the same weights everywhere.",
        },
    )
