"""Fixtures that speak the user's verbs. Nothing of this project is patched: a test gets its own workspace instead."""

import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from dashboard.core import database
from dashboard.core.errors import SettingsError
from dashboard.core.settings import settings
from dashboard.data import datasets, samples
from dashboard.data.datasets import Dataset
from tests import postgresql
from tests.sharing import once

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"

# The files that take longest, in the order of how long: a process that begins one last keeps everybody waiting.
LONGEST = (
    "ml/test_exact_formats.py",
    "browser/test_main_path.py",
    "security/test_corpus.py",
    "browser/test_pages.py",
    "faults/test_resume.py",
    "ml/test_export.py",
    "test_cli.py",
    "faults/test_runs.py",
    "runs/test_supervisor.py",
    "pages/test_lessons_on_training.py",
    "serving/test_server.py",
    "faults/test_predictions.py",
    "ml/test_weights.py",
    "ml/test_fit.py",
    "ml/test_bringing.py",
)

gc.disable()  # until everything is imported, see `pytest_collection_finish`

# A run that steps back for everything would wait for every other test.
os.environ["THAW_POLITENESS"] = "0"
# Nor does every test that starts a supervisor need a training process beside it.
os.environ["THAW_KEEP_READY"] = "0"

# Seeded like every other random test; speed is a matter for benchmarks, and a busy machine is no bug.
hypothesis.settings.register_profile("thaw", deadline=None, derandomize=True)
hypothesis.settings.load_profile("thaw")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty workspace for this test and every process it starts."""
    monkeypatch.setenv("THAW_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("THAW_SUPERVISOR_IDLE", "2")
    settings.cache_clear()
    yield tmp_path / "workspace"
    settings.cache_clear()


@pytest.fixture
def take_shapes(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Dataset]:
    """Import the demo set of shapes. Into a workspace that is still empty comes a copy of one import for all tests."""

    def take_shapes(images_a_class: int = 6, side: int = 32) -> Dataset:
        size = samples.ShapesSettings(images_a_class=images_a_class, side=side)
        if workspace.exists() or "THAW_DATABASE_URL" in os.environ:
            return samples.import_sample("shapes", settings=size)

        def make(folder: Path) -> None:
            samples.import_sample("shapes", settings=size)
            database.database().dispose()
            shutil.move(workspace, folder)

        made = once(tmp_path_factory, f"workspace-of-shapes-{images_a_class}-{side}", make)
        shutil.copytree(made, workspace)
        return datasets.get(datasets.listing()["id"].iloc[0])

    return take_shapes


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A real server, one for all tests of a process."""
    pytest.importorskip("psycopg", reason="needs the driver of PostgreSQL in requirements-extras.txt")
    programs = postgresql.programs()
    if programs is None:
        pytest.skip("needs PostgreSQL 15 or newer (Debian: postgresql)")
    with postgresql.serving(programs) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def each_database(request: pytest.FixtureRequest, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty workspace whose database is SQLite, and another one whose database is PostgreSQL."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        monkeypatch.setenv("THAW_DATABASE_URL", server.new_database())
        settings.cache_clear()
    yield request.param
    with suppress(SettingsError):  # what the test was about
        database.database().dispose()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip("needs the folder of real pictures and weights beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def keras_home_copy(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("keras")
    shutil.copytree(shared_data / "keras_home", home, dirs_exist_ok=True)
    for path in [home, *home.rglob("*")]:
        os.chmod(path, 0o755 if path.is_dir() else 0o644)
    return home


@pytest.fixture
def keras_home(keras_home_copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras' own folder, holding the real ImageNet weights of two small backbones."""
    monkeypatch.setenv("KERAS_HOME", str(keras_home_copy))
    settings.cache_clear()
    return keras_home_copy


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, one for all tests of a process: Playwright allows no second one beside it."""
    from playwright.sync_api import sync_playwright

    from tests.browser import visitor

    if visitor.CHROMIUM is None:
        pytest.skip("needs the program chromium (on Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = visitor.launch(playwright)
        yield browser
        browser.close()


MAIN = sys.modules["__main__"]


def pytest_runtest_setup() -> None:
    """`AppTest` leaves a page's script as the main module. Processes that a later test spawns would run it, and fail;
    a pool would start others in their place without end."""
    sys.modules["__main__"] = MAIN


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {ROOT / "tests" / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not look a million objects of TensorFlow through again."""
    gc.freeze()
    gc.enable()
