"""A person sees a wrong picture, clicks it, and puts it right."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser import visitor
from tests.browser.conftest import Visit
from tests.browser.server import Server
from tests.making import classes, folder_of

pytestmark = pytest.mark.slow


def test_a_wrong_picture_is_clicked_moved_and_the_move_undone(server: Server, visit: Visit, tmp_path: Path) -> None:
    red = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(red, "PNG")
    files = classes("<b>roses", "$tulips$", images=8) | {"<b>roses/a tulip.png": red.getvalue()}
    dataset = json.loads(server.command("import", str(folder_of(files, tmp_path)), "--name", "Bed", "--json"))
    page = visit(server, "/dataset")
    visitor.choose(page, "dataset_class_shown", "<b>roses")
    visitor.choose(page, "dataset_move_to", "$tulips$")
    box = page.get_by_role("checkbox", name="a tulip.png")
    expect(box).to_have_count(1)
    box.focus()
    box.press("Space")  # by keyboard alone, as a click on its label does
    expect(box).to_be_checked()
    visitor.press(page, "dataset_move")
    expect(page.get_by_test_id("stMain").get_by_text("1 picture moved to '$tulips$'. Version 2.")).to_be_in_viewport()
    visitor.settle(page)
    expect(page.get_by_role("checkbox", name="a tulip.png")).to_have_count(0)
    visitor.choose(page, "dataset_class_shown", "$tulips$")
    expect(page.get_by_role("checkbox", name="a tulip.png")).to_have_count(1)
    visitor.press(page, "dataset_undo")
    said = page.get_by_test_id("stMain").get_by_text("Undone: 1 picture moved to '$tulips$'. Version 3.")
    expect(said).to_be_in_viewport()
    log = json.loads(server.command("dataset", "log", dataset["dataset"], "--json"))
    assert [each["pictures"] for each in log] == [17, 17, 17]
