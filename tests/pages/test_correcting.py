"""A wrong picture is chosen in the wall and put right, as a person does it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.core import database
from dashboard.data import datasets, intake
from dashboard.data.datasets import Dataset
from dashboard.runs import batch_rows, batches
from dashboard.runs.batch_rows import Row
from dashboard.ui import text
from tests.pages.conftest import OpenPage, settle
from tests.pages.test_dataset import archive, shown, upload
from tests.sharing import once


def newest() -> Dataset:
    return datasets.get(datasets.listing()["id"].iloc[0])


def class_of(path: str) -> str:
    return str(datasets.members(newest()).set_index("path").at[path, "class_name"])


def choose(at: AppTest, *paths: str) -> AppTest:
    dataset = newest()
    digests = datasets.members(dataset).set_index("path")["sha256"]
    for path in paths:
        at.checkbox(key=f"dataset_pick_{dataset.version}_{digests[path]}").check()
    return at


def press(at: AppTest, key: str) -> AppTest:
    return next(each for each in at.button if each.key == key).click().run()


def says(at: AppTest, sentence: str) -> bool:
    return any(text.literal(sentence) in each.value for each in (*at.markdown, *at.error))


@pytest.fixture
def pets(workspace: Path, open_page: OpenPage, tmp_path_factory: pytest.TempPathFactory) -> AppTest:
    """The Data page of a workspace with ten pictures each of cats and dogs, imported once for all."""

    def make(folder: Path) -> None:
        path = tmp_path_factory.mktemp("pets") / "pets.zip"
        path.write_bytes(archive({"cat": 10, "dog": 10}))
        intake.import_pictures(intake.Source(path, "pets.zip"), name="pets")
        database.database().dispose()
        shutil.move(workspace, folder)

    shutil.copytree(once(tmp_path_factory, "workspace-of-pets", make), workspace, dirs_exist_ok=True)
    return settle(open_page("dataset"), lambda at: "Pictures" in shown(at))


def test_chosen_pictures_are_moved_and_the_move_is_undone(pets: AppTest) -> None:
    at = choose(pets, "pets/cat/0.png", "pets/cat/1.png")
    at.selectbox(key="dataset_move_to").set_value("dog")
    press(at, "dataset_move")
    assert says(at, "2 pictures moved to 'dog'. Version 2.")
    assert class_of("pets/cat/0.png") == class_of("pets/cat/1.png") == "dog"
    press(at, "dataset_undo")
    assert says(at, "Undone: 2 pictures moved to 'dog'. Version 3.")
    assert class_of("pets/cat/0.png") == "cat"
    assert not at.exception and not any(box.value for box in at.checkbox)


def test_a_class_that_is_not_there_is_made(pets: AppTest) -> None:
    at = choose(pets, *(f"pets/cat/{number}.png" for number in range(4)))
    at.text_input(key="dataset_move_new").set_value(" kitten ")
    press(at, "dataset_move")
    assert says(at, "4 pictures moved to 'kitten'. Version 2.")
    assert "kitten" in at.selectbox(key="dataset_class_shown").options
    assert at.text_input(key="dataset_move_new").value == ""


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda at: press(at, "dataset_leave_out"), "No picture was chosen"),
        (lambda at: press(choose(at, "pets/cat/0.png"), "dataset_move"), "Choose the class to move the pictures to"),
        (lambda at: press(at, "dataset_erase"), "No picture was chosen"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_changed(
    pets: AppTest, act: Callable[[AppTest], AppTest], words: str
) -> None:
    at = act(pets)
    assert words in at.error[0].value.replace("\\", "") and newest().version == 1
    assert not at.exception


def test_a_refused_move_leaves_the_pictures_chosen(pets: AppTest) -> None:
    at = choose(pets, "pets/cat/0.png")
    at.text_input(key="dataset_move_new").set_value("kitten")
    press(at, "dataset_move")
    assert "at least 3 are needed" in at.error[0].value.replace("\\", "")
    assert sum(box.value for box in at.checkbox) == 1


def test_what_was_left_out_is_found_again_and_put_back(pets: AppTest) -> None:
    at = press(choose(pets, "pets/dog/3.png"), "dataset_leave_out")
    assert says(at, "1 picture left out. Version 2.") and shown(at)["Pictures"] == "19"
    at.selectbox(key="dataset_attention").set_value("left out").run()
    assert [box.label for box in at.checkbox] == ["3.png"]
    next(iter(at.checkbox)).check()
    press(at, "dataset_put_back")
    assert says(at, "1 picture put back. Version 3.") and shown(at)["Pictures"] == "20"


def test_deleting_asks_once_more_and_names_what_is_lost(pets: AppTest, workspace: Path) -> None:
    digest = datasets.members(newest()).set_index("path").at["pets/cat/0.png", "sha256"]
    at = press(choose(pets, "pets/cat/0.png"), "dataset_erase")
    assert any("pets/cat/0.png" in each.value for each in at.text)
    assert says(at, "This cannot be undone.") and datasets.picture_path(digest).exists() and newest().version == 1
    press(at, "dataset_erase_no")
    assert not any(each.key == "dataset_erase_yes" for each in at.button)
    press(choose(at, "pets/cat/0.png"), "dataset_erase")
    predicted = workspace / "predictions" / "of-before"
    predicted.mkdir(parents=True)
    (predicted / batches.REQUEST).touch()
    batch_rows.append(predicted, [Row("again.png", sha256=digest, thumbnail=b"what it looks like")], ["cat", "dog"])
    press(at, "dataset_erase_yes")
    assert says(at, "1 picture deleted for good. Version 2.")
    assert not datasets.picture_path(digest).exists() and not datasets.thumbnail_path(digest).exists()
    assert not any(b"looks" in path.read_bytes() for path in predicted.iterdir())
    assert not any(each.key == "dataset_undo" for each in at.button)


def test_all_that_is_shown_is_chosen_at_once(pets: AppTest) -> None:
    at = pets.selectbox(key="dataset_class_shown").set_value("cat").run()
    press(at, "dataset_choose_all")
    assert sum(box.value for box in at.checkbox) == 10
    press(at, "dataset_choose_all")
    assert sum(box.value for box in at.checkbox) == 0


def test_classes_are_renamed_and_merged(open_page: OpenPage) -> None:
    at = upload(open_page("dataset"), archive({"cat": 5, "dog": 5, "hound": 5}))
    settle(at, lambda at: "Pictures" in shown(at))
    at.selectbox(key="dataset_rename_old").set_value("cat")
    at.text_input(key="dataset_rename_new").set_value("Felis")
    press(at, "dataset_rename_apply")
    assert says(at, "Class 'cat' renamed to 'Felis'. Version 2.")
    at.multiselect(key="dataset_merge_names").set_value(["hound"])
    at.selectbox(key="dataset_merge_into").set_value("dog")
    press(at, "dataset_merge_apply")
    assert says(at, "'hound' merged into 'dog', 5 pictures. Version 3.")
    assert datasets.class_names(newest()) == ["Felis", "dog"]
    log = next(frame.value for frame in at.dataframe if "created_at" in frame.value.columns)
    assert log["version"].tolist() == [3, 2, 1]
    press(at, "dataset_undo_last")
    press(at, "dataset_undo_last")
    assert datasets.class_names(newest()) == ["cat", "dog", "hound"]
    assert next(each for each in at.button if each.key == "dataset_undo_last").disabled


def test_names_of_classes_are_literal_wherever_they_are_corrected(open_page: OpenPage) -> None:
    evil = ("<b>bold", "$x$", "[a](http:evil)", "**loud**")
    at = upload(open_page("dataset"), archive(dict.fromkeys(evil, 5)))
    settle(at, lambda at: "Pictures" in shown(at))
    for name in evil:
        path = f"pets/{evil[0]}/1.png" if name != evil[0] else f"pets/{evil[1]}/1.png"
        choose(at, path).selectbox(key="dataset_move_to").set_value(name)
        press(at, "dataset_move")
        assert says(at, f"1 picture moved to '{name}'.") and not at.exception
        assert not any(f"'{name}'" in each.value for each in at.markdown)
        press(at, "dataset_undo")


def test_the_wall_is_filtered_and_ordered(pets: AppTest) -> None:
    at = pets.selectbox(key="dataset_class_shown").set_value("cat").run()
    assert len(at.checkbox) == 10
    at.text_input(key="dataset_name_part").set_value("CAT/3").run()
    assert [box.label for box in at.checkbox] == ["3.png"]
    at.text_input(key="dataset_name_part").set_value("").run()
    at.selectbox(key="dataset_split_shown").set_value("train").run()
    training = datasets.members(newest()).query("class_name == 'cat' and split == 'train'")
    assert len(at.checkbox) == len(training)
    at.text_input(key="dataset_name_part").set_value("nowhere").run()
    assert not at.checkbox and any("No picture is like that" in each.value for each in at.caption)


def test_pages_turn_and_another_filter_begins_at_the_first(open_page: OpenPage) -> None:
    at = upload(open_page("dataset"), archive({"cat": 60, "dog": 50}))
    settle(at, lambda at: "Pictures" in shown(at))
    assert len(at.checkbox) == 16
    at.selectbox(key="dataset_class_shown").set_value("cat").run()
    assert len(at.checkbox) == 48
    press(at, "dataset_next_below")
    assert at.number_input(key="dataset_wall_page").value == 2 and len(at.checkbox) == 12
    press(at, "dataset_previous_above")
    at.number_input(key="dataset_wall_page").set_value(2).run()
    assert len(at.checkbox) == 12 and not at.exception
    at.selectbox(key="dataset_class_shown").set_value("dog").run()
    assert at.number_input(key="dataset_wall_page").value == 1 and len(at.checkbox) == 48
