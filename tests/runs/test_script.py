"""A run as a script: what is written, without TensorFlow. `tests/ml/test_script.py` runs it."""

import ast
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from dashboard.core import files
from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.backbones import BACKBONES
from dashboard.core.errors import RunError, WeightsError
from dashboard.core.optimizers import OPTIMIZERS
from dashboard.core.recipe import Recipe, recipe_from
from dashboard.core.schedules import SCHEDULES
from dashboard.core.settings import ROOT
from dashboard.core.steering import LEVERS, Steer
from dashboard.data import datasets
from dashboard.data.datasets import Dataset
from dashboard.data.weights import weights_file_path
from dashboard.runs.rendering import plain
from dashboard.runs.run import Run, prepare
from dashboard.runs.script import COLUMNS, manifest, pack_script, script, write_script

# A network of three blocks, as `ml.blocks` writes one down.
NETWORK = {
    "layers": ["conv1", "bn1", "conv_2", "bn_2", "conv_3", "bn_3"],
    "blocks": [
        {"name": "stem", "layers": ["conv1", "bn1"]},
        {"name": "two", "layers": ["conv_2", "bn_2"]},
        {"name": "three", "layers": ["bn_3", "conv_3"]},
    ],
    "unfreeze_from": "two",
    "cut": ["bn1"],
}
TANGLED = {**NETWORK, "layers": ["conv1", "bn1", "conv_2", "conv_3", "bn_2", "bn_3"]}
MAY_IMPORT = {*sys.stdlib_module_names, "keras", "tensorflow", "numpy", "pandas", "PIL", "h5py"}
TUNED = {"fine_tune_epochs": 3}
RECIPES: dict[str, dict[str, Any]] = {
    "head alone": {},
    "both phases": TUNED,
    "fine-tuning alone": {**TUNED, "epochs": 0},
    "random weights": {**TUNED, "weights": "none", "train_batch_normalization": True},
    "weights of somebody": {**TUNED, "weights": "file", "weights_file": "a" * 64},
    "a classifier with its head": {**TUNED, "weights": "file", "weights_file": "a" * 64, "keep_head": True},
    "nothing kept": {**TUNED, "cache": False, "augmentation": list(AUGMENTATIONS)},
    "everything": {
        **TUNED,
        "augmentation": list(AUGMENTATIONS),
        "mixup": 0.3,
        "head_width": 16,
        "class_weights": True,
        "label_smoothing": 0.1,
        "gradual_thawing": True,
        "rate_decay": 0.4,
        "head_rate_factor": 3.0,
        "warmup_epochs": 1.5,
    },
    "everything, tangled": {**TUNED, "gradual_thawing": True, "rate_decay": 0.4},
    **{name: {**TUNED, "optimizer": name, "rate_decay": 0.5} for name in OPTIMIZERS},
    **{name: {**TUNED, "schedule": name} for name in SCHEDULES},
    **{name: {**TUNED, "schedule": name, "warmup_epochs": 1} for name in ("one-cycle", "reduce on plateau")},
    **{name: {**TUNED, "backbone": name, "image_size": row.image_size} for name, row in BACKBONES.items()},
}
OF_TANGLED = ("NASNetMobile", "NASNetLarge", "everything, tangled")
MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(dataset: Dataset) -> MakeRun:
    """A finished run as far as a script needs one; arguments are fields of its recipe."""

    def make_run(name: str = "run", network: dict[str, Any] = NETWORK, **fields: Any) -> Run:
        recipe = recipe_from({"dataset": dataset.id, "image_size": 96, **fields})
        run = prepare(name, recipe, datasets.members(dataset))
        files.write_json(run.blocks_path, network)
        run.weights_path.write_bytes(b"")
        run.model_path.write_bytes(b"")
        return run

    return make_run


def imported(tree: ast.Module) -> set[str]:
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


def test_every_choice_of_a_recipe_makes_a_script_that_stands_alone_and_is_clean(
    make_run: MakeRun, tmp_path: Path
) -> None:
    folder = tmp_path / "scripts"
    folder.mkdir()
    for number, (name, fields) in enumerate(RECIPES.items()):
        text = script(make_run(str(number), TANGLED if name in OF_TANGLED else NETWORK, **fields))
        tree = ast.parse(text, name)
        assert imported(tree) <= MAY_IMPORT, name
        assert "dashboard" not in text, name
        (folder / f"{number}.py").write_text(text)
    for command in (["format", "--check"], ["check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--config", str(ROOT / "pyproject.toml"), str(folder)]
        done = subprocess.run(ruff, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:]


def constant(tree: ast.Module, name: str) -> ast.Constant:
    (found,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
    ]
    assert isinstance(found, ast.Constant)
    return found


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    st.text(min_size=1, max_size=40)
    | st.sampled_from(
        ['"""', "\\", "'\nimport os", '"); import os  # ', "{{ 7 * 7 }}", "{% raw %}", "\u202eabc", "\x85"]
    )
)
def test_a_name_of_a_user_is_nothing_but_text_in_a_script(make_run: MakeRun, dataset: Dataset, name: str) -> None:
    run = Run(files_of(make_run))
    before = ast.parse(script(run))
    if not name.strip():
        return
    kept = datasets.rename(dataset.id, name).name
    text = script(run)
    assert "\u202e" not in text
    tree = ast.parse(text)
    assert constant(tree, "DATASET").value == kept
    constant(tree, "DATASET").value = constant(before, "DATASET").value
    assert ast.dump(tree) == ast.dump(before)


def files_of(make_run: MakeRun) -> Path:
    """One run for all examples of a property."""
    from dashboard.core.settings import workspace

    path = workspace("runs", "run")
    return path if path.exists() else make_run().path


def functions(run: Run, here: Path, *names: str) -> dict[str, Any]:
    """Some functions of a script, without what it does when it is imported: that would take TensorFlow."""
    tree = ast.parse(script(run))
    wanted = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
    assert len(wanted) == len(names)
    space: dict[str, Any] = {"HERE": here, "Path": Path, "pd": pd, "hashlib": hashlib}
    exec("import os, sys", space)
    exec(compile(ast.Module(wanted, type_ignores=[]), "train.py", "exec"), space)
    return space


@lru_cache(maxsize=1)
def reads(run: Run, here: Path) -> Callable[[], pd.DataFrame]:
    found: Callable[[], pd.DataFrame] = functions(run, here, "read_manifest")["read_manifest"]
    return found


CELL = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
) | st.sampled_from(["007", "None", "nan", "=1+1", "'", "''=", "-", "@x", "+1", '"', ",", "a\nb", "a\r\nb", " x "])


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4))
def test_a_manifest_comes_back_as_it_was_and_no_spreadsheet_runs_it(
    make_run: MakeRun, tmp_path: Path, cells: list[tuple[str, str]]
) -> None:
    rows = [{"sha256": "0" * 64, "path": path, "class_name": name, "split": "train"} for path, name in cells]
    text = manifest(pd.DataFrame(rows))
    (tmp_path / "manifest.csv").write_text(text, encoding="utf-8", newline="")
    found = reads(Run(files_of(make_run)), tmp_path)()
    assert list(found.columns) == list(COLUMNS.values())
    assert list(zip(found["path"], found["class"], strict=True)) == cells
    raw = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    assert not [cell for cell in [*raw["path"], *raw["class"]] if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("named", ["by path", "by digest", "by nothing"])
def test_pictures_are_found_whatever_they_are_called(make_run: MakeRun, tmp_path: Path, named: str) -> None:
    space = functions(make_run(), tmp_path, "find_pictures", "digest")
    table = pd.DataFrame({"path": ["roses/1.png", "tulips/1.png"]})
    table["sha256"] = [hashlib.sha256(path.encode()).hexdigest() for path in table["path"]]
    names = {"by path": table["path"], "by digest": table["sha256"], "by nothing": ["x", "deep/down/y.jpg"]}[named]
    for name, path in zip(names, table["path"], strict=True):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(path.encode())
    found = space["find_pictures"](tmp_path, table)
    assert [file.read_bytes().decode() for file in found] == list(table["path"])
    found[1].write_bytes(b"another picture")
    with pytest.raises(SystemExit, match="1 of 2 pictures .* or were changed; the first one is 'tulips/1.png'"):
        space["find_pictures"](tmp_path, table)


# Another value of every field that decides what is computed, and what else it takes to matter.
OTHERS: dict[str, dict[str, Any]] = {
    "backbone": {"backbone": "VGG16"},
    "alpha": {"alpha": 0.5},
    "weights": {"weights": "none"},
    "weights_file": {"weights": "file", "weights_file": "b" * 64},
    "keep_head": {"weights": "file", "weights_file": "c" * 64, "keep_head": True},
    "image_size": {"image_size": 128},
    "head_width": {"head_width": 7},
    "dropout": {"dropout": 0.3},
    "label_smoothing": {"label_smoothing": 0.2},
    "class_weights": {"class_weights": True},
    "augmentation": {"augmentation": ["zoom"]},
    "views": {"augmentation": ["flip"], "views": 9},
    "mixup": {"mixup": 0.4},
    "optimizer": {"optimizer": "RMSprop"},
    "schedule": {"schedule": "cosine"},
    "warmup_epochs": {"warmup_epochs": 2},
    "batch_size": {"batch_size": 5},
    "epochs": {"epochs": 11},
    "learning_rate": {"learning_rate": 0.02},
    "patience": {"patience": 3},
    "fine_tune_epochs": {"fine_tune_epochs": 4},
    "fine_tune_learning_rate": {"fine_tune_learning_rate": 0.03},
    "head_rate_factor": {"head_rate_factor": 2},
    "rate_decay": {"rate_decay": 0.9},
    "gradual_thawing": {"gradual_thawing": True},
    "train_batch_normalization": {"train_batch_normalization": True},
    "cache": {"cache": False},
    "seed": {"seed": 8},
    "steering": {"steering": [{"lever": "patience", "value": 2, "step": 3}]},
}
ELSEWHERE = {
    "dataset": "a name at the top",
    "dataset_version": "the manifest",
    "unfreeze_from": "the blocks that were written down",
    "precision": "another rounding, said at the top",
}


def test_no_field_of_a_recipe_is_silently_dropped(make_run: MakeRun) -> None:
    assert {*OTHERS, *ELSEWHERE} == set(Recipe.model_fields)

    def body(number: int, **fields: Any) -> str:
        return script(make_run(f"{number}", **{**TUNED, **fields})).replace(f'RUN = "{number}"', "")

    texts = {name: body(number, **fields) for number, (name, fields) in enumerate(OTHERS.items(), 1)}
    texts |= {"nothing": body(0), "flip": body(len(OTHERS) + 1, augmentation=["flip"])}
    same = [(a, b) for a in texts for b in texts if a < b and texts[a] == texts[b]]
    assert not same


def test_what_was_done_by_hand_is_said_and_not_dropped(make_run: MakeRun) -> None:
    steering = [
        Steer(lever=name, value=None if row.least is None else 1.0, step=step)
        for step, (name, row) in enumerate(LEVERS.items())
    ]
    run = make_run(**TUNED, steering=[each.model_dump() for each in steering])
    run.say("mark", mark="stop", epoch=3, step=9, text="Stopped on request.")
    text = ast.get_docstring(ast.parse(script(run)))
    assert text is not None and "does not repeat" in text
    for each in steering:
        assert f"- Before step {each.step + 1}, by hand: {each.words}" in text
    assert "- The run was stopped by hand" in text
    assert "does not repeat" not in script(make_run("untouched", **TUNED))


def test_all_that_a_script_needs_lies_beside_it(make_run: MakeRun, tmp_path: Path) -> None:
    sha = hashlib.sha256(b"weights").hexdigest()
    run = make_run(weights="file", weights_file=sha)
    with pytest.raises(WeightsError) as refusal:
        write_script(run, tmp_path / "taken")
    assert refusal.value.code == "weights-file-unknown" and not (tmp_path / "taken").exists()
    weights_file_path(sha).write_bytes(b"weights")
    write_script(run, tmp_path / "taken")
    names = ["backbone.weights.h5", "manifest.csv", "recipe.json", "requirements.txt", "train.py"]
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == names
    assert (tmp_path / "taken" / "backbone.weights.h5").read_bytes() == b"weights"
    pack_script(run, tmp_path / "script.zip")
    with zipfile.ZipFile(tmp_path / "script.zip") as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    assert packed == {f"run/{name}": (tmp_path / "taken" / name).read_bytes() for name in names}
    assert Recipe(**json.loads((tmp_path / "taken" / "recipe.json").read_text())["recipe"]) == run.recipe
    made_with = json.loads((run.path / "recipe.json").read_text())["versions"]
    pins = (tmp_path / "taken" / "requirements.txt").read_text().splitlines()
    assert {f"{name}=={made_with[name]}" for name in ("tensorflow", "keras", "numpy", "pillow")} <= set(pins)
    assert all("==" in pin for pin in pins if not pin.startswith("#"))
    kept = pd.read_csv(tmp_path / "taken" / "manifest.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(kept.rename(columns={"class": "class_name"})[list(run.manifest)], run.manifest)


@pytest.mark.parametrize("keep_head", [False, True])
def test_a_run_that_began_with_a_classifier_takes_it_along(make_run: MakeRun, tmp_path: Path, keep_head: bool) -> None:
    sha = hashlib.sha256(b"classifier").hexdigest()
    weights_file_path(sha).parent.mkdir(parents=True, exist_ok=True)
    weights_file_path(sha).write_bytes(b"classifier")
    files.write_json(weights_file_path(sha).with_suffix(".json"), {"class_names": ["a", "b"]})
    run = make_run(weights="file", weights_file=sha, keep_head=keep_head)
    write_script(run, tmp_path / "taken")
    assert (tmp_path / "taken" / "classifier.weights.h5").read_bytes() == b"classifier"
    assert "h5py" not in (tmp_path / "taken" / "requirements.txt").read_text()
    text = (tmp_path / "taken" / "train.py").read_text()
    assert ("model.load_weights(" in text, "own.load_weights(" in text) == (keep_head, not keep_head)
    ruff = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "-"]
    assert subprocess.run(ruff, input=text.encode(), capture_output=True).returncode == 0


def test_an_unfinished_run_is_no_script_and_an_older_one_says_what_is_lacking(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run()
    run.blocks_path.unlink()
    with pytest.raises(RunError) as lacking:
        write_script(run, tmp_path)
    run.model_path.unlink()
    with pytest.raises(RunError) as unfinished:
        write_script(run, tmp_path)
    assert (lacking.value.code, unfinished.value.code) == ("blocks-unknown", "run-unfinished")


@pytest.mark.parametrize("text", ['"', "'", "\\", "\n", "{", "#", "`", "<", "|", "é"])
def test_nothing_but_harmless_words_stands_unquoted(text: str) -> None:
    with pytest.raises(ValueError, match="unquoted"):
        plain(f"a{text}b")
