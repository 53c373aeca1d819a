import random
import time
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import sqlalchemy as sa

from dashboard.core import database
from dashboard.core.errors import DatasetError, UploadError
from dashboard.data import datasets, names
from dashboard.data.datasets import Dataset
from dashboard.data.splits import SplitSettings

pytestmark = pytest.mark.usefixtures("each_database")


def frames(counts: dict[str, int]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rows = [
        (f"{name}/{i}.png", f"{order:02x}{i:062x}", name, "")
        for order, (name, count) in enumerate(counts.items())
        for i in range(count)
    ]
    members = pd.DataFrame(rows, columns=["path", "sha256", "class_name", "given_split"])
    pictures = members[["sha256"]].assign(format="PNG", mode="L", width=8, height=9, size=100)
    remarks = pd.DataFrame(
        [
            ("a/x.png", "image-empty", "The file has no bytes.", True),
            ("a/y.png", "duplicate", "The same picture as 'a/0.png'.", True),
            ("a/readme", "not-a-picture", "The file is no picture.", False),
        ],
        columns=datasets.REMARKS,
    )
    return members, pictures, remarks


def make(name: str = "Garden", **counts: int) -> Dataset:
    return datasets.create(name, *frames(counts or {"b": 10, "a": 10}), SplitSettings())


def occupy(dataset: Dataset, status: str) -> None:
    with database.database().begin() as connection:
        connection.execute(
            database.runs.insert().values(
                id=status,
                name="Blue Fox",
                dataset_id=dataset.id,
                dataset_version=1,
                device="cpu",
                status=status,
                message="",
                created_at=time.time(),
            )
        )


def test_what_was_written_is_read_back_in_order(workspace):
    dataset = make()
    members = datasets.members(dataset)
    assert list(members.columns) == datasets.MEMBERS
    assert members["path"].tolist() == [f"{name}/{i}.png" for name in "ab" for i in range(10)]
    assert members.iloc[0][["width", "height", "format", "mode", "size"]].tolist() == [8, 9, "PNG", "L", 100]
    assert datasets.class_names(dataset) == ["a", "b"]
    assert datasets.remarks(dataset)["code"].tolist() == ["image-empty", "duplicate", "not-a-picture"]
    assert datasets.get(dataset.id) == dataset == datasets.find("Garden") == datasets.find(dataset.id)


def test_the_listing_counts_what_each_dataset_has(workspace):
    older, newer = make("older"), make("newer", a=5, b=6, c=7)
    listing = datasets.listing()
    assert listing["name"].tolist() == ["newer", "older"]
    assert listing.drop(columns=["id", "name", "created_at"]).to_dict("records") == [
        {"version": 1, "classes": 3, "images": 18, "refused": 1, "duplicates": 1},
        {"version": 1, "classes": 2, "images": 20, "refused": 1, "duplicates": 1},
    ]
    datasets.resplit(older, SplitSettings(seed=3))
    assert datasets.listing()["version"].tolist() == [1, 2]
    assert datasets.listing()["images"].tolist() == [18, 20]
    assert newer.version == 1


def test_an_empty_workspace_lists_nothing(workspace):
    assert datasets.listing().empty
    with pytest.raises(DatasetError) as refusal:
        datasets.find("nothing")
    assert refusal.value.code == "dataset-unknown"


def test_of_two_datasets_with_one_name_the_newest_is_found(workspace):
    make()
    newest = make()
    assert datasets.find("Garden") == newest


def test_splitting_again_makes_a_version_and_keeps_the_old_one(workspace):
    first = make()
    before = datasets.members(first)
    second = datasets.resplit(first, SplitSettings(test_share=0, seed=9))
    assert (second.id, second.version) == (first.id, 2)
    assert set(datasets.members(second)["split"]) == {"train", "validation"}
    assert datasets.members(first).equals(before)
    assert datasets.members(datasets.get(first.id, 1)).equals(before)
    assert datasets.get(first.id) == second
    assert datasets.split_settings(second).seed == 9


def _resplit(dataset: Dataset, seed: int) -> int:
    return datasets.resplit(dataset, SplitSettings(seed=seed)).version


def test_two_tabs_that_split_at_once_get_two_versions(workspace):
    first = make()
    assert [_resplit(first, seed) for seed in (1, 2)] == [2, 3]
    with ThreadPoolExecutor(4) as tabs:
        versions = list(tabs.map(_resplit, [first] * 8, range(8)))
    assert sorted(versions) == list(range(4, 12))


def test_pictures_are_in_the_order_of_their_letters_in_every_database(workspace):
    """A server's own language would sort a, B, ß; a run's batches would then depend on it."""
    dataset = make(b=5, B=5, a=5, é=5, z=5, Z=5)
    paths = datasets.members(dataset)["path"].tolist()
    assert paths == sorted(paths)
    assert datasets.class_names(dataset) == ["B", "Z", "a", "b", "z", "é"]


def test_a_split_given_as_a_table_is_taken_as_it_is(workspace):
    first = make()
    table = datasets.members(first)[["path"]].assign(split=(["validation", "test"] + ["train"] * 8) * 2)
    second = datasets.resplit_as_given(first, table)
    assert datasets.members(second)["split"].tolist() == table["split"].tolist()
    with pytest.raises(DatasetError, match="not in the dataset"):
        datasets.resplit_as_given(first, table.replace({"path": {"a/0.png": "../a/0.png"}}))
    assert datasets.get(first.id).version == 2


def test_a_class_too_small_leaves_no_row(workspace):
    with pytest.raises(DatasetError, match="'rare' has 1 picture; at least 3"):
        make("Garden", common=9, rare=1)
    with database.database().connect() as connection:
        for table in (database.datasets, database.dataset_versions, database.members, database.pictures):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


def test_a_new_name_is_kept_literally_and_an_empty_one_refused(workspace):
    dataset = make()
    assert datasets.rename(dataset.id, " <i>Wild</i> ").name == "<i>Wild</i>"
    with pytest.raises(DatasetError) as refusal:
        datasets.rename(dataset.id, "  ")
    assert refusal.value.code == "dataset-name"


def test_the_longest_name_is_kept_and_a_longer_one_refused(workspace):
    letters = random.Random(0).choices("abcdefghijklmnopqrstuvwxyzäöü", k=1800)  # nothing that a database could shorten
    name = "/".join("".join(letters[start : start + 200]) for start in range(0, 1800, 200))
    name += "x" * (names.LONGEST - len(name.encode()))
    assert names.tidy(name) == name
    members, pictures, remarks = frames({"a": 3})
    members.loc[0, "path"] = name
    dataset = datasets.create("Deep", members, pictures, remarks, SplitSettings())
    assert name in datasets.members(dataset)["path"].tolist()
    with pytest.raises(UploadError, match="longer than 2,048 bytes"):
        names.tidy(name + "x")


@pytest.mark.parametrize("status", ["queued", "running", "stopping"])
def test_a_dataset_in_use_is_not_deleted(status, workspace):
    dataset = make()
    occupy(dataset, status)
    with pytest.raises(DatasetError, match="in use by the run 'Blue Fox'") as refusal:
        datasets.delete(dataset.id)
    assert refusal.value.code == "dataset-in-use"
    assert len(datasets.listing()) == 1


def test_a_deleted_dataset_is_out_of_sight_and_may_come_back(workspace):
    dataset = make()
    occupy(dataset, "finished")
    datasets.delete(dataset.id)
    assert datasets.listing().empty
    for unknown in (lambda: datasets.get(dataset.id), lambda: datasets.find("Garden")):
        with pytest.raises(DatasetError, match="It may have been deleted"):
            unknown()
    assert datasets.restore(dataset.id) == dataset
    assert len(datasets.members(dataset)) == 20


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_only_a_sha256_names_a_picture(name, workspace):
    for path in (datasets.picture_path, datasets.thumbnail_path):
        with pytest.raises(DatasetError) as refusal:
            path(name)
        assert refusal.value.code == "picture-unknown"


@pytest.mark.soak
def test_a_hundred_thousand_pictures_are_written_and_read_in_seconds(workspace):
    counts = {f"class {order:02d}": 5_000 for order in range(20)}
    started = time.monotonic()
    dataset = datasets.create("Large", *frames(counts), SplitSettings())
    assert time.monotonic() - started < 60
    started = time.monotonic()
    assert datasets.listing()["images"].tolist() == [100_000]
    assert time.monotonic() - started < 3
    assert len(datasets.members(dataset)) == 100_000
