import numpy as np
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


# What belongs together


@st.composite
def grouped(draw):
    """A set whose classes have at least 12 pictures, some of them in groups, most groups of one class."""
    counts = draw(st.dictionaries(st.text("abcd", min_size=1, max_size=2), st.integers(12, 60), min_size=2, max_size=4))
    table = members(counts)
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    table["together"] = np.arange(len(table))
    for _ in range(int(0.2 * len(table))):
        one = table.sample(1, random_state=rng.integers(2**31)).iloc[0]
        others = table[table["class_name"] == one["class_name"]] if rng.random() < 0.9 else table
        other = others.sample(1, random_state=rng.integers(2**31)).iloc[0]
        table.loc[table["together"] == other["together"], "together"] = one["together"]
    return table


@given(grouped(), st.integers(0, 1000))
def test_what_belongs_together_stands_on_one_side_and_shares_are_kept_to_within_a_picture(table, seed):
    settings = SplitSettings(seed=seed)
    split = splits.stratified(table, settings)
    largest = table.groupby(["class_name", "together"]).size().groupby("class_name").max()
    for _, rows in split.groupby(table["together"]):
        assert rows.nunique() == 1
    for name, rows in split.groupby(table["class_name"]):
        found = rows.value_counts()
        assert {"train", "validation", "test"} <= set(found.index)
        if largest.max() <= 3:  # larger ones may leave no way to come nearer
            due = 0.15 * len(rows)
            assert abs(found["validation"] - due) <= 1.5 and abs(found["test"] - due) <= 1.5, name


def test_groups_of_several_pictures_are_not_all_put_on_one_side():
    table = members({"a": 300, "b": 300})
    table["together"] = table.index // 3
    split = splits.stratified(table, SplitSettings())
    assert split.value_counts().to_dict() == {"train": 420, "validation": 90, "test": 90}


def test_a_division_may_be_blind_to_what_belongs_together():
    table = members({"a": 40, "b": 40})
    blind = splits.stratified(table, SplitSettings())
    table["together"] = table.index // 2
    assert splits.stratified(table, SplitSettings(keep_together=False)).equals(blind)
    assert not splits.stratified(table, SplitSettings()).equals(blind)


def test_a_class_of_too_few_groups_is_divided_all_the_same():
    table = members({"a": 20, "b": 20})
    table["together"] = np.where(table["class_name"] == "a", 0, table.index)
    split = splits.stratified(table, SplitSettings())
    assert set(split[table["class_name"] == "a"]) == {"train", "validation", "test"}
    assert split[table["class_name"] == "a"].value_counts()["train"] == 18, "only what must is parted"


def test_pictures_keep_their_split_when_others_are_added():
    first = members({"a": 40, "b": 40})
    before = splits.stratified(first, SplitSettings())
    table = members({"a": 60, "b": 50})
    table["kept"] = table["sha256"].map(dict(zip(first["sha256"], before, strict=True))).fillna("")
    after = splits.stratified(table, SplitSettings())
    known = table["kept"] != ""
    assert (after[known] == table["kept"][known]).all()
    counts = after.groupby(table["class_name"]).value_counts().to_dict()
    assert counts["a", "test"] == 9 and counts["b", "test"] == 8


def test_a_new_picture_that_looks_like_an_old_one_goes_where_that_is():
    table = members({"a": 40, "b": 40})
    before = splits.stratified(table, SplitSettings())
    table["kept"], table["together"] = before, np.arange(len(table))
    new = pd.DataFrame(
        {"sha256": [f"new {sha}" for sha in table["sha256"]], "class_name": table["class_name"], "kept": ""}
    ).assign(together=table["together"].to_numpy())
    both = pd.concat([table, new], ignore_index=True)
    after = splits.stratified(both, SplitSettings())
    assert (after[:80].to_numpy() == after[80:].to_numpy()).all()
    assert (after[:80] == before).all()


def test_a_validation_part_taken_from_the_train_folder_keeps_groups_whole():
    table = pd.concat([members({"a": 20, "b": 20}, "train"), members({"a": 5, "b": 5}, "test")], ignore_index=True)
    table["together"] = table.index // 2
    result = splits.stratified(table, SplitSettings())
    for _, rows in result[table["given_split"] == "train"].groupby(table["together"]):
        assert rows.nunique() == 1
    for _, rows in result.groupby(table["class_name"]):
        assert (rows == "validation").sum() in (2, 4)  # of 3 that are due, in pairs


def test_a_pattern_without_a_star_is_refused():
    with pytest.raises(DatasetError, match="at least one") as refusal:
        SplitSettings(group_by="pattern", group_pattern="frame")
    assert refusal.value.code == "split-pattern"
