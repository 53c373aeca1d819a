"""Which pictures are asked for, and in which order."""

from pathlib import Path

import pytest

from dashboard.core.errors import UploadError
from dashboard.data import asking
from dashboard.data.asking import Asked, Given
from tests.making import folder_of, picture, zip_of

NAMES = ["roses", "tulips"]
FILES = {
    "roses/1.png": picture(1),
    "roses/2.png": picture(2),
    "tulips/1.png": picture(3),
    "other/4.png": picture(4),
    "roses/README.md": b"words",
    "__MACOSX/roses/._1.png": b"",
}


def pairs(*paths: Path) -> tuple[tuple[str, str], ...]:
    return tuple((str(path), path.name) for path in paths)


def listed(*paths: Path, **more: object) -> list[Asked]:
    return asking.listed(Given(pairs(*paths), **more), NAMES)[0]


def paths_of(asked: list[Asked]) -> list[str]:
    return [each.path for each in asked]


def test_folders_and_archives_give_their_pictures_and_leave_aside_what_is_none(tmp_path: Path) -> None:
    archive, folder = zip_of(FILES, tmp_path / "new.zip"), folder_of(FILES, tmp_path / "new")
    found, aside = asking.listed(Given(pairs(archive)), NAMES)
    assert paths_of(found) == ["roses/1.png", "roses/2.png", "tulips/1.png", "other/4.png"]
    assert aside == 1
    assert paths_of(listed(folder)) == ["new/other/4.png", "new/roses/1.png", "new/roses/2.png", "new/tulips/1.png"]
    assert paths_of(listed(archive, folder))[3:5] == ["new.zip/other/4.png", "new/other/4.png"]


def test_the_innermost_folder_named_for_a_class_of_the_run_says_what_is_right(tmp_path: Path) -> None:
    files = {"a/roses/x/1.png": b"", "tulips/roses/2.png": b"", "Roses/3.png": b"", "4.png": b"", "a/roses.png": b""}
    true = {each.path: each.true for each in listed(zip_of(files, tmp_path / "new.zip"))}
    assert true == {
        "a/roses/x/1.png": "roses",
        "tulips/roses/2.png": "roses",
        "Roses/3.png": "",
        "4.png": "",
        "a/roses.png": "",
    }


def test_a_file_given_by_itself_is_asked_for_whatever_it_is_called_and_twice_if_given_twice(tmp_path: Path) -> None:
    folder = folder_of({"a/1.png": picture(1), "b/1.png": picture(2), "notes.txt": b"words"}, tmp_path / "new")
    found = listed(folder / "a/1.png", folder / "b/1.png", folder / "notes.txt", folder / "gone.png")
    assert paths_of(found) == ["1.png", "1.png", "notes.txt", "gone.png"]
    assert [each.code for each in found] == ["", "", "", "member-unreadable"]


def test_an_archive_that_cannot_be_read_is_a_row_beside_others_and_the_reason_alone(tmp_path: Path) -> None:
    broken = folder_of({"broken.zip": b"PK\3\4 and nothing"}, tmp_path) / "broken.zip"
    found = listed(broken, zip_of(FILES, tmp_path / "new.zip"))
    assert found[0].path == "broken.zip" and found[0].code == "archive-truncated" and len(found) == 5
    with pytest.raises(UploadError) as refusal:
        listed(broken)
    assert refusal.value.code == "archive-truncated"


@pytest.mark.parametrize("nothing", [{}, {"README.md": b"words"}], ids=["empty", "no pictures"])
def test_nothing_to_predict_is_refused(tmp_path: Path, nothing: dict[str, bytes]) -> None:
    with pytest.raises(UploadError) as refusal:
        listed(folder_of(nothing | {".keep": b""}, tmp_path / "new"))
    assert refusal.value.code == "prediction-empty"


@pytest.mark.parametrize(
    "text",
    [
        "roses/2.png\ntulips/1.png\nroses/9.png\n",
        "name\nroses/2.png\ntulips/1.png\nroses/9.png\n",
        "id;file;note\n1;roses/2.png;x\n2;tulips/1.png;y\n3;roses/9.png;z\n",
        "\ufeffpath\tlabel\r\n.\\roses\\2.png\ta\r\ntulips\\1.png\tb\r\nroses/9.png\tc\r\n",
    ],
    ids=["one column", "a header", "three columns", "Windows"],
)
def test_a_list_chooses_among_what_came_with_it_and_says_what_it_names_in_vain(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.csv").write_text(text, newline="")
    found = listed(zip_of(FILES, tmp_path / "new.zip"), lists=pairs(tmp_path / "list.csv"))
    assert paths_of(found) == ["roses/2.png", "tulips/1.png", "roses/9.png"]
    assert [each.code for each in found] == ["", "", "list-unknown"]


def test_a_list_that_could_mean_several_pictures_says_so(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("1.png\nroses/2.png\n")
    found = listed(zip_of(FILES, tmp_path / "new.zip"), lists=pairs(tmp_path / "list.csv"))
    assert paths_of(found) == ["roses/2.png", "1.png"]
    assert "several pictures have that name" in found[1].reason


def test_a_list_by_itself_names_files_relative_to_its_folder(tmp_path: Path) -> None:
    folder_of({"roses/1.png": picture(1), "other.png": picture(2)}, tmp_path / "pictures")
    (tmp_path / "pictures/list.csv").write_text(f"file\nroses/1.png\n../pictures/other.png\n{tmp_path}/gone.png\n")
    found = listed(lists=pairs(tmp_path / "pictures/list.csv"), chooses=False)
    assert paths_of(found) == ["roses/1.png", "../pictures/other.png", f"{tmp_path}/gone.png"]
    assert [each.code for each in found] == ["", "", "member-unreadable"]
    assert found[0].true == "roses" and Path(found[1].below).read_bytes() == picture(2)


def test_a_list_that_names_no_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("a,b\n1,x\n")
    with pytest.raises(UploadError) as refusal:
        listed(zip_of(FILES, tmp_path / "new.zip"), lists=pairs(tmp_path / "list.csv"))
    assert refusal.value.code == "list-no-pictures"


def test_a_list_on_the_page_reaches_nothing_but_what_came_with_it(tmp_path: Path) -> None:
    secret = folder_of({"secret.png": picture(9)}, tmp_path / "elsewhere") / "secret.png"
    (tmp_path / "list.csv").write_text(
        f"file\n{secret}\n../elsewhere/secret.png\nhttps://host/roses/1.png\nroses/1.png\n"
    )
    found = listed(zip_of(FILES, tmp_path / "new.zip"), lists=pairs(tmp_path / "list.csv"))
    assert [each.path for each in found if not each.code] == ["roses/1.png"]
    assert {each.code for each in found[1:]} == {"list-unknown"} and len(found) == 4
