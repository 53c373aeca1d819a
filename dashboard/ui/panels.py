"""Pieces several pages are made of: background jobs, charts with their data, grids of pictures, rows of figures."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.core.errors import DashboardError
from dashboard.core.spreadsheets import formula_safe
from dashboard.data import datasets
from dashboard.ui import resources, state, text
from dashboard.ui.jobs import Job, Work

LOOK_AGAIN = 0.5  # seconds between two looks at a job


def start(place: str, title: str, work: Work) -> None:
    """Start a background job and follow it at `place`, a page's own name for the spot."""
    state.follow_job(place, resources.jobs().start(title, work).id)


def job(place: str) -> Job | None:
    """Draw the job followed at `place` while it runs; hand it over once when it has ended.

    A refusal of the job is shown here. Returns None while it runs, when there is none, and after an error.
    """
    found = resources.jobs().get(state.job_id(place))
    if found is None:
        return None
    if not found.over.is_set():
        _watch(found)
        return None
    state.follow_job(place, None)
    if isinstance(found.error, DashboardError):
        st.error(text.literal(found.error.message), icon=":material/error:")
        return None
    if found.error:
        raise found.error
    return found


def busy(place: str) -> bool:
    """Whether a job is followed at `place` and has not ended."""
    found = resources.jobs().get(state.job_id(place))
    return found is not None and not found.over.is_set()


@st.fragment(run_every=LOOK_AGAIN)
def _watch(followed: Job) -> None:
    if followed.over.is_set():
        st.rerun()
    left = followed.remaining
    words = text.literal(followed.text or followed.title)
    if followed.total:
        words += f": {followed.done:,} of {followed.total:,}"
    if left is not None:
        words += f", about {text.duration(left)} left"
    with st.container(border=True):
        st.progress(followed.done / followed.total if followed.total else 0.0, text=words)
        if st.button("Cancel", key=f"cancel_{followed.id}", disabled=followed.cancelled):
            followed.cancel()


def chart(figure: go.Figure, *, key: str, alt: str, data: pd.DataFrame | None = None, selectable: bool = False) -> Any:
    """A chart, and where there is data behind it a button that downloads that data as CSV.

    Returns:
        `customdata` of the point a person chose on a selectable chart, else None.
    """
    config = {"displaylogo": False, "displayModeBar": False}
    chosen = None
    if selectable:
        event = st.plotly_chart(figure, key=key, alt=alt, config=config, on_select="rerun", selection_mode="points")
        points = event["selection"]["points"]
        chosen = points[0].get("customdata") if points else None
    else:
        st.plotly_chart(figure, key=key, alt=alt, config=config)
    if data is not None and len(data):
        st.download_button(
            "Data of this chart",
            data=lambda: formula_safe(data).to_csv(index=False),
            file_name=f"{key}.csv",
            mime="text/csv",
            key=f"{key}_data",
            type="tertiary",
            icon=":material/download:",
            on_click="ignore",
        )
    return chosen


def figures(values: dict[str, str], *, helps: dict[str, str] | None = None) -> None:
    """A row of big figures under their names; wraps on a narrow screen."""
    with st.container(horizontal=True):
        for name, value in values.items():
            st.metric(name, value, help=(helps or {}).get(name), border=True, width="content")


def pictures(shas: Sequence[str], captions: Sequence[str], *, columns: int = 8, least: int = 88) -> None:
    """A wall of thumbnails with literal captions; fewer columns where one would be narrower than `least` pixels."""
    with st.grid(columns, min_column_width=least, gap="small"):
        for sha, caption in zip(shas, captions, strict=True):
            path = datasets.thumbnail_path(sha)
            if path.exists():
                st.image(str(path), caption=text.literal(caption) or None, width="stretch", alt=caption or "picture")


def refusal() -> None:
    """Why the last change of the recipe was not taken, if it was not."""
    if message := state.refusal():
        st.error(text.literal(message), icon=":material/error:")
