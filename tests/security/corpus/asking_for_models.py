"""Stands in for the web process: brings one model after the other the whole real way, and says what came of each.

A process of its own, because the peak memory of its children is counted over its whole life. What each network expects
is in the workspace already, so the worker is never needed: everything is refused before.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

from dashboard.core.errors import DashboardError
from dashboard.runs import bringing
from dashboard.runs.bringing import Sent
from dashboard.runs.workers import Worker


def outcome(worker: Worker, folder: Path) -> dict[str, Any]:
    """Brings everything in a folder."""
    paths = tuple(sorted(folder.iterdir()))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        bringing.bring(worker, Sent(paths, tuple(path.name for path in paths)))
    except DashboardError as error:
        found = {"code": error.code, "message": error.message}
    else:
        found = {"code": "", "message": ""}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    heavy = [name for name in ("keras", "tensorflow", "h5py") if name in sys.modules]
    return {**found, "cpu": cpu, "kib": after.ru_maxrss, "heavy": heavy}


if __name__ == "__main__":
    with Worker() as never_asked:
        for name in sys.argv[1:]:
            print(json.dumps(outcome(never_asked, Path(name))), flush=True)
