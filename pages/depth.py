"""What every block makes of a picture, what one unit sees of it, and what fine-tuning changed."""

import streamlit as st

from dashboard.ui import architectures, depths, specimens

st.title("Depth")
st.write(
    "Each block looks at what the one below hands on, so its units see more of the picture and stand for more "
    "([Zeiler and Fergus, 2014](https://arxiv.org/abs/1311.2901)). What a unit sees is its receptive field "
    "([Araujo, Norris and Sim, 2019](https://distill.pub/2019/computing-receptive-fields))."
)
network, picture = st.columns(2)
with network:
    chosen = specimens.network("depth")
    architecture = architectures.read(chosen)
with picture:
    sha = specimens.picture("depth")

block = depths.block(architecture)
maps = depths.maps(chosen, sha, block)
depths.wall(maps, block)

st.subheader("What one unit sees")
depths.unit(maps, block, architecture)

st.subheader("What fine-tuning changed")
depths.fine_tuning(chosen, sha, block, maps)
