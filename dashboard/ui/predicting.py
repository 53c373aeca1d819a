"""Pieces of the Predict page: pictures in, cards and a table out."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import probabilities, theme
from dashboard.core import metrics
from dashboard.core.spreadsheets import formula_safe
from dashboard.data import datasets, intake, staging
from dashboard.runs import workers
from dashboard.runs.run import open_run
from dashboard.ui import panels, resources, state, text
from dashboard.ui.adding import PICTURES
from dashboard.ui.jobs import Job
from dashboard.ui.pickers import Chosen

PLACE = "predict"
CARDS = 12
NOT_SURE = 0.5  # below this probability of the top class a card says so


@dataclass(frozen=True)
class Answer:
    """Predictions of one run on some pictures.

    `table`: columns path, sha256, predicted, `probability: <class>`...; `refused`: path, reason.
    """

    run_id: str
    table: pd.DataFrame
    refused: pd.DataFrame


def uploader(chosen: Chosen) -> None:
    """Take pictures and start predicting as soon as they are here."""
    files = st.file_uploader(
        "Pictures to classify",
        type=PICTURES,
        accept_multiple_files=True,
        key=state.upload_key(f"predict_{chosen.run.id}"),
    )
    ids = tuple(file.file_id for file in files or ())
    if not files or state.remembered("predicted", ()) == (chosen.run.id, ids):
        return
    state.remember("predicted", (chosen.run.id, ids))
    staged = staging.stage_upload([(file.name, file) for file in files])
    run_id = chosen.run.id

    def work(report: Any, _cancelled: Any) -> Answer:
        try:
            taken = intake.take_pictures(*staging.staged_files(staged))
        finally:
            staging.discard(staged)
        good = taken[taken["sha256"] != ""]
        table = workers.predict(resources.worker(), open_run(run_id), good, on_progress=report)
        return Answer(run_id, table, taken.loc[taken["sha256"] == "", ["path", "reason"]])

    panels.start(PLACE, "Looking at the pictures", work)


def keep(done: Job) -> None:
    state.remember("answer_job", done.id)


def kept(chosen: Chosen) -> Answer | None:
    """The newest answer, if it is of this run."""
    job = resources.jobs().get(state.remembered("answer_job", None))
    answer: Answer | None = job.result if job else None
    return answer if answer and answer.run_id == chosen.run.id else None


def refused(answer: Answer) -> None:
    if len(answer.refused):
        st.warning(
            f"{text.count(len(answer.refused), 'file')} could not be read; the others are below.",
            icon=":material/report:",
        )
        st.dataframe(answer.refused, hide_index=True, alt="Files that could not be read")


def cards(answer: Answer) -> None:
    """One card a picture: the picture, the top class in words, a bar a class."""
    names = metrics.class_names(answer.table)
    colors = theme.class_colors(names)
    with st.grid(3, min_column_width=220):
        for number, (_, row) in enumerate(answer.table.head(CARDS).iterrows()):
            shares = {name: float(row[metrics.PROBABILITY + name]) for name in names}
            with st.container(border=True):
                thumbnail = datasets.thumbnail_path(row["sha256"])
                st.image(str(thumbnail), caption=text.literal(row["path"]), width="stretch", alt=str(row["path"]))
                st.markdown(_verdict(row["predicted"], shares[row["predicted"]]))
                panels.chart(
                    probabilities.bars(shares, top=3, colors=colors),
                    key=f"predict_card_{number}",
                    alt="Most probable classes",
                )
    if len(answer.table) > CARDS:
        st.caption(f"{len(answer.table) - CARDS} more in the table.")


def _verdict(name: str, share: float) -> str:
    if share < NOT_SURE:
        return f"**Not sure.** Perhaps {text.literal(name)} ({share:.0%})"
    return f"**{text.literal(name)}** ({share:.0%})"


def table(answer: Answer) -> None:
    """All pictures as a table, and the same for a spreadsheet."""
    shown = answer.table.drop(columns="sha256")
    columns = metrics.probability_columns(shown)
    shown.insert(2, "sure", shown[columns].max(axis="columns") * 100 if len(shown) else [])
    st.dataframe(
        shown,
        hide_index=True,
        alt="Predictions of all pictures",
        column_config={
            "path": "Picture",
            "predicted": "Class",
            "sure": st.column_config.ProgressColumn("Probability", format="%.0f %%", min_value=0, max_value=100),
            **{
                name: st.column_config.NumberColumn(name.removeprefix(metrics.PROBABILITY), format="%.4f")
                for name in columns
            },
        },
    )
    st.download_button(
        "Download as CSV",
        data=lambda: formula_safe(shown.drop(columns="sure")).to_csv(index=False),
        file_name="predictions.csv",
        mime="text/csv",
        key="predict_csv",
        icon=":material/download:",
        on_click="ignore",
    )
