import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dashboard.core import files


def test_a_written_file_holds_what_was_written_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    files.write_json(tmp_path / "deep" / "labels.json", {"class_names": ["Ä", "b"]})
    assert files.read_json(tmp_path / "deep" / "labels.json") == {"class_names": ["Ä", "b"]}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["labels.json"]


def test_a_failed_write_leaves_the_old_file_and_no_leftover(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    files.write_bytes(path, b"old")
    with pytest.raises(RuntimeError), files.replacing(path) as aside:
        aside.write_bytes(b"half of the ne")
        raise RuntimeError("the save failed")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_placed_whole_and_never_over_another(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    files.place_folder(tmp_path / "one", tmp_path / "runs" / "here")
    assert (tmp_path / "runs" / "here" / "file").read_text() == "one" and not (tmp_path / "one").exists()
    with pytest.raises(OSError):
        files.place_folder(tmp_path / "two", tmp_path / "runs" / "here")
    assert (tmp_path / "runs" / "here" / "file").read_text() == "one"


def test_the_file_written_aside_keeps_the_suffix_keras_chooses_the_format_by(tmp_path: Path) -> None:
    with files.replacing(tmp_path / "model.weights.h5") as aside:
        assert aside.name.endswith(".weights.h5")
        aside.write_bytes(b"x")


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    files.write_bytes(path, b"old")
    code = (
        "import os, sys; from pathlib import Path; from dashboard.core import files\n"
        "with files.replacing(Path(sys.argv[1])) as aside:\n    aside.write_bytes(b'new'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=Path(__file__).parents[2])
    assert done.returncode == -9
    assert path.read_bytes() == b"old"


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # The example of FIPS 180-2, appendix B.1.
    assert files.sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OSError):
        files.write_bytes(tmp_path / "x", b"")


def test_files_that_appear_together_are_nowhere_before_and_whole_afterwards(tmp_path: Path) -> None:
    aside, paths = tmp_path / "aside", [tmp_path / "objects" / str(number) / "file" for number in range(40)]
    aside.mkdir()
    together = files.Together(aside)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda path: together.add(path, path.parent.name.encode() * 1000), paths))
    assert not [path for path in paths if path.exists()]
    together.commit()
    assert all(path.read_bytes() == path.parent.name.encode() * 1000 for path in paths)
    assert list(aside.iterdir()) == []
    together.commit()


def test_what_is_added_while_others_appear_appears_with_the_next(tmp_path: Path, monkeypatch) -> None:
    together, sync = files.Together(tmp_path), os.sync

    def add_and_sync() -> None:
        together.add(tmp_path / "late", b"late")
        sync()

    together.add(tmp_path / "early", b"early")
    monkeypatch.setattr(os, "sync", add_and_sync)
    together.commit()
    assert (tmp_path / "early").exists() and not (tmp_path / "late").exists()
    together.commit()
    assert (tmp_path / "late").read_bytes() == b"late"


def test_of_files_that_appear_together_none_does_when_one_cannot_be_forced_to_the_disk(
    tmp_path: Path, monkeypatch
) -> None:
    def fails(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    together = files.Together(tmp_path)
    together.add(tmp_path / "file", b"x")
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output"):
        together.commit()
    assert not (tmp_path / "file").exists()
