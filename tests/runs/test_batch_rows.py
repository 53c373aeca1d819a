"""The table of a batch of predictions: parts on the disk, and what is taken home of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from dashboard.core import metrics
from dashboard.runs import batch_rows
from dashboard.runs.batch_rows import Row

NAMES = ["=ash", "birch", "007"]


def row(number: int) -> Row:
    """Every seventh could not be read."""
    if number % 7 == 3:
        return Row(f"-{number}.jpg", "birch", code="image-empty", reason="The file has no bytes.")
    values = np.random.default_rng(number).dirichlet(np.ones(3)).astype("float32")
    return Row(
        f"{number}.jpg", NAMES[number % 3], f"{number:064d}", thumbnail=bytes([number]) * number, probabilities=values
    )


def written(folder: Path, *sizes: int) -> list[Row]:
    rows = [row(number) for number in range(sum(sizes))]
    first = 0
    for size in sizes:
        batch_rows.append(folder, rows[first : first + size], NAMES)
        first += size
    return rows


def test_rows_come_back_in_order_whatever_parts_they_were_written_in(tmp_path: Path) -> None:
    rows = written(tmp_path, 1, 40, 3)
    assert batch_rows.count(tmp_path) == 44
    few = batch_rows.read(tmp_path, batch_rows.FEW)
    assert list(few["path"]) == [each.path for each in rows]
    assert list(few["reason"] != "") == [each.probabilities is None for each in rows]
    for number, each in enumerate(rows):
        assert batch_rows.thumbnail(tmp_path, *few.loc[number, ["part", "start", "size"]]) == each.thumbnail
        if each.probabilities is not None:
            assert few["sure"][number] == each.probabilities.max()
            assert few["predicted"][number] == NAMES[each.probabilities.argmax()]


def test_some_rows_are_the_rows_asked_for_in_the_order_asked_for(tmp_path: Path) -> None:
    written(tmp_path, 5, 5, 5)
    whole = pd.concat(batch_rows.each_part(tmp_path), ignore_index=True)
    for numbers in ([14, 0, 5, 4], [3], [9, 8]):
        found = batch_rows.some(tmp_path, numbers)
        assert list(found.index) == numbers
        pd.testing.assert_frame_equal(found, whole.loc[numbers])


def test_a_picture_deleted_for_good_leaves_its_row_and_no_thumbnail(tmp_path: Path) -> None:
    rows = written(tmp_path, 5, 5)
    before = pd.concat(batch_rows.each_part(tmp_path), ignore_index=True)
    batch_rows.forget(tmp_path, {rows[6].sha256, "0" * 64})
    few = batch_rows.read(tmp_path, batch_rows.FEW)
    assert few["size"][6] == 0
    assert all(rows[6].thumbnail not in path.read_bytes() for path in tmp_path.glob("*.thumbnails"))
    for number in (5, 7, 9):
        assert batch_rows.thumbnail(tmp_path, *few.loc[number, ["part", "start", "size"]]) == rows[number].thumbnail
    pd.testing.assert_frame_equal(pd.concat(batch_rows.each_part(tmp_path), ignore_index=True), before)


def test_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    assert batch_rows.count(tmp_path) == 0
    assert set(batch_rows.FEW) < set(batch_rows.read(tmp_path, batch_rows.FEW).columns)


def test_the_spreadsheet_has_every_row_and_no_cell_that_is_a_formula(tmp_path: Path) -> None:
    rows = written(tmp_path, 9, 9)
    batch_rows.write_csv(tmp_path, tmp_path / "table.csv")
    text = (tmp_path / "table.csv").read_text()
    assert text.startswith(
        "path,predicted,probability: =ash,probability: birch,probability: 007,true,sha256,code,reason\n"
    )
    assert not [cell for line in text.splitlines() for cell in line.split(",") if cell.startswith(("=", "-"))]
    table = pd.read_csv(
        tmp_path / "table.csv", dtype={"predicted": str, "true": str}, keep_default_na=False, na_values={}
    )
    assert list(table["path"]) == [f"'{each.path}" if each.path.startswith("-") else each.path for each in rows]
    assert metrics.class_names(table) == NAMES
    shares = table[metrics.probability_columns(table)].replace("", np.nan).astype(float)
    expected = [np.full(3, np.nan) if each.probabilities is None else each.probabilities for each in rows]
    np.testing.assert_array_equal(shares.to_numpy().astype("float32"), np.array(expected, "float32"))


def test_the_table_for_programs_has_every_row_as_it_is(tmp_path: Path) -> None:
    rows = written(tmp_path, 9, 9)
    batch_rows.write_parquet(tmp_path, tmp_path / "table.parquet")
    table = pq.read_table(tmp_path / "table.parquet")
    assert table.column("path").to_pylist() == [each.path for each in rows]
    assert set(batch_rows.HIDDEN).isdisjoint(table.column_names)
    assert table.column("probability: 007").null_count == sum(each.probabilities is None for each in rows)
