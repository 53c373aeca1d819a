"""Bias and variance of the recipe's head, measured on the user's own pictures, and the setting that follows."""

import streamlit as st

from dashboard.ui import pickers, weighing

st.title("Bias and variance")

pickers.dataset("shows whether a recipe under-fits or over-fits on them")
weighing.section()
st.write(
    "Bias is what heads trained on different pictures get wrong together, variance what they differ in; both add up to "
    "the error, as in [Kohavi and Wolpert, 1996](https://robotics.stanford.edu/~ronnyk/biasVar.pdf). Unseen pictures "
    "are the validation pictures, and training pictures a head has not drawn; test pictures stay unread, so that they "
    "still test. Heads train as the recipe's frozen phase does, without augmentation, mixup and early stopping."
)
