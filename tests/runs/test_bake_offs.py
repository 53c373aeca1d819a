"""Bake-offs: one candidate after the other, what fails stands beside the rest, and nothing is measured twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.core import files
from dashboard.core.candidates import candidate
from dashboard.core.errors import WeightsError
from dashboard.core.recipe import Recipe
from dashboard.data.datasets import Dataset
from dashboard.runs import bake_offs
from dashboard.runs.workers import Worker

DATASET = Dataset("birds", "Birds", 1, 0.0)
DRAFT = Recipe(dataset="birds")
NAMES = ("MobileNetV2", "DenseNet121", "ResNet50")
SCORE = {"right": 79, "count": 100, "folds": 5, "milliseconds": 5.0, "megabytes": 9.0, "parameters": 2_260_000}
SCORE |= {"precision": "float32", "engine": "an engine 1", "seconds": 12.0}


def candidates(*names: str) -> list[Recipe]:
    return [candidate(DRAFT, name, 1.0, 224) for name in names or NAMES]


class Quick(Worker):
    """A worker that knows the scores by heart, and refuses one backbone."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def call(self, verb: str, *, on_progress: Any = None, recipe: Any = None, **_: Any) -> Any:
        if verb == "ping":
            return "pong"
        self.asked.append(recipe["backbone"])
        if recipe["backbone"] == "DenseNet121":
            raise WeightsError("weights-absent", "They are not here.")
        on_progress(50, 100, f"{recipe['backbone']}, seeing pictures")
        return {**SCORE, "right": 79 if recipe["backbone"] == "MobileNetV2" else 84}


def bake(worker: Worker, recipes: list[Recipe], until: Callable[[], bool] = lambda: False) -> list[tuple[int, str]]:
    told: list[tuple[int, str]] = []
    bake_offs.run(recipes, 100, lambda done, _total, text: told.append((done, text)), until, lambda: worker)
    return told


def test_a_candidate_that_fails_is_a_row_with_its_reason_and_ends_no_other(workspace: Path) -> None:
    bake(Quick(), candidates())
    table = bake_offs.kept(DATASET)
    assert list(table["name"]) == ["ResNet50", "MobileNetV2 1.0", "DenseNet121"]
    assert list(table["reason"]) == ["", "", "They are not here."]
    assert table["accuracy"].iloc[0] == pytest.approx(0.84) and table["accuracy"].isna().iloc[2]
    assert table["low"].iloc[0] == pytest.approx(0.756, abs=0.001), "Wilson's interval for 84 of 100"


def test_what_is_measured_is_kept_and_what_failed_is_tried_again(workspace: Path) -> None:
    bake(Quick(), candidates())
    again = Quick()
    bake(again, candidates())
    assert again.asked == ["DenseNet121"]
    bake_offs.forget(candidates("ResNet50")[0])
    bake(again, candidates("ResNet50"))
    assert again.asked[-1] == "ResNet50"


def test_cancel_keeps_the_rows_that_are_done(workspace: Path) -> None:
    worker = Quick()
    bake(worker, candidates("MobileNetV2", "ResNet50"), until=lambda: worker.asked == ["MobileNetV2", "ResNet50"])
    assert list(bake_offs.kept(DATASET)["backbone"]) == ["MobileNetV2"]
    assert not bake_offs.is_kept(candidates("ResNet50")[0])


def test_progress_never_goes_back_and_gives_the_slow_one_its_larger_share(workspace: Path) -> None:
    told = bake(Quick(), candidates("MobileNetV2", "ResNet50"))
    done = [each for each, _ in told]
    assert done == sorted(done) and 0 <= done[0] <= done[-1] <= 100
    second = next(each for each, text in told if text.startswith("2 of 2"))
    assert second < 50


def test_another_version_of_the_pictures_of_a_library_or_machine_is_another_bake_off(workspace: Path) -> None:
    bake(Quick(), candidates("MobileNetV2"))
    assert bake_offs.kept(Dataset("birds", "Birds", 2, 0.0)).empty
    assert bake_offs.kept(Dataset("fish", "Fish", 1, 0.0)).empty
    path = bake_offs.path_of(candidates("MobileNetV2")[0])
    for changed in ({"machine": "another processor"}, {"versions": {"keras": "1.0"}}):
        record = files.read_json(path)
        files.write_json(path, {**record, "key": {**record["key"], **changed}})
        assert bake_offs.kept(DATASET).empty
        files.write_json(path, record)
    assert len(bake_offs.kept(DATASET)) == 1


def test_size_width_and_precision_are_part_of_the_key(workspace: Path) -> None:
    recipe = candidate(DRAFT, "MobileNetV2", 1.0, 224)
    others = [
        candidate(DRAFT, "MobileNetV2", 1.0, 160),
        candidate(DRAFT, "MobileNetV2", 0.5, 224),
        candidate(DRAFT.replace(precision="float32"), "MobileNetV2", 1.0, 224),
        candidate(DRAFT.replace(dataset_version=2), "MobileNetV2", 1.0, 224),
    ]
    assert len({bake_offs.path_of(each) for each in (recipe, *others)}) == 5
    assert bake_offs.path_of(candidate(DRAFT.replace(seed=5, epochs=3), "MobileNetV2", 1.0, 224)) == bake_offs.path_of(
        recipe
    )
