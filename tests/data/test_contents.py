import pandas as pd
import pytest

from dashboard.core.settings import workspace as in_workspace
from dashboard.data import contents, corrections, datasets
from dashboard.data.datasets import Dataset
from dashboard.data.splits import SplitSettings
from tests.data.test_datasets import frames


@pytest.fixture
def large(workspace, monkeypatch) -> Dataset:
    """A dataset that counts as large, and whose brightness was measured of half its pictures."""
    monkeypatch.setattr(contents, "MANY", 10)
    members, pictures, remarks = frames({"a": 8, "b": 8})
    pictures = pictures.assign(brightness=[12.5, None] * 8)
    return datasets.create("Large", members, pictures, remarks, SplitSettings())


def kept() -> list[str]:
    return sorted(path.name for path in in_workspace("cache", "members", "any").parent.glob("*"))


def test_the_file_tells_the_very_same_as_the_database(large):
    told = datasets.members(large)
    assert kept() == [f"{large.id}-1.parquet"]
    pd.testing.assert_frame_equal(datasets.members(large), told)
    assert contents.read(large.id, 1, datasets.MEMBERS) is not None


def test_another_version_is_another_file_and_the_old_one_goes(large):
    datasets.members(large)
    moved = corrections.move(large, ["a/0.png"], "b").dataset
    assert datasets.members(moved).set_index("path").at["a/0.png", "class_name"] == "b"
    assert kept() == [f"{large.id}-2.parquet"]
    assert datasets.members(large).set_index("path").at["a/0.png", "class_name"] == "a"
    assert kept() == [f"{large.id}-2.parquet"], "an old one does not drive out the newest"


@pytest.mark.parametrize("damage", [b"", b"PAR1 and no more", None])
def test_what_is_damaged_is_read_from_the_database_and_kept_anew(large, damage):
    told = datasets.members(large)
    (file,) = in_workspace("cache", "members", "any").parent.glob("*")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    pd.testing.assert_frame_equal(datasets.members(large), told)
    assert file.read_bytes() == whole


def test_few_pictures_are_kept_in_the_database_alone(workspace):
    datasets.members(datasets.create("Small", *frames({"a": 5, "b": 5}), SplitSettings()))
    assert not (workspace / "cache").exists()
