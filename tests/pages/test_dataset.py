"""From pictures to a dataset, as a person does it."""

import io
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dashboard.data import attempts, datasets, imports, intake, samples
from tests.pages.conftest import OpenPage, plain, settle


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def archive(classes: dict[str, int], broken: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for position, (name, count) in enumerate(classes.items()):
            for number in range(count):
                file.writestr(f"pets/{name}/{number}.png", picture(position * 1000 + number))
        for number in range(broken):
            file.writestr(f"pets/{next(iter(classes))}/broken{number}.jpg", b"\xff\xd8\xff not a picture")
    return buffer.getvalue()


def upload(at, data: bytes, name: str = "pets.zip"):
    uploader = next(each for each in at.file_uploader if each.key.startswith("dataset_archive"))
    uploader.set_value((name, data, "application/zip"))
    at.run()
    at.button(key="dataset_add_archive").click().run()
    return at


def shown(at) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_an_uploaded_zip_becomes_a_dataset_with_its_refusals_listed(open_page: OpenPage) -> None:
    at = upload(open_page("dataset"), archive({"cat": 10, "dog": 10}, broken=2))
    settle(at, lambda at: shown(at).get("Pictures") == "20")
    assert shown(at)["Classes"] == "2"
    assert int(shown(at)["Training"]) + int(shown(at)["Validation"]) + int(shown(at)["Test"]) == 20
    assert any("2 files not taken" in expander.label for expander in at.expander)
    reasons = next(frame.value for frame in at.dataframe if "reason" in frame.value.columns)
    assert len(reasons) == 2 and set(reasons["path"]) == {"pets/cat/broken0.jpg", "pets/cat/broken1.jpg"}


@pytest.mark.parametrize(
    ("classes", "words"),
    [({"cat": 8}, "one class"), ({"cat": 8, "dog": 2}, "'dog' has 2")],
    ids=["one class", "a class too small"],
)
def test_a_dataset_that_cannot_be_trained_is_refused_and_the_form_stays(
    open_page: OpenPage, classes: dict[str, int], words: str
) -> None:
    at = upload(open_page("dataset"), archive(classes))
    settle(at, lambda at: bool(at.error))
    assert words in plain(at.error[0].value)
    assert any(each.key.startswith("dataset_archive") for each in at.file_uploader)
    assert datasets.listing().empty


def test_dividing_again_makes_a_new_version_and_leaves_the_old_one(open_page: OpenPage) -> None:
    at = upload(open_page("dataset"), archive({"cat": 20, "dog": 20}))
    settle(at, lambda at: "Pictures" in shown(at))
    at.number_input(key="dataset_test_share").set_value(30)
    at.button(key="dataset_split_apply").click().run()
    assert shown(at)["Test"] == "12"
    dataset = datasets.get(datasets.listing()["id"].iloc[0])
    assert dataset.version == 2
    old = datasets.members(datasets.get(dataset.id, 1))
    assert (old["split"] == "test").sum() == 6


def test_a_demo_set_is_one_click(open_page: OpenPage) -> None:
    at = open_page("dataset")
    next(each for each in at.segmented_control if each.key == "dataset_way").set_value("Demo set").run()
    next(each for each in at.segmented_control if each.key == "dataset_demo").set_value("shapes").run()
    at.slider(key="dataset_near").set_value(20).run()
    at.button(key="dataset_use_demo").click().run()
    settle(at, lambda at: "Pictures" in shown(at))
    assert shown(at)["Classes"] == "8" and int(shown(at)["Pictures"].replace(",", "")) > 480


def test_choosing_a_class_shows_only_its_pictures(open_page: OpenPage) -> None:
    at = upload(open_page("dataset"), archive({"cat": 5, "dog": 7}))
    settle(at, lambda at: "Pictures" in shown(at))
    at.selectbox(key="dataset_class_shown").set_value("dog").run()
    assert not at.exception
    assert not any("**cat**" in each.value for each in at.markdown)


def test_names_of_classes_are_shown_as_they_are(open_page: OpenPage, workspace: Path) -> None:
    at = upload(open_page("dataset"), archive({"<b>bold": 5, "$x$": 5, "[a](http:evil)": 5}))
    settle(at, lambda at: "Pictures" in shown(at))
    text = "\n".join(each.value for each in at.markdown)
    assert "\\<b\\>bold" in text and "\\$x\\$" in text


def test_two_datasets_of_one_name_can_be_told_apart(open_page: OpenPage) -> None:
    for _ in range(2):
        samples.import_sample("shapes", settings=samples.ShapesSettings(images_a_class=6, side=32))
    at = open_page("dataset")
    options = at.selectbox(key="frame_dataset").options
    assert len(datasets.listing()) == 2 and len(set(options)) == 2
    at.selectbox(key="frame_dataset").set_value(datasets.listing()["id"].iloc[1]).run()
    assert not at.exception


def test_an_import_that_was_interrupted_is_offered_and_goes_on(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "pets.zip"
    path.write_bytes(archive({"cat": 8, "dog": 8}))
    request = intake.request(intake.Source(path, "pets.zip"), "pets <b>")
    with suppress(KeyboardInterrupt), imports.at_work(request) as under_way:
        attempts.read_all(under_way, staged=False, on_progress=None, cancelled=None)
        raise KeyboardInterrupt
    at = open_page("dataset")
    assert any("pets \\<b\\>" in each.value and "after 16 files" in each.value for each in at.markdown)
    at.button(key=f"dataset_go_on_{request.id}").click().run()
    settle(at, lambda at: shown(at).get("Pictures") == "16")
    assert not imports.unfinished()


def test_an_import_that_was_interrupted_can_be_discarded(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "pets.zip"
    path.write_bytes(archive({"cat": 8, "dog": 8}))
    request = intake.request(intake.Source(path, "pets.zip"), "pets")
    with suppress(KeyboardInterrupt), imports.at_work(request):
        raise KeyboardInterrupt
    at = open_page("dataset")
    at.button(key=f"dataset_discard_{request.id}").click().run()
    assert not at.exception and not imports.unfinished() and path.exists()


def test_more_pictures_for_a_dataset_are_a_new_version_of_it(open_page: OpenPage) -> None:
    at = upload(open_page("dataset"), archive({"cat": 8, "dog": 8}))
    settle(at, lambda at: shown(at).get("Pictures") == "16")
    at.radio(key="dataset_into").set_value(datasets.listing()["id"].iloc[0]).run()
    more = io.BytesIO()
    with zipfile.ZipFile(more, "w") as file:
        for number in range(5):
            file.writestr(f"bird/{number}.png", picture(90_000 + number))
    at = upload(at, more.getvalue(), "birds.zip")
    settle(at, lambda at: shown(at).get("Pictures") == "21")
    assert shown(at)["Classes"] == "3" and len(datasets.listing()) == 1
    assert datasets.get(datasets.listing()["id"].iloc[0]).version == 2
