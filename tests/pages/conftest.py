"""Pages opened as `AppTest` opens them: from the real entry script, in a workspace of their own."""

import functools
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest, local_script_runner

from dashboard.core.settings import settings
from dashboard.ui.text import JOINER

ROOT = Path(__file__).resolve().parents[2]
OpenPage = Callable[[str], AppTest]

# A server looks through all installed packages once; AppTest does before every run of a script, and takes 0.1 s for it.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)

# AppTest looks a thousand times a second whether the script has ended, which keeps it from running.
look_often = local_script_runner.require_widgets_deltas


def wait(runner: local_script_runner.LocalScriptRunner, timeout: float = 3) -> None:
    assert runner._script_thread is not None
    runner._script_thread.join(timeout)
    look_often(runner, timeout)


local_script_runner.require_widgets_deltas = wait

PAGES: dict[str, object] = {}  # as `st.navigation` told them to the first AppTest of this process


def enter(page: str, timeout: float = 30) -> AppTest:
    """A page as a link leads to it, without another one before it; by its name in `pages/`."""
    # The real entry: on the st.App wrapper AppTest renders nothing and raises nothing.
    at = AppTest.from_file(str(ROOT / "dashboard/ui/main.py"), default_timeout=timeout)
    if page == "home":
        return at.run()
    if not PAGES:
        PAGES.update(at.run()._registered_pages)
        return enter(page, timeout)
    at._registered_pages = PAGES  # AppTest knows no page before it has shown one
    return at.switch_page(f"../../pages/{page}.py").run()


@pytest.fixture
def open_page(workspace: Path) -> Iterator[OpenPage]:
    """Opens a page by its name in `pages/`."""

    yield enter
    st.cache_data.clear()
    st.cache_resource.clear()  # it outlives an AppTest


@pytest.fixture(scope="module")
def shared_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace for those tests of a module that may find what others left in it, and for the worker they share."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("shared") / "workspace"
        patch.setenv("THAW_WORKSPACE", str(folder))
        patch.setenv("THAW_SUPERVISOR_IDLE", "2")
        settings.cache_clear()
        yield folder
        st.cache_data.clear()
        st.cache_resource.clear()
    settings.cache_clear()


@pytest.fixture
def open_shared(shared_workspace: Path) -> OpenPage:
    """Opens a page in that workspace, as one more tab of the same server."""
    return enter


def settle(at: AppTest, until: Callable[[AppTest], bool], seconds: float = 60.0) -> AppTest:
    """Run the page again, as its clock would, until something is true of it."""
    deadline, took = time.monotonic() + seconds, 0.0
    while not until(at):
        said = [element.value for element in (*at.error, *at.exception, *at.warning)]
        assert time.monotonic() < deadline, f"the page did not get there in time; it says {said}"
        time.sleep(max(0.5, 2 * took))  # whoever is waited for needs the processor
        began = time.monotonic()
        at.run()
        took = time.monotonic() - began
    return at


def plain(shown: str) -> str:
    """What a person reads of text that was escaped for markdown."""
    return re.sub(r"\\(.)", r"\1", shown).replace(JOINER, "")


ALL_PAGES = """
import sys
from streamlit.testing.v1 import AppTest
from dashboard.ui.navigation import ROWS
at = AppTest.from_file("dashboard/ui/main.py", default_timeout=60).run()
for row in ROWS:
    at.switch_page(f"../../pages/{row.name}.py").run()
    assert not at.exception, row.name
    assert at.title, row.name
print([name for name in ("tensorflow", "keras", "openvino") if name in sys.modules])
"""


def heavy_modules_after_all_pages() -> str:
    """Names of heavy packages a fresh process holds after it drew every page in this test's workspace."""
    script = ALL_PAGES.replace('"dashboard/ui/main.py"', repr(str(ROOT / "dashboard/ui/main.py")))
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()
