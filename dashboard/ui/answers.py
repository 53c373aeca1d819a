"""What the warm worker answers to a page, asked once and kept: at once when it is quick, with progress when not."""

import hashlib
import json
from typing import Any

import streamlit as st

from dashboard.core.errors import DashboardError
from dashboard.ui import panels, resources, state, text

KEPT = 100  # answers of all sessions
AT_ONCE = 1.0  # seconds a page waits before it shows progress


@st.cache_resource(show_spinner=False)
def _kept() -> dict[str, Any]:
    """Answers by their question, the newest last."""
    return {}


def answer(title: str, verb: str, *, version: int = 0, **arguments: Any) -> Any:
    """The worker's answer; stops the page while it is not there, and after a refusal, which it shows.

    Args:
        title: what is being done, in words for a person who waits.
        verb: as of `Worker.call`.
        version: of what the answer hangs on and the arguments do not say, such as when weights were written.
        arguments: as of `Worker.call`.
    """
    question, kept = json.dumps([verb, version, arguments], sort_keys=True), _kept()
    if question not in kept:
        _ask(question, title, verb, arguments)
    if question not in kept:
        st.stop()
    return kept[question]


def _ask(question: str, title: str, verb: str, arguments: dict[str, Any]) -> None:
    place, kept, worker = f"answer {hashlib.sha256(question.encode()).hexdigest()}", _kept(), resources.worker()

    def work(report: Any, cancelled: Any) -> None:
        kept[question] = worker.call(verb, on_progress=report, cancelled=cancelled, **arguments)
        while len(kept) > KEPT:
            del kept[next(iter(kept))]

    if (message := state.remembered(place, None)) and not _asked_again(message, verb):
        return
    state.remember(place, None)
    if resources.jobs().get(state.job_id(place)) is None:
        panels.start(place, title, work)
    job = resources.jobs().get(state.job_id(place))
    if job is not None and job.over.wait(AT_ONCE) and isinstance(job.error, DashboardError):
        state.follow_job(place, None)
        state.remember(place, job.error.message)
        _asked_again(job.error.message, verb)
    else:
        panels.job(place)


def _asked_again(message: str, verb: str) -> bool:
    """Show a refusal, which stays until somebody asks again."""
    st.error(text.literal(message), icon=":material/error:")
    return st.button("Try again", key=f"again_{verb}")
