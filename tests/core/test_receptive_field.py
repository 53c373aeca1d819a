"""Receptive fields on graphs small enough to know what is seen."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.receptive_field import Box, Layer, Window, extent, field, layer, same_padding

PICTURE = Layer("picture", (), 9, 9)


def chain(*windows: Window, size: int = 64) -> list[Layer]:
    """Square layers one behind another, each as large as its window lets it be without padding below and right."""
    rows = [Layer("picture", (), size, size)]
    for number, window in enumerate(windows):
        side = (rows[-1].height + window.before - (window.kernel - 1) * window.dilation - 1) // window.stride + 1
        rows.append(Layer(f"layer {number}", (rows[-1].name,), side, side, window, window))
    return rows


def test_a_window_sees_its_taps_and_no_padding() -> None:
    layers = [PICTURE, Layer("convolution", ("picture",), 9, 9, Window(3, before=1), Window(5, before=2))]
    assert field(layers, "convolution", 0, 8) == Box(0, 6, 2, 9)
    assert field(layers, "convolution", 4, 4) == Box(3, 2, 6, 7)
    assert field(layers, "picture", 4, 5) == Box(4, 5, 5, 6)


def test_branches_that_are_joined_see_what_any_of_them_sees() -> None:
    layers = [
        PICTURE,
        Layer("wide", ("picture",), 9, 9, Window(5, before=2), Window(5, before=2)),
        Layer("tall", ("picture",), 9, 9, Window(7, before=3)),
        Layer("sum", ("wide", "tall"), 9, 9),
    ]
    assert field(layers, "sum", 4, 4) == Box(1, 2, 8, 7)


def test_what_padding_hides_is_not_seen_further_down() -> None:
    """A branch that ends before the picture does, and is padded again: nothing of the picture's end is in it."""
    layers = [
        PICTURE,
        Layer("cropped", ("picture",), 5, 5, Window(), Window()),
        Layer("padded", ("cropped",), 7, 7, Window(3, before=2), Window(3, before=2)),
    ]
    assert field(layers, "padded", 6, 6) == Box(4, 4, 5, 5)


def test_a_gate_of_global_pooling_sees_the_whole_picture_unless_it_is_left_out() -> None:
    layers = [
        PICTURE,
        Layer("convolution", ("picture",), 9, 9, Window(3, before=1), Window(3, before=1)),
        Layer("squeeze", ("convolution",), 1, 1, sees_all=True),
        Layer("excited", ("convolution", "squeeze"), 9, 9),
    ]
    assert field(layers, "excited", 4, 4) == Box(0, 0, 9, 9)
    assert field(layers, "excited", 4, 4, through_global=False) == Box(3, 3, 6, 6)
    assert extent(layers, "excited") == (3, 3)


def test_a_unit_of_padding_sees_nothing() -> None:
    layers = [PICTURE, Layer("padding", ("picture",), 11, 11, Window(before=1), Window(before=1))]
    box = field(layers, "padding", 0, 5)
    assert (box.height, box.width) == (0, 0)


WINDOWS = st.builds(
    Window, kernel=st.integers(1, 4), stride=st.integers(1, 2), dilation=st.integers(1, 2), before=st.integers(0, 2)
)


@given(st.lists(WINDOWS, max_size=4))
def test_the_extent_is_that_of_the_recurrence_in_the_paper(windows: list[Window]) -> None:
    """Araujo, Norris and Sim, equation 2: 1 plus every kernel less one, times all strides before it."""
    layers = chain(*windows)
    size, jump = 1, 1
    for window in windows:
        size, jump = size + (window.kernel - 1) * window.dilation * jump, jump * window.stride
    assert extent(layers, layers[-1].name) == (size, size)


@given(st.lists(WINDOWS, max_size=3), st.integers(0, 1000))
def test_a_field_holds_exactly_the_ends_of_what_changes_a_unit(windows: list[Window], at: int) -> None:
    layers = chain(*windows, size=24)
    unit = at % layers[-1].height
    signal = np.eye(24)  # one row a pixel of a line
    for window, above in zip(windows, layers[1:], strict=True):
        padded = np.zeros((24, window.before + signal.shape[1]))
        padded[:, window.before :] = signal
        starts = np.arange(above.height) * window.stride
        signal = sum(padded[:, starts + tap * window.dilation] for tap in range(window.kernel))
    changing = np.flatnonzero(signal[:, unit])
    box = field(layers, layers[-1].name, unit, unit)
    assert (box.top, box.bottom) == ((changing[0], changing[-1] + 1) if len(changing) else (0, 0))


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"), [(9, 3, 1, 1), (8, 3, 2, 0), (9, 3, 2, 1), (8, 1, 2, 0)]
)
def test_same_padding_puts_the_odd_one_behind(size: int, kernel: int, stride: int, expected: int) -> None:
    assert same_padding(size, kernel, stride) == expected


def test_a_layer_comes_back_from_its_record() -> None:
    one = Layer("sum", ("a", "b"), 9, 8, Window(3, 2, 2, 1), sees_all=True)
    assert layer(json.loads(json.dumps(one.as_record()))) == one


def test_a_layer_or_unit_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no layer 'x'"):
        field([PICTURE], "x", 0, 0)
    with pytest.raises(ValueError, match="none at 9, 0"):
        field([PICTURE], "picture", 9, 0)
