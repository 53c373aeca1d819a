"""Pieces of the Predict page: how pictures come in, what is under way, and what was left off."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.data import places, staging, uploads
from dashboard.data.asking import Given
from dashboard.data.label_files import is_label_file
from dashboard.runs import batches, workers
from dashboard.runs.batches import Batch
from dashboard.ui import panels, resources, state, text, uploading
from dashboard.ui import places as server_places
from dashboard.ui.adding import ARCHIVES, LABEL_FILES, PICTURES
from dashboard.ui.jobs import Job
from dashboard.ui.pickers import Chosen

PLACE = "predict"
SHOWN = "predict_shown"  # ids of a run and of its batch that is shown
TAKEN = "predict_taken"  # ids of a run, of its batch, and of the browser's files that the batch was made of
NOTHING = ("", "", ())
QUICK = 0.9  # seconds in which a few pictures are predicted by a worker that is ready
UPLOAD, FOLDER, LARGE, CAMERA = "Pictures, zip or list", "Folder", "Large zip", "Camera"


def ways() -> tuple[str, ...]:
    """How pictures may come; a folder of the server only below those its settings name."""
    return (UPLOAD, FOLDER, LARGE, *([server_places.FOLDER] if places.roots() else []), CAMERA)


def form(chosen: Chosen) -> None:
    """Take pictures and start predicting as soon as they are here."""
    way = st.segmented_control("How do your pictures come?", ways(), default=UPLOAD, key="predict_way", required=True)
    {
        UPLOAD: _upload,
        FOLDER: _folder,
        LARGE: _large,
        server_places.FOLDER: _server_folder,
        CAMERA: _camera,
    }[way](chosen)


def _upload(chosen: Chosen) -> None:
    files = st.file_uploader(
        "Pictures to classify, or a zip of them; a CSV list beside them says which",
        type=[*PICTURES, *ARCHIVES, *LABEL_FILES],
        accept_multiple_files=True,
        key=state.upload_key(f"predict_{chosen.run.id}"),
    )
    _take(chosen, files or ())


def _folder(chosen: Chosen) -> None:
    files = st.file_uploader(
        "A folder of pictures; folders inside that are named for classes say what is right",
        type=PICTURES,
        accept_multiple_files="directory",
        key=state.upload_key(f"predict_folder_{chosen.run.id}"),
    )
    _take(chosen, files or ())


def _camera(chosen: Chosen) -> None:
    photo = st.camera_input("Hold it before the camera", key=f"predict_camera_{chosen.run.id}")
    _take(chosen, [photo] if photo is not None else ())


def _large(chosen: Chosen) -> None:
    if finished := uploading.box("A zip or tar of up to 20 GB", key="predict_large"):
        source = uploads.take(finished)
        begin(chosen, Given(((str(source.path / uploads.CONTENT), source.name),)), source.path)


def _server_folder(chosen: Chosen) -> None:
    inside = server_places.choose("predict")
    if st.button("Predict these pictures", key="predict_place_take", type="primary"):
        begin(chosen, Given(((str(inside), ""),)))


def _take(chosen: Chosen, files: Sequence[Any]) -> None:
    """Predict what was sent, once; what came beside files that are predicted already is added to them."""
    ids = tuple(file.file_id for file in files)
    run_id, batch_id, known = state.remembered(TAKEN, NOTHING)
    if not ids or (run_id == chosen.run.id and ids == known):
        return
    lists = sum(is_label_file(file.name) for file in files)
    if lists == len(files):
        st.info("Now add the pictures that the list chooses from.", icon=":material/info:")
        return
    batch = batches.open_batch(batch_id)
    adds = run_id == chosen.run.id and bool(known) and ids[: len(known)] == known and not lists and batch.can_grow
    sent = [(file.name, file) for file in (files[len(known) :] if adds else files)]
    staged = staging.stage_upload(sent)
    given = _given(*staging.staged_files(staged))
    if adds:
        batch.add(given, staged)
        start(batch)
    else:
        batch = begin(chosen, given, staged)
    state.remember(TAKEN, (chosen.run.id, batch.id, ids))


def _given(paths: Sequence[Any], names: Sequence[str]) -> Given:
    """Tables among the files choose among the others."""
    pairs = [(str(path), name) for path, name in zip(paths, names, strict=True)]
    lists = [pair for pair in pairs if is_label_file(pair[1])]
    return Given(tuple(pair for pair in pairs if pair not in lists), tuple(lists))


def begin(chosen: Chosen, given: Given, staged: Path | None = None) -> Batch:
    """Start a new batch and show it."""
    batch = batches.begin(chosen.run, given, staged)
    start(batch)
    return batch


def start(batch: Batch) -> None:
    """Carry a batch out in the background and show it; wait the moment that a few pictures take."""
    _show(batch)

    def work(report: Any, cancelled: Any) -> None:
        workers.predict_batch(resources.worker(), batch, on_progress=report, cancelled=cancelled)

    panels.start(PLACE, "Looking at the pictures", work)
    job = resources.jobs().get(state.job_id(PLACE))
    if job is not None:
        resources.predicting()[batch.id] = job.id
        job.over.wait(QUICK)


def _job(batch: Batch) -> Job | None:
    """What is at a batch in this server, whichever page began it."""
    job = resources.jobs().get(resources.predicting().get(batch.id))
    return job if job and not job.over.is_set() else None


def follow(chosen: Chosen) -> Batch | None:
    """Draw what is under way, offer what was interrupted, and return the batch to show."""
    found = batches.of_run(chosen.run)
    shown = _shown(chosen, found)
    for batch in found:
        job = _job(batch)
        if job is not None and not panels.busy(PLACE) and shown in (None, batch):
            state.follow_job(PLACE, job.id)  # begun before this page was opened
            shown = batch
        elif job is None and not batch.under_way and not batch.finished:
            _interrupted(batch)
    panels.job(PLACE)
    return shown


def _show(batch: Batch) -> None:
    state.remember(SHOWN, (batch.request.run, batch.id))


def _shown(chosen: Chosen, found: list[Batch]) -> Batch | None:
    run_id, batch_id = state.remembered(SHOWN, ("", ""))
    return next((batch for batch in found if (run_id, batch_id) == (chosen.run.id, batch.id)), None)


def _interrupted(batch: Batch) -> None:
    """A batch whose process was ended: what was done is not done again."""
    begun, total = text.ago(batch.request.created_at), batch.total
    where = f"after {batch.done:,} of {total:,} pictures" if total else "before the first picture"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"Predictions begun {begun} were interrupted {where}.", width="stretch")
        if st.button("Go on", key=f"predict_go_on_{batch.id}", type="primary"):
            start(batch)
            st.rerun()
        if st.button("Discard", key=f"predict_discard_{batch.id}"):
            batches.discard(batch)
            st.rerun()


def _moment(batch: Batch) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(batch.request.created_at))


def earlier(chosen: Chosen, shown: Batch | None) -> None:
    """Batches of before, to be looked at again or deleted."""
    finished = [batch for batch in batches.of_run(chosen.run) if batch.finished]
    if not finished or finished == [shown]:
        return
    with st.expander("Earlier predictions", icon=":material/history:"):
        # Numbered, and with a moment that does not pass: Streamlit knows options by their label.
        names = {
            batch.id: f"{number}. {_moment(batch)}, {text.count(batch.done, 'picture')}"
            for number, batch in zip(range(len(finished), 0, -1), finished, strict=True)
        }
        batch_id = st.selectbox("Predictions", list(names), format_func=names.__getitem__, key="predict_earlier")
        with st.container(horizontal=True):
            if st.button("Show", key="predict_show"):
                _show(batches.open_batch(batch_id))
                st.rerun()
            with st.popover("Delete", icon=":material/delete:"):
                st.write("Their table and thumbnails will be gone. Your own files stay where they are.")
                if st.button("Delete these predictions", key="predict_delete", type="primary"):
                    batches.discard(batches.open_batch(batch_id))
                    st.rerun()
