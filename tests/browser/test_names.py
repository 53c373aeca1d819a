"""Text that came from a user is shown literally on every page: no request, no dialog, no markup comes of it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page

from dashboard.ui import navigation
from dashboard.ui.text import JOINER
from tests.browser import visitor
from tests.browser.conftest import Visit
from tests.browser.server import Server
from tests.making import folder_of, picture

pytestmark = pytest.mark.slow

EVIL_CLASSES = (
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(2))",
    "$x^2$",
    "**b** :red[c]",
    "=1+1",
)
EVIL_DATASET = "![a](http://evil.example/a.png) <b>bold</b> [b](http://evil.example)"
EVIL_FILE = "<script>alert(3)</script> [c](http:evil.example) {number}.png".replace("</script>", "<script>")


@pytest.fixture(scope="module")
def evil_run(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A finished run on a dataset whose every name is meant to be run by somebody."""
    files = {
        f"{name}/{EVIL_FILE.format(number=number)}": picture(100 * order + number)
        for order, name in enumerate(EVIL_CLASSES)
        for number in range(6)
    }
    folder = folder_of(files, tmp_path_factory.mktemp("evil"))
    dataset = json.loads(server.command("import", str(folder), "--name", EVIL_DATASET, "--json"))["dataset"]
    network = ("--backbone", "MobileNetV2", "--alpha", "0.35", "--weights", "none", "--image-size", "32")
    return str(json.loads(server.command("train", "--dataset", dataset, *network, "--epochs", "1", "--json"))["run"])


@pytest.mark.parametrize("row", navigation.ROWS, ids=lambda row: row.name)
def test_names_are_shown_as_they_are_and_do_nothing(
    row: navigation.Row, evil_run: str, server: Server, visit: Visit, tmp_path: Path
) -> None:
    page = visit(server, visitor.address(row))
    if row.name == "predict":
        upload_evil_file(page, tmp_path)
    open_everything(page)
    nothing_is_marked_up(page)
    for name in LITERAL.get(row.name, ()):
        assert name in visible_text(page), f"{name} is not readable"
    page.wait_for_timeout(300)  # an `onerror` fires a moment after its picture


def visible_text(page: Page) -> str:
    """All text of the page, without the joiners that keep addresses from becoming links."""
    return page.locator("body").inner_text().replace(JOINER, "")


# What must be readable in the text of a page; charts and tables have their own ways of drawing.
LITERAL = {
    "home": (EVIL_DATASET,),
    "dataset": (EVIL_DATASET, *EVIL_CLASSES),
    "train": (EVIL_DATASET,),
    "run": (EVIL_DATASET,),
    "evaluate": ("taken for",),
    "predict": (EVIL_DATASET, *EVIL_CLASSES, EVIL_FILE.format(number=0)),
    "export": (EVIL_DATASET,),
}


def upload_evil_file(page: Page, folder: Path) -> None:
    file = folder / EVIL_FILE.format(number=0)
    file.write_bytes(picture(7))
    visitor.uploader(page, "predict").set_input_files(file)
    visitor.at(page, "predict_csv").wait_for(timeout=60_000)
    visitor.settle(page)


def open_everything(page: Page) -> None:
    """Unfold every panel: what is inside is shown too."""
    closed = page.get_by_test_id("stMain").locator("details:not([open]) > summary:visible")
    while closed.count():
        closed.first.click()
    visitor.settle(page)


def nothing_is_marked_up(page: Page) -> None:
    main = page.locator("body")
    assert (
        main.locator('img[src="x"], img[src*="evil"], a[href*="evil"]:not([href^="#"]), a[href^="javascript"]').count()
        == 0
    )
    assert main.locator("image[href*=evil], [style*=evil], [onerror], .katex").count() == 0
    assert main.locator("b:text-is('bold')").count() == 0
    assert main.locator("strong:text-is('b')").count() == 0
    assert main.locator("svg a").count() == 0  # plotly makes links of `<a>`
