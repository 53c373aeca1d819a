"""Folders on the server: whatever is asked for, nothing outside the roots is listed or taken."""

import os
from pathlib import Path

import pytest

from dashboard.core.errors import UploadError
from dashboard.core.settings import settings
from dashboard.data import places
from tests.making import classes, folder_of


@pytest.fixture
def root(tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with two folders of pictures, links of every kind, and a folder beside it that is nobody's business."""
    folder = folder_of(classes("roses", "tulips"), tmp_path / "sets" / "flowers").parent
    secret = folder_of(classes("a"), tmp_path / "secret")
    (folder / "outside").symlink_to(secret)
    (folder / "twin").symlink_to(folder_of(classes("a"), tmp_path / "sets2"))  # begins with the root's name
    (folder / "inside").symlink_to(folder / "flowers")
    (folder / "loop").symlink_to("loop")
    (folder / ".hidden").mkdir()
    (folder / "line\nbreak").mkdir()
    monkeypatch.setenv("THAW_FOLDERS", os.pathsep.join([str(folder), str(tmp_path / "gone")]))
    settings.cache_clear()
    return folder


def test_nothing_is_offered_unless_a_setting_names_it(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THAW_FOLDERS", raising=False)
    settings.cache_clear()
    assert places.roots() == []
    with pytest.raises(UploadError) as refusal:
        places.resolve(Path("/"), "")
    assert refusal.value.code == "folder-outside"


def test_folders_are_listed_without_links_and_hidden_ones(root: Path) -> None:
    assert places.roots() == [root]
    assert places.subfolders(root) == ["flowers"]
    assert places.subfolders(root, "flowers") == ["roses", "tulips"]
    assert places.resolve(root, "flowers/roses") == root / "flowers" / "roses"
    assert places.resolve(root, "inside/roses") == root / "flowers" / "roses"


@pytest.mark.parametrize(
    "relative",
    [
        *(
            "..",
            "../secret",
            "flowers/../../secret",
            "/etc",
            "/",
            "flowers//etc",
            "outside",
            "outside/a",
            "twin",
            "loop",
            "\0",
        ),
        *("flowers/../../sets/../secret", "x" * 5000, "../sets2", "//", "~/.."),
    ],
)
def test_whatever_leads_out_is_refused(root: Path, relative: str) -> None:
    for ask in (places.resolve, places.subfolders):
        with pytest.raises(UploadError) as refusal:
            ask(root, relative)
        assert refusal.value.code in ("folder-outside", "folder-missing")
        assert str(root.parent / "secret") not in refusal.value.message


def test_a_root_nobody_named_is_refused(root: Path, tmp_path: Path) -> None:
    for other in (tmp_path, root / "flowers", Path("/"), root / ".."):
        with pytest.raises(UploadError) as refusal:
            places.resolve(other, "")
        assert refusal.value.code == "folder-outside"


def test_a_folder_that_went_away_is_named(root: Path) -> None:
    with pytest.raises(UploadError, match="no folder 'gone'") as refusal:
        places.resolve(root, "gone")
    assert refusal.value.code == "folder-missing"


def test_a_place_of_very_many_folders_is_listed_in_part(root: Path) -> None:
    for number in range(places.MOST_FOLDERS + 10):
        (root / "many" / f"{number:05d}").mkdir(parents=True)
    assert len(places.subfolders(root, "many")) == places.MOST_FOLDERS
