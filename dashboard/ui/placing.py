"""The place of a window: clicked on a picture, or moved by two sliders; kept while pages change."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.charts import windows
from dashboard.core.receptive_field import Box
from dashboard.core.sliding import Size, Sliding
from dashboard.ui import state

Place = tuple[int, int]  # row and column of an output


def current(page: str, size: Size) -> Place:
    """Where the window was put last on an output of this size, the middle at first."""
    found = []
    for axis, most in zip(("row", "column"), size, strict=True):
        at = state.widget(_key(page, axis, most))
        found.append(min(int(state.remembered(_kept(page, axis), most // 2) if at is None else at), most - 1))
    return found[0], found[1]


def clicked(page: str, size: Size, at: Place, chosen: Sequence[Sequence[Any] | None]) -> None:
    """Go where one of the charts was clicked on; called before `sliders`."""
    for each in chosen:
        if each is not None and (int(each[0]), int(each[1])) != at:
            for axis, most, value in zip(("row", "column"), size, each, strict=True):
                state.put(_key(page, axis, most), int(value))
                state.remember(_kept(page, axis), int(value))
            st.rerun()


def sliders(page: str, size: Size, at: Place) -> None:
    """Row and column of the output, for whoever has no mouse."""
    with st.container(horizontal=True):
        for axis, most, value in zip(("row", "column"), size, at, strict=True):
            state.remember(_kept(page, axis), value)
            if most > 1:
                state.put(_key(page, axis, most), value)
                st.slider(f"{axis.capitalize()} of the output", 0, most - 1, key=_key(page, axis, most))


def targets(how: Sliding, size: Size) -> list[tuple[int, int, int, int]]:
    """Places of an input that can be clicked on, each with the place of the output whose window lies around it."""
    return [(row, column, *how.over(size, row, column)) for row, column in windows.grid(size)]


def _key(page: str, axis: str, most: int) -> str:
    return f"{page}_{axis}_{most}"


def _kept(page: str, axis: str) -> str:
    return f"place_{page}_{axis}"


def words(box: Box) -> str:
    """`rows 3 to 5, columns 10 to 12`, counted from 0."""
    return f"rows {box.top} to {box.bottom - 1}, columns {box.left} to {box.right - 1}"
