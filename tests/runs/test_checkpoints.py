"""Checkpoints: whole and verified, or not there."""

from pathlib import Path

import pytest

from dashboard.runs import checkpoints


def write(root: Path, epoch: int, text: str = "weights") -> Path:
    with checkpoints.writing(root, epoch) as folder:
        (folder / "state.weights.h5").write_text(f"{text} {epoch}")
        (folder / "trainer.json").write_text("{}")
    return checkpoints.path(root, epoch)


def test_a_checkpoint_is_whole_once_written(tmp_path: Path) -> None:
    folder = write(tmp_path, 7)
    assert folder.name == "epoch-0007"
    assert checkpoints.is_whole(folder)
    assert sorted(each.name for each in folder.iterdir()) == ["SHA256SUMS", "state.weights.h5", "trainer.json"]


def test_a_flipped_bit_or_a_missing_file_is_seen(tmp_path: Path) -> None:
    folder = write(tmp_path, 1)
    (folder / "state.weights.h5").write_text("weights 2")
    assert not checkpoints.is_whole(folder)
    (folder / "state.weights.h5").unlink()
    assert not checkpoints.is_whole(folder)
    assert not checkpoints.is_whole(tmp_path / "nowhere")


def test_a_checkpoint_that_breaks_off_leaves_nothing_and_spoils_nothing(tmp_path: Path) -> None:
    write(tmp_path, 1)
    with pytest.raises(OSError, match="disk full"), checkpoints.writing(tmp_path, 2) as folder:
        (folder / "state.weights.h5").write_text("half")
        raise OSError("disk full")
    assert checkpoints.epochs(tmp_path) == [1]
    assert [each.name for each in (tmp_path / "checkpoints").iterdir()] == ["epoch-0001"]


def test_a_damaged_checkpoint_is_written_again_in_its_place(tmp_path: Path) -> None:
    (write(tmp_path, 1) / "trainer.json").write_text("damaged")
    assert checkpoints.is_whole(write(tmp_path, 1))


def test_only_the_wanted_checkpoints_are_kept_and_leftovers_go(tmp_path: Path) -> None:
    for epoch in range(1, 6):
        write(tmp_path, epoch)
    (tmp_path / "checkpoints" / ".1234-epoch-0006").mkdir()
    checkpoints.keep(tmp_path, {2, 4, 5})
    assert sorted(each.name for each in (tmp_path / "checkpoints").iterdir()) == [
        "epoch-0002",
        "epoch-0004",
        "epoch-0005",
    ]
    assert checkpoints.epochs(tmp_path) == [5, 4, 2]


def test_a_run_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert checkpoints.epochs(tmp_path) == []
