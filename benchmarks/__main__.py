"""`make bench`: measures what docs/performance.md says, and writes it there.

    python -m benchmarks [--repeats 3] [--only training --only memory ...]

Every line is measured in turn with its peer, on an otherwise idle machine, or it means nothing. What was measured is
kept in docs/performance.json, so that a part can be measured again alone.
"""

import argparse
import dataclasses
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import accuracy, ground, leaks, live, memory, pages, report, start, starts, taking, training, views
from dashboard.core import files
from dashboard.core.machine import processor
from dashboard.core.settings import ROOT, settings
from dashboard.data.datasets import Dataset

KEPT = ROOT / "docs" / "performance.json"


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where and how often."""

    folder: Path
    repeats: int

    def photographs(self) -> tuple[Dataset, Path]:
        dataset = ground.photographs(self.folder)
        return dataset, ground.split_folder(dataset, self.folder / "split")


def _training(bench: Bench) -> list[Any]:
    return [_said(line) for line in training.lines(*bench.photographs(), bench.repeats)]


def _augmentation(bench: Bench) -> list[Any]:
    return [_said(line) for line in training.augmented(*bench.photographs(), bench.repeats)]


def _others(bench: Bench) -> list[Any]:
    return [_said(line) for line in training.other_backbones(*bench.photographs())]


def _limits(bench: Bench) -> list[Any]:
    return [_said(line) for line in training.not_faster(*bench.photographs())]


def _throughput(bench: Bench) -> list[Any]:
    dataset, _ = bench.photographs()
    fields = json.dumps(ground.starting_weights())
    found = []
    for precision in ("float32", "bfloat16"):
        repeats = []
        for _ in range(bench.repeats):
            command = [sys.executable, "-m", "benchmarks.throughput", dataset.id, fields, precision]
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
            repeats.append(json.loads(done.stdout.splitlines()[-1]))
        found.append({"precision": precision, "repeats": repeats})
        print(found[-1], flush=True)
    return found


def _memory(_bench: Bench) -> list[Any]:
    return [_said_pair(count, peak) for count, peak in memory.lines()]


def _accuracy(bench: Bench) -> list[Any]:
    return [_said(line) for line in accuracy.lines(bench.repeats)]


def _views(bench: Bench) -> list[Any]:
    return [_said(line) for line in views.lines(bench.repeats)]


def _probes(_bench: Bench) -> list[Any]:
    return [_said(line) for line in starts.probes()]


def _tuned(bench: Bench) -> list[Any]:
    return [_said(line) for line in starts.tuned(bench.repeats)]


def _start(bench: Bench) -> list[Any]:
    return [_said(line) for line in start.lines(ground.photographs(bench.folder), bench.repeats)]


def _live(bench: Bench) -> list[Any]:
    lines = (
        live.drawing(bench.repeats),
        live.watching(bench.photographs()[0], bench.repeats),
    )
    return [_said(line) for line in itertools.chain(*lines)]


def _taking(bench: Bench) -> list[Any]:
    return [_said(line) for line in taking.lines(bench.folder, bench.repeats)]


def _leaks(bench: Bench) -> list[Any]:
    return [_said(line) for line in leaks.lines(bench.folder, bench.repeats)]


def _pages(bench: Bench) -> list[Any]:
    return [list(line) for line in pages.lines(bench.folder, bench.repeats)]


PARTS: dict[str, Callable[[Bench], list[Any]]] = {
    "training": _training,
    "augmentation": _augmentation,
    "throughput": _throughput,
    "memory": _memory,
    "accuracy": _accuracy,
    "probes": _probes,
    "tuned": _tuned,
    "views": _views,
    "others": _others,
    "limits": _limits,
    "start": _start,
    "pages": _pages,
    "taking": _taking,
    "leaks": _leaks,
    "live": _live,
}


def _said(line: Any) -> dict[str, Any]:
    print(line, flush=True)
    return dataclasses.asdict(line)


def _said_pair(count: int, peak: float) -> dict[str, float]:
    print(f"{count} pictures: {peak:.0f} MB", flush=True)
    return {"pictures": count, "megabytes": peak}


def machine() -> str:
    return f"{processor()}, no GPU, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", action="append", choices=list(PARTS))
    options = parser.parse_args()
    kept: dict[str, Any] = files.read_json(KEPT) if KEPT.exists() else {}
    for name in options.only or PARTS:
        folder = Path(tempfile.mkdtemp(prefix="thaw-bench-"))
        os.environ |= {"THAW_WORKSPACE": str(folder / "workspace")}
        settings.cache_clear()
        try:
            kept[name] = PARTS[name](Bench(folder, options.repeats))
        finally:
            shutil.rmtree(folder)
        kept["machine"] = machine()
        kept["versions"] = report.versions()
        files.write_json(KEPT, kept)
        files.write_text(ROOT / "docs" / "performance.md", report.text(kept))
    report.picture(kept, ROOT / "docs" / "performance.png")


if __name__ == "__main__":
    main()
