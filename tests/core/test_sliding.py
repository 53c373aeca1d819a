import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.errors import LessonError
from dashboard.core.receptive_field import Box
from dashboard.core.sliding import Sliding, sliding


@st.composite
def slidings(draw: st.DrawFn) -> tuple[Sliding, tuple[int, int]]:
    """A window and the size of a picture it fits into."""
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = (1, 1) if max(stride) > 1 else draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    how = Sliding(kernel, stride, draw(st.sampled_from(("valid", "same"))), dilation)
    size = draw(st.tuples(st.integers(how.extent[0], 20), st.integers(how.extent[1], 20)))
    return how, size


@given(slidings())
def test_it_comes_back_from_text(case: tuple[Sliding, tuple[int, int]]) -> None:
    how, _ = case
    assert sliding(json.loads(json.dumps(how.as_record()))) == how


@given(slidings(), st.data())
def test_the_place_around_a_pixel_is_there_and_the_pixel_in_the_middle_of_a_window_leads_to_it(
    case: tuple[Sliding, tuple[int, int]], data: st.DataObject
) -> None:
    how, size = case
    most = how.output(size)
    row, column = data.draw(st.integers(0, size[0] - 1)), data.draw(st.integers(0, size[1] - 1))
    place = how.over(size, row, column)
    assert 0 <= place[0] < most[0] and 0 <= place[1] < most[1]
    top = place[0] * how.stride[0] - how.windows(size)[0].before + (how.extent[0] - 1) / 2
    others = [at * how.stride[0] - how.windows(size)[0].before + (how.extent[0] - 1) / 2 for at in range(most[0])]
    assert abs(top - row) == min(abs(other - row) for other in others)


def test_a_patch_has_padding_where_the_picture_ends() -> None:
    values = np.arange(9.0).reshape(3, 3, 1)
    found = Sliding((3, 3), padding="same").patch(values, 0, 2)[..., 0]
    np.testing.assert_array_equal(found, [[np.nan] * 3, [1, 2, np.nan], [4, 5, np.nan]])
    assert Sliding((3, 3), padding="same").box((3, 3), 0, 2) == Box(0, 1, 2, 3)


def test_stride_and_dilation_together_and_windows_beyond_the_picture_are_refused() -> None:
    with pytest.raises(LessonError, match="not both at once") as both:
        Sliding((3, 3), (2, 2), "valid", (2, 2)).refuse((9, 9))
    assert both.value.code == "stride-and-dilation"
    with pytest.raises(LessonError, match="reaches over 9 x 9 pixels.* 8 x 20") as large:
        Sliding((3, 3), (1, 1), "same", (4, 4)).refuse((8, 20))
    assert large.value.code == "window-too-large"
    Sliding((3, 3), (1, 1), "valid", (4, 4)).refuse((9, 9))
