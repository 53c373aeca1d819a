"""How long the rest of the main path takes: taking pictures in, and drawing a page."""

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import ground
from dashboard.core.settings import ROOT
from dashboard.data import intake, samples

Line = tuple[str, str, str]


def timed(work: Callable[[], object], repeats: int) -> float:
    """Median seconds of several calls."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return ground.median(seconds)


def lines(folder: Path, repeats: int) -> list[Line]:
    """Pages from request to the last element, without the browser's own drawing; intake decoded, hashed and stored."""
    from streamlit.testing.v1 import AppTest

    samples.SAMPLES["shapes"].make(folder / "drawn", samples.ShapesSettings())
    count = sum(1 for path in (folder / "drawn").rglob("*.png"))
    source = intake.Source(folder / "drawn", "shapes")
    median = timed(lambda: intake.import_pictures(source, name="shapes"), repeats)
    found = [("take in pictures of 96 px", f"{median:.2f} s", f"{count / median:.0f} pictures a second")]
    for page in ("home", "dataset", "run", "evaluate"):
        at = AppTest.from_file(str(ROOT / "dashboard/ui/main.py"), default_timeout=60).run()
        at.switch_page(f"../../pages/{page}.py").run()
        found.append((f"draw the page {page} again", f"{timed(at.run, repeats):.2f} s", ""))
    return found
