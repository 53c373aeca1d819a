"""A model of another machine on the pages: the way in, and the pages of its run."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.core import files
from dashboard.core.recipe import Recipe
from dashboard.data import samples
from dashboard.runs import queue
from dashboard.runs.run import ELSEWHERE, Run, prepare_brought
from tests.pages.conftest import OpenPage, plain, settle

CLASSES = ["ash", "birch"]
PREDICTIONS = "path,sha256,split,true,predicted,probability: ash,probability: birch\r\n"


@pytest.fixture
def brought(workspace: Path) -> Callable[..., Run]:
    """A run as `runs.bringing` leaves it, with model files that no page opens."""

    def brought(**files_beside: str) -> Run:
        recipe = Recipe(dataset=ELSEWHERE, backbone="MobileNet", alpha=0.25, image_size=32)
        run = Run(workspace / "runs" / "20261125-120000-abcdef")
        run.path.mkdir(parents=True)
        about = {"files": ["everything.zip"], "is_checked": True, "left_out": []}
        prepare_brought(run, recipe, CLASSES, about)
        for name in ("model.keras", "model.weights.h5"):
            (run.path / name).write_bytes(b"model")
        for name, text in files_beside.items():
            (run.path / name.replace("_", ".")).write_text(text)
        queue.record_brought(run, "MobileNet 0.25 on another machine", "Brought as <b>everything</b>.zip.")
        return run

    return brought


def said(at: object) -> str:
    elements = (*at.markdown, *at.caption, *at.info)  # type: ignore[attr-defined]
    return " ".join(plain(element.value) for element in elements)


def test_its_page_says_what_it_is_and_what_was_not_brought(open_page: OpenPage, brought: Callable[..., Run]) -> None:
    brought()
    at = open_page("run")
    assert not at.exception and not at.error
    assert "Brought as <b>everything</b>.zip." in said(at)
    assert "Not brought: its curves, its list of pictures, its predictions." in said(at)
    assert "to the bit" in said(at)
    assert {"run_predict", "run_export"} <= {button.key for button in at.button}
    assert "run_evaluate" not in {button.key for button in at.button}


@pytest.mark.parametrize("page", ["home", "dataset", "model", "train", "runs", "evaluate", "predict", "export"])
def test_every_page_draws_with_nothing_but_a_brought_run(
    open_page: OpenPage, brought: Callable[..., Run], page: str
) -> None:
    brought()
    at = open_page(page)
    assert not at.exception and not at.error, page
    if page == "evaluate":
        assert "brought here without its predictions" in said(at)
    if page == "runs":
        assert list(at.dataframe[0].value["status"]) == ["finished"]
        assert "on another machine" in at.dataframe[1].value.loc["dataset"].to_list()


def test_predictions_that_came_along_are_judged(open_page: OpenPage, brought: Callable[..., Run]) -> None:
    rows = [f"{name}/1.png,{'0' * 64},test,{name},ash,0.75,0.25\r\n" for name in CLASSES]
    brought(predictions_csv=PREDICTIONS + "".join(rows))
    at = open_page("evaluate")
    assert not at.exception and not at.error
    assert {metric.label: metric.value for metric in at.metric}["Pictures"] == "2"


def test_a_model_that_is_refused_says_why_and_makes_no_run(open_page: OpenPage) -> None:
    at = open_page("runs")
    at.file_uploader[0].set_value([("labels.json", b'{"class_names": ["ash"]}', "application/json")]).run()
    at.button(key="runs_bring_start").click().run()
    settle(at, lambda at: bool(at.error))
    assert "No weights were sent" in plain(at.error[0].value) or "labels" in plain(at.error[0].value)
    assert queue.listing().empty


def test_a_new_run_from_it_says_what_becomes_of_the_head(
    workspace: Path, open_page: OpenPage, brought: Callable[..., Run]
) -> None:
    brought()
    samples.import_sample("shapes", settings=samples.ShapesSettings(images_a_class=6, side=32))
    at = open_page("run")
    assert "gets a new head: the pictures chosen now have other classes" in said(at)
    assert json.loads((workspace / "runs" / "20261125-120000-abcdef" / "labels.json").read_text()) == {
        "class_names": CLASSES
    }
    assert files.read_json(workspace / "runs" / "20261125-120000-abcdef" / "brought.json")["is_checked"]
