"""New pictures: what the finished model takes them for, and how sure it is."""

import streamlit as st

from dashboard.ui import panels, pickers, predicted, predicting, text

st.title("Predict")

chosen = pickers.finished_run("classifies new pictures")
st.caption(f"With {text.literal(chosen.title)}: {text.literal(', '.join(chosen.run.class_names))}")
predicting.form(chosen)
batch = predicting.follow(chosen)
if batch is None:
    st.write("Drop pictures above: each gets its most probable classes, and all of them a table to download.")
else:
    live = predicted.LOOK_AGAIN if panels.busy(predicting.PLACE) else None
    st.fragment(predicted.panel, run_every=live)(batch)
predicting.earlier(chosen, batch)
