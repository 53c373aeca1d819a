"""Draws AlexNet beside a pretrained network, on the same photographs, as docs/alexnet.png; prints the table that
belongs to it.

    .venv/bin/python -m dashboard import FLOWERS --name Flowers
    .venv/bin/python -m dashboard train --dataset Flowers --backbone MobileNetV2 --alpha 0.35 --name pretrained
    .venv/bin/python -m dashboard train --dataset Flowers --backbone AlexNet --name AlexNet
    .venv/bin/python docs/alexnet.py RUN-OF-ALEXNET RUN-OF-THE-OTHER

Chromium draws; where it is, CHROMIUM says. No photograph is in the picture.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import plotly.io  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from dashboard.charts import racing, theme  # noqa: E402
from dashboard.core import metrics  # noqa: E402
from dashboard.runs import events, pace, queue  # noqa: E402
from dashboard.runs.run import Run, open_run  # noqa: E402

PICTURE = Path(__file__).with_name("alexnet.png")
WIDTH, HEIGHT = 900, 420  # pixels


def row(run: Run) -> str:
    """A line of the table: what it learned, by when."""
    table = pace.minutes(events.read(run.events_path))
    best = table.loc[table["validation_accuracy"].idxmax()]
    predictions = run.predictions()
    held = [metrics.accuracy(predictions[predictions["split"] == split]) for split in ("validation", "test")]
    cells = [
        f"{run.recipe.network_name}, {run.recipe.image_size} px",
        f"{len(table)}",
        f"{table['minutes'].iloc[-1]:.1f}",
        f"{best['validation_accuracy']:.3f} (epoch {best['epoch']:.0f}, {best['minutes']:.1f} min)",
        *(f"{each.value:.3f} ({each.low:.2f} to {each.high:.2f})" for each in held),
    ]
    return f"| {' | '.join(cells)} |"


def draw(runs: list[Run]) -> None:
    """Both curves on one chart, on white paper, into `PICTURE`."""
    figure = racing.race({run.recipe.network_name: pace.minutes(events.read(run.events_path)) for run in runs})
    ink = figure.to_json().replace(theme.TEXT, "#1f2933")  # Streamlit's placeholder for the colour of its text
    figure = plotly.io.from_json(ink)
    figure.update_layout(width=WIDTH, height=HEIGHT, paper_bgcolor="white")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "chart.html"
        figure.write_html(page_file, config={"displayModeBar": False})
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"))
        page = browser.new_page(viewport={"width": WIDTH + 40, "height": HEIGHT + 40}, device_scale_factor=2)
        page.goto(page_file.as_uri())
        page.locator(".main-svg").first.wait_for()
        page.locator(".js-plotly-plot").screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    chosen = [open_run(queue.find(text)["id"]) for text in sys.argv[1:]]
    draw(chosen)
    print("\n".join(row(run) for run in chosen))
