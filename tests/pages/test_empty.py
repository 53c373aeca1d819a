"""A workspace with nothing in it: every page says what it will show and leads there."""

from pathlib import Path

import pytest

from dashboard.ui.navigation import ROWS
from tests.pages.conftest import OpenPage, heavy_modules_after_all_pages

LEADS = {"train": "empty_dataset", "run": "empty_train", "runs": "empty_train", "evaluate": "empty_train",
         "predict": "empty_train", "export": "empty_train", "mini_batches": "empty_dataset",
         "overfitting": "empty_train"}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_page_draws_without_error(open_shared: OpenPage, row) -> None:
    at = open_shared(row.name)
    assert not at.exception and not at.error
    assert at.title[0].value == {"home": "Thaw", "run": "Run"}.get(row.name, row.title)


@pytest.mark.soak  # nor do pages that have something to show, see `test_trained`
def test_no_page_leaves_tensorflow_in_the_web_process(workspace: Path) -> None:
    assert heavy_modules_after_all_pages() == "[]"


@pytest.mark.parametrize("page", LEADS)
def test_an_empty_page_says_what_it_will_show_and_has_the_button_that_gets_there(
    open_shared: OpenPage, page: str
) -> None:
    at = open_shared(page)
    assert any("this page" in each.value for each in at.markdown)
    at.button(key=LEADS[page]).click().run()
    assert not at.exception
    assert at.title[0].value == {"empty_dataset": "Data", "empty_train": "Train"}[LEADS[page]]


def test_home_offers_the_two_ways_in(open_shared: OpenPage) -> None:
    at = open_shared("home")
    assert {"home_upload", "home_try"} <= {button.key for button in at.button}
    at.button(key="home_upload").click().run()
    assert at.title[0].value == "Data"


def test_the_data_page_names_its_limits(open_shared: OpenPage) -> None:
    captions = " ".join(caption.value for caption in open_shared("dataset").caption)
    assert "40 million pixels" in captions and "20 GB unpacked" in captions and "200,000 files" in captions
