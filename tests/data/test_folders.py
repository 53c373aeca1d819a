import os
from pathlib import Path

import pytest

from dashboard.core.errors import UploadError
from dashboard.data import datasets, folders, intake, names
from dashboard.data.intake import Source
from tests.making import classes, folder_of, picture


def found(folder: Path) -> dict[str, str]:
    entries, _ = folders.directory(folder)
    return {entry.path: entry.refusal.code if entry.refusal else "" for entry in entries}


def test_files_come_in_order_without_clutter(tmp_path):
    clutter = {".git/HEAD": b"x", "b/.DS_Store": b"x", "Thumbs.db": b"x", "b/@eaDir/1.jpg": b"x"}
    assert list(found(folder_of(classes("b", "a", images=2) | clutter, tmp_path))) == [
        "a/0.png",
        "a/1.png",
        "b/0.png",
        "b/1.png",
    ]


def test_links_out_of_the_folder_and_things_that_are_no_files_are_refused(tmp_path):
    folder = folder_of(classes("a"), tmp_path / "set")
    (tmp_path / "secret.png").write_bytes(picture(1))
    (folder / "a" / "outside.png").symlink_to(tmp_path / "secret.png")
    (folder / "a" / "inside.png").symlink_to(folder / "a" / "0.png")
    (folder / "a" / "nowhere.png").symlink_to(tmp_path / "absent")
    (folder / "a" / "loop.png").symlink_to("loop.png")
    (folder / "everything").symlink_to("/")
    os.mkfifo(folder / "a" / "pipe.png")
    assert {path: code for path, code in found(folder).items() if code} == {
        "a/outside.png": "member-link",
        "a/nowhere.png": "member-link",
        "a/loop.png": "member-link",
        "everything": "member-link",
        "a/pipe.png": "member-special",
    }
    assert found(folder)["a/inside.png"] == ""


def test_what_has_changed_since_the_folder_was_listed_costs_that_file_only(tmp_path):
    folder = folder_of(classes("a", images=6), tmp_path / "set")
    entries, paths = folders.directory(folder)
    gone, pipe, link, grown, door, fine = paths
    gone.unlink()
    pipe.unlink()
    os.mkfifo(pipe)  # opening it would wait for ever
    link.unlink()
    link.symlink_to("/dev/zero")  # reading it would never end
    with grown.open("wb") as file:
        file.truncate(100 * 1024**2)
    door.unlink()
    door.mkdir()
    found = list(folders.contents(entries, paths))
    codes = [each.refusal.code if each.refusal else "" for each in found]
    assert codes == ["member-unreadable", "member-special", "member-special", "member-too-large", "member-special", ""]
    assert found[-1].data == fine.read_bytes()
    assert "104,857,600 bytes" in found[3].refusal.message


def test_a_file_that_is_gone_when_it_is_looked_at_is_no_link(tmp_path):
    entry = folders._entry("a/0.png", 0, tmp_path / "a" / "0.png", tmp_path)
    assert entry.refusal is not None
    assert (entry.refusal.code, "No such file" in entry.refusal.message) == ("member-unreadable", True)


def test_folders_are_walked_at_any_depth(tmp_path):
    deep = tmp_path
    for _ in range(400):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "1.png").write_bytes(picture(1))
    assert list(found(tmp_path)) == ["d/" * 400 + "1.png"]


def test_names_that_are_no_utf8_are_read_as_latin1(tmp_path, workspace):
    folder = folder_of(classes("roses"), tmp_path / "set")
    folder_of(classes("tulips"), tmp_path / "other")
    os.rename(os.fsencode(tmp_path / "other" / "tulips"), os.fsencode(folder) + b"/caf\xe9")
    for number in range(4):
        (Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9")) / f"{number}.png").write_bytes(picture(300 + number))
    dataset = intake.import_pictures(Source(folder, "set"), name="set")
    assert datasets.class_names(dataset) == ["caf\u00e9", "roses"]


@pytest.mark.parametrize("name", ["a/1.png", "./a//1.png", "a/./1.png"])
def test_a_tidy_name_has_no_empty_parts(name):
    assert names.tidy(name) == "a/1.png"


@pytest.mark.parametrize(
    "name", ["cat ", " cat", "a b", "кот", "חתול", "\U0001f98a", "-rf", "~", "$(ls)", "a\\b", "...", "=1+1"]
)
def test_odd_but_honest_names_stay_as_they_are(name):
    assert names.tidy(f"{name}/1.png") == f"{name}/1.png"


@pytest.mark.parametrize(
    "name",
    ["", "/", "..", "a/..", "\0", "a\tb", "\u202eabc", "x" * 256, "\ud800", "a\u2028b", " ", "a/\u200b/b", "\u3164/a"],
)
def test_names_that_mislead_are_refused_and_shown_harmlessly(name):
    with pytest.raises(UploadError):
        names.tidy(name)
    assert names.shown(name).isprintable()
    assert names.shown(name)
