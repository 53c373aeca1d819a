import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts import theme, windows
from dashboard.core.receptive_field import Box


def test_numbers_stand_in_their_cells_and_padding_says_that_it_counts_as_nothing() -> None:
    values = np.array([[1.0, -2.0], [np.nan, 0.25]])
    figure = windows.numbers(values, "The patch")
    written = {
        (row, column): (text, hover)
        for trace in figure.data
        if trace.type == "scatter"
        for row, column, text, hover in zip(trace.y, trace.x, trace.text, trace.hovertext, strict=True)
    }
    assert {place: text for place, (text, _) in written.items()} == {
        (0, 0): "1",
        (0, 1): "-2",
        (1, 0): "0",
        (1, 1): "0.25",
    }
    assert written[1, 0][1] == "padding: counts as 0" and written[1, 1][1] == "0.25"
    positive, negative = (trace for trace in figure.data if trace.type == "heatmap")
    assert positive.z[0][0] == 0.5 and negative.z[0][1] == 1.0 and np.isnan(positive.z[0][1])


def test_numbers_on_full_colour_are_written_in_the_ink_that_is_read_there() -> None:
    figure = windows.numbers(np.array([[1.0, 0.01]]), "The filter")
    inks = {trace.text[0]: trace.textfont.color for trace in figure.data if trace.type == "scatter"}
    assert inks == {"0.01": theme.TEXT, "1": theme.ON_COLOR}


@pytest.mark.parametrize(("value", "written"), [(-0.0, "0"), (12.0, "12"), (1 / 16, "0.0625"), (123456.7, "1.23e+05")])
def test_a_number_has_few_digits_and_no_negative_zero(value: float, written: str) -> None:
    assert windows.number(value) == written


@given(st.integers(1, 300), st.integers(1, 300))
def test_places_to_click_on_reach_from_corner_to_corner_and_are_few(height: int, width: int) -> None:
    places = windows.grid((height, width))
    assert places[0] == (0, 0) and places[-1] == (height - 1, width - 1)
    assert len(places) == len(set(places)) <= windows.CLICKABLE**2


def test_a_click_on_the_picture_names_the_place_of_the_output() -> None:
    figure = windows.under(np.zeros((4, 4, 3)), Box(0, 0, 2, 2), [(0, 1, 7, 8)], "In: 4 x 4")
    target = figure.data[-1]
    assert (target.y[0], target.x[0]) == (0, 1) and list(target.customdata[0]) == [7, 8]
