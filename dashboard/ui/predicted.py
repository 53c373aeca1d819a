"""What came of pictures: cards of the first, a table of all, how right they are, and the table to take away."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.charts import confusion, probabilities, theme
from dashboard.core import metrics
from dashboard.runs import batch_rows
from dashboard.runs.batches import Batch
from dashboard.ui import panels, resources, state, text

CARDS = 12
NOT_SURE = 0.5  # below this probability of the top class a card says so
A_PAGE = 100  # rows of the table
LOOK_AGAIN = 3.0  # seconds between two looks at the rows of a batch that is under way
MOST_COLUMNS = 30  # classes whose probabilities the table shows; the downloads have all
NOT_READ = "could not be read"
PAGE = "predict_page"
ORDERS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "as they came": lambda rows: rows,
    "least sure first": lambda rows: rows.sort_values("sure", kind="stable"),
    "surest first": lambda rows: rows.sort_values("sure", ascending=False, kind="stable"),
    "wrong and sure first": lambda rows: rows[_wrong(rows)].sort_values("sure", ascending=False, kind="stable"),
}


def panel(batch: Batch) -> None:
    """Everything about the rows that are there."""
    rows = resources.predicted(batch.id, batch.done)
    if rows.empty:
        return
    _counts(batch, rows)
    judged(batch, rows)
    chosen = filtered(batch, rows)
    page = chosen.iloc[(_page(len(chosen)) - 1) * A_PAGE :][:A_PAGE]
    whole = batch_rows.some(batch.path, list(page.index)) if len(page) else None
    if whole is None:
        st.write("No picture is like that.")
    else:
        cards(batch, page, whole)
        table(batch, whole)
    downloads(batch)


def _wrong(rows: pd.DataFrame) -> pd.Series:
    return (rows["true"] != "") & (rows["predicted"] != "") & (rows["true"] != rows["predicted"])


def _counts(batch: Batch, rows: pd.DataFrame) -> None:
    refused = int((rows["predicted"] == "").sum())
    aside = sum(each.aside for each in batch.rounds())
    if refused:
        st.warning(f"{text.count(refused, 'file')} could not be read; the table says why.", icon=":material/report:")
    if aside:
        what = "is no picture and was" if aside == 1 else "are no pictures and were"
        st.caption(f"{text.count(aside, 'other file')} {what} left aside.")


def judged(batch: Batch, rows: pd.DataFrame) -> None:
    """How right it is, where folders are named for classes of the run."""
    known = rows[(rows["true"] != "") & (rows["predicted"] != "")]
    if known.empty:
        return
    accuracy = metrics.accuracy(known)
    right = round(accuracy.value * accuracy.count)
    st.subheader(f"Right on {right:,} of {text.count(accuracy.count, 'picture')} whose folder names a class")
    panels.figures(
        {"Accuracy": text.interval(accuracy)},
        helps={"Accuracy": "In brackets: where it lies in the long run, with 95 % certainty (Wilson interval)."},
    )
    with st.expander("Which classes are taken for which", icon=":material/grid_on:"):
        counts = metrics.confusion_counts(known["true"], known["predicted"], list(batch.request.class_names))
        panels.chart(
            confusion.heatmap(counts), key="predict_confusion", alt="Confusion matrix", data=counts.reset_index()
        )


def filtered(batch: Batch, rows: pd.DataFrame) -> pd.DataFrame:
    """Draw the filters where there are many rows, and keep what they ask for; the index is the number of the row."""
    if len(rows) <= CARDS:
        return rows
    orders = list(ORDERS) if _wrong(rows).any() else list(ORDERS)[:-1]
    names = [name for name in batch.request.class_names if (rows["predicted"] == name).any()]
    with st.grid(3, min_column_width=200):
        options = [None, *names, *([NOT_READ] if (rows["predicted"] == "").any() else [])]
        name = st.selectbox(
            "Class", options, format_func=lambda each: each or "every class", key="predict_class", on_change=_first_page
        )
        order = st.selectbox("Order", orders, key="predict_order", on_change=_first_page)
        low, high = st.slider("Probability (%)", 0, 100, (0, 100), key="predict_sure", on_change=_first_page)
    if name is not None:
        rows = rows[rows["predicted"] == ("" if name == NOT_READ else name)]
    if (low, high) != (0, 100):
        rows = rows[rows["sure"].between(low / 100, high / 100)]
    return ORDERS[order](rows)


def _first_page() -> None:
    state.remember(PAGE, 1)


def _page(count: int) -> int:
    """Which page of the table is shown, from 1 on, and the way to the others."""
    pages = max(1, -(-count // A_PAGE))
    page = min(max(1, int(state.remembered(PAGE, 1))), pages)
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            for label, to, off in (("Previous", page - 1, page == 1), ("Next", page + 1, page == pages)):
                key = f"predict_{label.lower()}"
                st.button(label, key=key, disabled=off, on_click=state.remember, args=(PAGE, to))
            st.text(f"Page {page:,} of {pages:,}, {text.count(count, 'picture')}")
    return page


def cards(batch: Batch, rows: pd.DataFrame, whole: pd.DataFrame) -> None:
    """One card a picture of the first that could be read: the picture, the top class in words, a bar a class.

    Args:
        batch: whose thumbnails are shown.
        rows: columns of `batch_rows.FEW` and part.
        whole: the same rows with their probabilities.
    """
    names = list(batch.request.class_names)
    colors = theme.class_colors(names)
    shown = rows[rows["predicted"] != ""].head(CARDS)
    with st.grid(3, min_column_width=220):
        for number, (index, row) in enumerate(shown.iterrows()):
            values = whole.loc[index, [metrics.PROBABILITY + name for name in names]].to_numpy(float)
            with st.container(border=True):
                if row["size"]:  # none where the picture was deleted for good
                    thumbnail = batch_rows.thumbnail(batch.path, row["part"], row["start"], row["size"])
                    st.image(thumbnail, caption=text.literal(row["path"]), width="stretch", alt=str(row["path"]))
                st.markdown(_verdict(row["predicted"], float(row["sure"])))
                panels.chart(
                    probabilities.bars(dict(zip(names, values, strict=True)), top=3, colors=colors),
                    key=f"predict_card_{number}",
                    alt="Most probable classes",
                )


def _verdict(name: str, share: float) -> str:
    if share < NOT_SURE:
        return f"**Not sure.** Perhaps {text.literal(name)} ({share:.0%})"
    return f"**{text.literal(name)}** ({share:.0%})"


def table(batch: Batch, whole: pd.DataFrame) -> None:
    """A page of the table."""
    names = list(batch.request.class_names)
    shares = [metrics.PROBABILITY + name for name in names]
    sure = whole[shares].max(axis="columns") * 100
    known = [name for name in ("true", "reason") if (whole[name] != "").any()]
    shown = whole[["path", "predicted"]].assign(sure=sure, **{name: whole[name] for name in known})
    if len(names) <= MOST_COLUMNS:
        shown = pd.concat([shown, whole[shares]], axis="columns")
    st.dataframe(
        shown,
        hide_index=True,
        alt="Predictions of the pictures",
        column_config={
            "path": "Picture",
            "predicted": "Class",
            "true": "Folder",
            "reason": "Why it could not be read",
            "sure": st.column_config.ProgressColumn("Probability", format="%.0f %%", min_value=0, max_value=100),
            **{
                column: st.column_config.NumberColumn(column.removeprefix(metrics.PROBABILITY), format="%.4f")
                for column in shares
            },
        },
    )


def downloads(batch: Batch) -> None:
    """The whole table, for a spreadsheet and for a program."""
    with st.container(horizontal=True):
        for suffix, label, mime in (
            (".csv", "Download as CSV", "text/csv"),
            (".parquet", "Download as Parquet", "application/vnd.apache.parquet"),
        ):
            st.download_button(
                label,
                data=partial(resources.table_of, batch, suffix),
                file_name=f"predictions{suffix}",
                mime=mime,
                key=f"predict_{suffix[1:]}",
                icon=":material/download:",
                on_click="ignore",
            )
