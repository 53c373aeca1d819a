"""A large archive goes in through the page, whatever happens to the server, the page and the tab meanwhile."""

import hashlib
import http.client
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from dashboard.core import files
from dashboard.core.limits import GIB, LIMITS
from tests.browser import visitor
from tests.browser.conftest import Visit
from tests.browser.server import Server, wait_until
from tests.browser.test_pages import NARROW, open_everything, sideways, switched, violations
from tests.browser.visitor import at, settle
from tests.making import classes, zip_of

pytestmark = pytest.mark.slow

MEGABYTE = 1024 * 1024
SLOWLY = MEGABYTE  # bytes a second
AWAY = "ERR_|WebSocket|disconnected|reaching server endpoint|Is Streamlit still running|403"  # a new server, new tokens


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of some megabytes with ten pictures of each of two classes; what makes it large is no picture."""
    members = {**classes("cat", "dog", images=10), "notes.bin": os.urandom(20 * MEGABYTE)}
    return zip_of(members, tmp_path_factory.mktemp("large") / "<b>pets.zip")


def box(page: Page) -> Locator:
    return at(page, "dataset_large")


def choose(page: Page, file: Path) -> None:
    box(page).locator("input[type=file]").set_input_files(file)


def bar(page: Page) -> float:
    return float(box(page).locator("progress").evaluate("bar => bar.value"))


def wait_for_bar(page: Page, least: float) -> None:
    box(page).locator("progress").evaluate(
        """(bar, least) => new Promise((resolve) => {
            const look = () => bar.value >= least ? resolve() : setTimeout(look, 20);
            look();
        })""",
        least,
    )


def on_disk(server: Server) -> int:
    return sum(path.stat().st_size for path in server.workspace.glob("uploads/*/000000"))


@contextmanager
def slow_network(page: Page) -> Iterator[None]:
    session = page.context.new_cdp_session(page)
    rates = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {**rates, "uploadThroughput": SLOWLY})
    try:
        yield
    finally:
        session.send("Network.emulateNetworkConditions", {**rates, "uploadThroughput": -1})


def dataset_has_come(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=visitor.PATIENCE)
    settle(page)
    assert page.get_by_test_id("stMetricValue").all_inner_texts()[:2] == ["20", "2"]


def test_an_upload_goes_on_by_itself_when_the_server_was_killed_in_the_middle(
    server: Server, browser: Browser, large: Path
) -> None:
    with visitor.visiting(browser, server.url) as (page, watch):
        visitor.go(page, "/dataset")
        with slow_network(page):
            choose(page, large)
            expect(box(page).locator(".name")).to_have_text("<b>pets.zip")
            wait_for_bar(page, 0.15)
            expect(box(page).locator(".figures")).to_have_text(
                re.compile(r"MB of 20\.0 MB · .* MB/s · about \d+ s left")
            )
            wait_for_bar(page, 0.3)
            wait_until(lambda: on_disk(server) > 0, 60, "a part that has come whole")
            server.kill()
            there = on_disk(server)
            assert 0 < there < large.stat().st_size
            expect(box(page).locator(".state")).to_have_text(re.compile("does not answer"), timeout=visitor.PATIENCE)
            assert abs(bar(page) - there / large.stat().st_size) < 0.45  # of the part under way nothing counts
            page.wait_for_timeout(1500)
            server.start()
            expect(box(page).locator(".state")).to_have_text("Sending", timeout=visitor.PATIENCE)
            assert bar(page) >= there / large.stat().st_size  # it did not begin anew
        dataset_has_come(page, "<b>pets")
        assert on_disk(server) == 0
        watch.forgive(AWAY)
        watch.check()


@pytest.mark.soak
def test_an_upload_goes_on_when_the_same_file_is_chosen_after_a_reload_and_can_be_paused(
    server: Server, visit: Visit, large: Path
) -> None:
    page = visit(server, "/dataset", viewport=NARROW, color_scheme="light")
    open_form(page)
    with slow_network(page):
        choose(page, large)
        wait_for_bar(page, 0.3)
        wait_until(lambda: on_disk(server) > 0, 60, "a part that has come whole")
        page.reload()
        settle(page)
        there = on_disk(server)
        assert there > 0
        open_everything(page)  # what is folded away never ends its change to the other theme
        expect(box(page).locator(".words")).to_have_text(re.compile(r"^<b>pets\.zip .* did not come whole"))
        found = violations(page)
        choose(page, large)
        wait_for_bar(page, there / large.stat().st_size)
        box(page).get_by_role("button", name="Pause").press("Enter")
        expect(box(page).locator(".state")).to_have_text("Paused")
        paused_at = bar(page)
        found += violations(page)
        found += switched(page, "dark")
        assert not found, "\n".join(found)
        assert not sideways(page)
        assert bar(page) == paused_at
        expect(box(page).get_by_role("button", name="Go on")).to_be_focused()
        box(page).get_by_role("button", name="Go on").press("Enter")
        expect(box(page).locator(".state")).to_have_text("Sending")
    expect(box(page)).to_have_count(0, timeout=visitor.PATIENCE)
    dataset_has_come(page, "<b>pets")


@pytest.mark.soak
def test_an_upload_goes_on_while_another_page_is_looked_at_and_is_added_on_return(
    server: Server, visit: Visit, large: Path
) -> None:
    page = visit(server, "/dataset")
    open_form(page)
    with slow_network(page):
        choose(page, large)
        wait_for_bar(page, 0.2)
        page.get_by_role("link", name="Home").click()
        page.get_by_role("heading", level=1).wait_for()
        settle(page)
        page.wait_for_timeout(2000)
        page.get_by_role("link", name="Data", exact=True).click()
        settle(page)
        open_form(page)
        assert bar(page) > 0.3
    dataset_has_come(page, "<b>pets")


@pytest.mark.soak
def test_cancel_asks_once_and_leaves_nothing(server: Server, visit: Visit, large: Path) -> None:
    page = visit(server, "/dataset")
    open_form(page)
    before = on_disk(server)
    with slow_network(page):
        choose(page, large)
        wait_for_bar(page, 0.2)
        assert on_disk(server) > before
        box(page).get_by_role("button", name="Cancel").click()
        expect(box(page).locator(".question")).to_have_text(re.compile(r"MB have arrived and would be lost"))
        box(page).get_by_role("button", name="Keep it").click()
        expect(box(page).locator(".state")).to_have_text("Sending")
        box(page).get_by_role("button", name="Cancel").click()
        box(page).get_by_role("button", name="Discard it").click()
    expect(box(page).locator(".zone")).to_be_visible()
    expect(box(page).locator(".left")).to_be_hidden()
    wait_until(lambda: on_disk(server) == before, 10, "the bytes to go")


@pytest.mark.soak
def test_what_is_no_archive_is_refused_in_words_and_its_name_is_only_text(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    with visitor.visiting(browser, server.url) as (page, watch):
        visitor.go(page, "/dataset")
        open_form(page)
        file = tmp_path / "<img src=x onerror=alert(1)>.rar"
        file.write_bytes(b"Rar!")
        choose(page, file)
        expect(box(page).locator(".state")).to_have_text(
            re.compile("onerror=.* is none of .zip"), timeout=visitor.PATIENCE
        )
        assert box(page).locator("img").count() == 0
        watch.forgive("400")  # the refusal
        watch.check()


@pytest.mark.soak
def test_five_gigabytes_take_less_than_64_megabytes_of_the_servers_memory(server: Server, browser: Browser) -> None:
    """Bytes made on the fly, sent as the page sends them; the memory is looked at after each part."""
    size = 5 * GIB
    if shutil.disk_usage(server.workspace).free < 2 * size + 2 * LIMITS.disk_reserve:
        pytest.skip("needs 12 GB of free disk")
    with visitor.visiting(browser, server.url) as (page, _):
        visitor.go(page, "/dataset")
        expect(box(page).locator(".hint")).not_to_be_empty()
        token = page.evaluate("window.thawSender.settings.token")
    headers = {"Origin": server.url, "Upload-Token": token}
    noise = bytearray(os.urandom(LIMITS.chunk_bytes))
    whole, began = hashlib.sha256(), time.monotonic()
    with closing(http.client.HTTPConnection("localhost", server.port, timeout=300)) as connection:

        def ask(method: str, path: str, body: bytes | None = None, **more: str) -> dict[str, Any]:
            told = {name.replace("_", "-"): value for name, value in more.items()}
            connection.request(method, path, body, {**headers, **told})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return dict(json.loads(text))

        upload_id = ask("POST", "/upload", json.dumps({"name": "five.zip", "size": size}).encode())["id"]
        seen = [server.memory()]
        for offset in range(0, size, len(noise)):
            noise[:8] = offset.to_bytes(8, "big")
            whole.update(noise)
            digest = hashlib.sha256(noise).hexdigest()
            ask("PUT", f"/upload/{upload_id}", bytes(noise), Upload_Offset=str(offset), Upload_Digest=digest)
            seen.append(server.memory())
        assert ask("POST", f"/upload/{upload_id}/finish")["received"] == size
        seen.append(server.memory())
        seconds = time.monotonic() - began
        assert files.sha256(server.workspace / "uploads" / upload_id / "000000") == whole.hexdigest()
        connection.close()  # the server has left it meanwhile; the next request opens another
        ask("DELETE", f"/upload/{upload_id}")
        assert not list(server.workspace.glob("uploads/*"))
    growth = max(seen) - seen[0]
    print(
        f"5 GiB in {seconds:.0f} s ({size / seconds / MEGABYTE:.0f} MB/s); the server held {seen[0] / MEGABYTE:.0f} MB "
        f"before, {max(seen) / MEGABYTE:.0f} MB at most: {growth / MEGABYTE:.1f} MB more"
    )
    assert growth < 64 * MEGABYTE


def open_form(page: Page) -> None:
    """The form is folded away where there is a dataset already."""
    panel = page.locator("details", has=box(page))
    if panel.count() and panel.get_attribute("open") is None:
        panel.locator("summary").click()
