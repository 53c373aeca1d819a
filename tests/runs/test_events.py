import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING, Recipe
from dashboard.runs import events, pace

PHASE = FEATURE_EXTRACTION
RECIPE = Recipe(dataset="d", weights="none", epochs=2, fine_tune_epochs=2, batch_size=10)
KINDS = ("attempt", "phase", "batches", "epoch", "mark", "progress", "whole", "patience", "warning", "end")


def epoch(number: int, **values: object) -> dict[str, object]:
    zeros = dict.fromkeys(events.EPOCH_COLUMNS, 0.0)
    return {**zeros, "epoch": number, "phase": PHASE, "step": number * 4, **values}


def add(path: Path, written: bytes) -> None:
    with path.open("ab") as file:
        file.write(written)


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


def test_after_a_resume_every_step_is_there_once(path: Path) -> None:
    reader = events.Reader(path)
    events.append(path, "attempt", epoch=0)
    for number in (1, 2, 3):
        add(path, batches(number, 2 * number - 1, [1.0, 1.0]))
    assert len(reader.batches()) == 6
    events.append(path, "attempt", epoch=1)
    assert list(reader.batches()["step"]) == [1, 2]
    add(path, batches(2, 3, [0.5, 0.25]))
    for rows in (reader.batches(), events.batches(events.read(path))):
        assert list(rows["step"]) == [1, 2, 3, 4]
        assert list(rows["loss"]) == [1.0, 1.0, 0.5, 0.25]


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


def line(kind: str, **values: object) -> bytes:
    return json.dumps({"kind": kind, "time": 5.0, **values}).encode() + b"\n"


def batches(epoch: int, first_step: int, losses: list[float], phase: str = PHASE) -> bytes:
    values = {"loss": losses, "accuracy": [0.5] * len(losses), "learning_rate": [1e-3] * len(losses)}
    return line("batches", phase=phase, epoch=epoch, first_step=first_step, pictures_per_second=8.0, **values)


EPOCHS, PHASES = st.integers(0, 3), st.sampled_from([FEATURE_EXTRACTION, FINE_TUNING])
BATCHES = st.builds(batches, EPOCHS, st.integers(1, 99), st.lists(st.floats(), min_size=1, max_size=3), PHASES)
EPOCH_ENDS = st.builds(lambda number, phase: line("epoch", **epoch(number, phase=phase)), EPOCHS, PHASES)
ATTEMPTS = st.builds(lambda number: line("attempt", epoch=number), EPOCHS)
MARKS = st.sampled_from(["best", "stop"])
OTHERS = st.one_of(
    st.builds(lambda number, phase: line("phase", phase=phase, epoch=number, step=4 * number), EPOCHS, PHASES),
    st.builds(lambda mark, number: line("mark", mark=mark, epoch=number, step=4, text=mark), MARKS, EPOCHS),
    st.builds(lambda done: line("progress", stage="evaluating", done=done, total=3), st.integers(0, 3)),
    st.builds(lambda number: line("whole", epoch=number, validation_accuracy=0.5, said=0.5), EPOCHS),
    st.builds(lambda used: line("patience", used=used, allowed=5), st.integers(0, 5)),
    st.builds(lambda text: line("warning", text=text), st.text(max_size=3)),
    st.just(line("end", status="stopped", text="")),
    st.just(b'{"kind": "batches", "epoch": 1, "lo\n'),  # cut by a kill
)
LINES = st.sampled_from([BATCHES, BATCHES, EPOCH_ENDS, ATTEMPTS, OTHERS]).flatmap(lambda kind: kind)


def at_once(data: bytes) -> list[events.Event]:
    """The events of a whole file, by the rules in words: later than the epoch of an attempt is void."""
    seen: list[events.Event] = []
    for each in data.split(b"\n")[:-1]:
        try:
            event = json.loads(each)
        except ValueError:
            continue
        if event["kind"] == "attempt":
            seen = [old for old in seen if counts(old, event["epoch"])]
        seen.append(event)
    return seen


def counts(event: events.Event, epoch: int) -> bool:
    if event["kind"] in ("attempt", "warning"):
        return True
    if event["kind"] in ("progress", "patience", "end"):
        return False
    if event["kind"] == "phase" and event["epoch"] > 0:  # begins after its epoch, and the next attempt says it again
        return event["epoch"] < epoch
    return event["epoch"] <= epoch


def row_by_row(seen: list[events.Event]) -> pd.DataFrame:
    rows = []
    for event in seen:
        if event["kind"] == "batches":
            beside = event["pictures_per_second"], event["time"]
            values = zip(event["loss"], event["accuracy"], event["learning_rate"], strict=True)
            for step, value in enumerate(values, start=event["first_step"]):
                rows.append((step, event["phase"], event["epoch"], *value, *beside))
    return pd.DataFrame(rows, columns=events.BATCH_COLUMNS)


def assert_same_rows(rows: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert_frame_equal(rows.astype(object), expected.astype(object), check_exact=True)


@given(lines=st.lists(LINES, min_size=1, max_size=16), cuts=st.lists(st.floats(0, 1), max_size=3))
def test_however_a_file_with_resumes_grows_all_that_is_read_off_it_is_as_if_read_at_once(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], cuts: list[float]
) -> None:
    path, whole = tmp_path_factory.mktemp("grow") / "events.jsonl", b"".join(lines)
    reader = events.Reader(path)
    for cut in sorted(round(share * len(whole)) for share in [*cuts, 1.0]):
        path.write_bytes(whole[:cut])
        expected = at_once(whole[:cut])
        assert_same_rows(reader.batches(), row_by_row(expected))
        seen = reader.read()
        assert_frame_equal(events.epochs(seen), events.epochs(expected))
        assert_frame_equal(events.marks(seen), events.marks(expected))
        for kind in KINDS:
            assert repr(events.last(seen, kind)) == repr(events.last(expected, kind))
        paces = [pace.of(RECIPE, each, training_pictures=100, now=130.0) for each in (seen, expected)]
        assert repr(paces[0]) == repr(paces[1])
    assert_same_rows(events.batches(events.read(path)), row_by_row(expected))


def test_what_was_read_once_is_not_read_again(path: Path) -> None:
    path.write_bytes(batches(1, 1, [3.0, 2.0]))
    reader = events.Reader(path)
    reader.read()
    path.write_bytes(b" " * path.stat().st_size)
    add(path, batches(1, 3, [1.0]))
    assert list(reader.batches()["loss"]) == [3.0, 2.0, 1.0]


def test_the_events_to_walk_over_do_not_grow_with_the_batches(path: Path) -> None:
    reader = events.Reader(path)
    for number in range(200):
        add(path, batches(1 + number // 100, 1 + number, [1.0]))
    assert [event["first_step"] for event in reader.read()] == [100, 200]
    assert len(reader.batches()) == 200


def test_a_file_written_byte_by_byte_while_it_is_read_loses_no_line(path: Path) -> None:
    whole = b"".join(line("warning", text=str(number)) for number in range(2000))
    path.touch()
    reader, together = events.Reader(path), threading.Barrier(2)

    def write() -> None:
        with path.open("wb", buffering=0) as file:
            together.wait()
            for place in range(len(whole)):
                file.write(whole[place : place + 1])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns as often as they can
    writer = threading.Thread(target=write)
    writer.start()
    together.wait()
    while writer.is_alive():
        reader.read()
    sys.setswitchinterval(interval)
    assert [event["text"] for event in reader.read()] == [str(number) for number in range(2000)]


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
