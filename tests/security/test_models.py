"""Models of strangers: exactly the refusal that is expected, in little memory and time, and nothing is left of them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dashboard.core.errors import WeightsError
from dashboard.core.files import sha256
from dashboard.core.recipe import Recipe
from dashboard.core.settings import ROOT
from dashboard.runs import bringing
from dashboard.runs.bringing import Sent
from dashboard.runs.workers import Worker
from tests.security.corpus import model_bytes
from tests.security.corpus.models import CASES, HONEST, Case

CHILD_KIB = 1024**2
CPU_SECONDS = 5
WHOLE_WAY = (
    "NaN",
    "another width of the backbone",
    "declares gigabytes",
    "a flipped bit in our own export",
    "a Keras file with a Lambda",
    "a zip bomb",
    "an unknown field",
)
HOSTILE = [case for case in CASES if case not in HONEST]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What a child says of each case, and what it took, by the name of the case."""
    folder = tmp_path_factory.mktemp("models")
    asked = run("tests.security.corpus.opening_models", folder, OPENBLAS_NUM_THREADS="1")
    assert asked.returncode == 0, asked.stderr
    rows = [json.loads(line) for line in asked.stdout.splitlines()]
    return {row["name"]: row for row in rows}


def run(module: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)


def test_the_corpus_is_large_and_every_case_has_a_name_of_its_own() -> None:
    assert len(HOSTILE) >= 40
    assert len({case.name for case in CASES}) == len(CASES)
    assert set(WHOLE_WAY) <= {case.name for case in HOSTILE}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_exactly_what_is_expected_comes_of_it(case: Case, judged: dict[str, dict[str, Any]]) -> None:
    found = judged[case.name]
    assert found["code"] == case.code, found["message"]
    assert re.search(case.words, found["message"])
    assert found["kib"] < CHILD_KIB
    assert found["cpu"] < CPU_SECONDS
    assert found["is_untouched"]
    if case.code:
        assert re.fullmatch(r"[A-Za-z][^\n]{20,600}\.", found["message"]), found["message"]
    else:
        assert found["values"] == 4 * sum(size(shape) for _, _, shape, _ in model_bytes.expected())


def size(shape: tuple[int, ...]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count


@pytest.mark.slow
def test_a_refused_model_leaves_the_workspace_and_the_asking_process_as_they_were(
    workspace: Path, tmp_path: Path
) -> None:
    recipe = Recipe(**{**model_bytes.RECIPE, "dataset": "elsewhere"})
    known = bringing.tensors_path(recipe, len(model_bytes.CLASSES))
    for path, data in {
        known: json.dumps(model_bytes.expected()).encode(),
        workspace / "runs" / "live" / "model.weights.h5": model_bytes.weights(),
        workspace / "runs" / "live" / "model.keras": b"live",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (workspace / "scratch").mkdir()
    before = digests(workspace)
    folders = [written(tmp_path / str(number), named(name)) for number, name in enumerate(WHOLE_WAY)]

    asked = run("tests.security.corpus.asking_for_models", *folders)

    assert asked.returncode == 0, asked.stderr
    rows = [json.loads(line) for line in asked.stdout.splitlines()]
    assert [row["code"] for row in rows] == [named(name).code for name in WHOLE_WAY]
    assert all(row["cpu"] < CPU_SECONDS and row["kib"] < CHILD_KIB and not row["heavy"] for row in rows), rows
    assert digests(workspace) == before


@pytest.mark.parametrize(
    ("name", "code"), [("declares gigabytes", "weights-unsafe"), ("whole model of Keras 2", ""), ("three files", "")]
)
def test_a_weights_file_alone_is_looked_at_by_a_child_too(
    workspace: Path, tmp_path: Path, name: str, code: str
) -> None:
    path = written(tmp_path / "sent", named(name)) / model_bytes.WEIGHTS
    if code:
        with pytest.raises(WeightsError) as refusal:
            bringing.check_weights(path)
        assert refusal.value.code == code
    else:
        bringing.check_weights(path)
    assert list((workspace / "scratch").iterdir()) == []


def test_a_reader_that_ends_without_an_answer_is_a_refusal_too(workspace: Path, tmp_path: Path) -> None:
    (workspace / "scratch").mkdir(parents=True)
    with Worker() as never_asked, pytest.raises(WeightsError, match=r"ended their reader \(exit code 1\)") as refusal:
        bringing.bring(never_asked, Sent((tmp_path,), ("model.weights.h5",)))  # a folder: its open fails in the child
    assert refusal.value.code == "weights-crashed"
    assert digests(workspace) == {"scratch": "folder"}


def named(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


def written(folder: Path, case: Case) -> Path:
    folder.mkdir()
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
    return folder


def digests(folder: Path) -> dict[str, str]:
    """Every file below a folder with its bytes, and every folder."""
    return {
        path.relative_to(folder).as_posix(): sha256(path) if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }
