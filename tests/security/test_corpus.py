"""Every case of the corpus through the real intake and its child: exactly what it says comes of it, and nothing else.

The process that asks for the imports stands in for the web process; it is one of its own for each part of the corpus,
so that the memory of its children is counted for that part alone.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from dashboard.core.settings import ROOT
from tests.security.corpus.cases import Case

pytestmark = pytest.mark.slow

PARTS = ["zips", "tars", "pictures", "class_names", "sets", "on_disk", "staged", "honest", "label_files"]
CASES: dict[str, list[Case]] = {
    part: import_module(f"tests.security.corpus.{part}").CASES
    for part in PARTS
    if find_spec(f"tests.security.corpus.{part}") is not None
}
GROWS = {
    "objects",
    "thumbnails",
    "scratch",
    "uploads",
    "imports",
    "signatures",
    "thaw.sqlite",
    "thaw.sqlite-wal",
    "thaw.sqlite-shm",
}
CHILD_KIB = 1024**2
LONG = 30  # seconds a case may take


def expected() -> Iterator[Any]:
    """Every case; those that end as one before them in their part, or take long, are for the long sweeps."""
    for part, cases in CASES.items():
        seen = set()
        for case in cases:
            end = (case.code, *sorted(set(case.remarks.values())))
            name = f"{part}-{case.name}".encode("ascii", "replace").decode()
            yield pytest.param(
                part, case, id=name, marks=[pytest.mark.soak] if end in seen or case.seconds > LONG else []
            )
            seen.add(end)


@dataclass
class Done:
    """What came of a part: an outcome for each case, and what the workspace and everything around it looks like."""

    asked: int
    outcomes: dict[str, dict[str, Any]]
    exit_code: int
    seconds: float
    new: set[Path]  # beside the workspace
    kept: set[Path]  # in the workspace
    workspace: Path


@pytest.fixture(scope="module")
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """The cases that are asked for, of every part, run once, two parts at a time."""
    asked = [
        item.callspec.params
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    ]
    wanted = {(each["part"], each["case"].name) for each in asked if "case" in each}
    chosen = {part: [case for case in cases if (part, case.name) in wanted] for part, cases in CASES.items()}
    with ThreadPoolExecutor(2) as pool:
        started = {part: pool.submit(run, cases, tmp_path_factory.mktemp(part)) for part, cases in chosen.items()}
    return {part: found.result() for part, found in started.items()}


def run(cases: list[Case], folder: Path) -> Done:
    inputs = folder / "inputs"
    jobs = []
    for number, case in enumerate(cases):
        (inputs / str(number)).mkdir(parents=True)
        jobs.append((str(case.make(inputs / str(number))), case.title or case.name))
    (folder / "jobs.json").write_text(json.dumps(jobs))
    (folder / "home").mkdir()
    before = looks(folder)
    started = time.monotonic()
    asked = subprocess.run(
        [sys.executable, "-m", "tests.security.corpus.importing", str(folder / "jobs.json")],
        cwd=ROOT,
        env={**os.environ, "THAW_WORKSPACE": str(folder / "workspace"), "HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        text=True,
    )
    outcomes = [json.loads(line) for line in asked.stdout.splitlines()]
    after = looks(folder)
    workspace = folder / "workspace"
    new = {path for path in after if after[path] != before.get(path) and not path.is_relative_to(workspace)}
    kept = {path.relative_to(workspace) for path in after if path.is_relative_to(workspace) and path != workspace}
    names = [case.name for case in cases]
    seconds = time.monotonic() - started
    return Done(
        len(cases),
        dict(zip(names, outcomes, strict=False)),
        asked.returncode,
        seconds,
        new | before.keys() - after.keys(),
        kept,
        workspace,
    )


def looks(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Everything below a folder but the folder itself, with what changes when it is written to."""
    found = {}
    for current, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(current) / name
            status = path.lstat()
            found[path] = (
                status.st_mode,
                status.st_size if name in files else 0,
                status.st_mtime_ns if name in files else 0,
            )
    return found


@pytest.mark.parametrize(("part", "case"), list(expected()))
def test_exactly_what_is_expected_comes_of_it(part: str, case: Case, done: dict[str, Done]) -> None:
    found = done[part].outcomes[case.name]
    assert found["code"] == case.code, found.get("message")
    if not case.code:
        assert found["remarks"] == case.remarks
        assert found["taken"] == case.taken
        assert not case.splits or found["splits"] == case.splits
        assert not case.title or found["name"] == case.kept_title
    assert found["seconds"] < case.seconds
    assert found["child_kib"] < CHILD_KIB
    assert found["own_kib"] < case.web_process_mib * 1024


@pytest.mark.parametrize("part", CASES)
def test_nothing_but_pictures_and_rows_is_written_and_the_asking_process_lives(
    part: str, done: dict[str, Done]
) -> None:
    found = done[part]
    assert found.exit_code == 0
    assert len(found.outcomes) == found.asked
    assert found.new == set()
    assert {path.parts[0] for path in found.kept} <= GROWS
    assert [path for path in found.kept if path.parts[0] in ("scratch", "uploads") and len(path.parts) > 1] == []
    assert all(len(path.name) in (64, 68) for path in found.kept if len(path.parts) == 3)  # named by their contents
    for place in (Path("/"), Path("/tmp"), Path("/etc/cron.d"), Path.cwd(), Path.home(), ROOT, found.workspace.parent):
        assert not list(place.glob("thaw-evil*")), place


def test_what_is_refused_is_explained_in_whole_sentences(done: dict[str, Done]) -> None:
    for found in done.values():
        for outcome in found.outcomes.values():
            assert all(path.isprintable() for path, code in outcome.get("remarks", {}).items() if code == "member-name")
            for text in (outcome.get("message"), *outcome.get("reasons", {}).values()):
                assert text is None or (text[-1] == "." and text.isprintable() and "Errno" not in text), text


def test_the_corpus_is_as_large_as_it_says() -> None:
    hostile = [
        rows for part, cases in CASES.items() if part != "honest" for case in cases for rows in (case.rows or (case,))
    ]
    honest = [rows for case in CASES["honest"] for rows in (case.rows or (case,))]
    assert len(hostile) >= 120
    assert len(honest) >= 20
    for cases in CASES.values():
        assert len({case.name for case in cases}) == len(cases)
        for case in cases:
            assert len({row.path for row in case.rows}) == len(case.rows), case.name


def test_the_corpus_is_the_same_each_time(tmp_path: Path) -> None:
    for part in ("zips", "tars", "pictures", "sets"):
        for number, case in enumerate(CASES[part][2:5]):
            first, second = (tmp_path / part / str(number) / again for again in ("first", "second"))
            first.mkdir(parents=True)
            second.mkdir()
            assert case.make(first).read_bytes() == case.make(second).read_bytes()
