"""What can be taken home: weights, the model for many runtimes, labels, topology, or everything in one zip."""

import streamlit as st

from dashboard.core.export_formats import EXPORT_FORMATS
from dashboard.ui import pickers, taking_home, text

st.title("Export")

chosen = pickers.finished_run("hands out the trained weights")
st.caption(
    f"From {text.literal(chosen.title)}. "
    "Preprocessing is inside the model: it takes RGB pictures as they are, 0 to 255. "
    "Each model is opened by a process that has nothing else, and must predict what you saw."
)
with st.grid(3, min_column_width=260):
    for export_format in EXPORT_FORMATS.values():
        with st.container(border=True, height="stretch"):
            taking_home.card(chosen, export_format)
