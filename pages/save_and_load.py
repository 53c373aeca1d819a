"""Save and load, as one does it by hand with Keras: each step as code to copy, run on the user's own model."""

import streamlit as st

from dashboard.ui import pickers, save_and_load

st.title("Save and load")
st.write(
    "What Keras keeps of a network is its topology and its weights "
    "([Keras: saving](https://keras.io/guides/serialization_and_saving/)). Here both are saved and loaded by hand, "
    "with your own network."
)

chosen = pickers.finished_run("saves and loads your own network, step by step")
choice, run = st.columns([1, 3])
with choice:
    picture = save_and_load.picture(chosen)
with run:
    result = save_and_load.result(chosen, picture)
    save_and_load.journey(result, chosen)

save_and_load.steps(chosen, result)
save_and_load.whole(chosen)
