"""The promise before a run, measured by a real worker process."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.core import machine
from dashboard.data.datasets import Dataset
from dashboard.runs import queue
from tests.pages.conftest import OpenPage, plain, settle
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def shown(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def keys(at: AppTest) -> set[str]:
    return {button.key for button in at.button}


def change_memory(workspace: Path, **to: int) -> dict[str, int]:
    """Give other values of memory to what was measured of the head; those before."""
    for path in (workspace / "cache" / "measures").glob("*.json"):
        values = json.loads(path.read_text())
        if values["key"]["cut"] == "head":
            before = {name: values["measured"][name] for name in ("memory", "memory_a_picture")}
            values["measured"] |= to
            path.write_text(json.dumps(values))
    return before


def test_the_train_page_says_what_a_run_takes_refuses_what_cannot_fit_and_plans(
    workspace: Path, take_shapes: Callable[..., Dataset], open_page: OpenPage
) -> None:
    take_shapes(images_a_class=8)
    at = open_page("model")
    at.selectbox(key="frame_backbone").set_value("MobileNet").run()
    at.selectbox(key="model_alpha").set_value(0.25).run()
    at.number_input(key="model_image_size").set_value(32).run()
    at.segmented_control(key="model_weights").set_value("none").run()
    at.switch_page("../../pages/train.py").run()
    assert not at.metric and "train_measure" in keys(at)
    at.button(key="train_measure").click().run()
    wait_until(lambda: len(list((workspace / "cache" / "measures").glob("*.json"))) == 3, seconds=240)
    settle(at, lambda at: "Time, at most" in shown(at))
    assert shown(at)["Time, at most"].startswith("About ") and shown(at)["Memory"].endswith(("MB", "GB"))
    assert any("then, thawed" in each.value for each in at.caption)
    assert "train_measure" not in keys(at)

    measured = change_memory(workspace, memory=10**15)
    at.run()
    assert any("do not fit this machine: they need about 1e+06 GB of memory" in plain(each.value) for each in at.error)
    assert "train_nearest" not in keys(at), "no batch is small enough for that"
    at.button(key="train_start").click().run()
    settle(at, lambda at: "train_start" in keys(at))
    assert any("do not fit this machine" in plain(each.value) for each in at.error)
    assert queue.listing().empty

    a_picture = (machine.available_memory() or 10**9) // 4
    change_memory(workspace, memory=32 * a_picture, memory_a_picture=a_picture)
    at.run()
    assert any("The nearest that fit: batch size 2 instead of 32" in plain(each.value) for each in at.error)
    at.button(key="train_nearest").click().run()
    assert at.number_input(key="train_batch_size").value == 2
    next(button for button in at.button if button.label == "Cancel").click().run()  # it measures them at once
    settle(at, lambda at: "train_measure" in keys(at), seconds=120)
    at.number_input(key="train_batch_size").set_value(32).run()

    change_memory(workspace, **measured)
    at.number_input(key="train_minutes").set_value(30.0).run()
    at.button(key="train_plan").click().run()
    settle(at, lambda at: bool(at.success), seconds=120)
    assert "30 epochs with everything thawed" in at.success[0].value
    assert at.number_input(key="train_fine_tune_epochs").value == 30
    at.number_input(key="train_fine_tune_epochs").set_value(3).run()
    assert not at.success, "what was said is of other settings"
    assert shown(at)["Time, at most"].startswith("About "), "epochs are no reason to measure anew"
