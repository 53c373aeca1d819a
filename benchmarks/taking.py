"""What a hundred thousand pictures take: from an archive to a dataset, and the page that shows them.

    python -m benchmarks.taking draw PATH COUNT
    python -m benchmarks.taking import PATH

are the processes it starts: each is measured alone.
"""

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dashboard.core.settings import ROOT
from dashboard.data import datasets, intake

COUNT = 100_000
SIZE = (500, 375)  # pixels
CLASSES = 20
AT_ONCE = 500


@dataclass(frozen=True)
class Line:
    """A work, its seconds, and what else was seen; `goal` in seconds."""

    work: str
    seconds: list[float]
    goal: float
    beside: str


def picture(number: int) -> bytes:
    """A JPEG of `SIZE` drawn from its number alone: soft colours under a finer grain, as large as a photograph is."""
    rng = np.random.default_rng(number)
    soft = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    coarse = rng.integers(0, 110, (SIZE[1] // 2, SIZE[0] // 2), dtype=np.uint8)
    grain = np.asarray(Image.fromarray(coarse).resize(SIZE, Image.Resampling.BILINEAR)).astype(np.int16)
    pixels = np.clip(np.asarray(soft).astype(np.int16) + grain[:, :, None] - 55, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=85)
    return out.getvalue()


def draw(path: Path, count: int) -> None:
    """A zip of so many pictures in class folders."""
    with zipfile.ZipFile(path, "w") as archive, ProcessPoolExecutor() as pool:
        for number, data in enumerate(pool.map(picture, range(count), chunksize=AT_ONCE)):
            archive.writestr(f"pictures/class {number % CLASSES:02d}/{number:06d}.jpg", data)


def take(path: Path) -> dict[str, Any]:
    """Import an archive: seconds of each stage, and this process' own greatest memory in megabytes."""
    began = time.perf_counter()
    stages: dict[str, float] = {}

    def told(_done: int, _total: int, text: str) -> None:
        stages[text] = time.perf_counter() - began

    dataset = intake.import_pictures(intake.Source(path, path.name), name="A hundred thousand", on_progress=told)
    seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()
    return {"id": dataset.id, "seconds": seconds, "stages": stages, "megabytes": int(status[0]) / 1000}


def _process(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.taking", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def lines(folder: Path, repeats: int, count: int = COUNT) -> Iterator[Line]:
    """The import once, for it takes minutes; the page by `AppTest`, first and again."""
    path = folder / "pictures.zip"
    _process("draw", str(path), str(count))
    found = json.loads(_process("import", str(path)))
    taken = datasets.get(found["id"])
    members = datasets.members(taken)
    stages = "; ".join(f"{text} until {seconds:.0f} s" for text, seconds in found["stages"].items())
    kept = f"{len(members):,} taken, {len(datasets.likenesses(taken)):,} pairs of look-alikes"
    yield Line(
        f"take in {count:,} pictures of {SIZE[0]} x {SIZE[1]}, a zip of {path.stat().st_size / 1e9:.1f} GB",
        [found["seconds"]],
        480.0,
        f"{count / found['seconds']:.0f} a second; memory of the process that asks {found['megabytes']:.0f} MB (goal "
        f"500); {kept}; {stages}",
    )
    path.unlink()
    yield from _page(repeats)


def _page(repeats: int) -> Iterator[Line]:
    from streamlit.testing.v1 import AppTest

    at = AppTest.from_file(str(ROOT / "dashboard/ui/main.py"), default_timeout=120).run()
    began = time.perf_counter()
    at.switch_page("../../pages/dataset.py").run()
    yield Line("draw their page the first time", [time.perf_counter() - began], 1.0, "what it reads is kept afterwards")
    again = []
    for _ in range(repeats):
        began = time.perf_counter()
        at.run()
        again.append(time.perf_counter() - began)
    yield Line("draw their page again", again, 1.0, "")


if __name__ == "__main__":
    if sys.argv[1] == "draw":
        draw(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        print(json.dumps(take(Path(sys.argv[2]))))
