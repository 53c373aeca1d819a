import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.errors import DatasetError
from dashboard.data import splits
from dashboard.data.splits import SplitSettings


def members(counts: dict[str, int], given_split: str = "") -> pd.DataFrame:
    rows = [(f"{name}/{i}", f"{name}-{i}", name, given_split) for name, count in counts.items() for i in range(count)]
    return pd.DataFrame(rows, columns=["path", "sha256", "class_name", "given_split"])


sizes = st.dictionaries(st.text(max_size=4), st.integers(3, 60), min_size=1, max_size=5)
shares = st.tuples(st.floats(0.01, 0.8), st.floats(0, 0.8)).filter(lambda pair: sum(pair) <= 0.9)


@given(sizes, shares, st.integers(0, 2**31 - 1))
def test_each_class_has_its_share_in_each_split(counts, share, seed):
    settings = SplitSettings(validation_share=share[0], test_share=share[1], seed=seed)
    table = members(counts)
    table["split"] = splits.stratified(table, settings)

    assert set(table["split"]) <= set(splits.SPLITS)
    for name, rows in table.groupby("class_name"):
        found = rows["split"].value_counts()
        assert found["train"] >= 1
        assert found["validation"] >= 1
        # A picture is owed to every other split first: of three pictures no split can have more than one.
        room = counts[name] - 1
        assert abs(found["validation"] - min(counts[name] * share[0], room - (share[1] > 0))) <= 1
        assert abs(found.get("test", 0) - min(counts[name] * share[1], room - 1)) <= 1
        assert (found.get("test", 0) >= 1) == (share[1] > 0)


@given(sizes, st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(counts, seed, random):
    table = members(counts)
    shuffled = table.sample(frac=1, random_state=random.randrange(2**31))
    settings = SplitSettings(seed=seed)
    assert splits.stratified(table, settings).equals(splits.stratified(shuffled, settings).sort_index())


def test_another_seed_divides_otherwise_and_the_same_seed_alike():
    table = members({"a": 40, "b": 40})
    first, again, other = (splits.stratified(table, SplitSettings(seed=seed)) for seed in (0, 0, 1))
    assert first.equals(again)
    assert not first.equals(other)


def test_a_class_too_small_to_split_says_how_many_are_missing():
    with pytest.raises(DatasetError, match="'zebra' has 2 pictures; at least 3 .* Add 1 more"):
        splits.stratified(members({"lion": 9, "zebra": 2}), SplitSettings())


def test_no_test_share_means_no_test_split():
    assert set(splits.stratified(members({"a": 9, "b": 9}), SplitSettings(test_share=0))) == {"train", "validation"}


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(DatasetError, match="so that something is left to train on"):
        SplitSettings(validation_share=0.5, test_share=0.5)


def test_folders_that_divide_are_kept_and_a_missing_validation_part_is_taken_from_train():
    table = pd.concat([members({"a": 20, "b": 20}, "train"), members({"a": 5, "b": 5}, "test")], ignore_index=True)
    result = splits.stratified(table, SplitSettings())
    assert (result[table["given_split"] == "test"] == "test").all()
    assert result[table["given_split"] == "train"].value_counts().to_dict() == {"train": 34, "validation": 6}


def test_folders_that_divide_may_be_ignored():
    table = pd.concat([members({"a": 20}, "train"), members({"a": 20}, "test")], ignore_index=True)
    result = splits.stratified(table, SplitSettings(use_given=False))
    assert (result == "test").sum() == 6


def test_a_lone_train_folder_divides_nothing():
    assert set(splits.stratified(members({"a": 9, "b": 9}, "train"), SplitSettings())) == set(splits.SPLITS)


def test_a_class_absent_from_the_train_folder_is_named():
    table = pd.concat([members({"a": 9, "b": 9}, "train"), members({"a": 3, "late": 3}, "test")], ignore_index=True)
    with pytest.raises(DatasetError, match="'late' has too few pictures in the train folder"):
        splits.stratified(table, SplitSettings())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda table: table.rename(columns={"split": "part"}), "split-file-columns"),
        (lambda table: pd.concat([table, table.head(1)]), "split-file-duplicate"),
        (lambda table: table.assign(split="val"), "split-file-name"),
        (lambda table: table.assign(path="elsewhere/" + table["path"]), "split-file-unknown"),
        (lambda table: table.iloc[1:], "split-file-missing"),
        (lambda table: table.assign(split="train"), "split-file-incomplete"),
    ],
)
def test_a_split_file_that_does_not_fit_is_refused_with_its_reason(change, code):
    table = members({"a": 4, "b": 4})
    right = table[["path"]].assign(split=["train", "train", "validation", "test"] * 2)
    assert list(splits.as_given(table, right)) == list(right["split"])
    with pytest.raises(DatasetError) as refusal:
        splits.as_given(table, change(right))
    assert refusal.value.code == code
