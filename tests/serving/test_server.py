"""The service as its users meet it: the real program, a real run, HTTP."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import psutil
import pytest

from dashboard.core.metrics import PROBABILITY
from dashboard.core.settings import settings
from dashboard.data.datasets import picture_path
from dashboard.runs.run import Run
from tests.making import picture
from tests.serving.conftest import Client, Service, encoded, form
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

GOOD = ("one.png", picture(1))
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
    with ThreadPoolExecutor(1) as pool:
        before.kill()
        answers = [pool.submit(client.predict, form(GOOD)).result() for _ in range(2)]
    assert [status for status, _ in answers].count(200) >= 1 and answers[1][0] == 200
    assert served.worker.pid != before.pid


def test_told_to_end_it_answers_who_asked_and_leaves_nothing_behind(served: Service, client: Client) -> None:
    """The last test of this service."""
    children = served.children
    assert len(children) == 3
    assert served.end(signal.SIGTERM) == 0
    wait_until(lambda: not any(psutil.pid_exists(each.pid) for each in children), seconds=10, step=0.05)
    assert list((served.workspace / "serving").iterdir()) == []
    assert "Traceback" not in served.told
