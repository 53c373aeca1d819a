"""Examples of augmentation are the views that training takes, small."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from dashboard.core import database
from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.errors import DatasetError
from dashboard.core.recipe import Recipe
from dashboard.data import datasets
from dashboard.data.datasets import Dataset, picture_path
from dashboard.ml import examples as writer
from dashboard.ml import features, pictures
from dashboard.runs import examples


@pytest.fixture
def dataset(take_shapes: Callable[..., Dataset]) -> Dataset:
    return take_shapes(side=48)


@pytest.fixture
def recipe(dataset: Dataset) -> Recipe:
    fields = {"dataset": dataset.id, "dataset_version": dataset.version, "image_size": 40, "seed": 3}
    return Recipe(**fields, weights="none", augmentation=("flip", "contrast"))


@pytest.fixture
def told() -> list[tuple[int, int, str]]:
    return []


def write(recipe: Recipe, told: list[tuple[int, int, str]]) -> None:
    writer.write(recipe, lambda *step: told.append(step))


def test_a_picture_becomes_small_and_what_is_brighter_than_white_stays_white() -> None:
    ramp = np.linspace(-100, 400, 300, dtype="float32")[np.newaxis, :, np.newaxis].repeat(300, 0).repeat(3, 2)
    image = Image.open(io.BytesIO(writer.small(ramp)))
    assert (image.format, image.size) == ("JPEG", (examples.SIDE, examples.SIDE))
    row = np.asarray(image)[64, :, 0].astype(int)
    assert row[:20].max() < 12 and row[-30:].min() > 243 and (np.diff(row) > -12).all()


def test_every_row_shows_the_very_views_that_are_kept_for_training(
    recipe: Recipe, told: list[tuple[int, int, str]], dataset: Dataset
) -> None:
    write(recipe, told)
    assert told[-1][:2] == (21, 21) and [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    shas = list(examples.pick(datasets.members(dataset), recipe.seed)["sha256"])
    rows = examples.rows_of(recipe)
    assert list(rows) == [*AUGMENTATIONS, "all chosen"]
    reader = pictures.Reader(recipe.image_size)
    for name, alone in rows.items():
        found, augmentation = examples.known(alone), pictures.Augmentation(alone)
        assert found is not None
        originals, changed = [], set()
        for view in range(examples.CHANGED + 1):
            (batch,) = features.seen(reader, augmentation, shas, view)
            for number, seen in enumerate(batch):
                data = found.files(number)[view].read_bytes()
                assert data == writer.small(seen), (name, view)
                originals.append(data) if view == 0 else changed.add(data)
        assert len(set(originals)) == 3 and changed - set(originals), f"{name} changes something"


def test_only_what_is_lacking_is_made_and_progress_counts_it(recipe: Recipe, told: list[tuple[int, int, str]]) -> None:
    write(recipe.replace(augmentation=()), told)
    told.clear()
    write(recipe, told)
    assert told[-1] == (3, 3, "changing pictures (all chosen)")
    told.clear()
    write(recipe, told)
    assert told == []


def test_an_end_in_the_middle_leaves_whole_rows_and_no_others(recipe: Recipe) -> None:
    class EndError(Exception):
        pass

    def end(done: int, _total: int, _text: str) -> None:
        if done == 4:
            raise EndError

    with pytest.raises(EndError):
        writer.write(recipe, end)
    rows = examples.rows_of(recipe)
    assert [name for name in rows if examples.known(rows[name])] == ["flip"]
    root = examples.folder(recipe).parent
    assert [path.name for path in root.iterdir()] == [examples.folder(rows["flip"]).name]


def test_pictures_that_are_gone_and_a_split_without_any_are_refused(
    recipe: Recipe, dataset: Dataset, told: list[tuple[int, int, str]]
) -> None:
    members = datasets.members(dataset)
    picture_path(examples.pick(members, recipe.seed)["sha256"][1]).unlink()
    with pytest.raises(DatasetError, match="1 of the 3 pictures") as gone:
        write(recipe, told)
    assert gone.value.code == "pictures-missing"
    with database.database().begin() as connection:
        connection.execute(database.members.update().values(split="test"))
    with pytest.raises(DatasetError) as empty:
        write(recipe, told)
    assert empty.value.code == "split-empty"
