"""The pages from Train to Export, around one real training run in a process of its own."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.core import files, metrics
from dashboard.core.certificates import Answers, judge
from dashboard.core.export_formats import EXPORT_FORMATS
from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings
from dashboard.data import datasets, samples
from dashboard.runs import queue, status
from dashboard.runs.certificates import certificate_path
from dashboard.runs.run import open_run
from tests.pages.conftest import ROOT, OpenPage, enter, heavy_modules_after_all_pages, plain, settle

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace in which the Train page has started a run and seen it end."""
    before = dict(os.environ)
    os.environ["THAW_WORKSPACE"] = str(tmp_path_factory.mktemp("trained") / "workspace")
    os.environ["THAW_SUPERVISOR_IDLE"] = "2"
    settings.cache_clear()
    samples.import_sample("shapes", settings=samples.ShapesSettings(images_a_class=10, side=64))
    at = AppTest.from_file(str(ROOT / "dashboard/ui/main.py"), default_timeout=60).run()
    at.switch_page("../../pages/model.py").run()
    at.selectbox(key="frame_backbone").set_value("MobileNet").run()
    at.selectbox(key="model_alpha").set_value(0.25).run()
    at.number_input(key="model_image_size").set_value(64).run()
    at.segmented_control(key="model_weights").set_value("none").run()
    assert any("not pretrained" in warning.value for warning in at.warning)
    at.switch_page("../../pages/train.py").run()
    at.number_input(key="train_epochs").set_value(2).run()
    at.number_input(key="train_fine_tune_epochs").set_value(1).run()
    at.number_input(key="train_seed").set_value(3).run()
    at.button(key="train_start").click().run()
    settle(at, lambda at: at.title[0].value.startswith("Run 1"), seconds=120)
    at.switch_page("../../pages/run.py").run()  # AppTest forgets a page the app itself went to
    settle(at, lambda at: any("Finished" in each.value for each in at.markdown), seconds=240)
    assert not at.exception
    yield Path(os.environ["THAW_WORKSPACE"])
    st.cache_resource.clear()
    os.environ.clear()
    os.environ.update(before)
    settings.cache_clear()


@pytest.fixture
def open_trained(trained: Path) -> Iterator[OpenPage]:
    def open_trained(page: str) -> AppTest:
        at = enter(page, timeout=60)
        assert not at.exception and not at.error, page
        return at

    yield open_trained
    st.cache_data.clear()


def shown(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_the_run_is_what_the_form_said(trained: Path) -> None:
    run = open_run(queue.listing()["id"].iloc[0])
    recipe = run.recipe
    assert (recipe.backbone, recipe.alpha, recipe.image_size, recipe.weights) == ("MobileNet", 0.25, 64, "none")
    assert (recipe.epochs, recipe.fine_tune_epochs, recipe.seed) == (2, 1, 3)
    assert recipe.dataset == datasets.listing()["id"].iloc[0]
    assert len(run.history()) == 3


def test_the_run_page_shows_the_figures_of_the_whole_model(open_trained: OpenPage) -> None:
    at = open_trained("run")
    report = open_run(queue.listing()["id"].iloc[0]).report()
    assert shown(at)["Validation accuracy"] == f"{report['validation_accuracy']:.1%}".replace("%", " %")
    assert shown(at)["Epochs"] == "3 of 3"
    charts = [element.key for element in at.get("plotly_chart")]
    assert {"run_accuracy", "run_loss", "run_learning_rate"} <= set(charts)


def test_no_page_leaves_tensorflow_in_the_web_process(trained: Path) -> None:
    assert heavy_modules_after_all_pages() == "[]"


def test_the_run_is_named_in_the_address_so_that_a_reload_shows_it(open_trained: OpenPage) -> None:
    run_id = queue.listing()["id"].iloc[0]
    at = open_trained("run")
    assert at.query_params["run"] in (run_id, [run_id])


def test_home_shows_the_run_and_the_next_step(open_trained: OpenPage) -> None:
    at = open_trained("home")
    assert any("Run 1" in each.value for each in at.markdown)
    at.button(key="home_evaluate").click().run()
    assert at.title[0].value == "Evaluate"


def test_runs_compares_the_newest_without_being_asked(open_trained: OpenPage) -> None:
    at = open_trained("runs")
    table = at.dataframe[0].value
    assert list(table["number"]) == [1] and list(table["status"]) == ["finished"]
    recipes = at.dataframe[1].value
    assert "Shapes and textures, version 1" in recipes.loc["dataset"].to_list()
    assert [element.key for element in at.get("plotly_chart")] == ["runs_compare"]


@pytest.mark.parametrize("split", ["test", "validation", "train"])
def test_evaluate_judges_the_split_of_ones_choice(open_trained: OpenPage, split: str) -> None:
    at = open_trained("evaluate")
    at.segmented_control(key="evaluate_split").set_value(split).run()
    predictions = open_run(queue.listing()["id"].iloc[0]).predictions()
    own = predictions[predictions["split"] == split]
    assert shown(at)["Pictures"] == str(len(own))
    assert shown(at)["Accuracy"].startswith(f"{(own['true'] == own['predicted']).mean():.2f} (")
    assert list(at.dataframe[-1].value["class_name"]) == sorted(own["true"].unique())


def test_predict_answers_with_what_the_finished_model_says(open_trained: OpenPage) -> None:
    run = open_run(queue.listing()["id"].iloc[0])
    expected = run.predictions().head(3)
    at = open_trained("predict")
    pictures = [
        (f"new {row.path}", datasets.picture_path(row.sha256).read_bytes(), "image/png")
        for row in expected.itertuples()
    ]
    broken = ("cut.jpg", b"\xff\xd8\xff", "image/jpeg")
    at.file_uploader[0].set_value([*pictures, broken]).run()
    settle(at, lambda at: len(at.dataframe) == 1 and len(at.dataframe[0].value) == 4, seconds=120)
    assert any("1 file could not be read" in warning.value for warning in at.warning)
    table = at.dataframe[0].value
    assert list(table["path"]) == [*(name for name, _, _ in pictures), "cut.jpg"]
    assert table["reason"].str.len().gt(0).to_list() == [False, False, False, True]
    table = table.head(3)
    columns = [column for column in expected.columns if column.startswith("probability: ")]
    difference = abs(table[columns].to_numpy() - expected[columns].to_numpy()).max()
    assert difference < 1e-4
    assert table[columns].to_numpy().std(axis=0).max() > 1e-6, "a constant output would pass every comparison"


@pytest.mark.parametrize("name", [name for name in EXPORT_FORMATS if name in ("labels", "openvino", "topology-svg")])
def test_an_export_can_be_taken_home(open_trained: OpenPage, name: str) -> None:
    at = open_trained("export")
    if f"export_prepare_{name}" in {button.key for button in at.button}:
        at.button(key=f"export_prepare_{name}").click().run()
    settle(at, lambda at: f"export_{name}" in {each.key for each in at.get("download_button")}, seconds=120)
    assert not at.error
    certified = [each.value for each in at.caption if "erified on" in each.value]
    assert len(certified) == (1 if name == "openvino" else 0) or name != "openvino"


def test_an_export_that_predicts_otherwise_is_marked_with_its_reason(open_trained: OpenPage) -> None:
    run, row = open_run(queue.listing()["id"].iloc[0]), EXPORT_FORMATS["litert"]
    shown = run.predictions().query("split == 'test'")
    names = metrics.class_names(shown)
    found = np.eye(len(names))[np.arange(len(shown)) % len(names)]
    certificate = judge(row, shown, Answers(names, found, found, 1.5, "a runtime"), size=64, digests={})
    files.write_json(certificate_path(run, row), certificate.as_record())
    (run.path / "exports" / row.file_name).write_bytes(b"an export")
    at = open_trained("export")
    assert any("red-badge" in each.value and "not verified" in each.value for each in at.markdown)
    assert any("pictures differ by more than 0\\.001" in each.value for each in at.caption)


def test_a_refused_start_names_the_reason_and_makes_no_run(
    open_trained: OpenPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    settings.cache_clear()
    at = open_trained("model")
    at.segmented_control(key="model_weights").set_value("imagenet").run()
    at.switch_page("../../pages/train.py").run()
    assert at.button(key="train_start").disabled
    assert any("are needed before it can start" in each.value for each in at.markdown)
    assert len(queue.listing()) == 1


def test_the_draft_survives_leaving_the_page(open_trained: OpenPage) -> None:
    at = open_trained("train")
    at.number_input(key="train_epochs").set_value(7).run()
    at.switch_page("../../pages/evaluate.py").run().run()
    at.switch_page("../../pages/train.py").run()
    assert at.number_input(key="train_epochs").value == 7


def test_a_wrong_value_is_refused_in_words_and_the_draft_stays(open_trained: OpenPage) -> None:
    at = open_trained("model")
    at.number_input(key="model_image_size").set_value(20).run()
    assert any("at least 32 pixels a side; received 20" in plain(error.value) for error in at.error)


def test_an_unfinished_run_is_never_shown_as_finished(open_trained: OpenPage) -> None:
    recipe = open_run(queue.listing()["id"].iloc[0]).recipe
    run = queue.enqueue(Recipe(**recipe.model_dump()), name="waits")
    queue.change(run.id, status.INTERRUPTED, only_from=(status.QUEUED,), message="The power went.")
    at = open_trained("run")
    assert any("The power went" in warning.value for warning in at.warning)
    assert {"run_resume"} <= {button.key for button in at.button}
    at.switch_page("../../pages/evaluate.py").run()
    assert any("run 1, the newest that has" in caption.value for caption in at.caption)
    assert json.dumps(queue.row(run.id)["status"]) == '"interrupted"'
