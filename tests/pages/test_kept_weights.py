"""The folder of downloaded weights as a page: what it says, fetching, removing."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.core.backbones import BACKBONES, weights_url_path
from dashboard.core.settings import settings
from dashboard.data import kept_weights
from tests.pages.conftest import OpenPage, plain, settle
from tests.publisher import Page, Publisher, hdf5, publishing

NARROW = kept_weights.variant(BACKBONES["MobileNetV2"], 0.35, 224)
CHECKED = kept_weights.variant(BACKBONES["ResNet50"], 1.0, 224)


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """One that publishes a file for MobileNetV2 0.35 and nothing else, for a machine that has none."""
    body = hdf5()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with publishing() as server:
        server.pages[weights_url_path(NARROW.backbone, 0.35, 224)] = Page(body, len(body))
        monkeypatch.setenv("THAW_WEIGHTS_URL", server.url)
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        settings.cache_clear()
        yield server


def said(at: AppTest) -> str:
    elements = (*at.markdown, *at.caption, *at.success, *at.error, *at.info, *at.code)
    return plain(" ".join(str(each.value) for each in elements))


def test_an_empty_folder_is_named_and_says_what_to_do(publisher: Publisher, open_page: OpenPage, tmp_path: Path):
    at = open_page("kept_weights")
    assert str(tmp_path / "keras" / "models") in said(at)
    assert "Nothing lies in this folder yet" in said(at)
    assert at.button(key="kept_weights_fetch").disabled


def test_weights_are_fetched_told_and_removed(publisher: Publisher, open_page: OpenPage, tmp_path: Path):
    at = open_page("kept_weights")
    at.multiselect(key="kept_weights_wanted").select(NARROW.name).run()
    assert "Fetch 1 file, about 1.6 MB" in at.button(key="kept_weights_fetch").label
    at.button(key="kept_weights_fetch").click().run()
    file = tmp_path / "keras" / "models" / NARROW.name
    settle(at, lambda at: "SHA-256" in said(at))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    table = at.dataframe[0].value
    assert list(table["network"]) == ["MobileNetV2 0.35, 224 px"] and list(table["sha256"]) == [digest]
    assert digest in said(at) and "Keras publishes no digest" in said(at)
    assert "needs it again: about 1.6 MB" in said(at)
    at.button(key="kept_weights_remove").click().run()
    assert "was removed" in said(at) and not file.exists()


def test_without_a_network_one_sentence_says_what_to_do(publisher: Publisher, open_page: OpenPage, tmp_path: Path):
    at = open_page("kept_weights")
    at.multiselect(key="kept_weights_wanted").select(CHECKED.name).run()
    at.button(key="kept_weights_fetch").click().run()
    settle(at, lambda at: bool(at.error))
    for needed in (CHECKED.name, str(tmp_path / "keras" / "models"), "by hand"):
        assert needed in plain(at.error[0].value)
    assert not list((tmp_path / "keras").rglob("*.h5*"))


def test_a_file_that_is_not_the_published_one_is_called_so(publisher: Publisher, open_page: OpenPage, tmp_path: Path):
    folder = tmp_path / "keras" / "models"
    folder.mkdir(parents=True)
    (folder / CHECKED.name).write_bytes(hdf5())
    (folder / "[a](http:evil.example).h5").write_bytes(b"")
    at = open_page("kept_weights")
    settle(at, lambda at: "not the published file" in said(at))
    at.selectbox(key="kept_weights_file").set_value("[a](http:evil.example).h5").run()
    assert "cannot fetch it again" in said(at)
    assert not [each for each in at.markdown if "](http:evil" in each.value]
