"""Convolution, Pooling, Depth and Topology on a finished run, through the real worker."""

import os
from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.core.settings import settings
from tests.drawn import drawn_run
from tests.pages.conftest import enter, settle

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A workspace with a finished run, and one worker for all pages of this file."""
    before = dict(os.environ)
    os.environ["THAW_WORKSPACE"] = str(tmp_path_factory.mktemp("lessons") / "workspace")
    settings.cache_clear()
    drawn_run(tmp_path_factory)
    yield
    st.cache_data.clear()
    st.cache_resource.clear()
    os.environ.clear()
    os.environ.update(before)
    settings.cache_clear()


def opened(page: str) -> AppTest:
    at = enter(page, timeout=120)
    settle(at, lambda at: not any(each.key.startswith("cancel_") for each in at.button), seconds=120)
    assert not at.exception
    return at


def captions(at: AppTest) -> str:
    return "\n".join(each.value for each in at.caption)


def test_topology_shows_the_counts_of_the_run_and_filters_its_layers(finished: None) -> None:
    at = opened("topology")
    figures = {each.label: int(each.value.replace(",", "")) for each in at.metric}
    assert figures["Parameters"] == figures["Trainable"] + figures["Non-trainable"]
    table = at.dataframe[0].value
    assert table["parameters"].sum() == figures["Parameters"]
    assert table["trainable"].sum() == figures["Trainable"]
    at.selectbox(key="topology_kind").set_value("DepthwiseConv2D").run()
    assert set(at.dataframe[0].value["kind"]) == {"DepthwiseConv2D"} and len(at.dataframe[0].value) == 13
    at.selectbox(key="topology_kind").set_value(None).run()
    at.text_input(key="topology_part").set_value("conv_pw_3").run()
    assert list(at.dataframe[0].value["name"]) == ["conv_pw_3", "conv_pw_3_bn", "conv_pw_3_relu"]
    at.segmented_control(key="topology_level").set_value("by layer").run()
    assert not at.exception


def test_depth_shows_maps_of_every_block_and_what_a_unit_sees(finished: None) -> None:
    at = opened("depth")
    settle(at, lambda at: "strongest of" in captions(at))
    slider = at.select_slider(key="depth_block")
    assert slider.options[0] == "stem" and slider.options[-1] == "conv_13"
    slider.set_value("conv_1").run()
    settle(at, lambda at: "its field would have 7 x 7 pixels" in captions(at), seconds=120)
    assert "This run trained its head alone" in captions(at)
    assert not at.exception and not at.error


def test_the_chosen_unit_stays_with_its_block(finished: None) -> None:
    at = opened("depth")
    at.select_slider(key="depth_block").set_value("stem").run()
    row = next(each for each in at.number_input if each.label.startswith("Row"))
    row.set_value(0).run()
    assert not at.exception
    at.select_slider(key="depth_block").set_value("conv_3").run()
    at.select_slider(key="depth_block").set_value("stem").run()
    assert next(each for each in at.number_input if each.label.startswith("Row")).value == 0


def figures(at: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in at.metric}


def sentence(at: AppTest) -> str:
    return "\n".join(each.value for each in at.markdown)


def test_convolution_shows_the_sum_of_a_filter_that_was_typed(finished: None) -> None:
    at = opened("convolution")
    assert figures(at)["Weights of the filter"] == "10" and figures(at)["Fully connected instead"] == "922,500"
    at.segmented_control(key="convolution_way").set_value("Type numbers").run()
    at.number_input(key="convolution_bias").set_value(5.0).run()
    at.selectbox(key="convolution_padding").set_value("same").run()
    at.slider(key="convolution_row_32").set_value(0).run()
    assert "count as 0" in sentence(at) and "With the bias 5" in sentence(at)
    at.number_input(key="convolution_stride").set_value(2).run()
    at.number_input(key="convolution_dilation").set_value(2).run()
    assert not at.exception and "not both at once" in at.error[0].value
    at.number_input(key="convolution_stride").set_value(1).run()
    assert not at.exception and not at.error


def test_convolution_slides_a_filter_of_the_network_as_the_network_does(finished: None) -> None:
    at = opened("convolution")
    at.segmented_control(key="convolution_way").set_value("Of the network").run()
    settle(at, lambda at: "Weights of all 8 filters" in figures(at), seconds=120)
    # The first layer of MobileNet 0.25: 3 x 3 x 3 weights each and no bias, which counts as one that is 0.
    assert figures(at)["Weights of all 8 filters"] == "224"
    assert "those of all 3 channels" in sentence(at) and "With the bias 0 " in sentence(at)
    at.selectbox(key="convolution_layer").set_value("conv_dw_1").run()
    settle(at, lambda at: "The products add up to" in sentence(at), seconds=120)
    assert not at.exception and not at.error


def test_pooling_says_what_a_shift_leaves_as_it_was(finished: None) -> None:
    at = opened("pooling")
    assert figures(at)["Times fewer"] == "4" and figures(at)["Weights"] == "0"
    before = figures(at)
    at.slider(key="pooling_shift").set_value(0).run()
    assert figures(at)["Pooled changes by"] == "0.0 %" and before["Pooled changes by"] != "0.0 %"
    at.segmented_control(key="pooling_kind").set_value("global average").run()
    assert figures(at)["Values out"] == "1" and "The mean of its 1,024 values is" in sentence(at)
    at.segmented_control(key="pooling_kind").set_value("max").run()
    at.number_input(key="pooling_window").set_value(33).run()
    assert "reaches over 33 x 33 pixels" in at.error[0].value and not at.exception
