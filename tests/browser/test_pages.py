"""Every page as eyes and assistive technology meet it, on a dataset whose every name is meant to be run by somebody.

Text that came from a user is shown literally: no request, no dialog, no markup comes of it. axe-core finds nothing
serious, and nothing scrolls sideways.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from dashboard.ui import navigation
from dashboard.ui.text import JOINER
from tests.browser import lessons, visitor
from tests.browser.conftest import Visit, every_page
from tests.browser.server import Server, serving
from tests.making import folder_of, picture

pytestmark = pytest.mark.slow

NARROW = {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")


@dataclass(frozen=True)
class Theirs:
    """A finding in markup that Streamlit makes and that no option of it changes."""

    rule: str
    inside: str  # selector of the element of theirs that holds the finding
    reason: str


# Streamlit writes white on the primary colour (buttons) and the primary colour on the page (these). White needs a
# luminance of at most 0.183 for a contrast of 4.5, the dark page at least 0.21: no primary colour does both. The theme
# serves the buttons; here 3.6 is left.
NO_SUCH_COLOR = "no primary colour is dark enough under white text and light enough on a dark page"
ALLOWED = (
    Theirs("color-contrast", '[data-testid="stButtonGroup"] button[data-selected="true"]', NO_SUCH_COLOR),
    Theirs("color-contrast", '[data-testid="stSliderThumbValue"]', NO_SUCH_COLOR),
)


EVIL_CLASSES = (
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(2))",
    "$x^2$",
    "**b** :red[c]",
    "=1+1",
    "@SUM(1+1) \u05e9\u05dc\u05d5\u05dd",
    "+1+1 \u0645\u0631\u062d\u0628\u0627 (a)",
    "-1+1 $\\href{javascript:alert(4)}{x}$",
    "<i style=background:url(http:evil.example)>",
)
EVIL_DATASET = "![a](http://evil.example/a.png) <b>bold</b> [b](http://evil.example)"
EVIL_FILE = "<script>alert(3)</script> [c](http:evil.example) {number}.png".replace("</script>", "<script>")

# What must be readable in the text of a page; charts and tables have their own ways of drawing.
LITERAL = {
    "home": (EVIL_DATASET,),
    "dataset": (EVIL_DATASET, *EVIL_CLASSES),
    "train": (EVIL_DATASET,),
    "run": (EVIL_DATASET,),
    "evaluate": ("taken for",),
    "predict": (EVIL_DATASET, *EVIL_CLASSES, EVIL_FILE.format(number=0)),
    "export": (EVIL_DATASET,),
    "save_and_load": (EVIL_CLASSES[0], "weights in"),
}

IN_EVERY_RUN = ("home", "dataset", "run", "evaluate", "predict", "convolution")


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose workspace has a dataset and a finished run of both phases."""
    with serving(tmp_path_factory.mktemp("furnished"), tmp_path_factory.mktemp("keras")) as server:
        files = {
            f"{name}/{EVIL_FILE.format(number=number)}": picture(100 * order + number)
            for order, name in enumerate(EVIL_CLASSES)
            for number in range(6)
        }
        folder = folder_of(files, tmp_path_factory.mktemp("evil"))
        dataset = json.loads(server.command("import", str(folder), "--name", EVIL_DATASET, "--json"))["dataset"]
        network = ("--backbone", "MobileNet", "--alpha", "0.25", "--weights", "none", "--image-size", "32")
        phases = ("--epochs", "2", "--fine-tune-epochs", "1", "--unfreeze-from", "conv_13")
        server.command("train", "--dataset", dataset, *network, *phases)
        yield server


@pytest.mark.parametrize("row", every_page(*IN_EVERY_RUN))
def test_a_page_shows_names_as_they_are_and_has_no_serious_fault(
    row: navigation.Row, furnished: Server, visit: Visit, tmp_path: Path
) -> None:
    page = visit(furnished, visitor.address(row), color_scheme="light")
    if row.name == "predict":
        upload_evil_file(page, tmp_path)
    wait_for_the_slow_part(page, row.name)
    open_everything(page)
    nothing_is_marked_up(page)
    for name in LITERAL.get(row.name, ()):
        assert name in visible_text(page), f"{name} is not readable"
    found = [f"light: {each}" for each in violations(page)]
    wide = sideways(page)
    page.set_viewport_size(NARROW)
    found += [f"dark, on a phone: {each}" for each in switched(page, "dark")]
    assert not found, "\n".join(found)
    assert not wide
    assert not sideways(page)


@pytest.mark.soak
@pytest.mark.parametrize("row", every_page())
def test_a_page_with_such_names_fits_a_phone_and_a_dark_room(
    row: navigation.Row, furnished: Server, visit: Visit
) -> None:
    page = visit(furnished, visitor.address(row), color_scheme="light", viewport=NARROW)
    wait_for_the_slow_part(page, row.name)
    assert not violations(page)
    assert not sideways(page)
    page = visit(furnished, visitor.address(row), color_scheme="dark")
    wait_for_the_slow_part(page, row.name)
    assert not violations(page)


def wait_for_the_slow_part(page: Page, name: str) -> None:
    if name == "model":
        visitor.at(page, "model_unfreeze_from").wait_for(timeout=60_000)
        visitor.settle(page)
    lessons.go_through(page, name)


@pytest.mark.parametrize("path", ["/", "/dataset"])
def test_an_empty_page_has_no_serious_fault_on_a_phone(path: str, server: Server, visit: Visit) -> None:
    page = visit(server, path, color_scheme="light", viewport=NARROW)
    assert not violations(page)
    assert not switched(page, "dark")
    assert not sideways(page)


def switched(page: Page, scheme: str) -> list[str]:
    """What axe-core finds after the person's system has gone to the other theme."""
    background = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    before = page.evaluate(background)
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"before => {background} !== before", arg=before)
    visitor.settle(page)
    # Half-way between two themes no text can be read; what runs without an end (a spinner) is no transition.
    page.wait_for_function("!document.getAnimations().some(each => each instanceof CSSTransition)")
    return violations(page)


def visible_text(page: Page) -> str:
    """All text of the page, without the joiners that keep addresses from becoming links."""
    return page.locator("body").inner_text().replace(JOINER, "")


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


def violations(page: Page) -> list[str]:
    """What axe-core finds of serious or critical impact and nobody else is to blame for."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [
        f"{each['id']}: {node['target']} {node['html'][:300]} {messages(node)}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
        if not any(
            each["id"] == theirs.rule and is_inside(page, node["target"][0], theirs.inside) for theirs in ALLOWED
        )
    ]


def is_inside(page: Page, target: str, inside: str) -> bool:
    found = "([target, inside]) => Boolean(document.querySelector(target)?.closest(inside))"
    return bool(page.evaluate(found, [target, inside]))


def messages(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])


def sideways(page: Page) -> list[str]:
    """What sticks out of the window to the right; parts that scroll by themselves do not."""
    return list(
        page.evaluate("""() => {
            const wide = innerWidth;
            const main = document.querySelector('[data-testid="stMain"]');
            const found = [];
            if (document.documentElement.scrollWidth > wide) found.push('the document');
            if (main.scrollWidth > main.clientWidth) found.push('the main part');
            return found;
        }""")
    )
