"""The whole way in a real browser: pictures in, training watched, mistakes looked at, predictions, files taken home."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from dashboard.core import lease, metrics
from dashboard.data import samples
from dashboard.runs import events
from dashboard.ui import navigation
from tests.browser import visitor
from tests.browser.conftest import Visit, every_page
from tests.browser.server import ROOT, Server, wait_until
from tests.browser.visitor import at, drawn, settle

pytestmark = pytest.mark.slow

TRAINS_WITHIN = 480_000  # milliseconds, on a busy machine
DIGITS = 1797  # pictures
CLASSES = 5
PICTURES = 200
EPOCHS, FINE_TUNE_EPOCHS = 4, 24  # enough of them to be looked at from three tabs
STEP_BACK = 5  # niceness
OFTEN_OPEN = ("dataset", "run")  # while a run trains


@pytest.mark.soak
def test_flowers_go_the_whole_way_and_what_is_taken_home_predicts_what_was_shown(
    server_with_weights: Server, visit: Visit, flowers: Path, shared_data: Path, tmp_path: Path
) -> None:
    page = visit(server_with_weights)
    add_archive(page, flowers)
    choose_the_network(page)
    run_id = start_training(page)
    watch_it_train(page, server_with_weights, run_id)
    look_at_mistakes(page, server_with_weights, run_id)
    pictures = [min((shared_data / "flowers_small" / name).iterdir()) for name in ("daisy", "roses", "tulips")]
    table = classify(page, pictures, tmp_path)
    for name in ("weights", "keras", "zip"):
        take_home(page, name, tmp_path)
    compare_with_home(table, pictures, tmp_path)


def add_archive(page: Page, archive: Path) -> None:
    visitor.press(page, "home_upload")
    visitor.uploader(page, "dataset_archive_upload").set_input_files(archive)
    visitor.press(page, "dataset_add_archive")
    at(page, "dataset_next").wait_for()
    settle(page)
    pictures, classes = [int(each) for each in page.get_by_test_id("stMetricValue").all_inner_texts()[:2]]
    assert (pictures, classes) == (PICTURES, CLASSES)
    assert page.get_by_test_id("stMain").locator("img").count() >= CLASSES


def choose_the_network(page: Page) -> None:
    """MobileNetV2 at alpha 0.35 and 224 pixels, ImageNet weights from this machine, thawed from some block up."""
    visitor.press(page, "dataset_next")
    at(page, "model_alpha").wait_for()
    visitor.choose(page, "model_alpha", "0.35")
    expect(at(page, "model_image_size").locator("input")).to_have_value("224")
    expect(at(page, "model_download")).to_have_count(0)  # the weights are here
    handle = at(page, "model_unfreeze_from").get_by_role("slider")
    handle.wait_for()
    settle(page)
    everything_frozen = handle.get_attribute("aria-valuetext")
    for _ in range(4):
        handle.press("ArrowLeft")
    expect(handle).not_to_have_attribute("aria-valuetext", str(everything_frozen))
    settle(page)
    visitor.press(page, "model_next")


def start_training(page: Page) -> str:
    at(page, "train_start").wait_for()
    settle(page)
    assert at(page, "train_fine_tune_epochs").locator("input").input_value() != "0"  # the thaw line came along
    visitor.type_number(page, "train_epochs", EPOCHS)
    visitor.type_number(page, "train_fine_tune_epochs", FINE_TUNE_EPOCHS)
    open_panel_of(page, "train_batch_size")
    visitor.type_number(page, "train_batch_size", 4)
    visitor.type_number(page, "train_patience", 100)
    visitor.press(page, "train_start")
    page.wait_for_url("**/run?run=*")
    return page.url.split("run=")[1]


def open_panel_of(page: Page, key: str) -> None:
    panel = page.locator("details", has=page.locator(f".st-key-{key}"))
    if panel.get_attribute("open") is None:
        panel.locator("summary").click()


def watch_it_train(page: Page, server: Server, run_id: str) -> None:
    """Batches arrive while one looks; a reload, a second tab and a closed tab show the same run further on."""
    seen = more_steps_than(page, 0)
    seen = more_steps_than(page, seen)
    title = page.get_by_role("heading", level=1).inner_text()

    page.reload()
    seen = more_steps_than(page, seen)
    assert page.get_by_role("heading", level=1).inner_text() == title

    second = page.context.new_page()
    second.goto(page.url)
    assert more_steps_than(second, seen - 1) >= seen
    assert second.get_by_role("heading", level=1).inner_text() == title
    assert at(second, "run_stop").count() == 1  # all this was looked at while it trained
    second.close()

    address = page.url
    page.goto("about:blank")
    page.goto(address)
    at(page, "run_evaluate").wait_for(timeout=TRAINS_WITHIN)
    settle(page)
    finished_whole(page, server, run_id, EPOCHS + FINE_TUNE_EPOCHS)
    shading = "new Set(plot.layout.shapes.filter((each) => each.type === 'rect').map((each) => each.fillcolor)).size"
    assert drawn(page, "run_accuracy", shading) == 2, "the two phases are not told apart"


def more_steps_than(page: Page, seen: int) -> int:
    """Wait until the chart shows later batches; the last one."""
    deadline = time.monotonic() + 90
    while (now := visitor.steps_drawn(page)) <= seen:
        assert time.monotonic() < deadline, f"no batch after step {seen} was drawn"
        page.wait_for_timeout(100)
    return now


def finished_whole(page: Page, server: Server, run_id: str, epochs: int) -> None:
    """Every step and epoch is there once, by one worker, and the chart has drawn them to the last."""
    seen = events.read(server.folder(run_id) / "events.jsonl")
    steps, done = events.batches(seen)["step"], events.epochs(seen)["epoch"]
    assert list(steps) == list(range(1, len(steps) + 1))
    assert list(done) == list(range(1, epochs + 1))
    assert sum(event["kind"] == "attempt" for event in seen) == 1
    assert visitor.steps_drawn(page) == len(steps)


def look_at_mistakes(page: Page, server: Server, run_id: str) -> None:
    """The page says in a sentence what the predictions in the run directory say, and draws their matrix."""
    visitor.press(page, "run_evaluate")
    at(page, "evaluate_confusion").wait_for()
    settle(page)
    predictions = pd.read_csv(server.folder(run_id) / "predictions.csv", dtype={"true": str, "predicted": str})
    test = predictions[predictions["split"] == "test"]
    expect(page.get_by_role("heading", name=metrics.sentence(test))).to_have_count(1)
    shape = drawn(page, "evaluate_confusion", "[plot.calcdata[0][0].z.length, plot.calcdata[0][0].z[0].length]")
    classes = predictions["true"].nunique()
    assert shape == [classes, classes]


def classify(page: Page, pictures: list[Path], folder: Path) -> pd.DataFrame:
    """Upload pictures to the Predict page; the table it hands out, one row a picture. Says how fast it answers."""
    visitor.go(page, "/predict")
    visitor.uploader(page, "predict").set_input_files(pictures[:-1])
    expect(cards(page)).to_have_count(len(pictures) - 1, timeout=60_000)
    began = time.perf_counter()
    visitor.uploader(page, "predict").set_input_files(pictures[-1:])
    expect(cards(page)).to_have_count(len(pictures), timeout=visitor.PATIENCE)
    print(f"one more picture answered in {time.perf_counter() - began:.2f} s, the upload included")
    settle(page)
    assert page.get_by_test_id("stDataFrame").count() == 1
    table = pd.read_csv(visitor.download(page, "predict_csv", folder), dtype={"path": str, "predicted": str})
    shares = table[metrics.probability_columns(table)]
    assert list(table["path"]) == [path.name for path in pictures]
    assert np.allclose(shares.sum(axis="columns"), 1, atol=1e-4)
    assert list(table["predicted"]) == [
        name.removeprefix(metrics.PROBABILITY) for name in shares.idxmax(axis="columns")
    ]
    for row, share in zip(table.itertuples(), shares.max(axis="columns"), strict=True):
        card = cards(page).nth(row.Index)
        assert drawn(page, f"predict_card_{row.Index}", "plot.calcdata[0].length") == 3
        assert share > 0 and card.is_visible()
    return table


def cards(page: Page) -> visitor.Locator:
    return page.locator('[class*="st-key-predict_card_"] .js-plotly-plot')


def take_home(page: Page, name: str, folder: Path) -> Path:
    """Prepare an export if it must be, and download it."""
    if not page.url.endswith("/export"):
        visitor.go(page, "/export")
    ready, prepare = at(page, f"export_{name}"), at(page, f"export_prepare_{name}")
    ready.or_(prepare).wait_for()
    if prepare.count():
        visitor.press(page, f"export_prepare_{name}")
    ready.wait_for(timeout=120_000)  # two files are opened by a fresh process before everything is zipped
    settle(page)
    file = visitor.download(page, f"export_{name}", folder)
    assert file.stat().st_size > 100_000
    return file


def compare_with_home(table: pd.DataFrame, pictures: list[Path], folder: Path) -> None:
    """A fresh Python with the downloaded files predicts, from the raw pictures, what the page showed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.browser.reopen", str(folder), *map(str, pictures)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    home = json.loads(done.stdout)
    shown = table[[metrics.PROBABILITY + name for name in home["class_names"]]].to_numpy()
    assert shown.std(axis=0).max() > 0.01, "every picture got the same answer: nothing is compared"
    assert np.abs(np.array(home["before"]) - shown[:1]).max() > 0.01, "the weights made no difference"
    assert np.abs(np.array(home["whole"]) - shown).max() < 1e-4
    assert np.abs(np.array(home["rebuilt"]) - shown).max() < 1e-4


def test_the_digits_go_the_whole_way_with_nothing_but_this_machine(
    server_cut_off: Server, visit: Visit, tmp_path: Path
) -> None:
    server = server_cut_off
    page = visit(server)
    expect(page.get_by_text("cannot be fetched from here: it starts from the formula weights")).to_be_visible()
    visitor.press(page, "home_try")
    page.wait_for_url("**/run?run=*", timeout=TRAINS_WITHIN)
    run_id = page.url.split("run=")[1]
    recipe = json.loads((server.folder(run_id) / "recipe.json").read_text())["recipe"]
    assert (recipe["backbone"], recipe["alpha"], recipe["weights"]) == ("MobileNetV2", 0.35, "formula")
    more_steps_than(page, 0)
    address = page.url
    page.goto("about:blank")  # nobody has to look on
    wait_until(lambda: server.status(run_id) == "finished", TRAINS_WITHIN / 1000, "the run to end")
    page.goto(address)
    at(page, "run_evaluate").wait_for()
    settle(page)
    assert len(pd.read_csv(server.folder(run_id) / "manifest.csv")) == DIGITS
    look_at_mistakes(page, server, run_id)
    assert "0." in page.get_by_test_id("stMetricValue").first.inner_text()
    pictures = stored_pictures(server, run_id, tmp_path)
    table = classify(page, pictures, tmp_path)
    for name in ("weights", "keras", "zip"):
        take_home(page, name, tmp_path)
    compare_with_home(table, pictures, tmp_path)


def stored_pictures(server: Server, run_id: str, folder: Path) -> list[Path]:
    """Three pictures of three classes, as files of their own."""
    manifest = pd.read_csv(server.folder(run_id) / "manifest.csv", dtype=str)
    shas = manifest.groupby("class_name").head(1).head(3)["sha256"]
    originals = [next(path for path in server.workspace.rglob(f"{sha}*") if "thumb" not in str(path)) for sha in shas]
    return [Path(shutil.copy(path, folder / f"digit-{number}.png")) for number, path in enumerate(originals)]


@pytest.fixture(scope="module")
def long_run(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Id of a run of tiny pictures that trains until somebody stops it."""
    folder = tmp_path_factory.mktemp("shapes")
    samples.shapes_and_textures(folder, samples.ShapesSettings(images_a_class=8, side=32))
    dataset = json.loads(server.command("import", str(folder), "--name", "Shapes", "--json"))["dataset"]
    network = ("--backbone", "MobileNet", "--alpha", "0.25", "--weights", "none", "--image-size", "32")
    pace = ("--epochs", "1000", "--patience", "1000", "--batch-size", "4")
    run_id = json.loads(server.command("train", "--dataset", dataset, *network, *pace, "--detach", "--json"))["run"]
    file = server.folder(run_id) / "events.jsonl"
    wait_until(lambda: file.exists() and '"kind": "epoch"' in file.read_text(), 120, "the first epoch")
    steps_back(lease.holder(server.folder(run_id) / "lease"))
    return str(run_id)


def steps_back(process: int) -> None:
    """Let a process that computes without an end take what the others leave, as a run does unless it is told not to."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended by itself
            os.setpriority(os.PRIO_PROCESS, int(thread.name), STEP_BACK)


@pytest.mark.parametrize("row", every_page(*OFTEN_OPEN))
def test_a_page_draws_while_a_run_trains(server: Server, visit: Visit, long_run: str, row: navigation.Row) -> None:
    page = visit(server, visitor.address(row))
    assert page.get_by_role("heading", level=1).is_visible()
    assert server.status(long_run) == "running"


@pytest.mark.parametrize("how", [pytest.param("stop", marks=pytest.mark.soak), "kill"])
def test_a_run_goes_on_when_the_server_is_ended_and_the_page_finds_it_again_with_the_same_worker(
    server: Server, browser: visitor.Browser, long_run: str, how: str
) -> None:
    worker = lease.holder(server.folder(long_run) / "lease")
    with visitor.visiting(browser, server.url) as (page, watch):
        visitor.go(page, f"/run?run={long_run}")
        seen = more_steps_than(page, 10)
        getattr(server, how)()  # SIGTERM, SIGKILL
        file = server.folder(long_run) / "events.jsonl"
        before = file.stat().st_size
        wait_until(lambda: file.stat().st_size > before, 30, "the run to go on without a server")
        server.start()
        assert more_steps_than(page, seen) > seen  # by itself, without a reload
        assert server.status(long_run) == "running"
        assert lease.holder(server.folder(long_run) / "lease") == worker
        watch.forgive("ERR_|WebSocket|disconnected|reaching server endpoint|Is Streamlit still running")
        watch.check()


def test_stop_ends_a_run_with_the_best_model_so_far(server: Server, visit: Visit, long_run: str) -> None:
    page = visit(server, f"/run?run={long_run}")
    began = time.perf_counter()
    visitor.press(page, "run_stop")
    at(page, "run_evaluate").wait_for()
    print(f"stopped with a model {time.perf_counter() - began:.1f} s after the press")
    settle(page)
    shown = json.loads(server.command("show", long_run, "--json"))
    assert shown["status"] == "stopped"
    assert 1 <= shown["epochs"] < 1000
    finished_whole(page, server, long_run, shown["epochs"])
    assert (server.folder(long_run) / "model.keras").exists()
    assert at(page, "run_stop").count() == 0
