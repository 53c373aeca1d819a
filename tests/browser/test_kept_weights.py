"""A person fetches weights for a time without a network, sees them, and removes them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard.core.backbones import BACKBONES, weights_url_path
from dashboard.data import kept_weights
from tests.browser import visitor
from tests.browser.conftest import Visit
from tests.browser.server import Server, serving
from tests.publisher import Page, hdf5, publishing

pytestmark = pytest.mark.slow

NARROW = kept_weights.variant(BACKBONES["MobileNetV2"], 0.35, 224)
SLOWLY = 0.1  # seconds between pieces of 20 kB


@pytest.fixture
def fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server for whom a local one publishes one file, slowly."""
    body = hdf5(600_000)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with publishing() as publisher:
        publisher.pages[weights_url_path(NARROW.backbone, 0.35, 224)] = Page(body, len(body), SLOWLY)
        monkeypatch.setenv("THAW_WEIGHTS_URL", publisher.url)
        with serving(tmp_path / "workspace", tmp_path / "keras") as server:
            yield server


def test_weights_are_chosen_by_size_cancelled_fetched_and_removed(
    fetching: Server, visit: Visit, tmp_path: Path
) -> None:
    folder = tmp_path / "keras" / "models"
    page = visit(fetching, "/kept_weights")
    main = page.get_by_test_id("stMain")
    expect(main.get_by_text("Nothing lies in this folder yet")).to_be_visible()

    def fetch() -> None:
        box = visitor.at(page, "kept_weights_wanted").get_by_role("combobox")
        box.fill("MobileNetV2 0.35, 224")
        page.get_by_role("option", name="MobileNetV2 0.35, 224 px (1.6 MB)").click()
        box.press("Escape")
        visitor.settle(page)
        page.get_by_role("button", name="Fetch 1 file, about 1.6 MB").click()

    fetch()
    page.get_by_role("button", name="Cancel").click()
    expect(main.get_by_text("was cancelled. Nothing was kept.")).to_be_visible()
    assert not list(folder.glob("*"))
    visitor.go(page, "/kept_weights")
    fetch()
    expect(main.get_by_text("Fetched and checked: 1 file.")).to_be_visible()
    expect(main.get_by_text("SHA-256 ")).to_be_visible()
    visitor.at(page, "kept_weights_sizes").locator(".main-svg").first.wait_for()
    assert [path.name for path in folder.iterdir()] == [NARROW.name]
    visitor.settle(page)
    page.get_by_role("button", name="Remove", exact=False).first.click()
    visitor.press(page, "kept_weights_remove")
    expect(main.get_by_text("was removed;")).to_be_visible()
    assert not list(folder.iterdir())
