"""Somebody withdrew their consent: the bytes are gone, and nothing else is lost."""

import time

import pandas as pd
import pytest
import sqlalchemy as sa

from dashboard.core import database
from dashboard.core.errors import DatasetError
from dashboard.data import corrections, datasets, erasing, history
from dashboard.data.datasets import Dataset
from dashboard.data.splits import SplitSettings
from tests.data.test_datasets import frames, make, occupy

pytestmark = pytest.mark.usefixtures("each_database")


def make_with_bytes(name: str = "Garden", **counts: int) -> Dataset:
    dataset = make(name, **counts)
    for sha256 in datasets.members(dataset)["sha256"]:
        for path in (datasets.picture_path(sha256), datasets.thumbnail_path(sha256)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"bytes")
    return dataset


def sha_of(dataset: Dataset, path: str) -> str:
    return str(datasets.members(dataset).set_index("path").at[path, "sha256"])


def kept(sha256: str) -> list[bool]:
    return [path(sha256).exists() for path in (datasets.picture_path, datasets.thumbnail_path)]


def erased_at(sha256: str) -> float | None:
    with database.database().connect() as connection:
        table = database.pictures
        return connection.scalar(sa.select(table.c.erased_at).where(table.c.sha256 == sha256))


def test_an_erased_picture_is_gone_from_the_disk_and_from_the_newest_version() -> None:
    first = make_with_bytes()
    before, sha256 = datasets.members(first), sha_of(first, "a/0.png")
    now = time.time()
    done = erasing.erase(first, ["a/0.png"])
    assert done.sentence == "1 picture deleted for good. Version 2."
    assert kept(sha256) == [False, False] and abs((erased_at(sha256) or 0) - now) < 60
    assert "a/0.png" not in set(datasets.members(done.dataset)["path"])
    assert datasets.members(first).equals(before)
    assert kept(sha_of(first, "a/1.png")) == [True, True]


def test_an_erased_picture_cannot_be_put_back_nor_comes_back_by_undo() -> None:
    first = make_with_bytes()
    moved = corrections.move(first, ["a/1.png"], "b").dataset
    done = erasing.erase(moved, ["a/0.png"]).dataset
    assert history.left_out(done).empty
    with pytest.raises(DatasetError, match="deleted for good"):
        corrections.put_back(done, ["a/0.png"])
    undone = corrections.undo(done)
    assert undone.sentence == "Undone: 1 picture moved to 'b'. Version 4."
    paths = datasets.members(undone.dataset).set_index("path")["class_name"]
    assert "a/0.png" not in paths and paths["a/1.png"] == "a"
    with pytest.raises(DatasetError, match="nothing to undo"):
        corrections.undo(undone.dataset)


def test_an_undo_that_would_leave_a_class_too_small_because_of_erased_pictures_is_refused() -> None:
    first = make_with_bytes(a=3, b=9, c=9)
    gone = corrections.merge_classes(first, ["a"], "b").dataset
    done = erasing.erase(gone, ["a/0.png"]).dataset
    with pytest.raises(DatasetError, match="'a' would have 2 pictures"):
        corrections.undo(done)
    assert datasets.get(first.id) == done


def test_what_was_left_out_before_can_be_erased_too() -> None:
    first = make_with_bytes()
    sha256 = sha_of(first, "a/0.png")
    out = corrections.leave_out(first, ["a/0.png"]).dataset
    assert erasing.erase(out, ["a/0.png"]).dataset == out
    assert kept(sha256) == [False, False]
    assert history.left_out(out).empty


def test_other_datasets_with_the_same_bytes_are_named_and_lose_them_too() -> None:
    first, second, third = make_with_bytes("Garden"), make_with_bytes("Park"), make_with_bytes("Old")
    datasets.delete(third.id)
    said = erasing.loss(first, ["a/0.png"])
    assert "1 picture will be deleted" in said and "'Park'" in said and "Old" not in said and "cannot be undone" in said
    erasing.erase(first, ["a/0.png"])
    datasets.restore(third.id)
    for each in (first, second, third):
        assert datasets.get(each.id).version == 2
        assert "a/0.png" not in set(datasets.members(datasets.get(each.id))["path"])
        assert history.log(each)["reason"][0] == "1 picture deleted for good"


def test_nothing_is_erased_where_another_dataset_would_be_left_untrainable() -> None:
    first, second = make_with_bytes("Garden"), make_with_bytes("Small", b=3, a=3)
    shared = sha_of(second, "a/0.png")
    with pytest.raises(DatasetError, match="'a' would have 2 pictures"):
        erasing.erase(first, ["a/0.png"])
    assert kept(shared) == [True, True] and erased_at(shared) is None
    assert datasets.get(first.id) == first and datasets.get(second.id) == second


@pytest.mark.parametrize("status", ["queued", "running", "stopping"])
def test_what_a_run_needs_is_not_erased_and_the_run_is_named(status: str) -> None:
    first = make_with_bytes()
    occupy(first, status)
    now = corrections.leave_out(first, ["a/0.png"]).dataset  # the run trains on the version before
    for ask in (erasing.loss, erasing.erase):
        with pytest.raises(DatasetError, match="needed by run 1 'Blue Fox'") as refused:
            ask(now, ["a/0.png"])
        assert refused.value.code == "erase-in-use"
    assert kept(sha_of(first, "a/0.png")) == [True, True]
    assert erasing.erase(make_with_bytes("Other", c=5, d=5, e=5), ["e/4.png"]).dataset.version == 2


def test_the_runs_that_can_no_longer_show_a_picture_are_counted() -> None:
    first = make_with_bytes()
    occupy(first, "finished")
    assert "1 ended run used them" in erasing.loss(first, ["a/0.png"])
    assert "run" not in erasing.loss(make("Other", c=4, d=4, e=4), ["e/3.png"])


def test_the_same_picture_uploaded_again_is_a_picture_again() -> None:
    first = make_with_bytes()
    sha256 = sha_of(first, "a/0.png")
    erasing.erase(first, ["a/0.png"])
    with pytest.raises(DatasetError) as refused:
        make("Again")  # its bytes were in their place when they were read, and are not now
    assert refused.value.code == "picture-erased" and len(datasets.listing()) == 1
    datasets.picture_path(sha256).write_bytes(b"bytes")
    again = make("Again")
    assert erased_at(sha256) is None and sha_of(again, "a/0.png") == sha256
    assert history.left_out(datasets.get(first.id))["path"].tolist() == ["a/0.png"]


def test_a_picture_nobody_has_is_refused() -> None:
    for ask in (erasing.loss, erasing.erase):
        with pytest.raises(DatasetError) as refused:
            ask(make(), ["nowhere.png"])
        assert refused.value.code == "erase-empty"


def test_the_group_of_a_picture_is_kept_by_every_new_version() -> None:
    members, pictures, remarks = frames({"a": 9, "b": 9})
    members = members.assign(group_name=pd.Series(["one", "one"] + [""] * 16))
    first = datasets.create("Named", members, pictures, remarks, SplitSettings())
    second = datasets.resplit(corrections.leave_out(first, ["b/8.png"]).dataset, SplitSettings(seed=1))
    table = database.members
    query = sa.select(sa.func.count()).where(
        table.c.dataset_id == first.id, table.c.version == second.version, table.c.group_name == "one"
    )
    with database.database().connect() as connection:
        assert connection.scalar(query) == 2
