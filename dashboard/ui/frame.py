"""What stands beside every page: the current dataset, model and run, and the path."""

from pathlib import Path

import streamlit as st

from dashboard.core.backbones import BACKBONES
from dashboard.data import datasets
from dashboard.runs import queue
from dashboard.ui import navigation, state, text

ASSETS = Path(__file__).parent / "assets"


def sidebar(shown: str) -> None:
    """Args: shown: title of the page that stands beside it."""
    with st.sidebar:
        _dataset_card()
        _model_card()
        _run_card()
        st.space("small")
        _menu(shown)


def _menu(shown: str) -> None:
    lessons = [row for row in navigation.ROWS if row.lesson]
    for row in navigation.ROWS:
        if row.in_menu and not row.lesson:
            st.page_link(row.page(), label=row.title, icon=f":material/{row.icon}:")
    if lessons:
        with st.expander("Learn", icon=":material/school:", expanded=shown in {row.title for row in lessons}):
            for row in lessons:
                st.page_link(row.page(), label=row.title, icon=f":material/{row.icon}:")


def _dataset_card() -> None:
    listing = datasets.listing().set_index("id")
    if listing.empty:
        return
    labels = listing["name"].copy()
    twins = labels.duplicated(keep=False)  # Streamlit knows options by their label: twins could not be told apart
    labels[twins] += " · " + listing.index[twins].str[:4]
    st.selectbox(
        "Data",
        list(listing.index),
        index=_position(list(listing.index), state.dataset_id()),
        format_func=lambda key: str(labels[key]),
        help="The dataset every page works on.",
        key="frame_dataset",
        on_change=lambda: state.choose_dataset(state.widget("frame_dataset")),
    )


def _model_card() -> None:
    recipe = state.draft()
    st.selectbox(
        "Model",
        list(BACKBONES),
        index=list(BACKBONES).index(recipe.backbone),
        format_func=lambda name: recipe.network_name if name == recipe.backbone else name,
        key="frame_backbone",
        on_change=_choose_backbone,
    )


def _choose_backbone() -> None:
    name = state.widget("frame_backbone")
    if name not in BACKBONES:  # a label of before: Streamlit knows options by their label, and the width is part of it
        return
    state.choose_backbone(name, image_size=BACKBONES[name].image_size, keep="frame_backbone")


def _run_card() -> None:
    listing = queue.listing().set_index("id")
    if listing.empty:
        return
    st.selectbox(
        "Run",
        list(listing.index),
        index=_position(list(listing.index), state.run_id()),
        # No status in it: Streamlit knows options by their label, and takes one that changed for another choice.
        format_func=lambda key: f"{listing.number[key]} · {text.network_of(listing.name[key])}",
        key="frame_run",
        on_change=_choose_run,
    )


def _choose_run() -> None:
    state.choose_run(state.widget("frame_run"))
    st.query_params.pop("run", None)


def _position(options: list[str], wanted: str | None) -> int:
    return options.index(wanted) if wanted in options else 0
