"""Classes from a label file, as a person confirms them; folders on the server and links, where settings allow them."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.core.settings import settings
from dashboard.data import datasets
from tests.making import classes, folder_of, picture, zip_of
from tests.pages.conftest import OpenPage, plain, settle
from tests.pages.test_dataset import shown

ROWS = [(f"{n}.png", ("cat", "dog")[n % 2], ("indoors", "outdoors", "unknown")[n % 3], f"p{n // 2}") for n in range(12)]
TABLE = "file,label,place,patient\n" + "".join(",".join(row) + "\n" for row in ROWS)
UNNAMED = "".join(",".join(row[:3]) + "\n" for row in ROWS)


def flat(table: str, name: str = "labels.csv") -> dict[str, bytes]:
    return {f"pets/{n}.png": picture(n) for n in range(12)} | {f"pets/{name}": table.encode()}


def send(at: AppTest, files: dict[str, bytes], tmp_path: Path) -> AppTest:
    data = zip_of(files, tmp_path / "pets.zip").read_bytes()
    uploader = next(each for each in at.file_uploader if each.key.startswith("dataset_archive"))
    uploader.set_value(("pets.zip", data, "application/zip"))
    at.run()
    return at.button(key="dataset_add_archive").click().run()


def asked(at: AppTest) -> bool:
    return any(button.key == "labels_import" for button in at.button)


def text_of(at: AppTest) -> str:
    return "\n".join(each.value for each in at.markdown)


def uploads(workspace: Path) -> list[Path]:
    return list((workspace / "uploads").iterdir())


def test_a_label_file_is_confirmed_before_anything_is_taken(
    open_page: OpenPage, tmp_path: Path, workspace: Path
) -> None:
    at = settle(send(open_page("dataset"), flat(TABLE), tmp_path), asked)
    assert datasets.listing().empty
    assert "names 12 of 12 pictures" in text_of(at) and "2 classes" in text_of(at)
    boxes = {box.label: box.value for box in at.selectbox if box.key.startswith("labels_0")}
    assert boxes == {"Pictures": ("file",), "Classes": ("label",), "Split": ("",), "Group": ("patient",)}
    assert at.dataframe[0].value.iloc[1].tolist() == list(ROWS[1])

    at.button(key="labels_import").click().run()
    settle(at, lambda at: shown(at).get("Pictures") == "12")
    assert shown(at)["Classes"] == "2" and not asked(at)
    assert uploads(workspace) == []


def test_another_column_can_be_chosen(open_page: OpenPage, tmp_path: Path) -> None:
    at = settle(send(open_page("dataset"), flat(TABLE), tmp_path), asked)
    at.selectbox(key="labels_0_class").set_value(("place",)).run()
    at.button(key="labels_import").click().run()
    settle(at, lambda at: shown(at).get("Pictures") == "12")
    assert datasets.class_names(datasets.get(datasets.listing()["id"].iloc[0])) == ["indoors", "outdoors", "unknown"]


def test_what_is_not_clear_is_asked(open_page: OpenPage, tmp_path: Path) -> None:
    at = settle(send(open_page("dataset"), flat(UNNAMED), tmp_path), asked)
    assert "Several columns" in at.warning[0].value
    assert at.button(key="labels_import").disabled
    at.selectbox(key="labels_0_class").set_value(("Column 2",)).run()
    assert not at.button(key="labels_import").disabled
    at.selectbox(key="labels_0_split").set_value(("Column 2",)).run()
    assert at.button(key="labels_import").disabled


def test_after_a_refusal_other_columns_can_be_tried(open_page: OpenPage, tmp_path: Path, workspace: Path) -> None:
    at = settle(send(open_page("dataset"), flat(TABLE), tmp_path), asked)
    at.selectbox(key="labels_0_group").set_value(("",)).run()
    at.selectbox(key="labels_0_class").set_value(("patient",)).run()
    at.button(key="labels_import").click().run()
    settle(at, lambda at: bool(at.error))
    assert "2 pictures; at least 3" in plain(at.error[0].value) and datasets.listing().empty
    assert asked(at) and len(uploads(workspace)) == 1
    at.selectbox(key="labels_0_class").set_value(("label",)).run()
    at.button(key="labels_import").click().run()
    settle(at, lambda at: shown(at).get("Pictures") == "12")
    assert uploads(workspace) == []


def test_cancel_takes_nothing_and_leaves_nothing(open_page: OpenPage, tmp_path: Path, workspace: Path) -> None:
    at = settle(send(open_page("dataset"), flat(TABLE), tmp_path), asked)
    at.button(key="labels_cancel").click().run()
    assert not asked(at) and datasets.listing().empty and uploads(workspace) == []
    assert any(each.key.startswith("dataset_archive") for each in at.file_uploader)


def test_a_file_that_is_no_table_is_named(open_page: OpenPage, tmp_path: Path, workspace: Path) -> None:
    at = settle(send(open_page("dataset"), flat('a,"b\nc,d\n'), tmp_path), lambda at: bool(at.error))
    assert "pets/labels.csv cannot be used" in plain(at.error[0].value) and "line 1" in plain(at.error[0].value)
    assert uploads(workspace) == []


def test_folders_win_and_the_label_file_is_one_click_away(open_page: OpenPage, tmp_path: Path, workspace: Path) -> None:
    files = {f"pets/{('old', 'new')[n // 6]}/{n}.png": picture(n) for n in range(12)} | {"pets/a.csv": TABLE.encode()}
    at = settle(send(open_page("dataset"), files, tmp_path), lambda at: shown(at).get("Pictures") == "12")
    assert "The folders gave the classes. A label file was found too" in text_of(at)
    assert datasets.class_names(datasets.get(datasets.listing()["id"].iloc[0])) == ["new", "old"]

    at.button(key="labels_instead").click().run()
    assert asked(at)
    at.button(key="labels_import").click().run()
    settle(at, lambda at: not asked(at) and len(datasets.listing()) == 2)
    assert datasets.class_names(datasets.get(datasets.listing()["id"].iloc[0])) == ["cat", "dog"]
    assert uploads(workspace) == []


def test_a_label_file_nobody_wants_is_dismissed(open_page: OpenPage, tmp_path: Path, workspace: Path) -> None:
    files = {f"{('old', 'new')[n // 6]}/{n}.png": picture(n) for n in range(12)} | {"a.csv": TABLE.encode()}
    at = settle(send(open_page("dataset"), files, tmp_path), lambda at: shown(at).get("Pictures") == "12")
    at.button(key="labels_dismiss").click().run()
    assert "label file" not in text_of(at) and uploads(workspace) == []


def test_an_upload_without_a_label_file_is_taken_as_before(
    open_page: OpenPage, tmp_path: Path, workspace: Path
) -> None:
    at = settle(
        send(open_page("dataset"), classes("cat", "dog"), tmp_path), lambda at: shown(at).get("Pictures") == "8"
    )
    assert "label file" not in text_of(at) and uploads(workspace) == []


def test_columns_with_names_that_mislead_are_shown_as_they_are(open_page: OpenPage, tmp_path: Path) -> None:
    table = TABLE.replace("label", "[label](http://evil)")
    at = settle(send(open_page("dataset"), flat(table, "$x$ [a](http:evil).csv"), tmp_path), asked)
    assert "\\[a\\]\\(http" in text_of(at)
    assert "[label](http://evil)" in at.dataframe[0].value.columns
    assert not at.exception


# Folders on the server, and links


def ways(at: AppTest) -> list[str]:
    return next(each for each in at.segmented_control if each.key == "dataset_way").options


def test_server_folders_and_links_are_absent_unless_settings_allow_them(open_page: OpenPage) -> None:
    assert ways(open_page("dataset")) == ["Zip or tar", "Folder", "Class by class", "Demo set"]


def choose(at: AppTest, way: str) -> AppTest:
    return next(each for each in at.segmented_control if each.key == "dataset_way").set_value(way).run()


def test_a_folder_on_the_server_is_found_and_taken(
    open_page: OpenPage, tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(classes("cat", "dog"), tmp_path / "sets" / "deep" / "pets")
    monkeypatch.setenv("THAW_FOLDERS", str(tmp_path / "sets"))
    settings.cache_clear()
    at = choose(open_page("dataset"), "Folder on this server")
    for step in ("deep", "pets", None, "pets"):
        if step is None:
            at.button(key="dataset_place_up").click().run()
        else:
            next(box for box in at.selectbox if box.label == "Open").set_value(step).run()
    assert next(box for box in at.selectbox if box.label == "Open").options == ["cat", "dog"]
    at.button(key="dataset_add_place").click().run()
    settle(at, lambda at: shown(at).get("Pictures") == "8")
    assert datasets.listing()["name"].tolist() == ["pets"]
    assert (tmp_path / "sets" / "deep" / "pets" / "cat").is_dir()


def test_a_folder_on_the_server_may_have_a_label_file(
    open_page: OpenPage, tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(flat(TABLE), tmp_path / "sets")
    monkeypatch.setenv("THAW_FOLDERS", str(tmp_path / "sets"))
    settings.cache_clear()
    at = choose(open_page("dataset"), "Folder on this server")
    at.button(key="dataset_add_place").click().run()
    settle(at, asked)
    at.button(key="labels_import").click().run()
    settle(at, lambda at: shown(at).get("Pictures") == "12")
    assert (tmp_path / "sets" / "pets" / "labels.csv").is_file()


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://pictures.example/a.zip", "begin with https"), ("https://127.0.0.1/a.zip", "not on the public internet")],
)
def test_a_link_that_is_not_fetched_says_why(
    open_page: OpenPage, workspace: Path, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.setenv("THAW_LINKS", "1")
    settings.cache_clear()
    at = choose(open_page("dataset"), "Link")
    at.text_input(key="dataset_link").set_value(url).run()
    at.button(key="dataset_add_link").click().run()
    settle(at, lambda at: bool(at.error))
    assert words in plain(at.error[0].value)
    assert not (workspace / "uploads").exists() or uploads(workspace) == []
