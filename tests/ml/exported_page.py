"""An exported page in a real browser: served, given files, read."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dashboard.core import browser_runtime
from dashboard.ml import export_browser
from tests.browser.server import free_port, wait_until

Predicted = dict[str, dict[str, float]]  # for every file, a probability for every class


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder, served as the README says."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    try:
        assert process.stdout is not None and process.stdout.readline()  # it says that it listens
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


def is_open(page: Any) -> None:
    page.locator("#ways").wait_for(state="visible")


def named(page: Any, paths: list[Path]) -> Predicted:
    """Choose files and read their cards."""
    page.locator("#pictures").set_input_files(paths)
    cards = page.locator("#items > li[data-done]")
    wait_until(lambda: cards.count() >= len(paths), 120, "the pictures to be named")
    page.evaluate("() => document.querySelectorAll('details').forEach((each) => each.open = true)")
    page.wait_for_function("() => [...document.querySelectorAll('details')].every((each) => each.querySelector('dl'))")
    read = """(card) => [card.querySelector('.small').textContent, Object.fromEntries(
        [...card.querySelectorAll('.bar')].map(({ dataset }) => [dataset.name, Number(dataset.probability)]))]"""
    return dict(card.evaluate(read) for card in cards.all())


def elsewhere(site: Path, folder: Path) -> Path:
    """The same page as made on a machine without the runtime."""
    folder.mkdir()
    for path in site.iterdir():
        if path.name not in browser_runtime.DIGESTS:
            (folder / path.name).write_bytes(path.read_bytes())
    for name in ("index.html", "README.txt"):
        (folder / name).write_text(export_browser._filled(name, browser_runtime.PUBLIC), encoding="utf-8")
    return folder


def giving(change: Callable[[str, bytes], bytes]) -> Callable[[Any], None]:
    """A public host that gives the runtime's files, or what somebody made of them."""

    def give(route: Any) -> None:
        name = route.request.url.rpartition("/")[2]
        kind = "application/wasm" if name.endswith(".wasm") else "text/javascript"
        data = change(name, (browser_runtime.folder() / name).read_bytes())
        route.fulfill(body=data, headers={"Content-Type": kind, "Access-Control-Allow-Origin": "*"})

    return give
