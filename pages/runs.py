"""All runs: how each ended, and side by side what made the difference."""

import streamlit as st

from dashboard.charts import history
from dashboard.ui import bringing, comparing, panels, pickers, waiting

st.title("Runs")

bringing.panel()
pickers.run("lists all runs and compares them")
waiting.panel()
chosen = comparing.table()
if chosen:
    curves = comparing.curves(chosen)
    panels.chart(history.compare(curves), key="runs_compare", alt="Validation accuracy of the chosen runs by epoch")
    st.subheader("What differs between them" if len(chosen) > 1 else "Its recipe")
    comparing.recipes(chosen)
else:
    st.caption("Choose runs in the table to compare them.")
