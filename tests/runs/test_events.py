import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.runs import events

PHASE = "feature extraction"


def epoch(number: int, **values: object) -> dict[str, object]:
    zeros = dict.fromkeys(events.EPOCH_COLUMNS, 0.0)
    return {**zeros, "epoch": number, "phase": PHASE, "step": number * 4, **values}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_what_was_appended_is_read_back_as_rows(path: Path) -> None:
    events.append(path, "batches", phase=PHASE, epoch=1, first_step=1, loss=[2.0, 1.5], accuracy=[0.1, 0.4],
                  learning_rate=[1e-3, 1e-3], pictures_per_second=80.0)  # fmt: skip
    events.append(path, "batches", phase=PHASE, epoch=1, first_step=3, loss=[1.25], accuracy=[0.5],
                  learning_rate=[1e-3], pictures_per_second=90.0)  # fmt: skip
    rows = events.batches(events.read(path))
    assert list(rows.columns) == events.BATCH_COLUMNS
    assert list(rows["step"]) == [1, 2, 3]
    assert list(rows["loss"]) == [2.0, 1.5, 1.25]
    assert list(rows["pictures_per_second"]) == [80.0, 80.0, 90.0]


def test_a_half_written_line_waits_until_it_is_whole(path: Path) -> None:
    events.append(path, "warning", text="first")
    reader = events.Reader(path)
    whole = json.dumps({"kind": "warning", "time": 0, "text": "second"}) + "\n"
    with path.open("a") as file:
        file.write(whole[:20])
        file.flush()
        assert [event["text"] for event in reader.read()] == ["first"]
        file.write(whole[20:])
    assert [event["text"] for event in reader.read()] == ["first", "second"]


def test_a_line_cut_by_a_kill_is_skipped_and_the_rest_is_kept(path: Path) -> None:
    path.write_text('{"kind": "warning", "time": 0, "te\n{"kind": "warning", "time": 0, "text": "whole"}\n')
    assert [event["text"] for event in events.read(path)] == ["whole"]


def test_after_a_resume_every_epoch_is_there_once(path: Path) -> None:
    events.append(path, "attempt", epoch=0)
    for number in (1, 2, 3):
        events.append(path, "epoch", **epoch(number, loss=1.0))
    events.append(path, "attempt", epoch=2)
    events.append(path, "epoch", **epoch(3, loss=0.5))
    history = events.epochs(events.read(path))
    assert list(history["epoch"]) == [1, 2, 3]
    assert history["loss"].iloc[-1] == 0.5


def test_only_the_last_best_epoch_is_marked(path: Path) -> None:
    events.append(path, "phase", phase=PHASE, epoch=0, step=0)
    for number in (1, 4):
        events.append(path, "mark", mark="best", epoch=number, step=number * 4, text=f"best: epoch {number}")
    marks = events.marks(events.read(path))
    assert list(marks["kind"]) == ["phase", "best"]
    assert marks["epoch"].iloc[-1] == 4


def test_no_file_means_no_events(path: Path) -> None:
    assert events.read(path) == []
    assert events.epochs([]).empty and events.batches([]).empty and events.marks([]).empty


@given(cuts=st.lists(st.integers(0, 400), max_size=6), texts=st.lists(st.text(max_size=8), min_size=1, max_size=6))
def test_however_the_file_grows_each_event_is_read_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("grow") / "events.jsonl"
    whole = b"".join(json.dumps({"kind": "warning", "text": text}).encode() + b"\n" for text in texts)
    reader = events.Reader(path)
    for cut in [*sorted(cuts), len(whole)]:
        path.write_bytes(whole[:cut])
        reader.read()
    assert [event["text"] for event in reader.read()] == texts


def test_many_threads_reading_at_once_take_each_event_in_once(path: Path) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns as often as they can
    path.write_text("".join(json.dumps({"kind": "warning", "text": str(number)}) + "\n" for number in range(5000)))
    reader, together = events.Reader(path), threading.Barrier(4)

    def look() -> int:
        together.wait()
        return len(reader.read())

    with ThreadPoolExecutor(4) as threads:
        counts = [each.result() for each in [threads.submit(look) for _ in range(4)]]
    sys.setswitchinterval(interval)
    assert counts == [5000] * 4


def test_two_processes_appending_at_once_lose_no_line(path: Path) -> None:
    children = []
    for name in ("a", "b"):
        child = os.fork()
        if child == 0:
            for number in range(200):
                events.append(path, "warning", text=f"{name}{number}")
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    assert len(events.read(path)) == 400
