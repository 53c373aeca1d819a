"""What the whole finished model got right and wrong, on the pictures themselves."""

import streamlit as st

from dashboard.core import metrics
from dashboard.ui import judging, panels, pickers, text

st.title("Evaluate")

chosen = pickers.finished_run("says how right it is and where it fails")
predictions = judging.split(chosen)

st.subheader(text.literal(metrics.sentence(predictions)))
accuracy = metrics.accuracy(predictions)
panels.figures(
    {
        "Accuracy": text.interval(accuracy),
        "Macro F1": f"{metrics.macro_f1(predictions):.2f}",
        "Pictures": f"{accuracy.count:,}",
    },
    helps={
        "Accuracy": "In brackets: where it lies in the long run, with 95 % certainty (Wilson interval).",
        "Macro F1": "Mean over classes of the balance of precision and recall; rare classes count like common ones.",
    },
)
judging.matrix(predictions)
judging.most_confident_mistakes(predictions)
st.subheader("Class by class")
judging.classes(metrics.per_class(predictions))
