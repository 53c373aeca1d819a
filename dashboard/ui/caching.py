"""What is kept of computed features: how much of its limit, what of it, and the way to remove it."""

import pandas as pd
import streamlit as st

from dashboard.core.settings import settings
from dashboard.runs import cache
from dashboard.ui import panels, state, text
from dashboard.ui.jobs import Cancelled, Report

PLACE = "kept"
SETTING = "THAW_FEATURES_GIGABYTES"
AGAIN = 5.0  # seconds after which the disk is looked at anew


@st.cache_data(show_spinner=False, ttl=AGAIN)
def _rows(_workspace: str) -> pd.DataFrame:
    return cache.table()


def panel() -> None:
    """The whole of it: figures, table, removal."""
    if (done := panels.job(PLACE)) is not None:
        _rows.clear()
        state.remember("freed", done.result)
    rows = _rows(str(settings().absolute_workspace))
    used, limit = int(rows["bytes"].sum()), cache.limit()
    st.progress(min(1.0, used / limit) if limit else 1.0, text=f"{text.size(used)} of {text.size(limit)} used")
    st.caption(
        "What the frozen part made of each picture is kept, so that it is computed once. What was not used for longest "
        f"goes first when it gets too much; what a run works with stays. {text.literal(SETTING)} sets the limit, "
        f"now {settings().features_gigabytes:g}."
    )
    if rows.empty:
        st.write("Nothing is kept yet: the first run that freezes something fills it.")
    else:
        _table(rows)
    if panels.busy(PLACE):
        return
    if (freed := state.remembered("freed", None)) is not None:
        state.remember("freed", None)
        st.success(f"{text.size(freed)} removed.", icon=":material/check_circle:")
    if not rows.empty:
        _removal(rows)


def _table(rows: pd.DataFrame) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "backbone": rows["backbone"],
                "cut": rows["cut"],
                "image_size": rows["image_size"].astype(str),
                "precision": rows["precision"],
                "view": rows["view"],
                "megabytes": rows["bytes"] / 1e6,
                "used": pd.to_datetime(rows["used"], unit="s", utc=True),
                "in_use": rows["in_use"],
            }
        ),
        hide_index=True,
        height="auto",
        key="train_kept_table",
        alt="Features that are kept, those used last first",
        column_config={
            "backbone": st.column_config.TextColumn("Backbone", pinned=True),
            "cut": st.column_config.TextColumn(
                "Cut", help="The lowest block that learned on them, or the pooled output"
            ),
            "image_size": st.column_config.TextColumn("Image size (px)"),
            "precision": st.column_config.TextColumn("Precision", help="What they were computed in"),
            "view": st.column_config.TextColumn("View", help="The pictures as they are, or which changed view of them"),
            "megabytes": st.column_config.NumberColumn("Size (MB)", format="%.2f"),
            "used": st.column_config.DatetimeColumn("Last used", format="distance"),
            "in_use": st.column_config.CheckboxColumn("In use", help="A run works with it now: it is not removed"),
        },
    )


def _removal(rows: pd.DataFrame) -> None:
    """Asks once, and says what will be lost."""
    free = rows[~rows["in_use"]]
    if free.empty:
        st.caption("All of it is in use now, so nothing can be removed.")
        return
    lost = text.size(int(free["bytes"].sum()))
    if not state.remembered("removing", False):
        if st.button("Remove all", key="train_kept_remove", icon=":material/delete:"):
            state.remember("removing", True)
            st.rerun()
        return
    with st.container(border=True):
        st.write(
            f"Remove {lost} of features? They will be computed again when a run needs them. Runs, models and pictures "
            "stay" + (", and what is in use." if len(free) < len(rows) else ".")
        )
        with st.container(horizontal=True):
            if st.button(f"Remove {lost}", key="train_kept_confirm", type="primary"):
                state.remember("removing", False)
                panels.start(PLACE, "Removing what is kept", _clear)
                st.rerun()
            if st.button("Keep it", key="train_kept_keep"):
                state.remember("removing", False)
                st.rerun()


def _clear(report: Report, cancelled: Cancelled) -> int:
    return cache.clear(lambda done, total: report(done, total, "Removing what is kept (folders)"), cancelled)
