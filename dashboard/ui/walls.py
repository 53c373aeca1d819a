"""Walls of pictures: by class, by what needs attention, by mistake."""

import pandas as pd
import streamlit as st

from dashboard.core.spreadsheets import formula_safe
from dashboard.ui import panels, text

A_ROW = 8  # pictures of each class at first
A_PAGE = 48  # pictures when one class is looked at


def by_class(members: pd.DataFrame) -> None:
    """Some pictures of every class, or page by page all pictures of one."""
    names = sorted(members["class_name"].unique())
    chosen = st.selectbox(
        "Show", [None, *names], format_func=lambda name: name or "every class", key="dataset_class_shown"
    )
    if chosen is not None:
        _one_class(members[members["class_name"] == chosen])
        return
    for name in names[:30]:
        own = members[members["class_name"] == name]
        st.markdown(f"**{text.literal(name)}** · {text.count(len(own), 'picture')}")
        sample = own.head(A_ROW)
        panels.pictures(list(sample["sha256"]), [""] * len(sample), columns=A_ROW, least=72)
    if len(names) > 30:
        st.caption(f"{len(names) - 30} more classes: choose one above to see its pictures.")


def _one_class(own: pd.DataFrame) -> None:
    pages = max(1, -(-len(own) // A_PAGE))
    page = st.number_input(f"Page (of {pages})", 1, pages, 1, key="dataset_wall_page") if pages > 1 else 1
    shown = own.iloc[(page - 1) * A_PAGE : page * A_PAGE]
    panels.pictures(list(shown["sha256"]), list(shown["split"]))


def needs_attention(remarks: pd.DataFrame) -> None:
    """What was refused or taken with a remark, counted by reason, whole as a table."""
    if remarks.empty:
        st.caption("Every picture could be read, and none came twice.")
        return
    refused = int(remarks["refused"].sum())
    label = f"Needs attention: {text.count(refused, 'file')} not taken, {text.count(len(remarks) - refused, 'remark')}"
    with st.expander(label, icon=":material/report:"):
        st.dataframe(
            remarks[["path", "reason", "code", "refused"]],
            hide_index=True,
            alt="Files that were refused or remarked on",
            column_config={"path": "File", "reason": "Reason", "code": "Code", "refused": "Not taken"},
        )
        st.download_button(
            "Download this list",
            data=lambda: formula_safe(remarks).to_csv(index=False),
            file_name="needs-attention.csv",
            mime="text/csv",
            key="dataset_remarks_csv",
            on_click="ignore",
        )


def mistakes(wrong: pd.DataFrame) -> None:
    """Pictures beside what they are and what the model took them for.

    Args:
        wrong: columns sha256, true, predicted, probability.
    """
    captions = [f"{row.true}, taken for {row.predicted} ({row.probability:.0%})" for row in wrong.itertuples()]
    panels.pictures(list(wrong["sha256"]), captions, columns=6, least=120)
