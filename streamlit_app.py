"""The ASGI app: `streamlit run` finds it by itself."""

import streamlit as st

from dashboard.ui import routes

app = st.App(
    "dashboard/ui/main.py",
    routes=routes.ROUTES,
    middleware=routes.MIDDLEWARE,
    lifespan=routes.lifespan,
    on_script_error=routes.show_error_id,
)
