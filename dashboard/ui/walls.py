"""Walls of pictures: by class, by what needs attention, by mistake."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from dashboard.data import splits
from dashboard.ui import panels, state, text

A_ROW = 8  # pictures of each class while all classes are looked at
CLASSES = 10  # at a time
A_PAGE = 48  # pictures otherwise
FINDINGS = ["check", "path", "sha256", "class_name", "reason", "value"]
NOTHING_FOUND = pd.DataFrame(columns=FINDINGS)
LEFT_OUT = "left out"
ORDERS: dict[str, tuple[str, bool] | None] = {  # words: column, whether the smallest comes first
    "class and name": None,
    "file name": ("path", True),
    "smallest first": ("pixels", True),
    "largest first": ("pixels", False),
    "darkest first": ("brightness", True),
    "brightest first": ("brightness", False),
}
PAGE = "wall_page"


@dataclass(frozen=True)
class Wall:
    """Pictures to be shown: columns path, sha256, class_name, split and caption.

    `by_class` is true while nothing is filtered: then each class shows its first few.
    """

    rows: pd.DataFrame
    class_names: tuple[str, ...]  # of the dataset
    by_class: bool = False
    left_out: bool = False


def with_remarks(findings: pd.DataFrame, remarks: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Findings of checks, and pictures that were taken with a remark in the same columns, `FINDINGS`."""
    noted = remarks[~remarks["refused"]].merge(members[["path", "sha256", "class_name"]], on="path")
    return pd.concat([findings, noted.assign(check="Taken with a remark", value=0.0)[FINDINGS]], ignore_index=True)


def filtered(members: pd.DataFrame, findings: pd.DataFrame, left_out: Callable[[], pd.DataFrame]) -> Wall:
    """Draw the filters, and keep what they ask for.

    Args:
        members: of the version that is shown, with the columns of `datasets.MEMBERS`.
        findings: what checks found, columns `FINDINGS`; one row a picture and check, in the order to be shown.
        left_out: asked for only when it is to be shown; columns as of `history.left_out`.
    """
    names = tuple(sorted(members["class_name"].unique()))
    with st.grid(5, min_column_width=150):
        class_name = _choice("Class", "every class", names, "class_shown")
        split = _choice("Split", "every split", splits.SPLITS, "split_shown")
        checks = findings.loc[findings["sha256"] != "", "check"].unique()
        attention = _choice("Attention", "every picture", [*checks, LEFT_OUT], "attention")
        part = st.text_input("File name has", key="dataset_name_part", on_change=_first_page)
        order = st.selectbox("Order", list(ORDERS), key="dataset_order", on_change=_first_page)
    rows = members.assign(caption=members["split"] if class_name else members["class_name"])
    if attention == LEFT_OUT:
        rows = left_out().assign(caption=lambda table: table["class_name"])
    elif attention is not None:
        found = findings[findings["check"] == attention].drop_duplicates("path").set_index("path")
        rows = rows[rows["path"].isin(found.index)].assign(caption=lambda table: found["reason"][table["path"]].values)
        rows = rows.set_index("path").loc[found.index.intersection(rows["path"], sort=False)].reset_index()
    keep = pd.Series(True, index=rows.index)
    for column, wanted in (("class_name", class_name), ("split", split)):
        keep &= True if wanted is None else rows[column] == wanted
    if part.strip():
        keep &= rows["path"].str.contains(part.strip(), case=False, regex=False)
    plain = class_name is None and split is None and attention is None and not part.strip() and ORDERS[order] is None
    return Wall(_ordered(rows[keep], order), names, by_class=plain, left_out=attention == LEFT_OUT)


def _choice(label: str, everything: str, options: Sequence[str], key: str) -> str | None:
    chosen: str | None = st.selectbox(
        label,
        [None, *options],
        format_func=lambda name: everything if name is None else name,
        key=f"dataset_{key}",
        on_change=_first_page,
    )
    return chosen


def _ordered(rows: pd.DataFrame, order: str) -> pd.DataFrame:
    by = ORDERS[order]
    if by is None:
        return rows
    column, ascending = by
    if column == "pixels" and "width" in rows:
        rows = rows.assign(pixels=rows["width"] * rows["height"])
    return rows.sort_values(column, ascending=ascending, kind="stable") if column in rows else rows


def pages(wall: Wall) -> int:
    """How many pages a wall has; at least one."""
    size, of = (CLASSES, wall.rows["class_name"].nunique()) if wall.by_class else (A_PAGE, len(wall.rows))
    return max(1, -(-of // size))


def groups(wall: Wall, page: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """What one page shows, from 1 on: a heading in markdown, empty where there is none, and its pictures."""
    if not wall.by_class:
        yield "", wall.rows.iloc[(page - 1) * A_PAGE : page * A_PAGE]
        return
    names = sorted(wall.rows["class_name"].unique())
    for name in names[(page - 1) * CLASSES : page * CLASSES]:
        own = wall.rows[wall.rows["class_name"] == name]
        yield f"**{text.literal(name)}** · {text.count(len(own), 'picture')}", own.head(A_ROW).assign(caption="")


def page_control(number: int, place: str) -> int:
    """Previous, next and a page's number, above (with the number) or below a wall; returns the page, from 1 on."""
    page = int(min(max(1, state.remembered(PAGE, 1)), number))
    if number == 1:
        return 1
    with st.container(horizontal=True, vertical_alignment="center", key=f"dataset_pages_{place}"):
        _turn("Previous", f"dataset_previous_{place}", page - 1, off=page == 1)
        if place == "above":
            state.put("dataset_wall_page", page)
            st.number_input(
                "Page",
                1,
                number,
                key="dataset_wall_page",
                label_visibility="collapsed",
                width=130,
                on_change=lambda: state.remember(PAGE, state.widget("dataset_wall_page")),
            )
            st.text(f"of {number:,} pages")
        else:
            st.text(f"Page {page:,} of {number:,}")
        _turn("Next", f"dataset_next_{place}", page + 1, off=page == number)
    return page


def _turn(label: str, key: str, to: int, *, off: bool) -> None:
    st.button(label, key=key, disabled=off, on_click=state.remember, args=(PAGE, to))


def _first_page() -> None:
    state.remember(PAGE, 1)


def show(check: str) -> None:
    """Show the pictures of a check, and nothing else, in the wall; a callback."""
    for key in ("dataset_class_shown", "dataset_split_shown"):
        state.put(key, None)
    state.put("dataset_name_part", "")
    state.put("dataset_attention", check)
    _first_page()


def figures(members: pd.DataFrame) -> None:
    """How many pictures there are, of how many classes, and on which side of the split."""
    counts = members["split"].value_counts()
    panels.figures(
        {
            "Pictures": f"{len(members):,}",
            "Classes": f"{members['class_name'].nunique():,}",
            "Training": f"{counts.get('train', 0):,}",
            "Validation": f"{counts.get('validation', 0):,}",
            "Test": f"{counts.get('test', 0):,}",
        }
    )


def mistakes(wrong: pd.DataFrame) -> None:
    """Pictures beside what they are and what the model took them for.

    Args:
        wrong: columns sha256, true, predicted, probability.
    """
    captions = [f"{row.true}, taken for {row.predicted} ({row.probability:.0%})" for row in wrong.itertuples()]
    panels.pictures(list(wrong["sha256"]), captions, columns=6, least=120)
