"""AlexNet beside a pretrained network, from the button on."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import visitor
from tests.browser.conftest import Visit
from tests.browser.server import Server
from tests.making import classes, folder_of


@pytest.mark.soak
def test_alexnet_and_a_pretrained_network_learn_one_after_the_other_and_share_a_chart(
    server_with_weights: Server, visit: Visit, tmp_path: Path
) -> None:
    server = server_with_weights
    folder = folder_of(classes("a", "b", images=12), tmp_path / "Pictures")
    server.command("import", str(folder), "--name", "Pictures")
    page = visit(server, "/alexnet")
    visitor.at(page, "alexnet_size").get_by_text("67").click()
    visitor.settle(page)
    visitor.press(page, "alexnet_start")
    for network in ("MobileNetV2", "AlexNet"):  # the pretrained one first
        expect(page.get_by_text(re.compile(rf"{network}.*, run \d: .*\d epochs? in"))).to_be_visible(timeout=180_000)
    assert visitor.at(page, "alexnet_race").locator(".main-svg").count()
    runs = {row["number"]: row for row in json.loads(server.command("runs", "--json"))}
    assert sorted(runs) == [1, 2] and "AlexNet" in runs[2]["name"]
    server.command("stop", runs[2]["id"], check=False)
