"""The bundled weights on the pages: taken by themselves where nothing better can be had, and said so."""

from pathlib import Path

import pytest

from dashboard.core.settings import settings
from tests.pages.conftest import OpenPage


@pytest.fixture
def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has no weights, and no host to fetch them from."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("THAW_WEIGHTS_URL", "")
    settings.cache_clear()


@pytest.fixture
def reachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has no weights, and a host that could be asked."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("THAW_WEIGHTS_URL", "http://127.0.0.1:9")
    settings.cache_clear()


def test_cut_off_the_draft_begins_with_them_and_the_pages_say_so(cut_off: None, open_page: OpenPage) -> None:
    for page in ("home", "model"):
        at = open_page(page)
        assert any("that come with Thaw" in each.value or "come with Thaw" in each.value for each in at.caption), page
    assert at.segmented_control(key="model_weights").value == "formula"
    assert at.selectbox(key="model_alpha").value == 0.35


def test_where_they_could_be_fetched_imagenet_stays_the_default(reachable: None, open_page: OpenPage) -> None:
    at = open_page("model")
    assert at.segmented_control(key="model_weights").value == "imagenet"
    at.segmented_control(key="model_weights").set_value("formula").run()
    assert at.selectbox(key="model_alpha").value == 0.35 and at.number_input(key="model_image_size").value == 96


def test_another_width_gives_them_up(cut_off: None, open_page: OpenPage) -> None:
    at = open_page("model")
    at.selectbox(key="model_alpha").set_value(0.5).run()
    assert at.segmented_control(key="model_weights").value == "imagenet" and not at.exception
