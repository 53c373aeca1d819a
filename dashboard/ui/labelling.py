"""Classes from a label file: what was found in an upload is confirmed here before anything is taken."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.data import intake, staging
from dashboard.data.datasets import Dataset
from dashboard.data.label_files import Proposal
from dashboard.ui import arriving, panels, text
from dashboard.ui.arriving import Arrival, Question
from dashboard.ui.arriving import arrived as arrived

NONE = ("",)  # no column


def asked() -> Question | None:
    """The question that waits for an answer."""
    question = arriving.question()
    return question if question is not None and question.dataset_id is None else None


def form(place: str) -> None:
    """What the label file was found to say, to be confirmed or changed; nothing is taken before.

    Args:
        place: where the import is followed.
    """
    question = asked()
    if question is None:
        return
    st.subheader("Classes from a label file")
    proposals = question.look.proposals
    position = 0
    if len(proposals) > 1:
        position = st.selectbox(
            "Label file",
            range(len(proposals)),
            format_func=lambda number: proposals[number].file,
            key="labels_file",
            persist_state="session",
        )
    found = proposals[position]
    st.write(_finding(found, question.look.pictures))
    if found.doubt:
        st.warning(text.literal(found.doubt), icon=":material/help:")
    st.dataframe(
        pd.DataFrame(list(found.sample), columns=found.column_names),
        hide_index=True,
        alt=f"The first rows of {found.file}",
    )
    chosen = _columns(found, f"labels_{position}")
    if chosen.picture_column != found.picture_column:
        st.caption("How many pictures this column names is seen when they are imported.")
    _answer(question, chosen, place)


def _finding(found: Proposal, pictures: int) -> str:
    """What the file says, in one or two sentences."""
    file = text.literal(found.file)
    if not found.picture_column:
        return f"**{file}** has {text.count(found.rows, 'row')}; none of its columns names the pictures of this upload."
    left = pictures - found.matched
    without = f" {text.count(left, 'picture')} without a row will be left out." if left else ""
    classes = f" {text.count(found.classes, 'class')} were found." if found.classes else ""
    return f"**{file}** names {found.matched:,} of {text.count(pictures, 'picture')}.{classes}{without}"


def _columns(found: Proposal, key: str) -> Proposal:
    """Boxes for which column is what, with those chosen that were found."""
    single: list[tuple[str, ...]] = [(name,) for name in found.column_names]
    classes = [found.class_columns, *single] if len(found.class_columns) > 1 else single
    with st.container(horizontal=True):
        picture = _column("Pictures", single, (found.picture_column,), f"{key}_picture", "Names the picture files.")
        named = _column("Classes", classes, found.class_columns, f"{key}_class", "What the network shall tell apart.")
        split = _column(
            "Split",
            [NONE, *single],
            (found.split_column,),
            f"{key}_split",
            "Says train, validation or test; those pictures are divided so.",
        )
        group = _column(
            "Group",
            [NONE, *single],
            (found.group_column,),
            f"{key}_group",
            "Pictures of one patient, video or animal: all of a group go to the same split.",
        )
    return replace(
        found,
        picture_column=picture[0],
        class_columns=() if named == NONE else named,
        split_column=split[0],
        group_column=group[0],
        doubt="",
    )


def _column(label: str, options: list[tuple[str, ...]], found: tuple[str, ...], key: str, hint: str) -> tuple[str, ...]:
    chosen = st.selectbox(
        label,
        options,
        index=options.index(found) if found in options else None,
        format_func=lambda names: "none" if names == NONE else ", ".join(names),
        key=key,
        help=hint,
        placeholder="Choose a column",
        persist_state="session",
    )
    return chosen or NONE


def _answer(question: Question, chosen: Proposal, place: str) -> None:
    used = [chosen.picture_column, *chosen.class_columns, chosen.split_column, chosen.group_column]
    used = [name for name in used if name]
    if len(used) > len(set(used)):
        st.warning("One column cannot be two things at once.", icon=":material/help:")
    ready = bool(chosen.picture_column and chosen.class_columns) and len(used) == len(set(used))
    with st.container(horizontal=True):
        if st.button("Import with these labels", key="labels_import", type="primary", disabled=not ready):
            panels.start(place, "Looking at every picture", _work(question, chosen))
            st.rerun()
        if st.button("Cancel", key="labels_cancel"):
            arriving.forget()
            st.rerun()


def _work(question: Question, chosen: Proposal) -> Callable[[Any, Any], Arrival]:
    def work(report: Any, cancelled: Any) -> Arrival:
        dataset = intake.import_pictures(
            question.source,
            name=question.name,
            into=question.into,
            label_file=chosen,
            on_progress=report,
            cancelled=cancelled,
        )
        staging.discard(question.source.path)  # only now: after a refusal other columns may be tried
        return Arrival(dataset, None)

    return work


def offer(dataset: Dataset) -> None:
    """One line where folders decided and a label file could have, with a button to use that instead."""
    question = arriving.question()
    if question is None or question.dataset_id != dataset.id:
        return
    found = question.look.proposals[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"The folders gave the classes. A label file was found too: {_finding(found, question.look.pictures)}",
            width="stretch",
        )
        if st.button("Use it instead", key="labels_instead"):
            arriving.ask(question)
            st.rerun()
        if st.button("Dismiss", key="labels_dismiss", type="tertiary"):
            arriving.forget()
            st.rerun()
