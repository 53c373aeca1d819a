from pathlib import Path

import numpy as np
import pytest

from dashboard.core.errors import DatasetError
from dashboard.data import datasets, images, samples
from dashboard.data.samples import SAMPLES, ShapesSettings


def made(folder: Path, **settings: object) -> dict[str, list[str]]:
    samples.shapes_and_textures(folder, ShapesSettings(**settings))
    return {path.name: sorted(file.stem for file in path.iterdir()) for path in sorted(folder.iterdir())}


COUNTS = {"digits": (10, 1797), "shapes": (8, 48)}  # classes, pictures


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.soak] if name == "digits" else []) for name in SAMPLES]
)
def test_every_demo_set_becomes_a_dataset(name, workspace):
    settings = ShapesSettings(images_a_class=6) if name == "shapes" else None
    dataset = samples.import_sample(name, settings=settings)
    assert dataset.name == SAMPLES[name].title
    row = datasets.listing().iloc[0]
    assert (row.classes, row.images, row.refused, row.duplicates) == (*COUNTS[name], 0, 0)
    assert list((workspace / "scratch").iterdir()) == []


def test_an_unknown_demo_set_is_refused_with_those_there_are(workspace):
    with pytest.raises(DatasetError, match="expected one of digits, shapes"):
        samples.import_sample("cats")


def test_the_same_seed_draws_the_same_pictures(tmp_path):
    folders = [tmp_path / name for name in "abc"]
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        made(folder, images_a_class=6, side=32, seed=seed)
    first, again, other = (images.decode(folder / "star" / "star-0000.png") for folder in folders)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_label_noise_puts_that_share_into_wrong_folders(tmp_path):
    found = made(tmp_path, images_a_class=40, side=32, label_noise=0.25)
    wrong = [name for label, names in found.items() for name in names if not name.startswith(f"{label}-")]
    assert 0.15 < len(wrong) / 320 < 0.35


def test_imbalance_thins_the_classes_out_one_after_the_other(tmp_path):
    counts = [len(names) for names in made(tmp_path, images_a_class=40, side=32, imbalance=0.75).values()]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (40, 10)


def test_near_duplicates_are_nearly_but_not_quite_the_same(tmp_path):
    found = made(tmp_path, images_a_class=20, side=32, near_duplicates=0.5)
    again = [(label, name) for label, names in found.items() for name in names if name.endswith("-again")]
    assert 50 < len(again) < 110
    for label, name in again[:10]:
        first, second = (
            images.decode(tmp_path / label / f"{stem}.png") for stem in (name.removesuffix("-again"), name)
        )
        assert not np.array_equal(first, second)
        assert min(np.abs(first.astype(int) - np.roll(second, shift, axis=1)).mean() for shift in (-1, 0, 1)) < 12


def test_classes_can_be_told_apart_by_what_is_drawn():
    rng = np.random.default_rng(0)
    covered = {name: np.mean([draw(rng, 64).mean() for _ in range(20)]) for name, draw in samples.DRAWERS.items()}
    assert covered["star"] < covered["square"] < covered["circle"]
    assert all(0.02 < share < 0.7 for share in covered.values())
