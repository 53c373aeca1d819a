"""What pooling keeps of a picture, number by number, and how little a small shift changes it."""

import streamlit as st

from dashboard.ui import pooling, specimens

st.title("Pooling")
st.write(
    "Each window of the picture becomes one number, its largest or its mean: smaller, and less sensitive to where "
    "exactly something is ([Scherer, Müller and Behnke, 2010](https://doi.org/10.1007/978-3-642-15825-4_10)). All "
    "numbers come from [Keras' pooling layers](https://keras.io/api/layers/pooling_layers/)."
)
network, picture = st.columns(2)
with network:
    chosen = specimens.network("pooling")
with picture:
    sha = specimens.picture("pooling")

question = pooling.asked(chosen, sha)
pooling.show(question, pooling.compute(question, 0))

st.subheader("What survives a shift")
pixels = pooling.shift()
pooling.survives(pooling.compute(question, pixels), pixels)
