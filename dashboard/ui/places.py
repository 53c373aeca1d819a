"""Pictures that are somewhere already: in a folder on the server, or behind a link. Each way has its setting."""

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.core.errors import UploadError
from dashboard.core.settings import settings
from dashboard.data import links, places
from dashboard.data.intake import Source
from dashboard.ui import arriving, panels, state, text

FOLDER, LINK = "Folder on this server", "Link"
HERE = "dataset_place"  # parts below the root, joined by '/'
STEPS = "dataset_place_steps"


def ways() -> tuple[str, ...]:
    """The ways the settings allow."""
    return (*([FOLDER] if places.roots() else []), *([LINK] if settings().links else []))


def folder(place: str) -> None:
    """Go down from a root, folder by folder, and take what is there.

    Args:
        place: where the import is followed.
    """
    inside = choose("dataset")
    if st.button("Add this folder", key="dataset_add_place", type="primary"):
        name, into = inside.name or "My pictures", arriving.target()
        panels.start(
            place,
            "Looking at every picture",
            lambda report, cancelled: arriving.bring_in(Source(inside, name), name, report, cancelled, into),
        )
        st.rerun()


def choose(page: str) -> Path:
    """Go down from a root, folder by folder; where one is now.

    Args:
        page: whose widgets these are.

    Raises:
        UploadError: as of `data.places.resolve` and `data.places.subfolders`.
    """
    roots = places.roots()
    root = roots[0]
    if len(roots) > 1:
        root = st.selectbox("Below", roots, format_func=str, key=f"{page}_root", on_change=_go, args=("",))
    here = state.remembered(HERE, "")
    try:
        inside, below = places.resolve(root, here), places.subfolders(root, here)
    except UploadError:
        _go("")  # it went away meanwhile; the next look begins at the top
        raise
    st.markdown(f"**{text.literal(str(inside))}** has {text.count(len(below), 'folder')}.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if below:
            # A box of its own for every step: who goes up and down again chooses the same folder twice.
            key = f"{page}_place_{state.remembered(STEPS, 0)}"
            chosen = st.selectbox("Open", below, index=None, key=key, placeholder="Choose a folder")
            if chosen is not None:
                _go(f"{here}/{chosen}".lstrip("/"))
                st.rerun()
        if here and st.button("Up", key=f"{page}_place_up", icon=":material/arrow_upward:"):
            _go(here.rpartition("/")[0])
            st.rerun()
    return inside


def _go(here: str) -> None:
    state.remember(HERE, here)
    state.remember(STEPS, state.remembered(STEPS, 0) + 1)


def link(place: str) -> None:
    """Fetch an archive and take what is in it.

    Args:
        place: where the download and the import are followed.
    """
    url = st.text_input(
        "Address of an archive",
        key="dataset_link",
        placeholder="https://host/pets.zip",
        help="The server fetches it. Only https, only hosts of the public internet.",
    )
    if st.button("Fetch and add", key="dataset_add_link", type="primary", disabled=not url.strip()):
        into = arriving.target()
        panels.start(place, "Fetching the archive", lambda report, cancelled: _fetched(url, into, report, cancelled))
        st.rerun()


def _fetched(url: str, into: str, report: Any, cancelled: Any) -> arriving.Arrival:
    source = links.fetch(
        url,
        on_progress=lambda received, total: report(received // 1_000_000, total // 1_000_000, "Fetching, in MB"),
        cancelled=cancelled,
    )
    return arriving.bring_in(source, source.name.rpartition(".")[0] or source.name, report, cancelled, into)
