"""Kept features among processes that fill, read, remove and die in the middle of it."""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.core.settings import ROOT, settings
from dashboard.runs import cache

FILL = """
import random, sys, time
from dashboard.runs import cache
mine, rounds, until = sys.argv[1], 0, time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    folder = cache.take("key")
    names = [f"{mine}{rounds}-{number}.npy" for number in range(3)]
    for name in names:
        (folder / name).write_text(name)
    time.sleep(0.0005)
    for name in names:
        assert (folder / name).read_text() == name
    cache.give_back()
    rounds += 1
    time.sleep(random.random() * 0.003)  # idle: now it may go
print(rounds)
"""

MAKE_ROOM = """
import sys, time
from dashboard.runs import cache
freed, until = 0, time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    freed += cache.make_room()
print(freed)
"""


@pytest.fixture
def nothing_fits(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_FEATURES_GIGABYTES", "0")
    settings.cache_clear()


@pytest.fixture
def keep(workspace: Path) -> Iterator[Callable[..., Path]]:
    """Keep a folder of features that nobody works with."""

    def keep(name: str, **key: object) -> Path:
        folder = cache.take(name)
        (folder / "shard-0.npy").write_bytes(bytes(100))
        if key:
            (folder / cache.KEY).write_text(json.dumps(key))
        cache.give_back()
        return folder

    yield keep
    cache.give_back()


def aged(path: Path, seconds: float) -> Path:
    os.utime(path, (time.time() - seconds,) * 2)
    return path


@pytest.mark.slow
def test_who_fills_a_store_never_loses_it_to_who_makes_room(nothing_fits: None) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", script, name, "1.5"], stdout=subprocess.PIPE, cwd=ROOT, text=True)
        for script, name in ((FILL, "a"), (FILL, "b"), (MAKE_ROOM, ""), (MAKE_ROOM, ""))
    ]
    said = [int(process.communicate(timeout=60)[0] or -1) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0, 0]
    assert min(said[:2]) > 10 and sum(said[2:]) > 300, f"they hardly met: {said}"


def test_who_waited_for_a_folder_that_was_made_anew_has_the_new_one(keep: Callable[..., Path]) -> None:
    folder = keep("a")
    removing = os.open(folder / cache.IN_USE, os.O_RDWR)
    fcntl.flock(removing, fcntl.LOCK_EX)
    waiting = threading.Thread(target=cache.take, args=("a",))
    waiting.start()
    time.sleep(0.3)
    folder.rename(cache.root() / ".a")
    folder.mkdir()
    (folder / cache.IN_USE).touch()
    os.close(removing)
    waiting.join(timeout=30)
    assert cache.in_use(folder) and not cache.remove(folder)


def test_what_a_killed_removal_left_goes_when_room_is_made(keep: Callable[..., Path]) -> None:
    stays, left = keep("a"), keep("b").rename(cache.root() / ".b-12ab34cd")
    assert [each.folder for each in cache.kept()] == [stays], "on its way out is out"
    assert cache.make_room() == 0
    assert stays.is_dir() and not left.exists()


def test_a_second_removal_is_not_stopped_by_the_leftovers_of_the_first(keep: Callable[..., Path]) -> None:
    keep("a").rename(cache.root() / ".a")
    assert cache.remove(keep("a"))
    assert cache.kept() == []


def test_half_written_files_go_after_an_hour_even_where_somebody_works(keep: Callable[..., Path]) -> None:
    folder = keep("a")
    cache.take("a")
    names = (".12ab34cd-shard-1.npy", ".12ab34ce-shard-1.npy", ".kept-by-a-person")
    old, young, foreign = (folder / name for name in names)
    for path in (old, young, foreign):
        path.write_bytes(b"half")
    aged(old, 3700)
    aged(foreign, 3700)
    cache.make_room()
    assert (old.exists(), young.exists(), foreign.exists()) == (False, True, True)
    assert (folder / "shard-0.npy").exists()


@pytest.mark.parametrize("damage", ["{", "[1, 2]", "\udcff", None], ids=["half", "no object", "no text", "a folder"])
def test_a_damaged_key_is_counted_and_can_be_removed(keep: Callable[..., Path], damage: str | None) -> None:
    folder = keep("a")
    if damage is None:
        (folder / cache.KEY).mkdir()
    else:
        (folder / cache.KEY).write_bytes(damage.encode("utf-8", "surrogateescape"))
    assert [each.key for each in cache.kept()] == [{}]
    assert cache.table()["backbone"].tolist() == ["–"]
    assert cache.clear() > 0 and cache.kept() == []


def test_what_is_not_ours_is_neither_counted_nor_removed(nothing_fits: None, keep: Callable[..., Path]) -> None:
    folder = keep("a")
    (folder / "broken").symlink_to("nowhere")
    (cache.root() / "README").write_text("of a person")
    (cache.root() / "notes").mkdir()
    (cache.root() / "notes" / "important").write_text("of a person")
    assert [each.folder for each in cache.kept()] == [folder]
    assert cache.make_room() > 0
    assert sorted(path.name for path in cache.root().iterdir()) == ["README", "notes"]


def test_features_without_their_lock_file_still_count_and_still_go(keep: Callable[..., Path]) -> None:
    folder = keep("a", backbone="MobileNet")
    (folder / cache.IN_USE).unlink()
    assert [each.folder for each in cache.kept()] == [folder]
    assert not cache.in_use(folder)
    assert cache.remove(folder) and not folder.exists()


def test_clearing_leaves_what_is_in_use_and_can_be_ended(keep: Callable[..., Path]) -> None:
    for name in "abc":
        keep(name)
    used = cache.take("b")
    told: list[tuple[int, int]] = []
    assert cache.clear(cancelled=lambda: True) == 0
    assert cache.clear(lambda *step: told.append(step)) == 200
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert [each.folder for each in cache.kept()] == [used]


def test_the_table_says_what_is_kept_in_words(keep: Callable[..., Path]) -> None:
    view = {"number": 2, "seed": 0, "changes": [["RandomFlip", {"mode": "horizontal"}], ["RandomZoom", {}]]}
    common = {"backbone": "MobileNet", "precision": "float32", "image_size": 96}
    keep("a", **common, cut="pooling", view=0)
    aged(keep("b", **common, cut="conv_12", view=view) / cache.IN_USE, 60)
    aged(keep("c", **common, cut="conv_12", view={"of": "another version"}) / cache.IN_USE, 90)
    cache.take("a")
    rows = cache.table()
    assert list(rows) == cache.COLUMNS
    assert rows["view"].tolist() == ["as it is", "2: flip, zoom", "{'of': 'another version'}"]
    assert rows["cut"].tolist() == ["pooling", "conv_12", "conv_12"]
    assert rows["image_size"].tolist() == [96, 96, 96]
    assert rows["in_use"].tolist() == [True, False, False]
    assert (rows["bytes"] > 100).all() and rows["used"].is_monotonic_decreasing


def test_nothing_kept_is_an_empty_table(workspace: Path) -> None:
    assert list(cache.table()) == cache.COLUMNS and cache.table().empty
