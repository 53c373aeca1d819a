"""New pictures: what the finished model takes them for, and how sure it is."""

import streamlit as st

from dashboard.ui import panels, pickers, predicting, text

st.title("Predict")

chosen = pickers.finished_run("classifies new pictures")
st.caption(f"With {text.literal(chosen.title)}: {text.literal(', '.join(chosen.run.class_names))}")
predicting.uploader(chosen)
if done := panels.job(predicting.PLACE):
    predicting.keep(done)
answer = predicting.kept(chosen)
if answer is None:
    st.write("Drop pictures above: each gets its most probable classes, and all of them a table to download.")
    st.stop()
predicting.refused(answer)
predicting.cards(answer)
predicting.table(answer)
