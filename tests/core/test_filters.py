import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.errors import LessonError
from dashboard.core.filters import FILTERS, LARGEST, typed


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_does_what_it_says_to_a_picture_that_is_even(name: str) -> None:
    """Edge filters see nothing there; the others leave it as bright as it is."""
    values = FILTERS[name].values
    assert values.shape == (3, 3)
    assert values.sum() == pytest.approx(0.0 if name in ("sobel-upright", "sobel-level", "laplacian") else 1.0)


@given(st.sampled_from((3, 5)), st.data())
def test_typed_numbers_are_taken_as_they_are(side: int, data: st.DataObject) -> None:
    number = st.floats(-LARGEST, LARGEST)
    rows = data.draw(st.lists(st.lists(number, min_size=side, max_size=side), min_size=side, max_size=side))
    np.testing.assert_array_equal(typed(rows), np.array(rows))


@given(
    st.sampled_from((None, float("nan"), float("inf"), float("-inf"), 1.1e6, -1e300)),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_a_cell_that_is_no_number_is_refused_by_its_place(cell: float | None, row: int, column: int) -> None:
    rows: list[list[float | None]] = [[1.0] * 3 for _ in range(3)]
    rows[row][column] = cell
    with pytest.raises(LessonError, match=f"Row {row + 1}, column {column + 1}") as refusal:
        typed(rows)
    assert refusal.value.code == "filter-number"


@pytest.mark.parametrize("rows", [[], [[1.0]], [[1.0] * 3] * 2, [[1.0] * 3, [1.0] * 3, [1.0] * 2], [[1.0] * 4] * 4])
def test_what_is_not_three_or_five_a_side_is_refused(rows: list[list[float]]) -> None:
    with pytest.raises(LessonError, match="3 x 3 or 5 x 5"):
        typed(rows)
