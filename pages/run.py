"""One run: live while it trains, its story afterwards."""

import streamlit as st

from dashboard.ui import live, pickers, text

title = st.title("Run")
chosen = pickers.run("shows every mini-batch while it trains")
st.query_params["run"] = chosen.run.id
title.title(text.literal(chosen.title))
live.panel(chosen)
live.recipe(chosen)
