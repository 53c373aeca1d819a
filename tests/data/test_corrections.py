"""A wrong picture is clicked and put right: what becomes of versions, splits, other tabs and runs."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.core.errors import DatasetError
from dashboard.data import corrections, datasets, history
from dashboard.data.datasets import Dataset
from dashboard.data.splits import SplitSettings
from tests.data.test_datasets import frames, make

pytestmark = pytest.mark.usefixtures("each_database")
ODD = ("<b>bold", "$x^2$", "[a](http:evil)", "=1+1", "' OR 1=1 --", "Straße 🌹", "None", "007")


def contents(dataset: Dataset) -> pd.DataFrame:
    return datasets.members(dataset)


def class_of(dataset: Dataset, path: str) -> str:
    return contents(dataset).set_index("path").at[path, "class_name"]


def code_of(refused: pytest.ExceptionInfo[DatasetError]) -> str:
    return refused.value.code


def test_moved_pictures_have_another_class_and_the_split_they_had() -> None:
    first = make()
    before = contents(first)
    done = corrections.move(first, ["a/0.png", "a/1.png", "a/0.png"], "b")
    assert done.sentence == "2 pictures moved to 'b'. Version 2."
    after = contents(done.dataset)
    moved = before.set_index("path").index.isin(["a/0.png", "a/1.png"])
    assert after.set_index("path")["class_name"][["a/0.png", "a/1.png"]].tolist() == ["b", "b"]
    assert after.set_index("path")["split"].to_dict() == before.set_index("path")["split"].to_dict()
    assert moved.sum() == 2 and len(after) == len(before)
    assert contents(first).equals(before)
    assert datasets.get(first.id) == done.dataset


def test_a_new_class_gets_every_split_and_no_other_class_is_touched() -> None:
    first = make(a=20, b=20)
    train = contents(first).query("class_name == 'a' and split == 'train'")["path"].tolist()
    done = corrections.move(first, train[:6], "  c  ")
    after = contents(done.dataset)
    assert set(after.query("class_name == 'c'")["split"]) == {"train", "validation", "test"}
    others = after.query("class_name != 'c'").set_index("path")["split"]
    assert others.equals(contents(first).set_index("path")["split"][others.index])


def test_a_class_that_loses_its_only_validation_picture_gets_another_one() -> None:
    first = make(a=8, b=8)
    lone = contents(first).query("class_name == 'a' and split == 'validation'")["path"].tolist()
    after = contents(corrections.leave_out(first, lone).dataset)
    assert set(after.query("class_name == 'a'")["split"]) == {"train", "validation", "test"}


def test_a_class_without_test_pictures_stays_without_where_there_is_no_test_split() -> None:
    first = datasets.create("Two", *frames({"a": 8, "b": 8}), SplitSettings(test_share=0))
    done = corrections.move(first, [f"a/{number}.png" for number in range(4)], "c")
    assert set(contents(done.dataset)["split"]) == {"train", "validation"}


@pytest.mark.parametrize("name", ODD)
def test_a_class_is_called_what_was_typed(name: str) -> None:
    done = corrections.move(make(), [f"a/{number}.png" for number in range(4)], name)
    assert name in datasets.class_names(done.dataset)
    assert history.log(done.dataset)["reason"][0] == f"4 pictures moved to '{name}'"


@pytest.mark.parametrize("name", ["", "   ", "a/b", "a\\b", "x" * 256, "a\nb", "a\u202eb"])
def test_a_name_that_no_folder_could_have_is_refused(name: str) -> None:
    first = make()
    for correct in (
        lambda: corrections.move(first, ["a/0.png"], name),
        lambda: corrections.rename_class(first, "a", name),
        lambda: corrections.merge_classes(first, ["a"], name),
    ):
        with pytest.raises(DatasetError) as refused:
            correct()
        assert code_of(refused) == "class-name"
    assert datasets.get(first.id) == first


@pytest.mark.parametrize(
    ("correct", "code"),
    [
        (lambda d: corrections.move(d, ["a/0.png"], "c"), "dataset-class-too-small"),
        (lambda d: corrections.leave_out(d, [f"a/{n}.png" for n in range(8)]), "dataset-class-too-small"),
        (lambda d: corrections.leave_out(d, [f"a/{n}.png" for n in range(10)]), "dataset-one-class"),
        (lambda d: corrections.leave_out(d, [f"{c}/{n}.png" for n in range(10) for c in "ab"]), "dataset-one-class"),
        (lambda d: corrections.merge_classes(d, ["a", "b"], "a"), "dataset-one-class"),
        (lambda d: corrections.move(d, ["a/0.png"], "a"), "correction-empty"),
        (lambda d: corrections.leave_out(d, ["nowhere.png"]), "correction-empty"),
        (lambda d: corrections.leave_out(d, []), "correction-empty"),
        (lambda d: corrections.put_back(d, ["a/0.png"]), "correction-empty"),
        (lambda d: corrections.rename_class(d, "a", "b"), "class-exists"),
        (lambda d: corrections.rename_class(d, "z", "b"), "class-unknown"),
        (lambda d: corrections.merge_classes(d, ["a", "z"], "b"), "class-unknown"),
        (corrections.undo, "undo-nothing"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(correct, code: str) -> None:
    first = make()
    before = contents(first)
    with pytest.raises(DatasetError) as refused:
        correct(first)
    assert code_of(refused) == code
    assert datasets.get(first.id) == first and contents(first).equals(before)


def test_a_refusal_says_how_many_pictures_are_missing() -> None:
    with pytest.raises(DatasetError, match="'c' would have 1 picture; at least 3 .* Choose 2 more for it"):
        corrections.move(make(), ["a/0.png"], "c")


def test_what_was_left_out_can_be_put_back_as_it_was_or_into_another_class() -> None:
    first = make(a=10, b=10, c=10)
    out = corrections.leave_out(first, ["a/0.png", "b/3.png"]).dataset
    listed = history.left_out(out)
    assert listed["path"].tolist() == ["a/0.png", "b/3.png"]
    assert listed["class_name"].tolist() == ["a", "b"] and listed["version"].tolist() == [1, 1]
    assert history.left_out(first).empty
    back = corrections.put_back(out, ["a/0.png", "a/1.png"])
    assert (
        back.sentence == "1 picture put back; 1 could not be: it is in the dataset, or was deleted for good. Version 3."
    )
    assert class_of(back.dataset, "a/0.png") == "a"
    back = corrections.put_back(back.dataset, ["b/3.png"], "c").dataset
    assert class_of(back, "b/3.png") == "c"
    assert history.left_out(back).empty


def test_a_renamed_class_keeps_its_pictures_and_their_splits() -> None:
    first = make()
    done = corrections.rename_class(first, "a", "z")
    before, after = contents(first), contents(done.dataset)
    assert (
        after.assign(class_name=after["class_name"].replace("z", "a"))
        .sort_values("path", ignore_index=True)
        .equals(before.sort_values("path", ignore_index=True))
    )
    assert done.sentence == "Class 'a' renamed to 'z'. Version 2."


def test_merged_classes_are_one_class() -> None:
    first = make(a=5, b=6, c=7)
    done = corrections.merge_classes(first, ["a", "b"], "b")
    assert datasets.class_names(done.dataset) == ["b", "c"]
    assert (contents(done.dataset)["class_name"] == "b").sum() == 11


def test_undo_may_be_repeated_and_says_what_it_undid() -> None:
    first = make()
    now = corrections.move(first, ["a/0.png"], "b").dataset
    now = corrections.leave_out(now, ["a/1.png"]).dataset
    now = datasets.resplit(now, SplitSettings(seed=4))
    said = []
    for _ in range(3):
        done = corrections.undo(now)
        now = done.dataset
        said.append(done.sentence)
    assert said == [
        "Undone: split changed. Version 5.",
        "Undone: 1 picture left out. Version 6.",
        "Undone: 1 picture moved to 'b'. Version 7.",
    ]
    assert contents(now).equals(contents(first))
    assert datasets.split_settings(now) == datasets.split_settings(first)
    with pytest.raises(DatasetError, match="nothing to undo"):
        corrections.undo(now)


def test_the_log_has_a_line_for_every_version() -> None:
    first = make()
    now = corrections.leave_out(first, ["a/1.png"]).dataset
    now = corrections.undo(now).dataset
    log = history.log(now)
    assert list(log.columns) == history.LOG
    assert log["version"].tolist() == [3, 2, 1]
    assert log["reason"].tolist() == ["Undone: 1 picture left out", "1 picture left out", "imported"]
    assert log["pictures"].tolist() == [20, 19, 20] and log["classes"].tolist() == [2, 2, 2]
    assert log["created_at"].is_monotonic_decreasing


def test_the_second_of_two_tabs_corrects_what_the_first_one_left() -> None:
    first = make()
    corrections.leave_out(first, ["a/0.png"])
    corrections.rename_class(first, "b", "z")
    done = corrections.move(first, ["a/0.png", "a/1.png"], "z")
    assert done.sentence == "1 picture moved to 'z'; 1 picture was no longer there. Version 4."
    now = contents(done.dataset)
    assert len(now) == 19 and set(now["class_name"]) == {"a", "z"}
    again = datasets.resplit(first, SplitSettings(seed=1))
    assert len(contents(again)) == 19 and class_of(again, "a/1.png") == "z"


def test_a_tab_undoes_only_the_change_it_saw() -> None:
    first = make()
    seen = corrections.move(first, ["a/0.png"], "b").dataset
    corrections.leave_out(first, ["a/1.png"])
    with pytest.raises(DatasetError, match="Meanwhile something else was changed: 1 picture left out"):
        corrections.undo(seen)


def test_many_tabs_at_once_lose_nothing() -> None:
    first = make(a=30, b=10)
    with ThreadPoolExecutor(4) as tabs:
        made = list(tabs.map(lambda n: corrections.move(first, [f"a/{n}.png"], "b").dataset.version, range(12)))
    assert sorted(made) == list(range(2, 14))
    now = contents(datasets.get(first.id))
    assert set(now.query("class_name == 'b'")["path"]) >= {f"a/{number}.png" for number in range(12)}


PATHS = st.lists(
    st.builds(lambda name, number: f"{name}/{number}.png", st.sampled_from("abc"), st.integers(0, 6)),
    min_size=1,
    max_size=6,
)
NAMES = st.sampled_from(["a", "b", "c", "d", " <i>e</i> "])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just(corrections.move), PATHS, NAMES),
        st.tuples(st.just(corrections.leave_out), PATHS),
        st.tuples(st.just(corrections.put_back), PATHS),
        st.tuples(st.just(corrections.rename_class), NAMES, NAMES),
        st.tuples(st.just(corrections.merge_classes), st.lists(NAMES, min_size=1, max_size=2), NAMES),
    ),
    max_size=6,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_corrections_are_undone_by_as_many_undos_and_no_version_ever_changes(steps) -> None:
    first = now = make(a=7, b=7, c=7)
    written = {1: contents(first)}
    for correct, *arguments in steps:
        try:
            now = correct(now, *arguments).dataset
        except DatasetError:
            assert datasets.get(first.id) == now
            continue
        written[now.version] = contents(now)
        by_class = written[now.version].groupby("class_name")["split"].agg(set)
        assert len(by_class) >= 2 and all(each == {"train", "validation", "test"} for each in by_class)
    for _ in range(now.version - 1):
        now = corrections.undo(now).dataset
    assert contents(now).equals(contents(first))
    for version, rows in written.items():
        assert contents(datasets.get(first.id, version)).equals(rows)


@pytest.mark.soak
def test_ten_of_a_hundred_thousand_pictures_are_corrected_in_about_a_second(workspace: Path) -> None:
    large = datasets.create("Large", *frames({f"class {order:02d}": 5_000 for order in range(20)}), SplitSettings())
    ten = [f"class 01/{number}.png" for number in range(10)]
    for correct in (
        lambda d: corrections.move(d, ten, "class 00"),
        lambda d: corrections.leave_out(d, ten),
        lambda d: corrections.put_back(d, ten),
        corrections.undo,
    ):
        began = time.monotonic()
        large = correct(large).dataset
        assert time.monotonic() - began < 5  # about 0.4 s on an idle machine
