"""A run as it happens: figures, curves of every batch, and what can be done about it."""

import time

import pandas as pd
import streamlit as st

from dashboard.core.errors import DashboardError
from dashboard.core.recipe import Recipe
from dashboard.core.steering import Steer
from dashboard.runs import events, pace, queue, status, steering, supervisor
from dashboard.runs.run import open_run
from dashboard.ui import (
    bringing,
    curves,
    launching,
    navigation,
    panels,
    pickers,
    resources,
    starting,
    state,
    steer,
    text,
)
from dashboard.ui.pickers import Chosen

LOOK_AGAIN = 1.0  # seconds
RESUME = {status.PAUSED: "Go on", status.STOPPED: "Go on training"}
ICONS = {
    status.QUEUED: "schedule",
    status.RUNNING: "play_circle",
    status.STOPPING: "pending",
    status.PAUSED: "pause_circle",
    status.STOPPED: "stop_circle",
    status.INTERRUPTED: "power_off",
    status.FINISHED: "check_circle",
    status.FAILED: "error",
}


def panel(chosen: Chosen) -> None:
    """The whole run; looks again by itself while the run is under way."""
    if chosen.run.is_brought:
        bringing.story(chosen)
        return
    under_way = chosen.row["status"] in status.UNDER_WAY
    st.fragment(_story, run_every=LOOK_AGAIN if under_way else None)(chosen.run.id, chosen.row["status"])
    if chosen.row["status"] == status.RUNNING:
        steer.panel(chosen)
    st.fragment(_curves, run_every=curves.DRAW_AGAIN if under_way else None)(chosen.run.id, under_way)


def _story(run_id: str, drawn_status: str) -> None:
    supervisor.look_after()
    row = queue.row(run_id)
    if row["status"] != drawn_status:
        st.rerun()  # the frame shows the status too, and the clock of this part may have to stop
    chosen = pickers.Chosen(open_run(run_id), row)
    seen = resources.run_events(run_id)
    _standing(chosen)
    for event in seen:
        if event["kind"] == "warning":
            st.warning(text.literal(event["text"]), icon=":material/warning:")
    _figures(chosen, seen, events.epochs(seen))
    _controls(chosen)


def _standing(chosen: Chosen) -> None:
    now = chosen.row["status"]
    words = chosen.row["message"] or _words(chosen)
    icon = f":material/{ICONS[now]}:"
    line = f"**{now.capitalize()}** {text.literal(words)}"
    if now == status.FAILED:
        st.error(line, icon=icon)
    elif now == status.INTERRUPTED:
        st.warning(line, icon=icon)
    else:
        st.markdown(f"{icon} {line}")


def _words(chosen: Chosen) -> str:
    """What a status means for this run; each looks up only what it tells."""
    match chosen.row["status"]:
        case status.QUEUED:
            return _waiting(chosen)
        case status.RUNNING:
            return _running(chosen)
        case status.STOPPING:
            return "Stopping after this batch; the best weights are kept."
        case status.STOPPED:
            return "Stopped on request; the best weights were kept."
        case status.FINISHED:
            return _kept(chosen)
    return ""


def _running(chosen: Chosen) -> str:
    if chosen.run.pause_requested:
        return "Pausing after this batch."
    asked = " ".join(each.words for each in steering.waiting(chosen.run))
    return f"At the next batch: {asked}" if asked else "Training. It goes on when you close this page."


def _kept(chosen: Chosen) -> str:
    """Which weights the finished model has."""
    best = chosen.run.report().get("best_epoch")
    return f"Weights of epoch {best} kept: its validation loss was the lowest." if best else ""


def _waiting(chosen: Chosen) -> str:
    waits = queue.waiting()
    rows = queue.listing()
    ahead = int(rows["status"].isin((status.RUNNING, status.STOPPING)).sum())
    ahead += waits.index(chosen.run.id) if chosen.run.id in waits else 0
    return "Starting now." if not ahead else f"Waiting for {text.count(ahead, 'run')} ahead of it."


def _figures(chosen: Chosen, seen: list[events.Event], epochs: pd.DataFrame) -> None:
    training = resources.training_pictures(chosen.run.id)
    now = chosen.row["ended_at"] or time.time()
    at = pace.of(chosen.run.recipe, seen, training_pictures=training, now=now)
    if chosen.row["status"] in status.UNDER_WAY:
        st.caption(f"Now: {text.literal(at.stage)}, {text.duration(at.elapsed)} so far")
        panels.figures(_live_figures(at, epochs))
    else:
        panels.figures(_final_figures(chosen, at))


def _live_figures(at: pace.Pace, epochs: pd.DataFrame) -> dict[str, str]:
    accuracy = epochs["validation_accuracy"]
    return {
        "Epoch": f"{at.epoch} of {at.epochs}",
        "Validation accuracy": text.share(accuracy.iloc[-1] if len(accuracy) else None),
        "Best so far": text.share(accuracy.max() if len(accuracy) else None),
        "Pictures a second": "–" if at.pictures_per_second is None else f"{at.pictures_per_second:.0f}",
        "Left, at most": "–" if at.remaining is None else text.duration(at.remaining),
    }


def _final_figures(chosen: Chosen, at: pace.Pace) -> dict[str, str]:
    """Accuracies of the whole model on the picture files, not of the last batch."""
    report = chosen.run.report()
    return {
        "Validation accuracy": text.share(report.get("validation_accuracy")),
        "Test accuracy": text.share(report.get("test_accuracy")),
        "Epochs": f"{at.epoch} of {at.epochs}",
        "Took": text.duration(at.elapsed),
    }


def _controls(chosen: Chosen) -> None:
    now = chosen.row["status"]
    run_id = chosen.run.id
    with st.container(horizontal=True):
        if now in status.UNDER_WAY and st.button(
            "Stop and keep the best", key="run_stop", icon=":material/stop:", disabled=now == status.STOPPING
        ):
            _try(lambda: queue.request_stop(run_id))
        if now in (status.QUEUED, status.RUNNING) and st.button(
            "Pause", key="run_pause", icon=":material/pause:", disabled=chosen.run.pause_requested
        ):
            _try(lambda: queue.request_pause(run_id))
        if now in status.RESUMABLE and st.button(
            RESUME.get(now, "Resume"),
            key="run_resume",
            type="secondary" if now == status.STOPPED else "primary",
            icon=":material/play_arrow:",
        ):
            _try(lambda: queue.resume(run_id))
        if now in status.WITH_MODEL:
            steer.longer(chosen)
        if now in status.WITH_MODEL and chosen.run.has_model:
            for page, label in (
                ("evaluate", "Where does it fail?"),
                ("predict", "Try new pictures"),
                ("export", "Take it home"),
            ):
                if st.button(label, key=f"run_{page}", type="primary" if page == "evaluate" else "secondary"):
                    state.choose_run(chosen.run.id)
                    navigation.go(page)
            starting.button(chosen)


def _try(action: object) -> None:
    """Do what a button asks; a refusal (the run ended meanwhile) is shown, the page goes on."""
    try:
        action()  # type: ignore[operator]
    except DashboardError as error:
        st.error(text.literal(error.message))
        return
    st.rerun()


def _curves(run_id: str, under_way: bool) -> None:
    drawn = curves.of(run_id, under_way=under_way, now=time.monotonic())
    if drawn.batches.empty:
        st.caption("The curves begin with the first batch.")
        return
    for metric in ("accuracy", "loss"):
        panels.chart(
            drawn.figures[metric],
            key=f"run_{metric}",
            alt=f"Training {metric} of every batch and validation {metric} of every epoch",
            data=drawn.batches if metric == "accuracy" else drawn.epochs,
        )
    with st.expander("Learning rate", icon=":material/speed:"):
        panels.chart(drawn.figures["learning_rate"], key="run_learning_rate", alt="Learning rate by step")
    if under_way and "patience" in drawn.figures:
        panels.chart(drawn.figures["patience"], key="run_patience", alt="Patience used before early stopping")


def recipe(chosen: Chosen) -> None:
    """What was set, beside what is advised."""
    advised = Recipe(dataset="")
    values = chosen.run.recipe.model_dump(mode="json", exclude={"dataset", "dataset_version", "weights_file"})
    rows = pd.DataFrame(
        [
            {"Setting": name.replace("_", " "), "Value": plain(value), "Advised": plain(getattr(advised, name))}
            for name, value in values.items()
        ]
    )
    with st.expander("Recipe and log", icon=":material/receipt_long:"):
        st.dataframe(rows, hide_index=True, alt="The recipe of this run")
        repeats = chosen.row["status"] not in status.UNDER_WAY and not chosen.run.is_brought
        if repeats and st.button("Run this recipe again", key="run_repeat", icon=":material/replay:"):
            launching.again(chosen.run)
        if chosen.run.log_path.exists():
            st.code(chosen.run.log_path.read_text(errors="replace")[-4000:], language=None, wrap_lines=True)


def plain(value: object) -> str:
    """A value of the recipe in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    if isinstance(value, dict):  # a lever that was pulled
        return f"{Steer(**value).words.rstrip('.')} at step {value['step']}"
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
