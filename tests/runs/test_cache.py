"""What is kept of features: a limit, the least recently used first, and never what somebody works with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.core.settings import ROOT, settings
from dashboard.runs import cache

HOLD = """
import sys
from dashboard.runs import cache
cache.take(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def limit(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("THAW_FEATURES_GIGABYTES", "0.000003")
    settings.cache_clear()
    return cache.limit()


def keep(name: str, size: int, used: float) -> Path:
    folder = cache.take(name)
    (folder / "shard-0.npy").write_bytes(bytes(size))
    os.utime(folder / cache.IN_USE, (used, used))
    cache.give_back()
    return folder


def test_what_was_not_used_for_longest_goes_first_and_only_as_much_as_must(limit: int) -> None:
    assert limit == 3000
    folders = {name: keep(name, 1000, used) for name, used in (("b", 20), ("a", 10), ("d", 40), ("c", 30))}
    assert [each.folder.name for each in cache.kept()] == ["d", "c", "b", "a"]
    assert cache.make_room() == 1000
    assert cache.make_room() == 0
    assert [name for name in folders if folders[name].exists()] == ["b", "d", "c"]
    assert cache.make_room(needed=1500) == 2000
    assert [each.folder.name for each in cache.kept()] == ["d"]


def test_using_features_again_makes_them_new(limit: int) -> None:
    keep("a", 2000, 10)
    keep("b", 2000, 20)
    cache.take("a")
    cache.give_back()
    cache.make_room()
    assert [each.folder.name for each in cache.kept()] == ["a"]


def test_what_another_process_works_with_is_never_removed(limit: int) -> None:
    keep("a", 9000, 10)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, "a"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert process.stdout and process.stdout.readline() == "held\n"
    assert cache.make_room() == 0
    assert not cache.remove(cache.root() / "a")
    process.kill()
    process.communicate()
    assert cache.make_room() == 9000
    assert cache.kept() == []


def test_what_is_not_there_is_not_removed_and_can_be_taken_again(limit: int) -> None:
    folder = keep("a", 10, 10)
    assert cache.remove(folder)
    assert not cache.remove(folder)
    assert cache.take("a").is_dir()
    cache.give_back()
