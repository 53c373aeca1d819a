"""Has every model of the corpus judged by the real child's code, each in a process of its own: says what came of it.

Starting Python and h5py anew takes most of the time, so this process imports them once and forks: each fork takes the
limits of a real child, does its job in its own folder and ends. `asking_for_models.py` goes the whole real way.
"""

import contextlib
import gc
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from dashboard.core.limits import LIMITS
from dashboard.data import carried, child, hdf5, model_files
from tests.security.corpus.model_bytes import expected
from tests.security.corpus.models import CASES, Case

SECONDS = 30  # until a child is ended that hangs


def outcome(case: Case, folder: Path) -> dict[str, Any]:
    """Code and message of a refusal, empty where there is none; the most any of its children took."""
    (folder / "sent").mkdir(parents=True)
    files = case.files
    paths = []
    for number, data in enumerate(files.values()):
        paths.append(folder / "sent" / str(number))
        paths[-1].write_bytes(data)
    before = digests(folder / "sent")
    into = folder / "into"
    into.mkdir()
    look = {"kind": "look", "paths": [str(path) for path in paths], "names": list(files)}
    said, costs = forked(look | {"into": str(into), "dataset": "elsewhere"}, folder / "look")
    if said["kind"] == "model":
        read = {"kind": "read", "weights": said["weights"], "network": "MobileNet 0.25 with a head for 4 classes"}
        wanted = expected(len(said["class_names"]))
        wanted = with_hidden_head(wanted) if said["recipe"]["head_width"] else wanted
        said, more = forked(read | {"expected": wanted, "into": str(into / "values")}, folder / "read")
        costs = {name: max(value, more[name]) for name, value in costs.items()}
    error = said.get("error", {"code": said.get("how", ""), "message": ""})
    left = {path.name for path in folder.iterdir()} - {"sent", "into", "look", "read"}
    is_untouched = not left and digests(folder / "sent") == before
    values = (into / "values").stat().st_size if not error["code"] else 0
    shutil.rmtree(folder)
    return {"name": case.name, **error, **costs, "is_untouched": is_untouched, "values": values}


def with_hidden_head(arrays: list[Any]) -> list[Any]:
    """What a head of one hidden layer needs."""
    hidden = [("head", "layers/dense/vars/0", (256, 64), "float32"), ("head", "layers/dense/vars/1", (64,), "float32")]
    return [*arrays[:-2], *hidden]


def digests(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()}


def forked(job: dict[str, Any], folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
    """The last thing a child said, and what it took: seconds of processor and KiB at its peak."""
    folder.mkdir()
    (folder / child.JOB).write_text(json.dumps(job))
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        os.dup2(os.open("answers", os.O_CREAT | os.O_WRONLY), 1)
        os.dup2(os.open("log", os.O_CREAT | os.O_WRONLY), 2)
        signal.alarm(SECONDS)
        code = 1
        with contextlib.suppress(Exception):
            code = child.answer(
                model_files.work,
                memory=LIMITS.weights_memory,
                seconds=LIMITS.weights_seconds,
                file_bytes=LIMITS.weights_bytes,
            )
        os._exit(code)
    _, status, usage = os.wait4(pid, 0)
    lines = [json.loads(line) for line in (folder / "answers").read_text().splitlines()]
    told = [line for line in lines if line["kind"] in ("model", "error")] or lines or [{"kind": "nothing"}]
    how = os.waitstatus_to_exitcode(status)
    if how:
        told = [{"kind": "crash", "how": f"crash {how}"}]
    costs = {"cpu": usage.ru_utime + usage.ru_stime, "kib": usage.ru_maxrss, "seconds": time.monotonic() - began}
    return told[-1], costs


if __name__ == "__main__":
    assert carried and hdf5  # imported before the first fork, as everything that a child needs
    gc.freeze()  # or every fork would copy what the collector touches
    for at, each in enumerate(CASES):
        print(json.dumps(outcome(each, Path(sys.argv[1]) / str(at))), flush=True)
