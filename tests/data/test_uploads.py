"""A large upload arrives whole or says what is missing, whatever happens on the way."""

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS
from dashboard.data import datasets, intake, parent, staging, uploads
from tests.making import classes, zip_of
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


def digest(chunk: bytes) -> str:
    return hashlib.sha256(chunk).hexdigest()


def add(upload_id: str, offset: int, chunk: bytes) -> int:
    return uploads.append(upload_id, offset, chunk, digest(chunk))


def content(workspace: Path, upload_id: str) -> bytes:
    return (workspace / "uploads" / upload_id / "000000").read_bytes()


def code_of(attempt: Callable[..., object], *given: object) -> str:
    with pytest.raises(UploadError) as refusal:
        attempt(*given)
    assert refusal.value.message.endswith(".")
    return refusal.value.code


def noise(size: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).bytes(size)


# What may become of a part: it arrives, its answer is lost, or it comes wrong in one of several ways.
FATES = st.sampled_from(["arrives", "arrives twice", "changed", "early", "late", "server restarts"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.binary(min_size=1, max_size=3000), plan=st.lists(st.tuples(st.integers(1, 900), FATES), max_size=40))
@example(data=b"x", plan=[])
def test_any_cutting_and_any_interruption_gives_the_same_bytes(
    workspace: Path, data: bytes, plan: list[tuple[int, str]]
) -> None:
    upload = uploads.begin("pets.zip", len(data))
    sent = 0
    for length, fate in [*plan, (len(data), "arrives")]:
        chunk = data[sent : sent + length]
        if not chunk:
            break
        if fate == "changed":
            wrong = bytes([chunk[0] ^ 1]) + chunk[1:]
            assert code_of(uploads.append, upload.id, sent, wrong, digest(chunk)) == "upload-digest"
        elif fate in ("early", "late"):
            place = sent + (1 if fate == "early" else -1)
            assert code_of(add, upload.id, place, chunk) == "upload-offset"
        elif fate == "server restarts":
            sent = uploads.find(upload.id).received
        else:
            before, sent = sent, add(upload.id, sent, chunk)
            if fate == "arrives twice":
                assert code_of(add, upload.id, before, chunk) == "upload-offset"
        assert content(workspace, upload.id) == data[:sent]
        assert uploads.find(upload.id).received == sent
    assert uploads.finish(upload.id).finished
    source = uploads.take(upload.id)
    assert (source.path / "000000").read_bytes() == data
    staging.discard(source.path)
    assert not source.path.exists()


def test_an_upload_in_parts_becomes_a_dataset(workspace: Path, tmp_path: Path) -> None:
    data = zip_of(classes("cat", "dog", images=5), tmp_path / "pets.zip").read_bytes()
    upload = uploads.begin("pets.zip", len(data))
    for start in range(0, len(data), 1000):
        add(upload.id, start, data[start : start + 1000])
    uploads.finish(upload.id)
    source = uploads.take(upload.id)
    dataset = intake.import_pictures(source, name=source.name)
    assert len(datasets.members(dataset)) == 10


def test_four_writers_at_once_give_the_bytes_once(workspace: Path) -> None:
    data = noise(300_000)
    upload = uploads.begin("pets.zip", len(data))
    refused: list[str] = []

    def write(step: int) -> None:
        while (there := uploads.find(upload.id).received) < len(data):
            try:
                add(upload.id, there, data[there : there + step])
            except UploadError as error:
                refused.append(error.code)

    writers = [threading.Thread(target=write, args=(step,)) for step in (1009, 1511, 2003, 2503)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert content(workspace, upload.id) == data
    assert set(refused) <= {"upload-offset"}


def test_writers_wait_for_each_other_and_of_two_different_parts_for_one_place_one_is_taken(workspace: Path) -> None:
    upload = uploads.begin("pets.zip", 8)
    taken: list[bytes] = []

    def write(chunk: bytes) -> None:
        with suppress(UploadError):
            add(upload.id, 0, chunk)
            taken.append(chunk)

    writers = [threading.Thread(target=write, args=(part,)) for part in (b"aaaa", b"bbbb")]
    with (workspace / "uploads" / upload.id / "000000").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as a third writer does, perhaps of another process
        for writer in writers:
            writer.start()
        writers[0].join(0.3)
        assert content(workspace, upload.id) == b"" and not taken
    for writer in writers:
        writer.join(60)
    assert taken == [content(workspace, upload.id)]


SENDING = """
import sys
from tests.data.test_uploads import add, noise
from dashboard.data import uploads
upload_id, size = sys.argv[1], int(sys.argv[2])
data = noise(size)
print("sending", flush=True)
while (there := uploads.find(upload_id).received) < size:
    add(upload_id, there, data[there : there + 70_001])
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_only_right_bytes_and_the_rest_can_follow(workspace: Path) -> None:
    size = 30_000_000
    data = noise(size)
    upload = uploads.begin("pets.zip", size)
    for number in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", SENDING, upload.id, str(size)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout is not None and process.stdout.readline()
        before = uploads.find(upload.id).received
        wait_until(
            lambda before=before: uploads.find(upload.id).received > before, seconds=30, step=0.01 * number + 0.01
        )
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        there = content(workspace, upload.id)
        assert there == data[: len(there)] and len(there) > before
    while (received := uploads.find(upload.id).received) < size:
        add(upload.id, received, data[received : received + LIMITS.chunk_bytes])
    uploads.finish(upload.id)
    assert content(workspace, upload.id) == data


FULL = """
import resource, sys
from tests.data.test_uploads import add
from dashboard.core.errors import UploadError
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
try:
    add(sys.argv[1], 1000, b"b" * 1000)
except UploadError as error:
    print(error.code)
"""


def test_a_part_that_the_disk_takes_by_half_is_not_there_at_all(workspace: Path) -> None:
    upload = uploads.begin("pets.zip", 2000)
    add(upload.id, 0, b"a" * 1000)
    done = subprocess.run([sys.executable, "-c", FULL, upload.id], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "disk-full", done.stderr
    assert content(workspace, upload.id) == b"a" * 1000
    assert add(upload.id, 1000, b"b" * 1000) == 2000


@pytest.mark.parametrize(
    ("name", "size", "code"),
    [
        ("pets.zip", 0, "upload-empty"),
        ("pets.zip", -1, "upload-empty"),
        ("pets.zip", LIMITS.archive_bytes + 1, "upload-too-large"),
        ("pets.zip", 10**30, "upload-too-large"),
        ("pets.rar", 10, "upload-not-archive"),
        ("pets", 10, "upload-not-archive"),
        ("", 10, "upload-not-archive"),
    ],
)
def test_what_cannot_be_taken_is_refused_before_anything_is_written(
    workspace: Path, name: str, size: int, code: str
) -> None:
    assert code_of(uploads.begin, name, size) == code
    assert not list(workspace.rglob("uploads/*"))


def test_too_little_disk_is_said_at_the_beginning_and_at_each_part(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploads.begin("pets.zip", 10)
    monkeypatch.setattr(uploads, "LIMITS", replace(LIMITS, disk_reserve=2**60))
    assert code_of(uploads.begin, "pets.zip", 10) == "disk-full"
    assert code_of(add, upload.id, 0, b"0123") == "disk-full"
    monkeypatch.undo()
    assert add(upload.id, 0, b"0123") == 4


@pytest.mark.parametrize("name", ["../../up.zip", "C:\\pets\\a.zip", "/etc/a.zip", "a\x00\u202e\ud800.zip"])
def test_a_name_is_kept_as_data_and_leads_nowhere(workspace: Path, name: str) -> None:
    upload = uploads.begin(name, 4)
    assert "/" not in upload.name and upload.name.isprintable()
    add(upload.id, 0, b"0123")
    uploads.finish(upload.id)
    source = uploads.take(upload.id)
    assert source.path.parent == workspace / "uploads"
    assert staging.staged_files(source.path) == ([source.path / "000000"], [upload.name])


@pytest.mark.parametrize(
    "upload_id", ["", "..", "../uploads", "0" * 31, "0" * 33, "0" * 31 + "G", "A" * 32, "0" * 32 + "\n", "0" * 32]
)
def test_an_id_of_another_shape_or_of_nobody_is_unknown(workspace: Path, upload_id: str) -> None:
    workspace.mkdir(exist_ok=True)
    for attempt in (uploads.find, uploads.finish, uploads.take, uploads.discard):
        assert code_of(attempt, upload_id) == "upload-unknown"
    assert code_of(add, upload_id, 0, b"0123") == "upload-unknown"
    assert workspace.exists()


def test_a_way_round_to_an_upload_is_no_id_of_it(workspace: Path) -> None:
    there = uploads.begin("pets.zip", 8).id
    for way in (f"{there}/", f"./{there}", f"{there}/../{there}", f"{there}\n", there.upper(), f" {there}"):
        if way != there:
            assert code_of(uploads.find, way) == "upload-unknown"
            assert code_of(add, way, 0, b"0123") == "upload-unknown"


def test_what_has_not_come_whole_can_be_neither_finished_nor_taken(workspace: Path) -> None:
    upload = uploads.begin("pets.zip", 8)
    add(upload.id, 0, b"0123")
    assert code_of(uploads.finish, upload.id) == "upload-incomplete"
    assert code_of(uploads.take, upload.id) == "upload-incomplete"
    assert code_of(add, upload.id, 4, b"45678") == "upload-longer"
    add(upload.id, 4, b"4567")
    assert uploads.finish(upload.id) == uploads.finish(upload.id)
    assert code_of(add, upload.id, 8, b"8") == "upload-finished"


def test_of_two_who_take_an_upload_one_gets_it(workspace: Path) -> None:
    upload = uploads.begin("pets.zip", 4)
    add(upload.id, 0, b"0123")
    uploads.finish(upload.id)
    source = uploads.take(upload.id)
    assert code_of(uploads.take, upload.id) == "upload-unknown"
    assert code_of(uploads.discard, upload.id) == "upload-unknown"
    assert source.path.is_dir()


def test_a_part_longer_than_the_limit_or_empty_is_refused(workspace: Path) -> None:
    upload = uploads.begin("pets.zip", 2 * LIMITS.chunk_bytes)
    assert code_of(add, upload.id, 0, b"") == "upload-chunk"
    assert code_of(add, upload.id, 0, bytes(LIMITS.chunk_bytes + 1)) == "upload-chunk"
    assert add(upload.id, 0, bytes(LIMITS.chunk_bytes)) == LIMITS.chunk_bytes


def test_a_slow_upload_is_kept_and_an_abandoned_one_goes_after_a_day(workspace: Path) -> None:
    slow, left = uploads.begin("slow.zip", 8), uploads.begin("left.zip", 8)
    yesterday = time.time() - parent.STALE - 60
    for upload in (slow, left):
        os.utime(workspace / "uploads" / upload.id, (yesterday, yesterday))
    add(slow.id, 0, b"0123")
    uploads.begin("next.zip", 8)  # sweeps
    assert uploads.find(slow.id).received == 4
    assert code_of(uploads.find, left.id) == "upload-unknown"


def test_discarding_leaves_nothing(workspace: Path) -> None:
    upload = uploads.begin("pets.zip", 8)
    uploads.discard(upload.id)
    assert code_of(uploads.find, upload.id) == "upload-unknown"
    assert not list((workspace / "uploads").iterdir())
