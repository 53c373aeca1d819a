"""The queue: what trains, what waits, and in which order."""

import streamlit as st

from dashboard.core.errors import DashboardError
from dashboard.runs import queue, status, supervisor
from dashboard.ui import navigation, state, text

LOOK_AGAIN = 2.0  # seconds


def panel() -> None:
    """Drawn while something trains or waits; looks again by itself."""
    rows = queue.listing()
    if rows["status"].isin(status.UNDER_WAY).any():
        st.fragment(_list, run_every=LOOK_AGAIN)()


def _list() -> None:
    supervisor.look_after()
    rows = queue.listing().set_index("id")
    active = list(rows.index[rows["status"].isin((status.RUNNING, status.STOPPING))])
    waiting = queue.waiting()
    if not active and not waiting:
        st.rerun()  # the table below shows how they ended
    st.subheader("Queue")
    for position, run_id in enumerate([*active, *waiting]):
        row = rows.loc[run_id]
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            what = "trains now" if run_id in active else f"waits, number {position - len(active) + 1}"
            st.markdown(f"**Run {row['number']}** {text.literal(row['name'])}: {what}", width="stretch")
            _buttons(run_id, first=run_id in waiting[:1], waits=run_id in waiting)


def _buttons(run_id: str, *, first: bool, waits: bool) -> None:
    if st.button("Open", key=f"queue_open_{run_id}", type="tertiary"):
        state.choose_run(run_id)
        navigation.go("run")
    if not waits:
        return
    if st.button("Move up", key=f"queue_up_{run_id}", icon=":material/arrow_upward:", type="tertiary", disabled=first):
        _do(lambda: queue.move_up(run_id))
    if st.button("Cancel", key=f"queue_cancel_{run_id}", icon=":material/close:", type="tertiary"):
        _do(lambda: queue.request_stop(run_id))


def _do(action: object) -> None:
    """A refusal means that the run began meanwhile: the list drawn next says so."""
    try:
        action()  # type: ignore[operator]
    except DashboardError as error:
        st.toast(error.message, icon=":material/info:")
        return
    st.rerun(scope="fragment")
