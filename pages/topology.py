"""The network by block and by layer: what is frozen, what trains, shapes and parameters, and a drawing to take away."""

import streamlit as st

from dashboard.ui import architectures, specimens

st.title("Topology")
st.write(
    "A network is a graph of layers. What is frozen keeps what it knows; what is trainable learns your pictures "
    "([Keras: transfer learning and fine-tuning](https://keras.io/guides/transfer_learning/))."
)
chosen = specimens.network("topology")
architecture = architectures.read(chosen)
layers = architectures.layers(architecture)
blocks = architectures.blocks(layers)

architectures.tiles(blocks)
architectures.figures(chosen, architecture, layers)

st.subheader("The drawing")
architectures.picture(layers, blocks, "network")

st.subheader("Layer by layer")
architectures.layer_table(layers)
