"""A model trained on another machine: the way in, and what its run's page says."""

import streamlit as st

from dashboard.core import files
from dashboard.data import staging
from dashboard.runs import bringing
from dashboard.runs.bringing import Sent
from dashboard.runs.run import Run
from dashboard.ui import navigation, panels, resources, starting, state, text
from dashboard.ui.jobs import Cancelled, Report
from dashboard.ui.pickers import Chosen

PLACE = "bring"
ACROSS = {"evaluate": "Where does it fail?", "predict": "Try new pictures", "export": "Take it home"}


def panel() -> None:
    """Take a model in and go to its run."""
    if done := panels.job(PLACE):
        state.choose_run(done.result)
        navigation.go("run")
    if panels.busy(PLACE):
        return
    with st.popover("Bring a model from another machine", icon=":material/move_to_inbox:"):
        st.write(
            "The zip of an Export page, or model.weights.h5 with its labels.json and recipe.json. "
            "The network is built anew by its name; only numbers are read from the files."
        )
        chosen = st.file_uploader(
            "Files of an export",
            type=["zip", "h5", "json"],
            accept_multiple_files=True,
            key=state.upload_key("runs_bring"),
        )
        if chosen and st.button("Bring it", key="runs_bring_start", type="primary"):
            _start([(file.name, file) for file in chosen])
            state.clear_uploads()
            st.rerun()
        st.caption("Larger than 500 MB: `python -m dashboard bring FILE` on the server.")


def _start(sent: list[tuple[str, object]]) -> None:
    staged = staging.stage_upload(sent)  # type: ignore[arg-type]

    def work(report: Report, cancelled: Cancelled) -> str:
        try:
            paths, names = staging.staged_files(staged)
            what = Sent(tuple(paths), tuple(names))
            return bringing.bring(resources.worker(), what, on_progress=report, cancelled=cancelled).id
        finally:
            staging.discard(staged)

    panels.start(PLACE, "Bringing the model", work)


def story(chosen: Chosen) -> None:
    """The run's page in the place of curves: what it is, what came along, and the ways on."""
    run = chosen.run
    about = files.read_json(run.path / "brought.json")
    st.markdown(f":material/move_to_inbox: **Brought** {text.literal(chosen.row['message'])}")
    report = run.report()
    panels.figures(
        {
            "Validation accuracy": text.share(report.get("validation_accuracy")),
            "Test accuracy": text.share(report.get("test_accuracy")),
            "Classes": str(len(run.class_names)),
        },
        helps={"Validation accuracy": "As the other machine measured it; its pictures are not here."},
    )
    st.caption(text.literal(", ".join(run.class_names)))
    with st.container(horizontal=True):
        for page, label in ACROSS.items():
            if page == "evaluate" and not has_predictions(run):
                continue
            if st.button(label, key=f"run_{page}", type="primary" if page == "predict" else "secondary"):
                state.choose_run(run.id)
                navigation.go(page)
        starting.button(chosen)
    missing = _missing(run)
    st.caption(
        (f"Not brought: {missing}. " if missing else "")
        + (
            "The weights are those that were exported, to the bit."
            if about["is_checked"]
            else "Whether a bit of the weights changed on the way is unknown: labels.json has no digest of them."
        )
    )


def has_predictions(run: Run) -> bool:
    return (run.path / "predictions.csv").exists()


def _missing(run: Run) -> str:
    """What a run trained here would have and this one has not."""
    lacks = {"its curves": "events.jsonl", "its list of pictures": "manifest.csv", "its predictions": "predictions.csv"}
    return ", ".join(words for words, name in lacks.items() if not (run.path / name).exists())
