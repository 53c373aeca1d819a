"""Runs beside each other."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.core.recipe import Recipe
from dashboard.data import datasets
from dashboard.runs import queue
from dashboard.runs.run import ELSEWHERE, open_run
from dashboard.ui import live, navigation, resources, state, text

AT_FIRST = 3  # newest runs that are compared before anybody chose


def table() -> list[str]:
    """All runs, newest first; the ids of those chosen for comparison."""
    rows = queue.listing()
    shown = pd.DataFrame(
        {
            "number": rows["number"],
            "validation": rows["validation_accuracy"].astype(float) * 100,
            "test": rows["test_accuracy"].astype(float) * 100,
            "status": rows["status"],
            "name": rows["name"],
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
            "number": st.column_config.NumberColumn("Run", width=45, pinned=True),
            "validation": _accuracy("Validation", "Accuracy on the pictures that chose the best epoch"),
            "test": _accuracy("Test", "Accuracy on the pictures nothing was chosen by"),
            "status": st.column_config.TextColumn("Status", width=75),
            "name": st.column_config.TextColumn("Name", width=250),
            "seconds": st.column_config.TextColumn("Took", width=85),
            "when": st.column_config.TextColumn("Started", width=100),
        },
    )
    picked = [str(rows["id"].iloc[index]) for index in event["selection"]["rows"]]
    _open(picked)
    return picked


def _accuracy(title: str, meaning: str) -> Any:
    return st.column_config.ProgressColumn(title, help=meaning, format="%.0f %%", min_value=0, max_value=100, width=115)


def _open(picked: list[str]) -> None:
    if len(picked) == 1 and st.button("Open this run", key="runs_open", icon=":material/monitoring:"):
        state.choose_run(picked[0])
        navigation.go("run")


def _duration(seconds: float) -> str:
    return "–" if seconds != seconds else text.duration(seconds)


def label(run_id: str) -> str:
    return f"Run {queue.row(run_id)['number']}"


def _named(recipe: Recipe) -> dict[str, Any]:
    """The recipe with names where it holds ids."""
    values = recipe.model_dump(mode="json", exclude={"dataset_version", "weights_file"})
    if recipe.dataset == ELSEWHERE:
        return {**values, "dataset": "on another machine"}
    return {**values, "dataset": f"{datasets.get(recipe.dataset).name}, version {recipe.dataset_version}"}


def curves(run_ids: list[str]) -> dict[str, pd.DataFrame]:
    """Epochs of each run under its number."""
    return {label(run_id): resources.run_epochs(run_id) for run_id in run_ids}


def recipes(run_ids: list[str]) -> None:
    """One row a setting, one column a run: those that differ, and one click away those that do not."""
    columns = {label(run_id): _named(open_run(run_id).recipe) for run_id in run_ids}
    sheet = pd.DataFrame(
        {name: {field: live.plain(value) for field, value in values.items()} for name, values in columns.items()}
    )
    sheet.index = pd.Index([str(field).replace("_", " ") for field in sheet.index], name="Setting")
    differs = sheet.nunique(axis="columns") > 1
    if len(run_ids) == 1:
        _settings(sheet, "The recipe of the chosen run")
        return
    if differs.any():
        _settings(sheet[differs], "Settings that differ between the chosen runs")
    else:
        st.caption("Their recipes are the same.")
    if not differs.all():
        with st.expander(
            f"The same in all: {text.count(int((~differs).sum()), 'setting')}", icon=":material/drag_handle:"
        ):
            _settings(sheet[~differs].iloc[:, :1].set_axis(["Value"], axis="columns"), "Settings that are the same")


def _settings(sheet: pd.DataFrame, alt: str) -> None:
    st.dataframe(
        sheet, height="content", alt=alt, column_config={"_index": st.column_config.TextColumn("Setting", width=175)}
    )
