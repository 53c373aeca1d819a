"""Columns of batches: nothing is copied, and nothing handed out changes."""

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING
from dashboard.runs.columns import TYPES, Columns


def batches(epoch: int, first_step: int, count: int, phase: str = FEATURE_EXTRACTION) -> dict[str, object]:
    steps = np.arange(first_step, first_step + count, dtype=float)
    lists = {"loss": (steps / 2).tolist(), "accuracy": (steps / 3).tolist(), "learning_rate": (steps / 4).tolist()}
    return {"phase": phase, "epoch": epoch, "first_step": first_step, "pictures_per_second": 80.0, "time": 5.0, **lists}


def test_no_batches_are_a_table_without_rows() -> None:
    table = Columns().table()
    assert table.empty and list(table.columns) == list(TYPES)


def test_a_table_shares_its_memory_with_the_next_one() -> None:
    columns = Columns()
    columns.take(batches(1, 1, 5))
    columns.take(batches(1, 6, 1))
    first = columns.table()
    columns.take(batches(1, 7, 1))
    second = columns.table()
    assert (len(first), len(second)) == (6, 7)
    for name in set(TYPES) - {"phase"}:
        assert np.shares_memory(first[name].to_numpy(), second[name].to_numpy()), name


def test_a_table_handed_out_goes_on_saying_what_it_said() -> None:
    columns, handed_out = Columns(), []
    for number in range(1, 6):
        columns.take(batches(number, number, 1, FEATURE_EXTRACTION if number < 3 else FINE_TUNING))
        handed_out.append((columns.table(), columns.table().copy()))
    columns.void_after(2)
    handed_out.append((columns.table(), columns.table().copy()))
    columns.take(batches(3, 900, 3))
    for table, said in handed_out:
        assert_frame_equal(table, said)
    assert columns.table()["step"].tolist() == [1, 2, 900, 901, 902]


def test_nobody_can_write_into_what_all_share() -> None:
    columns = Columns()
    columns.take(batches(1, 1, 2))
    table = columns.table()
    with pytest.raises(ValueError, match="read-only"):
        table.loc[0, "loss"] = 9.0
    assert columns.table()["loss"].tolist() == [0.5, 1.0]


def test_phases_are_told_by_their_names_in_the_order_they_came() -> None:
    columns = Columns()
    columns.take(batches(1, 1, 2, FINE_TUNING))
    columns.take(batches(2, 3, 1, FEATURE_EXTRACTION))
    assert columns.table()["phase"].tolist() == [FINE_TUNING, FINE_TUNING, FEATURE_EXTRACTION]
    columns.void_after(0)
    columns.take(batches(1, 1, 1, FEATURE_EXTRACTION))
    assert columns.table()["phase"].tolist() == [FEATURE_EXTRACTION]
