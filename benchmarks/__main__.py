"""`make bench`: how long the main path takes here. Prints a table and writes it to docs/performance.md.

Every line is the median of several repeats on generated pictures; accuracy stands beside time.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from dashboard.core import files
from dashboard.core.settings import ROOT, settings

Line = tuple[str, str, str]


def timed(work: Callable[[], object], repeats: int) -> tuple[float, list[object]]:
    """Median seconds of several calls, and what they returned."""
    seconds, results = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        results.append(work())
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), results


def intake_line(folder: Path, repeats: int) -> Line:
    """Pictures a second from files to dataset: decoded, hashed, stored, thumbnailed."""
    from dashboard.data import intake

    count = sum(1 for path in folder.rglob("*.png"))
    source = intake.Source(folder, "shapes")
    median, _ = timed(lambda: intake.import_pictures(source, name="shapes"), repeats)
    return ("take in pictures of 96 px", f"{median:.2f} s", f"{count / median:.0f} pictures/s")


def training_line(repeats: int) -> Line:
    """Files to finished, evaluated model through the real training process; the process' start is in it."""
    from dashboard.core.recipe import Recipe
    from dashboard.data import datasets
    from dashboard.runs import follow, queue, supervisor

    def train() -> float:
        dataset = datasets.get(datasets.listing()["id"].iloc[0])
        recipe = Recipe(dataset=dataset.id, weights="none", alpha=0.35, image_size=96, epochs=5, fine_tune_epochs=3)
        run = queue.enqueue(recipe)
        supervisor.ensure()
        for _ in follow.lines(run, poll=0.25):
            pass
        return float(follow.result(run)["validation_accuracy"])

    median, accuracies = timed(train, repeats)
    accuracy = statistics.median(float(str(each)) for each in accuracies)
    work = "train MobileNetV2 0.35 at 96 px from random weights, 5 + 3 epochs, 480 pictures"
    return (work, f"{median:.1f} s", f"validation accuracy {accuracy:.2f}")


def page_lines(repeats: int) -> list[Line]:
    """A page from request to the last element, without the browser's own drawing."""
    from streamlit.testing.v1 import AppTest

    lines = []
    for page in ("home", "dataset", "run", "evaluate"):
        at = AppTest.from_file(str(ROOT / "dashboard/ui/main.py"), default_timeout=60).run()
        at.switch_page(f"../../pages/{page}.py").run()
        median, _ = timed(at.run, repeats)
        lines.append((f"draw the page {page} again", f"{median:.2f} s", ""))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"THAW_WORKSPACE": f"{folder}/workspace", "THAW_SUPERVISOR_IDLE": "2"}
        settings.cache_clear()
        from dashboard.data import samples

        pictures = Path(folder) / "shapes"
        samples.SAMPLES["shapes"].make(pictures, samples.ShapesSettings())
        lines = [intake_line(pictures, repeats), training_line(repeats), *page_lines(repeats)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    text = (
        "# Performance\n\n"
        f"Written by `make bench`: medians of {repeats} repeats on {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}.\n\n| work | time | beside it |\n|---|---|---|\n{table}\n"
    )
    files.write_text(ROOT / "docs" / "performance.md", text)
    print(text)


if __name__ == "__main__":
    main()
