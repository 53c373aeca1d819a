"""Stands in for the web process: imports one thing after the other and says what came of each, a JSON line a time.

A process of its own, because the peak memory of its children is counted over its whole life.
"""

import io
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from dashboard.core.errors import DashboardError
from dashboard.data import datasets, intake, staging
from dashboard.data.datasets import Dataset
from dashboard.data.intake import Source

SENT = "sent.json"  # of `corpus/staged.py`


def outcome(path: str, title: str) -> dict[str, Any]:
    started = time.monotonic()
    try:
        dataset = take(Path(path), title)
    except DashboardError as error:
        found: dict[str, Any] = {"code": error.code, "message": error.message}
    else:
        remarks, members = datasets.remarks(dataset), datasets.members(dataset)
        found = {
            "code": "",
            "name": dataset.name,
            "remarks": dict(zip(remarks["path"], remarks["code"], strict=True)),
            "reasons": dict(zip(remarks["path"], remarks["reason"], strict=True)),
            "taken": members["class_name"].value_counts().to_dict(),
            "splits": members["split"].value_counts().to_dict(),
        }
    found["seconds"] = time.monotonic() - started
    found["child_kib"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # the largest so far
    found["own_kib"] = own_peak()
    return found


def take(path: Path, title: str) -> Dataset:
    if path.name != SENT:
        return intake.import_pictures(Source(path, title), name=title)
    given_names = json.loads(path.read_text())
    sent = [(name, io.BytesIO((path.parent / str(number)).read_bytes())) for number, name in enumerate(given_names)]
    upload = staging.stage_upload(sent)
    try:
        return intake.import_pictures(Source(upload, title), name=title)
    finally:
        staging.discard(upload)


def own_peak() -> int:
    """KiB; the system's other count begins with what the process had that started this one."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    for path, title in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        print(json.dumps(outcome(path, title)), flush=True)
