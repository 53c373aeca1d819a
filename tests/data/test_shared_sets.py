"""Sets of real pictures that other people made: each arrives with exactly the pictures its own description counts."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashboard.core import files
from dashboard.core.errors import DatasetError
from dashboard.core.limits import LIMITS
from dashboard.data import datasets, images, intake
from dashboard.data.intake import Source

# Of the two webcam films each is three groups of look-alikes, which cannot be divided in any proportion.
FILMS = "messy/zips/teachablemachine_image-model-data.zip"
DIGITS = [str(digit) for digit in range(10)]
# Pictures a class; where the description gives only the sum and the extremes, those.
EVEN = {
    "flowers_small": dict.fromkeys(("daisy", "dandelion", "roses", "sunflowers", "tulips"), 40),
    "mnist_png": dict.fromkeys(DIGITS, 40),
    "ms_fruit_tiny": dict.fromkeys(("apple", "banana", "orange"), 15),
    FILMS: {"Class 1": 11, "Class 2": 11},
    "messy/zips/mlnet_concrete_cracks_assets.zip": {"CD": 200, "UD": 200},
}
SUFFIXES = (".jpg", ".jpeg", ".png")


def take(path: Path) -> datasets.Dataset:
    return intake.import_pictures(Source(path, path.name), name=path.name)


def counted(folder: Path) -> Counter[str]:
    """Pictures a class folder, straight from the disk."""
    return Counter(path.parent.name for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def is_sane(members: pd.DataFrame, train: tuple[float, float] = (0.6, 0.8)) -> None:
    """Every class in every split, most of it in train, no picture twice, and only sizes that are allowed."""
    shares = pd.crosstab(members["class_name"], members["split"], normalize="index")
    assert set(shares.columns) == {"train", "validation", "test"}
    assert shares["train"].between(*train).all()
    assert (shares[["validation", "test"]] > 0).all(axis=None)
    assert members["sha256"].is_unique
    assert members["width"].between(1, LIMITS.image_side).all()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, id=Path(name).stem, marks=[pytest.mark.soak] if sum(counts.values()) >= 400 else [])
        for name, counts in EVEN.items()
    ],
)
def test_a_set_arrives_with_the_counts_of_its_description(name: str, shared_data: Path, workspace: Path) -> None:
    dataset = take(shared_data / name)
    members = datasets.members(dataset)
    assert members["class_name"].value_counts().to_dict() == EVEN[name]
    assert not datasets.remarks(dataset)["refused"].any()
    row = datasets.listing().iloc[0]
    assert (row.classes, row.images, row.refused, row.duplicates) == (len(EVEN[name]), len(members), 0, 0)
    for sha256 in members["sha256"].head(20):
        assert files.sha256(datasets.picture_path(sha256)) == sha256
        assert datasets.thumbnail_path(sha256).is_file()
    is_sane(members, (0.5, 0.8) if name == FILMS else (0.6, 0.8))
    assert datasets.leaks(dataset)[1] == 0


@pytest.mark.soak
@pytest.mark.parametrize(
    ("name", "classes", "total"),
    [
        pytest.param("trashnet_third", 6, 843, id="trashnet"),
        pytest.param("sign_digits", 10, 2062, id="digits"),
    ],
)
def test_a_large_set_arrives_with_the_counts_of_its_folders(
    name: str, classes: int, total: int, shared_data: Path, workspace: Path
) -> None:
    members = datasets.members(take(shared_data / name))
    found = members["class_name"].value_counts().to_dict()
    assert found == counted(shared_data / name)
    assert (len(found), sum(found.values())) == (classes, total)
    is_sane(members)
    if name == "sign_digits":  # three photographs that a phone turned
        assert (members["width"] == 3024).sum() == 3
    else:
        assert (min(found.values()), max(found.values())) == (46, 198)


@pytest.mark.parametrize("name", ["messy/exif_orientation", "messy/mlnet_flat_with_tags_tsv"])
def test_photographs_without_class_folders_are_refused_with_the_layout(
    name: str, shared_data: Path, workspace: Path
) -> None:
    with pytest.raises(DatasetError, match="one folder per class") as refusal:
        take(shared_data / name)
    assert refusal.value.code == "dataset-no-classes"


@pytest.mark.parametrize("scene", ["Landscape", "Portrait"])
def test_photographs_of_every_orientation_are_the_same_upright_scene(scene: str, shared_data: Path) -> None:
    folder = shared_data / "messy" / "exif_orientation"
    first = images.decode(folder / f"{scene}_1.jpg").astype(int)
    assert (first.shape[1] > first.shape[0]) == (scene == "Landscape")
    for number in range(9):
        found = images.decode(folder / f"{scene}_{number}.jpg").astype(int)
        assert found.shape == first.shape
        assert np.abs(found - first).mean() < 8  # each was saved by itself
        turned = found[::-1, ::-1]  # any other way up is far away
        assert np.abs(turned - first).mean() > 30


def test_pictures_of_every_orientation_have_upright_thumbnails_and_sizes(shared_data: Path, workspace: Path) -> None:
    folder = shared_data / "messy" / "exif_orientation"
    paths = sorted(folder.glob("*.jpg"))
    taken = intake.take_pictures(paths, [path.name for path in paths])
    assert (taken["code"] == "").all()
    for row in taken.itertuples():
        small = images.decode(datasets.thumbnail_path(row.sha256))
        assert (small.shape[1] > small.shape[0]) == row.path.startswith("Landscape")


def test_a_flat_set_is_decoded_whole(shared_data: Path, workspace: Path) -> None:
    folder = shared_data / "messy" / "mlnet_flat_with_tags_tsv"
    paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    taken = intake.take_pictures(paths, [path.name for path in paths])
    assert len(taken) == 19
    assert (taken["code"] == "").all()
