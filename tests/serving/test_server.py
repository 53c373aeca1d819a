"""The service as its users meet it: the real program, a real run, HTTP."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import psutil
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from dashboard.core.limits import LIMITS
from dashboard.core.metrics import PROBABILITY
from dashboard.core.settings import settings
from dashboard.data.datasets import picture_path
from dashboard.runs.run import Run
from tests.browser import visitor
from tests.making import picture
from tests.serving.conftest import TOKEN, Client, Service, encoded, form
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

GOOD = ("one.png", picture(1))
CONFIG = Path(__file__).with_name("schemathesis.toml")
PHONE = {"width": 390, "height": 844}
EVIL = ("<img src=http://evil.example/x>.png", picture(3))
BAD = ("two.jpg", picture(2, "JPEG")[:-40])


@pytest.fixture(scope="module")
def predictions(served: Service) -> pd.DataFrame:
    return Run(next((served.workspace / "runs").iterdir())).predictions()


@pytest.fixture
def stored(served: Service, predictions: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """Pictures of the run, as they were uploaded."""
    monkeypatch.setenv("THAW_WORKSPACE", str(served.workspace))
    settings.cache_clear()
    found = [(row.path, picture_path(row.sha256).read_bytes()) for row in predictions[::8].itertuples()]
    settings.cache_clear()
    return found


@pytest.mark.parametrize("posted", [form, encoded])
def test_it_predicts_what_the_run_predicted(client, stored, predictions, posted) -> None:
    status, answer = client.predict(posted(*stored), "?top=3")
    assert status == 200 and [item["name"] for item in answer["pictures"]] == [name for name, _ in stored]
    for item, (_, row) in zip(answer["pictures"], predictions[::8].iterrows(), strict=True):
        assert item["predicted"] == row["predicted"] == item["top"][0]["class_name"]
        expected = {name.removeprefix(PROBABILITY): row[name] for name in row.index if name.startswith(PROBABILITY)}
        assert item["probabilities"] == pytest.approx(expected, abs=1e-4)
        assert [each["probability"] for each in item["top"]] == sorted(item["probabilities"].values())[:-4:-1]


def test_a_picture_that_cannot_be_read_is_an_item_with_its_reason(client: Client) -> None:
    for posted in (form, encoded):
        status, answer = client.predict(posted(GOOD, BAD, ("three", b""), GOOD))
        assert status == 200
        codes = [item.get("error", {}).get("code") for item in answer["pictures"]]
        assert codes == [None, "image-truncated", "image-empty", None]
        assert answer["pictures"][0]["probabilities"] == answer["pictures"][3]["probabilities"]
    body = b'{"pictures": [{"data": "not base64!"}, {"name": "\\u0000../x", "data": "data:image/png;base64,"}]}'
    status, answer = client.predict(("application/json", body))
    assert status == 200
    assert [item["error"]["code"] for item in answer["pictures"]] == ["image-base64", "image-empty"]
    assert answer["pictures"][1]["name"] == "\0../x"


def test_a_second_picture_takes_less_than_half_a_second_and_nothing_of_either_stays(
    client: Client, served: Service
) -> None:
    took = []
    for _ in range(5):
        began = time.monotonic()
        assert client.predict(form(GOOD))[0] == 200
        took.append(time.monotonic() - began)
    assert min(took) < 0.5
    assert served.kept() == []


def test_many_at_once_are_all_answered_or_told_to_come_back(client: Client) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: client.predict(form(GOOD, GOOD)), range(40)))
    assert {status for status, _ in answers} <= {200, 429}
    assert sum(status == 200 for status, _ in answers) >= 8
    assert {answer["code"] for status, answer in answers if status == 429} <= {"busy"}
    assert client.predict(form(GOOD))[0] == 200


def test_a_killed_worker_costs_at_most_one_request(client: Client, served: Service) -> None:
    before = served.worker
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(client.predict, form(*[GOOD] * 50)) for _ in range(4)]
        time.sleep(0.1)
        before.kill()
        statuses = [each.result()[0] for each in asked]
    assert statuses.count(200) >= len(asked) - 1
    assert client.predict(form(GOOD))[0] == 200
    assert served.worker.pid != before.pid


def schemathesis(served: Service, folder: Path, *options: str) -> str:
    """What schemathesis found, when it asked the service what its document allows and what it does not."""
    url = f"http://127.0.0.1:{served.port}"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{url}/openapi.json"),
            *("--header", f"Authorization: Bearer {TOKEN}", "--checks", "all", "--phases", "coverage,fuzzing"),
            *("--seed", "1", "--no-color", "--generation-database", "none", *options),
        ],
        cwd=folder,  # where it leaves what it remembers
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    return done.stdout


def test_it_does_what_its_document_says(served: Service, tmp_path: Path) -> None:
    assert "3 selected / 3 total" in schemathesis(served, tmp_path, "--max-examples", "10")


@pytest.mark.soak
def test_it_does_what_its_document_says_for_a_long_time(served: Service, tmp_path: Path) -> None:
    """In a form every number is bytes too, so that nobody could refuse it for being none."""
    schemathesis(served, tmp_path, "--max-examples", "1000", "--exclude-checks", "negative_data_rejection")
    assert served.kept() == []


def test_a_large_request_takes_no_memory_of_the_process_that_speaks_http(served: Service, client: Client) -> None:
    large = ("large.png", bytes(LIMITS.image_bytes))
    before = served.memory
    for posted in (form, encoded):
        status, answer = client.predict(posted(large, GOOD))
        assert status == 200
        assert [item.get("error", {}).get("code") for item in answer["pictures"]] == ["image-format", None]
    assert served.memory - before < 20 << 20


def test_a_person_tries_it_in_a_browser(served: Service, browser: Browser) -> None:
    with visitor.visiting(browser, f"http://localhost:{served.port}", viewport=PHONE) as (page, watch):
        page.goto("/")
        files = [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in (EVIL, BAD)]
        page.locator("#pictures").set_input_files(files)
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Classify").click()
        expect(page.locator("#items li")).to_have_count(2)
        expect(page.locator("#items li").first).to_contain_text(EVIL[0])
        expect(page.locator("#items li").first.locator("meter")).to_have_count(3)
        expect(page.locator("#items li").last).to_contain_text("before it is complete")
        assert violations(page) == []
        page.goto("/docs")
        assert violations(page) == []
        watch.check()


def violations(page: Page) -> list[str]:
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [each["id"] for each in found] + ["scrolls sideways"] * wide


def test_told_to_end_it_answers_who_asked_and_leaves_nothing_behind(served: Service, client: Client) -> None:
    """The last test of this service."""
    children = served.children
    assert len(children) == 3
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.predict, form(*[GOOD] * 100))
        wait_until(lambda: "body" in served.kept(), seconds=10, step=0.002)
        assert served.end(signal.SIGTERM) == 0
        status, answer = asked.result()
    assert status == 200 and len(answer["pictures"]) == 100
    wait_until(lambda: not any(psutil.pid_exists(each.pid) for each in children), seconds=10, step=0.05)
    assert list((served.workspace / "serving").iterdir()) == []
    assert "Traceback" not in served.told
