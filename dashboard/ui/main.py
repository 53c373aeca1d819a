"""The entry script: the frame around every page."""

import streamlit as st

from dashboard.core.errors import DashboardError
from dashboard.ui import frame, navigation, state, text

st.set_page_config(page_title="Thaw", page_icon=str(frame.ASSETS / "icon.svg"), layout="wide")
st.logo(str(frame.ASSETS / "logo.svg"), icon_image=str(frame.ASSETS / "icon.svg"), size="large")

state.init()
page = st.navigation([row.page() for row in navigation.ROWS], position="hidden")
state.run_from_address()
frame.sidebar(page.title)
try:
    page.run()
except DashboardError as error:
    st.error(text.literal(error.message), icon=":material/error:")
