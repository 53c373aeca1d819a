"""A browser, a server, and a watch that no page calls home, throws, or opens a dialog."""

import contextlib
import functools
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from dashboard.ui import navigation
from tests.browser import visitor
from tests.browser.server import ROOT, Server, serving
from tests.browser.visitor import Watch

RESULTS = ROOT / "test-results"
REPORTS = pytest.StashKey[dict[str, pytest.TestReport]]()

MakeServer = Callable[..., Server]
Visit = Callable[..., Page]


def every_page(*in_every_run: str) -> list[Any]:
    """A parameter for every page; but for these they are for the long sweeps."""
    return [
        pytest.param(row, id=row.name, marks=[] if row.name in in_every_run else [pytest.mark.soak])
        for row in navigation.ROWS
    ]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash.setdefault(REPORTS, {})[report.when] = report
    return report


@pytest.fixture(scope="module")
def empty_keras_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keras' folder of a machine that never downloaded anything."""
    return tmp_path_factory.mktemp("keras")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, empty_keras_home: Path) -> Iterator[Server]:
    """One server for a module, without pretrained weights."""
    with serving(tmp_path_factory.mktemp("served"), empty_keras_home) as server:
        yield server


@pytest.fixture(scope="module")
def server_with_weights(tmp_path_factory: pytest.TempPathFactory, keras_home_copy: Path) -> Iterator[Server]:
    """One server for a module, with real ImageNet weights of two small backbones."""
    with serving(tmp_path_factory.mktemp("served"), keras_home_copy) as server:
        yield server


@pytest.fixture(scope="module")
def server_cut_off(tmp_path_factory: pytest.TempPathFactory, empty_keras_home: Path) -> Iterator[Server]:
    """One server for a module, without pretrained weights and without a network: no host to ask, dead proxies."""
    dead = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}
    with serving(tmp_path_factory.mktemp("served"), empty_keras_home, {**dead, "THAW_WEIGHTS_URL": ""}) as server:
        yield server


@pytest.fixture(scope="module")
def profiles(browser: Browser) -> Iterator[Callable[[Server], tuple[BrowserContext, Watch]]]:
    """One profile for each server of a module: what every page loads is loaded and compiled once."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda server: stack.enter_context(visitor.profile(browser, server.url)))


@pytest.fixture
def visit(
    profiles: Callable[[Server], tuple[BrowserContext, Watch]], request: pytest.FixtureRequest
) -> Iterator[Visit]:
    """Opens a page of a server. At the end, whatever the browser did unseen fails the test."""
    opened: dict[Server, tuple[BrowserContext, Watch]] = {}

    def visit(server: Server, path: str = "/", *, color_scheme: Any = None, viewport: Any = visitor.WIDE) -> Page:
        context, _ = opened[server] = profiles(server)
        page = context.new_page()
        page.emulate_media(color_scheme=color_scheme)
        page.set_viewport_size(viewport)
        visitor.go(page, path)
        return page

    yield visit
    failed = request.node.stash.get(REPORTS, {}).get("call")
    noticed = []
    for number, (server, (context, watch)) in enumerate(opened.items()):
        if failed is not None and failed.failed:
            keep_pictures(context, f"{request.node.name}-{number}")
            print(f"The browser noticed: {watch}", f"The server said: {server.log()[-3000:]}", sep="\n")
        for page in context.pages:
            page.close()
        noticed.append(watch.begin_again())
    if failed is None or not failed.failed:
        for watch in noticed:
            watch.check()


def keep_pictures(context: BrowserContext, name: str) -> None:
    """What every tab of a profile showed when the test failed."""
    RESULTS.mkdir(exist_ok=True)
    plain = re.sub(r"[^\w-]+", "-", name)
    for number, tab in enumerate(context.pages):
        tab.screenshot(path=RESULTS / f"{plain}-{number}.png")


@pytest.fixture(scope="session")
def flowers(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`flowers_small` as a person would send it: five class folders in one zip."""
    folder = tmp_path_factory.mktemp("flowers")
    return Path(shutil.make_archive(str(folder / "flowers_small"), "zip", shared_data / "flowers_small"))
