"""What may be wrong with a dataset, and the way to it."""

import io
import zipfile

import numpy as np
from PIL import Image

from dashboard.ui import resources
from tests.pages.conftest import OpenPage, plain, settle
from tests.pages.test_dataset import archive, picture, shown, upload


def with_faults() -> bytes:
    """Two classes whose names look like one; a black picture, and one that is there twice, once lighter."""
    buffer = io.BytesIO(archive({"cat": 12, "Cat ": 12}, broken=1))
    soft = Image.fromarray(np.random.default_rng(5).integers(40, 200, (6, 8, 3), dtype=np.uint8)).resize((160, 120))
    with zipfile.ZipFile(buffer, "a") as file:
        for name, image in (
            ("pets/cat/black.png", Image.new("RGB", (60, 40), (2, 2, 2))),
            ("pets/cat/soft.png", soft),
            ("pets/Cat /soft again.png", soft.point(lambda level: min(255, int(level * 1.15)))),
        ):
            out = io.BytesIO()
            image.save(out, "PNG")
            file.writestr(name, out.getvalue())
    return buffer.getvalue()


def captions(at) -> str:
    return plain("\n".join(each.value for each in (*at.markdown, *at.caption)))


def test_what_checks_find_is_listed_with_what_to_do_and_its_pictures_are_shown_in_the_wall(open_page: OpenPage) -> None:
    at = upload(open_page("dataset"), with_faults())
    settle(at, lambda at: shown(at).get("Pictures") == "27")
    said = captions(at)
    assert "The same picture under two labels" in said and "Decide which label is right" in said
    assert "'Cat ' (13) and 'cat' (14)" in said or "'cat' (14) and 'Cat ' (13)" in said
    at.button(key="dataset_show_dark").click().run()
    assert not at.exception
    assert at.selectbox(key="dataset_attention").value == "Very dark"
    assert "black.png" in "\n".join(str(each.label) for each in at.checkbox)
    at.button(key="dataset_show_two-classes").click().run()
    chosen = "\n".join(str(each.label) for each in at.checkbox)
    assert "soft" in chosen and "black" not in chosen


def test_both_numbers_of_look_alikes_are_shown(open_page: OpenPage) -> None:
    """Of ten pairs of look-alikes a blind division parts some; this one none."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in ("cat", "dog"):
            for number in range(20):
                seed = (name == "dog") * 100 + number // 2
                values = np.random.default_rng(seed).integers(40, 200, (6, 8, 3), dtype=np.uint8)
                soft = Image.fromarray(values).resize((160, 120)).point(lambda v, n=number: min(255, v + 12 * (n % 2)))
                out = io.BytesIO()
                soft.save(out, "PNG")
                file.writestr(f"{name}/{number}.png", out.getvalue())
    at = upload(open_page("dataset"), buffer.getvalue())
    settle(at, lambda at: shown(at).get("Pictures") == "40")
    said = captions(at)
    assert "pairs of look-alikes would stand on two sides of a blind division" in said
    assert "Here **none** do" in said
    at.toggle(key="dataset_keep_together").set_value(False).run()
    at.button(key="dataset_split_apply").click().run()
    assert any("make the figures look better than they are" in plain(each.value) for each in at.warning)


def test_a_set_without_fault_says_so(open_page: OpenPage) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in ("cat", "dog"):
            for number in range(25):
                file.writestr(f"{name}/{number}.png", picture(7_000 + number + 100 * (name == "dog")))
    at = upload(open_page("dataset"), buffer.getvalue())
    settle(at, lambda at: shown(at).get("Pictures") == "50")
    assert not [each for each in at.button if str(each.key).startswith("dataset_show_two")]


def test_of_many_pictures_the_page_is_there_before_the_checks_are_over(open_page: OpenPage, monkeypatch) -> None:
    monkeypatch.setattr(resources, "MANY", 10)
    at = upload(open_page("dataset"), with_faults())
    settle(at, lambda at: shown(at).get("Pictures") == "27")
    assert "is being checked" in captions(at) and "Needs attention" not in "".join(each.label for each in at.expander)
    settle(at, lambda at: any("Needs attention" in each.label for each in at.expander))
    assert at.button(key="dataset_show_dark")
