"""The network: which backbone, which weights, and where the ice ends."""

import streamlit as st

from dashboard.ui import baking, navigation, networks, state

st.title("Model")

rows = networks.catalogue()
recipe = state.draft()
overview, choice = st.columns(2)
with overview:
    networks.overview(rows, recipe)
with choice, st.container(border=True):
    st.subheader(recipe.network_name)
    networks.variant(recipe)
    networks.source(recipe)
    if st.button("Next: train it", key="model_next", type="primary", icon=":material/arrow_forward:"):
        navigation.go("train")

st.subheader("On your own pictures")
baking.section(recipe)

st.subheader("What is frozen, what is thawed")
blocks = networks.blocks(recipe)
if blocks is not None:
    networks.thaw(recipe, blocks)

st.subheader("All backbones")
networks.table(rows)
