"""A person fetches weights for a time without a network, sees them, and removes them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard.core.backbones import BACKBONES, weights_url_path
from dashboard.data import kept_weights
from tests import publisher
from tests.browser import visitor
from tests.browser.conftest import Visit
from tests.browser.server import Server, serving

pytestmark = pytest.mark.slow

NARROW = kept_weights.variant(BACKBONES["MobileNetV2"], 0.35, 224)
PATH = weights_url_path(NARROW.backbone, 0.35, 224)
SLOWLY = 1.0  # seconds between pieces of 20 kB
PATIENCE = 60_000  # milliseconds, on a busy machine


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[publisher.Publisher]:
    """One file, slowly."""
    body = publisher.hdf5(600_000)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with publisher.publishing() as server:
        server.pages[PATH] = publisher.Page(body, len(body), SLOWLY)
        monkeypatch.setenv("THAW_WEIGHTS_URL", server.url)
        yield server


@pytest.fixture
def fetching(published: publisher.Publisher, tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "workspace", tmp_path / "keras") as server:
        yield server


def test_weights_are_chosen_by_size_cancelled_fetched_and_removed(
    fetching: Server, published: publisher.Publisher, visit: Visit, tmp_path: Path
) -> None:
    folder = tmp_path / "keras" / "models"
    page = visit(fetching, "/kept_weights")
    appears(page, "Nothing lies in this folder yet")
    fetch(page)
    page.get_by_role("button", name="Cancel").click()
    appears(page, "was cancelled. Nothing was kept.")
    assert not list(folder.glob("*"))

    published.pages[PATH] = replace(published.pages[PATH], pause=0.0)
    visitor.go(page, "/kept_weights")
    fetch(page)
    appears(page, "Fetched and checked: 1 file.")
    expect(page.get_by_test_id("stCode").filter(has_text="SHA-256")).to_be_visible(timeout=PATIENCE)
    assert [path.name for path in folder.iterdir()] == [NARROW.name]

    visitor.settle(page)
    page.get_by_role("button", name="Remove").first.click()
    visitor.press(page, "kept_weights_remove")
    appears(page, "was removed;")
    assert not list(folder.iterdir())


def fetch(page: Page) -> None:
    """Choose the one file that is published, and see how large it is before it is asked for."""
    box = visitor.at(page, "kept_weights_wanted").get_by_role("combobox")
    box.fill("MobileNetV2 0.35, 224")
    page.get_by_role("option", name="MobileNetV2 0.35, 224 px (1.6 MB)").click()
    box.press("Escape")
    page.get_by_role("button", name="Fetch 1 file, about 1.6 MB").click()


def appears(page: Page, words: str) -> None:
    expect(page.get_by_test_id("stMain").get_by_text(words)).to_be_visible(timeout=PATIENCE)
