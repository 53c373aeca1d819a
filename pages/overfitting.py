"""Overfitting on one's own run: where it turned, what was kept, and what stopping early avoided."""

import streamlit as st

from dashboard.ui import overfitting, pickers

st.title("Overfitting")
st.write(
    "Training loss goes on falling while the network learns its pictures by heart; validation loss, of pictures it "
    "never learns from, turns where that begins. Early stopping waits a few epochs for it to get better, and takes the "
    "best weights back ([Prechelt 1998](https://doi.org/10.1007/3-540-49430-8_3); "
    "[Keras' EarlyStopping](https://keras.io/api/callbacks/early_stopping/))."
)
chosen = pickers.run("shows where validation loss turned, and what stopping avoided")
overfitting.panel(chosen)
