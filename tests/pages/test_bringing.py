"""A model of another machine on the pages: the way in, and the pages of its run."""

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from dashboard.core.recipe import Recipe
from dashboard.data import datasets, samples
from dashboard.runs import queue
from dashboard.runs.run import ELSEWHERE, Run, prepare_brought
from tests.pages.conftest import OpenPage, plain, settle

CLASSES = ["ash", "birch"]
PREDICTIONS = "path,sha256,split,true,predicted,probability: ash,probability: birch\r\n"


@pytest.fixture
def brought(workspace: Path) -> Callable[..., Run]:
    """A run as `runs.bringing` leaves it, with model files that no page opens."""

    def brought(class_names: list[str] = CLASSES, **files_beside: str) -> Run:
        recipe = Recipe(dataset=ELSEWHERE, backbone="MobileNet", alpha=0.25, image_size=32)
        run = Run(workspace / "runs" / "20261125-120000-abcdef")
        run.path.mkdir(parents=True)
        about = {"files": ["everything.zip"], "is_checked": True, "left_out": []}
        prepare_brought(run, recipe, class_names, about)
        with h5py.File(run.weights_path, "w") as file:
            file["kernel"] = [1.0]
        run.model_path.write_bytes(b"model")
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


def test_every_page_draws_with_nothing_but_a_brought_run(open_page: OpenPage, brought: Callable[..., Run]) -> None:
    brought()
    at = open_page("home")
    for page in ("dataset", "model", "train", "predict", "export", "evaluate", "runs"):
        at.switch_page(f"../../pages/{page}.py").run()
        assert not at.exception and not at.error, page
        if page == "evaluate":
            assert "brought here without its predictions" in said(at)
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
    assert "No weights were sent" in plain(at.error[0].value)
    assert queue.listing().empty


def small_shapes() -> list[str]:
    """Pictures to train on; the names of their classes."""
    dataset = samples.import_sample("shapes", settings=samples.ShapesSettings(images_a_class=6, side=32))
    return sorted(datasets.members(dataset)["class_name"].unique())


def test_a_run_on_other_classes_gets_a_new_head(open_page: OpenPage, brought: Callable[..., Run]) -> None:
    brought()
    small_shapes()
    at = open_page("run")
    assert "gets a new head: the pictures chosen now have other classes" in said(at)
    at.button(key="start_from").click().run()
    settle(at, lambda at: at.title[0].value == "Train")
    assert "**MobileNet 0.25** with your weights at 32 pixels" in at.markdown[0].value


def test_a_run_on_the_same_classes_keeps_the_head(open_page: OpenPage, brought: Callable[..., Run]) -> None:
    run = brought(small_shapes())
    at = open_page("run")
    assert "head included: the pictures chosen now have the same classes" in said(at)
    at.button(key="start_from").click().run()
    settle(at, lambda at: at.title[0].value == "Train")
    assert "with your weights, head included, at 32 pixels" in said(at)
    at.switch_page("../../pages/model.py").run()
    assert f"Its head tells apart: {', '.join(run.class_names)}" in said(at)
    at.toggle(key="model_keep_head").set_value(False).run()
    assert "head included" not in said(at.switch_page("../../pages/train.py").run())
