"""What is shared by all sessions of the server: the warm worker, background jobs, and what is read from disk once."""

import time

import pandas as pd
import streamlit as st

from dashboard.data import checks, datasets, grouping, history, parent
from dashboard.runs import batch_rows, batches, events, workers
from dashboard.runs.run import open_run
from dashboard.ui.jobs import Cancelled, Job, Jobs, Report

MANY = 20_000  # pictures
PAGE_FIRST = 1.0  # seconds in which a page is drawn before what it does not need is begun


@st.cache_resource(show_spinner=False, on_release=lambda worker: worker.close())
def worker() -> workers.Worker:
    """The one warm worker process of this server; it starts when first asked something."""
    return workers.Worker()


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    return Jobs()


@st.cache_resource(show_spinner=False, max_entries=50)
def _reader(run_id: str) -> events.Reader:
    return events.Reader(open_run(run_id).events_path)


def run_events(run_id: str) -> list[events.Event]:
    """The events of a run so far, as of `Reader.read`; only what is new is parsed."""
    return _reader(run_id).read()


def run_batches(run_id: str) -> pd.DataFrame:
    """Every batch of a run so far, columns `BATCH_COLUMNS`; only what is new is parsed, and nothing is copied."""
    return _reader(run_id).batches()


@st.cache_data(show_spinner=False, max_entries=50)
def training_pictures(run_id: str) -> int:
    """How many pictures a run trains on; its manifest never changes."""
    return int((open_run(run_id).manifest["split"] == "train").sum())


@st.cache_data(show_spinner=False, max_entries=20)
def _predictions(run_id: str, _written: float) -> pd.DataFrame:
    return open_run(run_id).predictions()


def predictions(run_id: str) -> pd.DataFrame:
    """Predictions of a finished run; read again when a resumed run wrote them anew."""
    path = open_run(run_id).path / "predictions.csv"
    return _predictions(run_id, path.stat().st_mtime if path.exists() else 0.0)


@st.cache_resource(show_spinner=False)
def predicting() -> dict[str, str]:
    """Ids of the jobs of this server by the batch of predictions they carry out."""
    return {}


@st.cache_data(show_spinner=False, max_entries=5)
def predicted(batch_id: str, done: int) -> pd.DataFrame:
    """What a page needs of all rows of a batch of predictions; rows that are there never change."""
    return batch_rows.read(batches.open_batch(batch_id).path, batch_rows.FEW)


def table_of(batch: batches.Batch, suffix: str) -> bytes:
    """The whole table of a batch as a file, made when somebody takes it."""
    with parent.scratch() as folder:
        target = folder / f"predictions{suffix}"
        batch_rows.FORMATS[suffix](batch.path, target)
        return target.read_bytes()


@st.cache_data(show_spinner=False, max_entries=20)
def members(dataset_id: str, version: int) -> pd.DataFrame:
    """Pictures of a dataset version; it never changes."""
    return datasets.members(datasets.get(dataset_id, version))


@st.cache_data(show_spinner=False, max_entries=20)
def findings(dataset_id: str, version: int) -> pd.DataFrame:
    """What every check finds in a dataset version: columns of `data.findings`, and check, the title of the check."""
    return checks.findings(datasets.get(dataset_id, version))


@st.cache_data(show_spinner=False, max_entries=20)
def leaks(dataset_id: str, version: int) -> tuple[int, int]:
    """Pairs that belong together and stand on two sides: by a blind division, and by this version's."""
    return datasets.leaks(datasets.get(dataset_id, version))


@st.cache_resource(show_spinner=False, max_entries=20)
def _looking(dataset_id: str, version: int) -> Job:
    def work(_report: Report, _cancelled: Cancelled) -> None:
        time.sleep(PAGE_FIRST)
        findings(dataset_id, version)
        leaks(dataset_id, version)
        settings = datasets.split_settings(datasets.get(dataset_id, version))
        group_sizes(dataset_id, version, settings.group_by, settings.group_pattern)

    return jobs().start("Checking every picture", work)


def looked_through(dataset_id: str, version: int, count: int) -> bool:
    """Whether findings, leaks and groups are at hand; begins with them where they are not.

    Of many pictures they take seconds, and the page is drawn meanwhile.
    """
    return count <= MANY or _looking(dataset_id, version).over.is_set()


def forget_look_alikes() -> None:
    """Read again what hangs on pairs of look-alikes: more of them have been found."""
    leaks.clear()
    findings.clear()


@st.cache_data(show_spinner=False, max_entries=20)
def group_sizes(dataset_id: str, version: int, by: grouping.Named, pattern: str) -> pd.Series:
    """Pictures of each named group that has two or more, the largest first."""
    return datasets.group_sizes(datasets.get(dataset_id, version), by, pattern)


@st.cache_data(show_spinner=False, max_entries=20)
def left_out(dataset_id: str, version: int) -> pd.DataFrame:
    """Pictures of earlier versions that this one has not, and that can be put back; columns `history.LEFT_OUT`."""
    return history.left_out(datasets.get(dataset_id, version))


def run_epochs(run_id: str) -> pd.DataFrame:
    """One row per finished epoch of a run."""
    return events.epochs(run_events(run_id))


@st.cache_data(show_spinner=False, max_entries=20)
def remarks(dataset_id: str) -> pd.DataFrame:
    """What was refused or remarked on when the dataset was made."""
    return datasets.remarks(datasets.get(dataset_id))
