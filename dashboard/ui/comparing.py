"""Runs beside each other."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.core.recipe import Recipe
from dashboard.data import datasets
from dashboard.runs import queue
from dashboard.runs.run import open_run
from dashboard.ui import live, navigation, resources, state, text

AT_FIRST = 3  # newest runs that are compared before anybody chose


def table() -> list[str]:
    """All runs, newest first; the ids of those chosen for comparison."""
    rows = queue.listing()
    shown = pd.DataFrame(
        {
            "number": rows["number"],
            "name": rows["name"],
            "status": rows["status"],
            "validation": rows["validation_accuracy"].astype(float),
            "test": rows["test_accuracy"].astype(float),
            "seconds": (rows["ended_at"] - rows["started_at"]).astype(float).map(_duration),
            "when": rows["created_at"].map(text.ago),
        }
    )
    event = st.dataframe(
        shown,
        hide_index=True,
        key="runs_table",
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": list(range(min(AT_FIRST, len(rows))))}},
        alt="All runs with status and accuracy",
        column_config={
            "number": st.column_config.NumberColumn("Run", width="small", pinned=True),
            "name": "Name",
            "status": "Status",
            "validation": st.column_config.ProgressColumn(
                "Validation accuracy", format="percent", min_value=0, max_value=1
            ),
            "test": st.column_config.ProgressColumn("Test accuracy", format="percent", min_value=0, max_value=1),
            "seconds": "Took",
            "when": "Started",
        },
    )
    picked = [str(rows["id"].iloc[index]) for index in event["selection"]["rows"]]
    _open(picked)
    return picked


def _open(picked: list[str]) -> None:
    if len(picked) == 1 and st.button("Open this run", key="runs_open", icon=":material/monitoring:"):
        state.choose_run(picked[0])
        navigation.go("run")


def _duration(seconds: float) -> str:
    return "–" if seconds != seconds else text.duration(seconds)


def label(run_id: str) -> str:
    row = queue.row(run_id)
    return f"{row['number']} · {row['name']}"


def _named(recipe: Recipe) -> dict[str, Any]:
    """The recipe with names where it holds ids."""
    values = recipe.model_dump(mode="json", exclude={"dataset_version", "weights_file"})
    return {**values, "dataset": f"{datasets.get(recipe.dataset).name}, version {recipe.dataset_version}"}


def curves(run_ids: list[str]) -> dict[str, pd.DataFrame]:
    """Epochs of each run under its number."""
    return {f"Run {queue.row(run_id)['number']}": resources.run_epochs(run_id) for run_id in run_ids}


def recipes(run_ids: list[str]) -> None:
    """One row a setting, one column a run; settings that differ come first and are marked."""
    columns = {label(run_id): _named(open_run(run_id).recipe) for run_id in run_ids}
    sheet = pd.DataFrame(
        {name: {field: live.plain(value) for field, value in values.items()} for name, values in columns.items()}
    )
    differs = sheet.nunique(axis="columns") > 1
    sheet.insert(0, "Differs", differs.map({True: "differs", False: ""}))
    sheet.index = pd.Index([str(field).replace("_", " ") for field in sheet.index], name="Setting")
    sheet = sheet.loc[[*sheet.index[differs], *sheet.index[~differs]]]
    st.dataframe(sheet, height="content", alt="Recipes of the chosen runs side by side")
