"""Where you are on the path, what runs, what to do next."""

import streamlit as st

from dashboard.ui import launching, panels, path, state

st.title("Thaw")

if done := panels.job("try"):
    launching.follow(*done.result)
if state.dataset_id() is None:
    path.welcome()
else:
    path.steps()
    path.recent_runs()
