"""Where Keras keeps what it downloads: the files, whose they are, fetching and removing them."""

import streamlit as st

from dashboard.ui import kept_weights

st.title("Downloaded weights")
st.write(
    "Asked for pretrained weights, Keras looks into one folder of this machine, and downloads only what is not there "
    "([Keras: get_file](https://keras.io/api/utils/python_utils/#getfile-function))."
)

table = kept_weights.files()
kept_weights.overview(table)
kept_weights.digests(table)
kept_weights.one_file(table)
kept_weights.fetching(table)
