"""The Predict page, with a network that was drawn and never trained."""

import io
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.core.settings import settings
from dashboard.data.asking import Given
from dashboard.runs import batch_rows, batches
from dashboard.runs.run import Run
from dashboard.ui import places, predicted, predicting, resources
from tests.drawn import CLASS_NAMES, drawn_run
from tests.making import folder_of, picture, zip_of
from tests.pages.conftest import enter, plain, settle

pytestmark = pytest.mark.slow

COUNT = 30  # pictures of each class in the archive
FILES = {
    f"{name}/{number}.png": picture(100 * order + number)
    for order, name in enumerate(CLASS_NAMES)
    for number in range(COUNT)
}
MANY = 6_000  # pictures, seconds of work
PICTURES = [(f"{number} _new_.png", picture(number), "image/png") for number in range(4)]
CUT = ("cut.jpg", b"\xff\xd8\xff", "image/jpeg")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One workspace and one warm worker for all tests of this file."""
    before = dict(os.environ)
    folder = tmp_path_factory.mktemp("predict")
    os.environ["THAW_WORKSPACE"] = str(folder / "workspace")
    os.environ["THAW_FOLDERS"] = str(folder_of(FILES, folder / "server"))
    settings.cache_clear()
    yield drawn_run(tmp_path_factory)
    st.cache_resource.clear()
    os.environ.clear()
    os.environ.update(before)
    settings.cache_clear()


@pytest.fixture
def page(run: Run) -> Iterator[AppTest]:
    yield enter("predict", timeout=60)
    for batch in batches.of_run(run):
        batches.discard(batch)
    st.cache_data.clear()


def rows(at: AppTest) -> int:
    return len(at.dataframe[0].value) if len(at.dataframe) else 0


def cards(at: AppTest) -> list[str]:
    return [each.key for each in at.get("plotly_chart") if each.key.startswith("predict_card_")]


def test_what_is_added_joins_what_is_there_and_what_cannot_be_read_is_a_row(page: AppTest, run: Run) -> None:
    page.file_uploader[0].set_value([*PICTURES[:2], CUT]).run()
    settle(page, lambda at: rows(at) == 3)
    assert cards(page) == ["predict_card_0", "predict_card_1"]
    first = page.dataframe[0].value
    uploader = page.file_uploader[0]
    uploader._files = uploader._get_files_to_register()  # a browser keeps what was sent before; AppTest forgets it
    uploader.upload(*PICTURES[2]).upload(*PICTURES[3]).run()
    settle(page, lambda at: rows(at) == 5)
    assert not page.exception and not page.error
    table = page.dataframe[0].value
    assert list(table["path"]) == ["0 _new_.png", "1 _new_.png", "cut.jpg", "2 _new_.png", "3 _new_.png"]
    pd.testing.assert_frame_equal(table.head(3), first)
    assert table["predicted"].eq("").to_list() == [False, False, True, False, False]
    assert table["reason"][2].startswith("The file begins like a picture")
    assert any("1 file could not be read" in each.value for each in page.warning)
    assert len(batches.of_run(run)) == 1


def archive(files: dict[str, bytes] = FILES) -> tuple[str, bytes, str]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return ("new.zip", out.getvalue(), "application/zip")


def table_of(run: Run) -> pd.DataFrame:
    return pd.concat(batch_rows.each_part(batches.of_run(run)[0].path), ignore_index=True)


def test_a_zip_of_many_is_filtered_ordered_and_paged_and_judged_by_its_folders(page: AppTest, run: Run) -> None:
    page.file_uploader[0].set_value([archive()]).run()
    settle(page, lambda at: rows(at) == predicted.A_PAGE)
    whole = table_of(run)
    assert list(page.dataframe[0].value["path"]) == list(FILES)[: predicted.A_PAGE]
    assert len(cards(page)) == predicted.CARDS
    right = int((whole["true"] == whole["predicted"]).sum())
    assert page.subheader[0].value.startswith(f"Right on {right} of {len(FILES)} pictures")
    assert f"{right / len(FILES):.2f} (" in page.metric[0].value
    assert "predict_confusion" in [each.key for each in page.get("plotly_chart")]

    page.button(key="predict_next").click().run()
    assert list(page.dataframe[0].value["path"]) == list(FILES)[predicted.A_PAGE :]
    page.selectbox(key="predict_order").set_value("least sure first").run()
    shares = whole[[f"probability: {name}" for name in sorted(CLASS_NAMES)]].max(axis="columns")
    expected = whole.loc[shares.sort_values(kind="stable").index, "path"]
    assert list(page.dataframe[0].value["path"]) == list(expected[: predicted.A_PAGE])
    assert plain(page.image[0].captions[0]) == expected.iloc[0]
    name = whole["predicted"].mode()[0]
    page.selectbox(key="predict_class").set_value(name).run()
    page.slider(key="predict_sure").set_value((60, 90)).run()
    kept = whole[(whole["predicted"] == name) & shares.between(0.6, 0.9)]
    assert 0 < len(kept) < predicted.A_PAGE
    assert set(page.dataframe[0].value["path"]) == set(kept["path"])
    assert {"predict_csv", "predict_parquet"} <= {each.key for each in page.get("download_button")}


def test_a_list_beside_the_pictures_says_which_of_them(page: AppTest) -> None:
    chosen = "file;note\n3 _new_.png;x\n0 _new_.png;y\ngone.png;z\n"
    page.file_uploader[0].set_value([*PICTURES, ("list.csv", chosen.encode(), "text/csv")]).run()
    settle(page, lambda at: rows(at) == 3)
    assert list(page.dataframe[0].value["path"]) == ["0 _new_.png", "3 _new_.png", "gone.png"]
    assert "no picture has that name" in page.dataframe[0].value["reason"][2]


def test_an_interrupted_batch_is_offered_and_goes_on(page: AppTest, run: Run, tmp_path: Path) -> None:
    source = zip_of(FILES, tmp_path / "new.zip")
    batch = batches.begin(run, Given(((str(source), source.name),)))  # and its process is gone
    page.run()
    assert any("were interrupted" in each.value for each in page.markdown)
    page.button(key=f"predict_go_on_{batch.id}").click().run()
    settle(page, lambda at: rows(at) == predicted.A_PAGE)
    assert batch.finished
    assert not any("were interrupted" in each.value for each in page.markdown)


def test_cancel_keeps_what_was_predicted_and_the_worker(page: AppTest, run: Run) -> None:
    kinds = [picture(number) for number in range(20)]
    page.file_uploader[0].set_value(
        [archive({f"{number:05d}.png": kinds[number % 20] for number in range(MANY)})]
    ).run()
    page.button(key=f"cancel_{next(reversed(resources.predicting().values()))}").click().run()
    settle(page, lambda at: len(at.error) == 1)
    assert f"of {MANY:,} pictures. What was predicted is kept" in plain(page.error[0].value)
    (batch,) = batches.of_run(run)
    assert 0 < batch.done < MANY and not batch.under_way
    began = time.monotonic()
    assert resources.worker().call("ping") == "pong"
    assert time.monotonic() - began < 1, "a worker that begins anew takes seconds"


def test_the_camera_and_a_folder_of_the_server_are_ways_in(page: AppTest) -> None:
    page.segmented_control(key="predict_way").set_value(predicting.CAMERA).run()
    page.camera_input[0].set_value(("photo.jpg", picture(1, "JPEG"), "image/jpeg")).run()
    settle(page, lambda at: rows(at) == 1)
    page.segmented_control(key="predict_way").set_value(places.FOLDER).run()
    page.button(key="predict_place_take").click().run()
    settle(page, lambda at: rows(at) == predicted.A_PAGE)
    assert set(page.dataframe[0].value["path"]) < set(FILES)


def test_what_is_refused_as_a_whole_says_why_and_can_be_discarded(page: AppTest, run: Run) -> None:
    page.file_uploader[0].set_value([("broken.zip", b"PK\3\4 and nothing", "application/zip")]).run()
    settle(page, lambda at: len(at.error) == 1)
    assert "archive" in page.error[0].value
    (batch,) = batches.of_run(run)
    page.run()
    page.button(key=f"predict_discard_{batch.id}").click().run()
    assert batches.of_run(run) == [] and not page.exception


def test_earlier_predictions_are_shown_again_and_deleted_when_asked(page: AppTest, run: Run) -> None:
    for number in range(2):
        page.file_uploader[0].set_value([PICTURES[number]]).run()
        settle(
            page, lambda at, number=number: rows(at) == 1 and at.dataframe[0].value["path"][0] == PICTURES[number][0]
        )
    newest, first = batches.of_run(run)
    page.selectbox(key="predict_earlier").set_value(first.id).run()
    page.button(key="predict_show").click().run()
    assert page.dataframe[0].value["path"][0] == PICTURES[0][0]
    page.button(key="predict_delete").click().run()
    assert batches.of_run(run) == [newest] and rows(page) == 0
