"""One filter slid over one picture, number by number, and what the filters of a network have come to look for."""

import streamlit as st

from dashboard.ui import convolving, specimens, strongest

st.title("Convolution")
st.write(
    "A filter is laid on every patch of the picture, weights and pixels are multiplied, and their sum is one pixel of "
    "the output ([LeCun and others, 1998](https://doi.org/10.1109/5.726791); "
    "[Dumoulin and Visin, 2016](https://arxiv.org/abs/1603.07285)). All numbers come from "
    "[Keras' Conv2D](https://keras.io/api/layers/convolution_layers/convolution2d/)."
)
network, picture = st.columns(2)
with network:
    chosen = specimens.network("convolution")
with picture:
    sha = specimens.picture("convolution")

question = convolving.question(chosen, sha)
convolving.show(question)

st.subheader("A filter is a feature")
strongest.section(chosen)
