"""A person at a real Chromium: the verbs, and a watch over what their browser does behind their back."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, TimeoutError, expect

from dashboard.ui import navigation

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
OPENINGS = 6  # of a list of options that closes again
PATIENCE = 60_000  # milliseconds for anything that needs no training, on a busy machine
WIDE = {"width": 1280, "height": 900}
POLLING = 100  # milliseconds between two looks; a look at every frame keeps a processor busy

# On a deep link Streamlit first looks for a server below that path, then at the root. It finds it there.
PROBES = re.compile(r"/_stcore/(health|host-config)$")

# All that was announced is drawn: nothing is a placeholder, nothing of the page before is left, every chart has its
# curves, every picture its pixels.
SETTLED = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    const main = document.querySelector('[data-testid="stMain"]');
    if (!app || !main || !main.querySelector('h1')) return false;
    if (app.dataset.testScriptState !== 'notRunning') return false;
    if (document.querySelector('[data-testid="stSkeleton"], [data-stale="true"]')) return false;
    const shown = (each) => each.checkVisibility();
    const parts = [...main.querySelectorAll('[data-testid="stElementContainer"]')];
    if (parts.some((each) => getComputedStyle(each).opacity !== '1')) return false;
    const charts = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].filter(shown);
    if (charts.some((each) => !each.querySelector('.main-svg'))) return false;
    return [...main.querySelectorAll('img')].filter(shown).every((each) => each.complete);
}"""


@dataclass
class Watch:
    """What the browser did that a page's text does not show."""

    errors: list[str] = field(default_factory=list)  # of the console, and exceptions nobody caught
    abroad: list[str] = field(default_factory=list)  # requests to any other host
    dialogs: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> "Watch":
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", lambda request: self._request(request.url))
        context.on("dialog", self._dialog)
        return self

    def forgive(self, pattern: str) -> None:
        """Forget errors that had to come, such as those of a connection that a test cut."""
        self.errors = [error for error in self.errors if not re.search(pattern, error)]

    def begin_again(self) -> "Watch":
        """Forget everything; what there was."""
        seen = Watch(self.errors, self.abroad, self.dialogs)
        self.errors, self.abroad, self.dialogs = [], [], []
        return seen

    def check(self) -> None:
        assert not self.abroad, f"requests left this machine: {self.abroad}"
        assert not self.dialogs, f"a dialog opened: {self.dialogs}"
        assert not self.errors, f"the browser reported: {self.errors}"

    def _console(self, message: Any) -> None:
        if message.type == "error" and not PROBES.search(message.location.get("url", "")):
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.hostname not in ("localhost", "127.0.0.1"):
            self.abroad.append(url)

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)


@contextmanager
def profile(browser: Browser, url: str, **options: Any) -> Iterator[tuple[BrowserContext, Watch]]:
    """A fresh profile, and the watch over it."""
    context = browser.new_context(base_url=url, accept_downloads=True, **{"viewport": WIDE, **options})
    context.set_default_timeout(PATIENCE)
    try:
        yield context, Watch().over(context)
    finally:
        context.close()


@contextmanager
def visiting(browser: Browser, url: str, **options: Any) -> Iterator[tuple[Page, Watch]]:
    """A page in a fresh profile, not yet anywhere, and the watch over it."""
    with profile(browser, url, **options) as (context, watch):
        yield context.new_page(), watch


def settle(page: Page, timeout: float = PATIENCE) -> None:
    """Wait until the page is drawn to its end."""
    page.wait_for_function(SETTLED, timeout=timeout, polling=POLLING)


def address(row: navigation.Row) -> str:
    """Path of a page; the first one has none of its own."""
    return "/" if row == navigation.ROWS[0] else f"/{row.name}"


def go(page: Page, path: str) -> None:
    page.goto(path)
    settle(page)


def at(page: Page, key: str) -> Locator:
    """The widget or chart with this key."""
    return page.locator(f".st-key-{key}")


def uploader(page: Page, key: str) -> Locator:
    """The file input of an uploader; its key ends in a number that changes."""
    return page.locator(f'[class*="st-key-{key}"] input[type=file]')


def press(page: Page, key: str) -> None:
    at(page, key).get_by_role("button").first.click()


def type_number(page: Page, key: str, value: float) -> None:
    """Type a number and leave the field; wait until the server has taken it."""
    box = at(page, key).locator("input")
    box.fill(str(value))
    box.press("Enter")
    settle(page)
    expect(box).to_have_value(re.compile(rf"^{re.escape(str(value))}"))


def choose(page: Page, key: str, option: str) -> None:
    """Choose in a select box."""
    wanted = page.get_by_role("option", name=option, exact=True)
    for _ in range(OPENINGS):
        at(page, key).get_by_role("combobox").click()
        try:
            wanted.click(timeout=PATIENCE / OPENINGS)
        except TimeoutError:  # a page that still grows or shrinks scrolls by itself, and a list closes when it scrolls
            continue
        break
    settle(page)


def pick(page: Page, key: str, position: int) -> None:
    """Press one of the buttons of a segmented control, counted from 0."""
    at(page, key).get_by_role("radio").or_(at(page, key).get_by_role("button")).nth(position).click()
    settle(page)


def download(page: Page, key: str, folder: Path) -> Path:
    """Press a download button and keep what the browser got, under the name it was given."""
    with page.expect_download() as pending:
        at(page, key).get_by_role("button").first.click()
    target = folder / pending.value.suggested_filename
    pending.value.save_as(target)
    return target


def drawn(page: Page, key: str, expression: str) -> Any:
    """A figure of a chart as the browser has drawn it; `plot` is plotly's element, with `data` and `layout`."""
    return page.evaluate(
        f"""(selector) => {{
            const plot = document.querySelector(selector + ' .js-plotly-plot');
            return plot ? ({expression}) : null;
        }}""",
        f".st-key-{key}",
    )


def steps_drawn(page: Page) -> int:
    """The last training step that the run's accuracy chart shows; 0 before there is one."""
    last = "Math.max(0, ...plot.calcdata.flat().map((each) => each.x).filter(Number.isFinite))"
    return int(drawn(page, "run_accuracy", f"plot.calcdata ? {last} : 0") or 0)
