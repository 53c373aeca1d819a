"""The Predict page, with a network that was drawn and never trained."""

import os
from collections.abc import Iterator

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.core.settings import settings
from dashboard.runs import batches
from dashboard.runs.run import Run
from tests.drawn import CLASS_NAMES, drawn_run
from tests.making import folder_of, picture
from tests.pages.conftest import ROOT, settle

pytestmark = pytest.mark.slow

COUNT = 30  # pictures of each class in the archive
FILES = {
    f"{name}/{number}.png": picture(100 * order + number)
    for order, name in enumerate(CLASS_NAMES)
    for number in range(COUNT)
}
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
    at = AppTest.from_file(str(ROOT / "dashboard/ui/main.py"), default_timeout=60).run()
    yield at.switch_page("../../pages/predict.py").run()
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
    page.file_uploader[0].set_value([*PICTURES[:2], CUT, *PICTURES[2:]]).run()
    settle(page, lambda at: rows(at) == 5)
    assert not page.exception and not page.error
    table = page.dataframe[0].value
    assert list(table["path"]) == ["0 _new_.png", "1 _new_.png", "cut.jpg", "2 _new_.png", "3 _new_.png"]
    pd.testing.assert_frame_equal(table.head(3), first)
    assert table["predicted"].eq("").to_list() == [False, False, True, False, False]
    assert table["reason"][2].startswith("The file begins like a picture")
    assert any("1 file could not be read" in each.value for each in page.warning)
    assert len(batches.of_run(run)) == 1
