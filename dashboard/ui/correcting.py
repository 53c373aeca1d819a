"""Put a dataset right where it is looked at: pictures chosen in the wall, classes, the log, and undo."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.core.errors import DashboardError
from dashboard.data import corrections, datasets, erasing, history
from dashboard.data.corrections import Correction
from dashboard.data.datasets import Dataset
from dashboard.runs import batches
from dashboard.ui import state, text, walls
from dashboard.ui.walls import Wall

LAST, ASKED = "correction", "erasing"
LINES = 20  # of the log
NAMED = 5  # file names in a question


@dataclass(frozen=True)
class Outcome:
    """What the last attempt came to: a dataset's version and a sentence about it."""

    dataset_id: str
    version: int
    sentence: str
    refused: bool = False
    can_undo: bool = False


@dataclass(frozen=True)
class Question:
    """Pictures that are to be erased, once it was confirmed."""

    dataset_id: str
    paths: tuple[str, ...]
    loss: str


def _outcome(dataset: Dataset) -> None:
    """One line about what happened last, with Undo; and the question before something is lost for good."""
    last: Outcome | None = state.remembered(LAST, None)
    if last is not None and (last.dataset_id, last.version) == (dataset.id, dataset.version):
        if last.refused:
            st.error(text.literal(last.sentence), icon=":material/error:")
        else:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(f":material/check: {text.literal(last.sentence)}", width="stretch")
                if last.can_undo:
                    st.button("Undo", key="dataset_undo", icon=":material/undo:", on_click=_undo, args=(dataset,))
    question: Question | None = state.remembered(ASKED, None)
    if question is not None and question.dataset_id == dataset.id:
        _ask(dataset, question)


def _ask(dataset: Dataset, question: Question) -> None:
    with st.container(border=True, key="dataset_erase_question"):
        st.markdown(f":material/warning: {text.literal(question.loss)}")
        more = len(question.paths) - NAMED
        st.text("\n".join(question.paths[:NAMED]) + (f"\nand {more:,} more" if more > 0 else ""))
        with st.container(horizontal=True):
            st.button("Keep them", key="dataset_erase_no", on_click=state.remember, args=(ASKED, None))
            st.button("Delete for good", key="dataset_erase_yes", type="primary", on_click=_erase, args=(dataset,))


def wall(dataset: Dataset, shown: Wall) -> None:
    """A page of pictures, each with a box to choose it, under the row of what can be done with the chosen ones."""
    _outcome(dataset)
    number = walls.pages(shown)
    page = walls.page_control(number, "above")
    if shown.rows.empty:
        st.caption("No picture is like that. Choose other filters.")
        return
    groups = list(walls.groups(shown, page))
    boxes = {_box(dataset, row.sha256): row.path for _, rows in groups for row in rows.itertuples()}
    with st.form("dataset_wall", border=False):
        _actions(dataset, shown, boxes)
        for heading, rows in groups:
            if heading:
                st.markdown(heading)
            with st.grid(walls.A_ROW, min_column_width=88, gap="small"):
                for row in rows.itertuples():
                    with st.container(gap="xxsmall"):
                        _picture(dataset, row)
    walls.page_control(number, "below")


def _picture(dataset: Dataset, row: Any) -> None:
    name = PurePosixPath(row.path).name
    thumbnail = datasets.thumbnail_path(row.sha256)
    if thumbnail.exists():
        st.image(str(thumbnail), width="stretch", alt=name, caption=text.literal(row.caption) or None)
    st.checkbox(text.label(text.short(name)), key=_box(dataset, row.sha256))


def _box(dataset: Dataset, sha256: str) -> str:
    """Key of a picture's box; another version, another key: what was done leaves nothing chosen."""
    return f"dataset_pick_{dataset.version}_{sha256}"


def _actions(dataset: Dataset, shown: Wall, boxes: dict[str, str]) -> None:
    stay = "the class it had" if shown.left_out else "choose a class"
    with st.container(horizontal=True, vertical_alignment="bottom", key="dataset_actions"):
        st.selectbox(
            "Put back into" if shown.left_out else "Move to",
            [None, *shown.class_names],
            format_func=lambda name: stay if name is None else name,
            key="dataset_move_to",
            width=190,
        )
        st.text_input("or a new class", key="dataset_move_new", width=150)

        def button(label: str, key: str, icon: str, act: Callable[..., None]) -> None:
            st.form_submit_button(
                label, key=f"dataset_{key}", icon=f":material/{icon}:", on_click=act, args=(dataset, boxes)
            )

        if shown.left_out:
            button("Put back", "put_back", "undo", _put_back)
        else:
            button("Move", "move", "drive_file_move", _move)
            button("Leave out", "leave_out", "visibility_off", _leave_out)
        button("Delete", "erase", "delete", _want_to_erase)
        button("Choose all", "choose_all", "select_all", _choose_all)


def _chosen(boxes: dict[str, str]) -> list[str]:
    return [path for key, path in boxes.items() if state.widget(key)]


def _choose_all(_dataset: Dataset, boxes: dict[str, str]) -> None:
    every = all(state.widget(key) for key in boxes)
    for key in boxes:
        state.put(key, not every)


def _move(dataset: Dataset, boxes: dict[str, str]) -> None:
    name = state.widget("dataset_move_new").strip() or state.widget("dataset_move_to")
    if name is None:
        _refused(dataset, "Choose the class to move the pictures to, or write the name of a new one.")
        return
    _attempt(dataset, lambda: corrections.move(dataset, _chosen(boxes), name))


def _leave_out(dataset: Dataset, boxes: dict[str, str]) -> None:
    _attempt(dataset, lambda: corrections.leave_out(dataset, _chosen(boxes)))


def _put_back(dataset: Dataset, boxes: dict[str, str]) -> None:
    name = state.widget("dataset_move_new").strip() or state.widget("dataset_move_to") or ""
    _attempt(dataset, lambda: corrections.put_back(dataset, _chosen(boxes), name))


def _want_to_erase(dataset: Dataset, boxes: dict[str, str]) -> None:
    paths = _chosen(boxes)
    try:
        loss = erasing.loss(dataset, paths)
    except DashboardError as error:
        _refused(dataset, error.message)
    else:
        state.remember(ASKED, Question(dataset.id, tuple(paths), loss))


def _erase(dataset: Dataset) -> None:
    question: Question = state.remembered(ASKED, None)
    state.remember(ASKED, None)
    _attempt(dataset, lambda: erasing.erase(dataset, question.paths), can_undo=False)
    batches.forget_erased()


def _undo(dataset: Dataset) -> None:
    _attempt(dataset, lambda: corrections.undo(dataset), can_undo=False)


def _attempt(dataset: Dataset, correct: Callable[[], Correction], *, can_undo: bool = True) -> None:
    """Callbacks run before the page does, so a refusal is kept for it to show."""
    try:
        done = correct()
    except DashboardError as error:
        _refused(dataset, error.message)
        return
    state.put("dataset_move_new", "")
    st.toast(text.literal(done.sentence), icon=":material/check:")  # who pressed a button further down sees this
    state.remember(LAST, Outcome(dataset.id, done.dataset.version, done.sentence, can_undo=can_undo))


def _refused(dataset: Dataset, sentence: str) -> None:
    newest = datasets.get(dataset.id).version
    st.toast(text.literal(sentence), icon=":material/error:")
    state.remember(LAST, Outcome(dataset.id, newest, sentence, refused=True))


def classes(dataset: Dataset, members: pd.DataFrame) -> None:
    """Rename a class, or make one of several."""
    names = sorted(members["class_name"].unique())
    with st.expander("Classes: rename or merge", icon=":material/label:"), st.grid(2, min_column_width=300):
        with st.form("dataset_rename", border=True):
            st.selectbox("Class", names, key="dataset_rename_old")
            st.text_input("New name", key="dataset_rename_new")
            st.form_submit_button("Rename", key="dataset_rename_apply", on_click=_rename, args=(dataset,))
        with st.form("dataset_merge", border=True):
            st.multiselect("Classes to merge", names, key="dataset_merge_names")
            st.selectbox("Into", names, key="dataset_merge_into")
            st.form_submit_button("Merge", key="dataset_merge_apply", on_click=_merge, args=(dataset,))


def _rename(dataset: Dataset) -> None:
    old, new = state.widget("dataset_rename_old"), state.widget("dataset_rename_new")
    _attempt(dataset, lambda: corrections.rename_class(dataset, old, new))


def _merge(dataset: Dataset) -> None:
    names, into = state.widget("dataset_merge_names"), state.widget("dataset_merge_into")
    _attempt(dataset, lambda: corrections.merge_classes(dataset, names, into))


def changes(dataset: Dataset) -> None:
    """What was done to this dataset, the newest first, and the way back."""
    with st.expander("Changes", icon=":material/history:"):
        log = history.log(dataset, LINES)
        when = pd.to_datetime(log["created_at"], unit="s", utc=True)
        st.dataframe(
            log.assign(created_at=when),
            hide_index=True,
            alt="Versions of this dataset and what each was made for",
            column_config={
                "version": "Version",
                "created_at": st.column_config.DatetimeColumn("When", format="D MMM YYYY, HH:mm"),
                "reason": "What",
                "pictures": "Pictures",
                "classes": "Classes",
            },
        )
        st.button(
            "Undo the last change",
            key="dataset_undo_last",
            icon=":material/undo:",
            disabled=not history.can_undo(dataset),
            on_click=_undo,
            args=(dataset,),
        )
        st.caption("Every change makes a version. Runs keep the version they were trained on.")
