"""Mini-batches on one's own pictures: how noisy, how fast, and which size."""

import streamlit as st

from dashboard.ui import mini_batches, pickers

st.title("Mini-batches")
st.write(
    "A mini-batch guesses the gradient of all pictures from a few. The guess is off by noise that falls as one over "
    "the root of the batch size, so four times the pictures halve it "
    "([McCandlish et al. 2018](https://arxiv.org/abs/1812.06162))."
)
pickers.dataset("compares the gradients of small and large batches of them")
of = mini_batches.chosen()
mini_batches.noise(of)
mini_batches.trainings(of)
