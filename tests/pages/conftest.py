"""Pages opened as `AppTest` opens them: from the real entry script, in a workspace of their own."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
OpenPage = Callable[[str], AppTest]


@pytest.fixture
def open_page(workspace: Path) -> Iterator[OpenPage]:
    """Opens a page by its name in `pages/`."""

    def open_page(page: str) -> AppTest:
        # The real entry: on the st.App wrapper AppTest renders nothing and raises nothing.
        at = AppTest.from_file(str(ROOT / "dashboard/ui/main.py"), default_timeout=30).run()
        return at if page == "home" else at.switch_page(f"../../pages/{page}.py").run()

    yield open_page
    st.cache_data.clear()
    st.cache_resource.clear()  # it outlives an AppTest


def settle(at: AppTest, until: Callable[[AppTest], bool], seconds: float = 60.0) -> AppTest:
    """Run the page again, as its clock would, until something is true of it."""
    deadline = time.monotonic() + seconds
    while not until(at):
        assert time.monotonic() < deadline, "the page did not get there in time"
        time.sleep(0.5)
        at.run()
    return at
