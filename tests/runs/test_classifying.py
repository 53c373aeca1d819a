"""What stands between the service and its processes, without a network: no picture here is one."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from dashboard.core.errors import RunError, UploadError
from dashboard.core.recipe import recipe_from
from dashboard.core.settings import ROOT
from dashboard.runs.classifying import Classifying, Told
from dashboard.runs.run import Run, prepare


@pytest.fixture
def run(workspace: Path) -> Run:
    rows = [{"sha256": "0" * 64, "path": name, "class_name": name, "split": "train"} for name in ("a", "b")]
    run = prepare("run", recipe_from({"dataset": "-", "weights": "none", "image_size": 96}), pd.DataFrame(rows))
    run.model_path.write_bytes(b"")
    run.weights_path.write_bytes(b"")
    return run


def test_a_run_without_a_model_is_refused_before_anything_is_started(run: Run, workspace: Path) -> None:
    run.weights_path.unlink()
    with pytest.raises(RunError) as refusal:
        Classifying(run)
    assert refusal.value.code == "run-unfinished" and not (workspace / "serving").exists()


def test_what_a_killed_server_left_is_removed_and_what_a_live_one_has_is_not(run: Run, workspace: Path) -> None:
    left = workspace / "serving" / "0123456789abcdef" / "request"
    left.mkdir(parents=True)
    (left / "body").write_bytes(b"a picture of somebody")
    first, second = Classifying(run), Classifying(run)
    assert not left.exists() and first.folder.is_dir() and second.folder.is_dir()
    second.close()
    assert first.folder.is_dir()
    first.close()
    assert list((workspace / "serving").iterdir()) == []


def test_an_opener_ends_when_its_input_does(workspace: Path) -> None:
    ended = subprocess.run([sys.executable, "-m", "dashboard.ml.opener"], input=b"", cwd=ROOT, timeout=60)
    assert ended.returncode == 0


LINES = [{"kind": "trying", "number": 0, "name": "a"}, {"kind": "opened", "number": 0}]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no JSON\n",
        b"[]\n",
        b"{}\n",
        b'{"kind": "opened", "number": 0}\n',
        b'{"kind": "error"}\n',
        b'{"kind": "error", "error": 1}\n',
        b"\xff\n",
        b'{"kind": "trying", "name": "a"}\n{"kind": "done"}\n',
        b"[" * 100_000 + b"\n",
        b'{"kind": "trying", "number": 0, "name": "a"}\n' * 100_000,
    ],
    ids=lambda text: repr(text[:40]),
)
def test_whatever_a_child_says_that_was_taken_over_is_a_refusal(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "told").write_bytes(text)
    try:
        told = Told.read(tmp_path / "told", -9)
    except UploadError as refusal:
        assert refusal.code == "request-crashed"
    else:
        assert len(told.pictures) < 100_000 and (told.trying is not None or told.pictures == [{"name": "a"}])


def test_a_line_that_was_cut_off_is_no_line(tmp_path: Path) -> None:
    whole = b"".join(json.dumps(line).encode() + b"\n" for line in LINES)
    (tmp_path / "told").write_bytes(whole + b'{"kind": "trying", "number": 1, "name": "b"}\n{"kind": "ref')
    told = Told.read(tmp_path / "told", -11)
    assert (told.trying, [each["name"] for each in told.pictures]) == (1, ["a", "b"])
    (tmp_path / "told").write_bytes(whole + b'{"kind": "done"}\n')
    assert Told.read(tmp_path / "told", 0).trying is None
