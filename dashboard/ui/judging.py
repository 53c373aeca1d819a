"""Pieces of the Evaluate page."""

import pandas as pd
import streamlit as st

from dashboard.charts import confusion
from dashboard.core import metrics
from dashboard.ui import bringing, panels, resources, text, walls
from dashboard.ui.pickers import Chosen

SPLITS = {"test": "Test (never seen)", "validation": "Validation (chose the epoch)", "train": "Training (learned from)"}
SHOWN = 24


def split(chosen: Chosen) -> pd.DataFrame:
    """The predictions on the split of one's choice; test first. Stops the page of a run that was brought without."""
    if chosen.run.is_brought and not bringing.has_predictions(chosen.run):
        st.info(
            f"{text.literal(chosen.title)} was trained on another machine and brought here without its predictions. "
            "Bring the whole zip of its Export page to see them.",
            icon=":material/move_to_inbox:",
        )
        st.stop()
    predictions = resources.predictions(chosen.run.id)
    here = [name for name in SPLITS if (predictions["split"] == name).any()]
    wanted = st.segmented_control(
        "Judged on", here, format_func=SPLITS.__getitem__, default=here[0], key="evaluate_split", required=True
    )
    return predictions[predictions["split"] == wanted]


def matrix(predictions: pd.DataFrame) -> None:
    """The confusion matrix; choosing a cell, or a pair below it, opens the pictures behind it."""
    counts = metrics.confusion_matrix(predictions)
    cell = panels.chart(
        confusion.heatmap(counts),
        key="evaluate_confusion",
        alt="Confusion matrix",
        data=counts.reset_index(),
        selectable=True,
    )
    pairs = list(metrics.most_confused(predictions, count=30)[["true", "predicted"]].itertuples(index=False, name=None))
    if cell is not None and tuple(cell) in pairs:
        pairs.insert(0, pairs.pop(pairs.index(tuple(cell))))
    if not pairs:
        st.caption("Not one mistake on these pictures.")
        return
    pair = st.selectbox(
        "Look at the pictures of",
        pairs,
        format_func=lambda pair: f"{pair[0]}, taken for {pair[1]}",
        key=f"evaluate_pair_{pairs[0]}",
        help="Or choose a cell of the matrix.",
    )
    behind = predictions[(predictions["true"] == pair[0]) & (predictions["predicted"] == pair[1])]
    walls.mistakes(metrics.confidently_wrong(behind, count=SHOWN))


def most_confident_mistakes(predictions: pd.DataFrame) -> None:
    """The pictures it got wrong and was sure of; nothing where nothing is wrong."""
    wrong = metrics.confidently_wrong(predictions)
    if len(wrong):
        st.subheader("Wrong, and sure of it")
        walls.mistakes(wrong)


def classes(table: pd.DataFrame) -> None:
    """Precision, recall and F1 of every class."""
    share = {
        name: st.column_config.ProgressColumn(title, help=help_text, format="%.0f %%", min_value=0, max_value=100)
        for name, title, help_text in (
            ("precision", "Precision", "Of the pictures it called this class, the share that are"),
            ("recall", "Recall", "Of the pictures of this class, the share it found"),
            ("f1", "F1", "Balance of precision and recall"),
        )
    }
    st.dataframe(
        table.assign(**{name: table[name] * 100 for name in share}),
        hide_index=True,
        alt="Precision, recall and F1 by class",
        column_config={"class_name": "Class", "support": st.column_config.NumberColumn("Pictures"), **share},
    )
