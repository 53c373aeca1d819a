"""Saving and loading by hand: the steps as code to copy, and beside each what it gave on the user's own model."""

import pandas as pd
import streamlit as st

from dashboard.charts import probabilities
from dashboard.core.errors import DashboardError
from dashboard.data import datasets
from dashboard.runs import save_and_load
from dashboard.runs.run import Run
from dashboard.runs.save_and_load import Cell, Result
from dashboard.ui import panels, pickers, text
from dashboard.ui.pickers import Chosen

PLACE = "save and load"
OFFERED = 12  # pictures


def picture(chosen: Chosen) -> str:
    """One of the run's own pictures that it did not train on. Stops the page where none is in the workspace."""
    rows = _pictures(chosen.run)
    if rows.empty:
        pickers.nothing_yet(
            "None of this run's pictures is on this machine: this page predicts one of them by hand.",
            page="dataset",
            button="Add pictures",
        )
    names = {  # numbered: Streamlit knows options by their label
        row.sha256: f"{number}. {row.class_name}, {row.path.rpartition('/')[2]}"
        for number, row in enumerate(rows.itertuples(), 1)
    }
    sha = st.selectbox(
        "Picture",
        list(names),
        format_func=lambda key: text.short(names[key], 48),
        key="save_and_load_picture",
        help="Pictures that the network did not train on.",
    )
    panels.pictures([sha], [names[sha]], columns=1)
    return str(sha)


def _pictures(run: Run) -> pd.DataFrame:
    """At most `OFFERED` rows of the manifest whose pictures are here: from every class, unseen ones first."""
    try:
        manifest = run.manifest
    except DashboardError:  # a run that was brought without it
        return pd.DataFrame(columns=["sha256", "path", "class_name"])
    order = manifest.assign(seen=manifest["split"] == "train").sort_values("seen", kind="stable")
    order["turn"] = order.groupby("class_name").cumcount()
    order = order.sort_values(["turn", "class_name"], kind="stable").drop_duplicates("sha256").head(10 * OFFERED)
    here = [datasets.picture_path(sha).is_file() for sha in order["sha256"]]
    return order[here].head(OFFERED)


def result(chosen: Chosen, sha256: str) -> Result | None:
    """What the steps gave for this picture; the button that runs them; their progress."""
    place = f"{PLACE} {chosen.run.id} {sha256}"
    if panels.job(place):
        st.rerun()
    found = save_and_load.known(chosen.run, sha256)
    if not panels.busy(place):
        words = "Run all steps again" if found else "Run all steps"
        if st.button(
            words,
            key="save_and_load_run",
            type="secondary" if found else "primary",
            icon=":material/play_arrow:",
        ):
            panels.start(
                place,
                "Starting a fresh process",
                lambda report, cancelled: save_and_load.execute(
                    chosen.run, sha256, on_progress=report, cancelled=cancelled
                ),
            )
            st.rerun()
        st.caption(
            "A fresh process runs the very code below, in an empty folder with your model and this picture. "
            "Your run is not changed."
        )
    return found


def journey(found: Result | None, chosen: Chosen) -> None:
    """The way of the picture, in shapes, and whether the rebuilt network is the same; or what will be shown."""
    if found is None:
        size = chosen.run.recipe.image_size
        st.info(
            f"Run the steps to see your picture become ({size}, {size}, 3), then a batch of one "
            f"(1, {size}, {size}, 3), then probabilities.",
            icon=":material/steppers:",
        )
        return
    shapes = {name: f"({', '.join(map(str, shape))})" for name, shape in found.shapes.items()}
    panels.figures(
        {
            "Picture": shapes["picture"],
            "Batch of one": shapes["batch"],
            "Probabilities": shapes["probabilities"],
            "Weights": f"{found.weights:,}",
            "Largest difference": f"{found.difference:.2g}",
        },
        helps={"Largest difference": "Of a probability, between your model and the two that were saved and loaded."},
    )
    panels.chart(
        probabilities.bars(dict(zip(found.class_names, found.probabilities, strict=True))),
        key="save_and_load_probabilities",
        alt="What the network that was loaded from its weights says of this picture",
    )


def steps(chosen: Chosen, found: Result | None) -> None:
    """Every step: why, its code, and what it printed."""
    for number, cell in enumerate(save_and_load.cells(chosen.run.recipe)):
        st.subheader(f"{number + 1}. {cell.title}")
        _step(cell, found.printed[number] if found else "", found.seconds[number] if found else None)


def _step(cell: Cell, printed: str, seconds: float | None) -> None:
    st.write(cell.words)
    # No colours: those that Streamlit has for code reach 3 to 1 on a light page, where WCAG AA asks for 4.5.
    st.code(cell.code, language=None, wrap_lines=True)
    if seconds is not None:
        st.caption(f"It gave, in {seconds:.1f} s:")
        st.code(printed, language=None, wrap_lines=True)


def whole(chosen: Chosen) -> None:
    """The steps in one file, to run without this dashboard."""
    st.subheader("All of it in one file")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download the script",
            data=save_and_load.script(chosen.run.recipe),
            file_name=save_and_load.FILE_NAME,
            mime="text/x-python",
            key="save_and_load_script",
            icon=":material/download:",
            on_click="ignore",
        )
    st.write(
        "It runs as it is in a folder with model.keras and labels.json, both from the Export page, and a picture of "
        "yours as picture.png."
    )
