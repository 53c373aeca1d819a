"""Predictions on the command line whose processes are killed in the middle: no picture loses its row or gets two."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from dashboard.core import lease, metrics
from dashboard.core.settings import ROOT
from dashboard.data.asking import Given
from dashboard.runs import batches, workers
from dashboard.runs.run import Run
from tests.drawn import CLASS_NAMES, drawn_run
from tests.making import picture, zip_of
from tests.waiting import wait_until

COUNT = 2_000  # pictures, a few seconds of work
KINDS = 40  # different ones


@pytest.fixture
def run(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return drawn_run(tmp_path_factory)


def start(run: Run, archive: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dashboard", "predict", run.id, str(archive), "--out", str(out), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def rows_of(run: Run) -> int:
    return sum(batch.done for batch in batches.of_run(run))


@pytest.mark.slow
def test_a_killed_batch_goes_on_when_it_is_asked_for_again(run: Run, tmp_path: Path) -> None:
    kinds = [picture(number) for number in range(KINDS)]
    files = {f"{CLASS_NAMES[n % 4]}/{n:05d}.png": b"cut" if n % 500 == 7 else kinds[n % KINDS] for n in range(COUNT)}
    archive = zip_of(files, tmp_path / "new.zip")
    out = tmp_path / "table.parquet"
    first = start(run, archive, out)
    wait_until(lambda: rows_of(run) > 0, seconds=120, step=0.02)
    (batch,) = batches.of_run(run)
    worker = lease.holder(batch.path / "lease")
    assert worker is not None
    first.kill()
    os.kill(worker, signal.SIGKILL)
    first.communicate(timeout=60)
    wait_until(lambda: not batch.under_way, seconds=30, step=0.02)
    there = batch.done
    assert 0 < there < COUNT, "it was killed too early or too late to prove anything"
    assert not out.exists()

    second = start(run, archive, out)
    told, said = second.communicate(timeout=300)
    assert second.returncode == 0, said
    record = json.loads(told)
    assert (record["pictures"], record["read"], record["judged"]) == (COUNT, COUNT - COUNT // 500, COUNT - COUNT // 500)
    assert f"image-format: {CLASS_NAMES[3]}/00007.png: " in said
    assert f"Going on after {there} pictures." in said
    table = pd.read_parquet(out)
    assert list(table["path"]) == list(files)
    assert list(table.index[table["code"] != ""]) == list(range(7, COUNT, 500))
    shares = table[metrics.probability_columns(table)].to_numpy(float)
    twins = shares[KINDS * 2 :][: COUNT - KINDS * 3] - shares[KINDS * 3 :]  # every kind comes again and again
    assert np.nanmax(np.abs(twins)) < 1e-4
    assert record["accuracy"] == pytest.approx((table["true"] == table["predicted"]).sum() / record["judged"])
    assert batches.of_run(run) == [], "what was told is not kept"


def peak(run: Run, archive: Path) -> float:
    """The most memory that a fresh worker and its children had at once, in megabytes."""
    batch = batches.begin(run, Given(((str(archive), archive.name),)))
    most = 0

    def look(*_: object) -> None:
        nonlocal most
        pid = lease.holder(batch.path / "lease")
        processes = [psutil.Process(pid), *psutil.Process(pid).children()] if pid else []
        most = max(most, sum(each.memory_info().rss for each in processes))

    with workers.Worker() as worker:
        workers.predict_batch(worker, batch, on_progress=look)
    assert batch.done == len(zipfile.ZipFile(archive).namelist())
    return most / 1e6


@pytest.mark.soak
def test_ten_thousand_pictures_take_no_more_memory_than_a_thousand(run: Run, tmp_path: Path) -> None:
    files = {f"{number:05d}.png": picture(number) for number in range(10_000)}
    few, many = zip_of(dict(list(files.items())[:1_000]), tmp_path / "few.zip"), zip_of(files, tmp_path / "many.zip")
    of_few, of_many = peak(run, few), peak(run, many)
    print(f"1,000 pictures: {of_few:.0f} MB; 10,000 pictures: {of_many:.0f} MB")
    assert of_many < of_few + 100
