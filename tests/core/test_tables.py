"""Every row of every table of choices is one a user can pick and Keras can build."""

from collections.abc import Callable
from typing import Any

import pytest

from dashboard.core.augmentations import AUGMENTATIONS, Augmentation
from dashboard.core.backbones import BACKBONES, MOBILENET_ALPHAS, PUBLISHED_AS, WEIGHTS_FOLDERS, Backbone
from dashboard.core.optimizers import OPTIMIZERS, Optimizer
from dashboard.core.recipe import Recipe

Ask = Callable[[list[tuple[str, dict[str, Any]]]], list[Any]]
TABLES = {"backbones": BACKBONES, "optimizers": OPTIMIZERS, "augmentations": AUGMENTATIONS}
CHOICES = [*OPTIMIZERS.values(), *AUGMENTATIONS.values()]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_names_its_rows_by_their_names(table: str):
    assert TABLES[table]
    assert {key: row.name for key, row in TABLES[table].items()} == {key: key for key in TABLES[table]}


@pytest.mark.parametrize("row", BACKBONES.values(), ids=lambda row: row.name)
def test_a_backbone_is_plausible(row: Backbone):
    assert 32 <= row.smallest_image_size < row.image_size <= 600
    assert 0.5 < row.parameters < 400  # millions
    if row.weights_file is None:  # what nobody published cannot be that accurate
        assert row.top1 is row.top5 is row.weights_hash is None and row.scratch
        return
    assert row.top1 is not None and 60 < row.top1 < 100
    assert row.top5 is None or row.top1 < row.top5 < 100
    assert row.family in WEIGHTS_FOLDERS
    assert row.weights_file.endswith(".h5")


@pytest.mark.parametrize("row", BACKBONES.values(), ids=lambda row: row.name)
def test_the_weights_of_a_backbone_are_described_once_for_every_width(row: Backbone):
    assert 1.0 in row.alphas and list(row.alphas) == sorted(set(row.alphas))
    assert len(row.alpha_parameters) == (len(row.alphas) if len(row.alphas) > 1 else 0)
    assert list(row.alpha_parameters) == sorted(row.alpha_parameters)
    assert len(row.file_megabytes) in (0, len(row.alphas))
    assert set(row.one_size_alphas) <= set(row.alphas)
    assert not row.weights_sizes or row.image_size in row.weights_sizes
    file = row.weights_file or ""
    assert ("{size}" in file) == bool(row.weights_sizes)
    assert ("{alpha}" in file) == (len(row.alphas) > 1)
    assert row.weights_hash is None or (len(row.weights_hash) in (32, 64) and int(row.weights_hash, 16))
    assert row.family != "mobilenet" or set(row.alphas) == set(MOBILENET_ALPHAS)


def test_no_two_backbones_share_a_file_or_a_hash():
    rows = [row for row in BACKBONES.values() if row.weights_file]
    hashes = [row.weights_hash for row in rows if row.weights_hash]

    assert len({row.weights_file for row in rows}) == len(rows)
    assert len(set(hashes)) == len(hashes) == 38  # Keras checks nothing for MobileNet and MobileNetV2
    assert set(PUBLISHED_AS) <= {row.weights_file for row in rows}


@pytest.mark.parametrize("row", CHOICES, ids=lambda row: row.name)
def test_a_choice_has_a_reason_that_fits_a_line(row: Optimizer | Augmentation):
    assert len(row.reason.split()) >= 3
    assert len(row.reason) <= 100
    assert row.reason == row.reason.strip().rstrip(".")
    assert "\n" not in row.reason


@pytest.mark.parametrize("row", BACKBONES.values(), ids=lambda row: row.name)
def test_every_backbone_can_stand_in_a_recipe_at_every_width(row: Backbone):
    for alpha in row.alphas:
        recipe = Recipe(dataset="d", backbone=row.name, alpha=alpha, image_size=row.image_size)
        assert recipe.backbone_row is row


@pytest.mark.parametrize("row", CHOICES, ids=lambda row: row.name)
def test_every_choice_can_stand_in_a_recipe(row: Optimizer | Augmentation):
    field = {"optimizer": row.name} if isinstance(row, Optimizer) else {"augmentation": (row.name,)}

    assert row.name in Recipe(dataset="d", **field).model_dump_json()


@pytest.mark.slow
def test_keras_builds_every_optimizer_and_every_augmentation(ask: Ask):
    rows = [("optimizers", row.builder, {}) for row in OPTIMIZERS.values()]
    rows += [("layers", row.layer, dict(row.arguments)) for row in AUGMENTATIONS.values()]

    built = ask([("construct", {"module": module, "name": name, "arguments": given}) for module, name, given in rows])

    assert built == [name for _, name, _ in rows]
