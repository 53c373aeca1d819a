"""What may be wrong with a dataset, found by its checks: how much, what to do about it, and the way to the pictures."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.core.spreadsheets import formula_safe
from dashboard.data.checks import CHECKS, Check
from dashboard.data.datasets import Dataset
from dashboard.ui import panels, resources, text, walls

SENTENCES = 5  # of a check that is about classes
FILES = 200  # refused files in the table; all of them are in the download


@st.fragment(run_every=panels.LOOK_AGAIN)
def _wait(dataset: Dataset) -> None:
    if resources.looked_through(dataset.id, dataset.version, resources.MANY + 1):
        st.rerun()
    st.caption(":material/hourglass_empty: Every picture is being checked, and look-alikes are counted.")


def panel(dataset: Dataset, findings: pd.DataFrame, remarks: pd.DataFrame, *, looked_through: bool) -> None:
    """A line a check that found something; pictures are shown in the wall, and everything can be downloaded.

    Args:
        dataset: in the version that is shown.
        findings: of all checks, columns `walls.FINDINGS`.
        remarks: what was refused or remarked on when pictures came in.
        looked_through: whether the checks are over; of many pictures they take seconds.
    """
    if not looked_through:
        _wait(dataset)
        return
    found = [check for check in CHECKS.values() if (findings["check"] == check.title).any()]
    if not found and remarks.empty:
        st.caption("Nothing needs attention: every picture could be read, and no check found anything.")
        return
    refused = int(remarks["refused"].sum())
    not_taken = f", {text.count(refused, 'file')} not taken" if refused else ""
    with st.expander(f"Needs attention: {text.count(len(found), 'finding')}{not_taken}", icon=":material/report:"):
        for check in found:
            _line(check, findings[findings["check"] == check.title])
        if len(remarks):
            _files(remarks)
        st.download_button(
            "Download this list",
            data=lambda: formula_safe(findings.drop(columns="sha256")).to_csv(index=False),
            file_name="needs-attention.csv",
            mime="text/csv",
            key="dataset_findings_csv",
            on_click="ignore",
        )


def _line(check: Check, own: pd.DataFrame) -> None:
    pictures = own[own["sha256"] != ""]
    about = text.count(len(pictures), "picture") if len(pictures) else text.count(len(own), "finding")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{check.title}** · {about}  \n{check.advice}", width="stretch")
        if len(pictures):
            st.button(
                "Show",
                key=f"dataset_show_{check.name}",
                on_click=walls.show,
                args=(check.title,),
                help=f"Show the pictures: {check.title}",
            )
    if pictures.empty:
        st.markdown("\n".join(f"- {_sentence(row)}" for row in own.head(SENTENCES).itertuples()))


def _sentence(row: Any) -> str:
    """What was found, and of which class where it is about one."""
    about = f"{text.literal(row.class_name)}: " if row.class_name else ""
    return about + text.literal(row.reason)


def _files(remarks: pd.DataFrame) -> None:
    st.dataframe(
        remarks[["path", "reason", "code", "refused"]].head(FILES),
        hide_index=True,
        alt="Files that were refused or remarked on",
        column_config={"path": "File", "reason": "Reason", "code": "Code", "refused": "Not taken"},
    )
    st.download_button(
        "Download the list of files",
        data=lambda: formula_safe(remarks).to_csv(index=False),
        file_name="files-not-taken.csv",
        mime="text/csv",
        key="dataset_remarks_csv",
        on_click="ignore",
    )
