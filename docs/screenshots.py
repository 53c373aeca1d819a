"""Takes the pictures in `docs/screenshots/`: `make screenshots`.

A real server in a temporary workspace, a dataset, two real runs, and Chromium on every page of the navigation: light
and dark, 1280 and 390 pixels wide, as tall as the page is. Look at each of them whenever a page has changed.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from dashboard.core.backbones import BACKBONES, weights_file_name  # noqa: E402
from dashboard.data import samples  # noqa: E402
from dashboard.ui.navigation import ROWS  # noqa: E402
from tests.browser import lessons, visitor  # noqa: E402
from tests.browser.server import Server, serving, wait_until  # noqa: E402

OUT = ROOT / "docs" / "screenshots"
SCHEMES = ("light", "dark")
WIDTHS = {1280: 800, 390: 844}  # least heights
TALLEST = 6000  # pixels
COLORS = 128
EPOCHS, FINE_TUNE_EPOCHS = 6, 3
BACKBONE, ALPHA, IMAGE_SIZE = "MobileNetV2", 0.35, 224

Take = Callable[[str], None]


def main() -> None:
    arguments = read_arguments()
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = visitor.launch(playwright)
        with serving(Path(folder) / "workspace", own_keras_home(arguments.keras_home, Path(folder))) as server:
            if not arguments.only:
                photograph(browser, server, {"home-first": "/", "dataset-first": "/dataset"})
            pictures = arguments.data or draw_shapes(Path(folder) / "Shapes and textures")
            dataset = json.loads(server.command("import", str(pictures), "--name", pictures.name, "--json"))["dataset"]
            recipe = recipe_options(arguments.keras_home)
            server.command("train", "--dataset", dataset, *recipe, "--epochs", "3", "--learning-rate", "0.0003")
            epochs = ("--epochs", str(EPOCHS), "--fine-tune-epochs", str(FINE_TUNE_EPOCHS))
            run = json.loads(server.command("train", "--dataset", dataset, *recipe, *epochs, "--detach", "--json"))[
                "run"
            ]
            wait_until(lambda: "fine-tuning" in events(server, run), 900, "the second phase")
            if not arguments.only:
                photograph(browser, server, {"run-live": f"/run?run={run}"})
            wait_until(lambda: '"kind": "end"' in events(server, run), 900, "the end of the run")
            prepare_exports(browser, server)
            rows = [row for row in ROWS if not arguments.only or row.name in arguments.only]
            photograph(browser, server, {row.name: visitor.address(row) for row in rows}, pictures=some(pictures))
        browser.close()
    print(f"{sum(path.stat().st_size for path in OUT.glob('*.png')) / 1e6:.2f} MB in {OUT.relative_to(ROOT)}")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of class folders to use instead of the demo set of shapes")
    parser.add_argument(
        "--keras-home", type=Path, default=Path.home() / ".keras", help="where ImageNet weights are kept"
    )
    parser.add_argument("--only", nargs="+", choices=[row.name for row in ROWS], help="these pages alone")
    return parser.parse_args()


def own_keras_home(keras_home: Path, folder: Path) -> Path:
    """A copy of the weights that are needed: a page shows where they lie, and they may not be touched."""
    wanted = keras_home / "models" / weights_file_name(BACKBONES[BACKBONE], ALPHA, IMAGE_SIZE)
    models = folder / "keras" / "models"
    models.mkdir(parents=True)
    if wanted.exists():
        shutil.copy(wanted, models)
    return models.parent


def draw_shapes(folder: Path) -> Path:
    folder.mkdir()
    samples.shapes_and_textures(folder, samples.ShapesSettings(imbalance=0.4, label_noise=0.12))
    return folder


def recipe_options(keras_home: Path) -> tuple[str, ...]:
    """A small network, from ImageNet weights where they are at hand."""
    here = (keras_home / "models" / weights_file_name(BACKBONES[BACKBONE], ALPHA, IMAGE_SIZE)).exists()
    weights = "imagenet" if here else "none"
    size = ("--backbone", BACKBONE, "--alpha", str(ALPHA), "--image-size", str(IMAGE_SIZE))
    return (*size, "--weights", weights, "--batch-size", "16")


def events(server: Server, run: str) -> str:
    path = server.folder(run) / "events.jsonl"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def some(pictures: Path) -> list[Path]:
    """One picture of each of three classes; of the shapes one that shows what its folder says."""
    folders = sorted(path for path in pictures.iterdir() if path.is_dir())
    return [min(folder.iterdir(), key=lambda path: (folder.name not in path.name, path)) for folder in folders[1:6:2]]


def prepare_exports(browser: Browser, server: Server) -> None:
    with visitor.visiting(browser, server.url) as (page, _):
        visitor.go(page, "/export")
        while (button := page.locator('[class*="st-key-export_prepare"] button')).count():
            waiting = button.count()
            button.first.click()
            page.wait_for_function(
                "(n) => document.querySelectorAll('[class*=\"st-key-export_prepare\"] button').length < n"
                " && !document.querySelector('[data-testid=stProgress]')",
                arg=waiting,
                timeout=120_000,
            )
            visitor.settle(page)


def photograph(browser: Browser, server: Server, places: dict[str, str], pictures: list[Path] | None = None) -> None:
    """Every place, light and dark, wide and narrow; `pictures` are given to the Predict page."""
    for scheme in SCHEMES:
        for width, height in WIDTHS.items():
            size = {"width": width, "height": height}
            with visitor.visiting(browser, server.url, color_scheme=scheme, viewport=size) as (page, watch):
                for name, path in places.items():
                    page.set_viewport_size(size)
                    visitor.go(page, path)
                    if name == "predict" and pictures:
                        visitor.uploader(page, "predict").set_input_files(pictures)
                        visitor.at(page, "predict_csv").wait_for()
                    if name == "model":
                        visitor.at(page, "model_unfreeze_from").wait_for(timeout=120_000)
                    lessons.go_through(page, name)
                    take(page, OUT / f"{name}-{scheme}-{width}.png")
                watch.check()


def take(page: Page, target: Path) -> None:
    """Grow the window until the page, which scrolls inside itself, needs no scrolling; then keep it, small."""
    visitor.settle(page)
    width = page.viewport_size["width"] if page.viewport_size else 1280
    for _ in range(2):  # charts and wrapped rows may grow once more
        tall = page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
        page.set_viewport_size({"width": width, "height": min(TALLEST, max(tall, WIDTHS[width]))})
        visitor.settle(page)
    page.mouse.move(width - 1, 1)
    for _ in range(20):  # a live page is drawn anew every second; what is being replaced is faded
        visitor.settle(page)
        page.screenshot(path=target, animations="disabled")
        if page.evaluate(visitor.SETTLED):
            break
    with Image.open(target) as full:
        small = full.convert("RGB").quantize(COLORS, kmeans=2, dither=Image.Dither.NONE)
    small.save(target, optimize=True)
    print(target.name, small.size, f"{target.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
