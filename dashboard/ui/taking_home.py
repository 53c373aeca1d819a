"""One card an export format."""

import streamlit as st

from dashboard.core.export_formats import ExportFormat
from dashboard.runs import workers
from dashboard.ui import panels, resources, text
from dashboard.ui.pickers import Chosen


def card(chosen: Chosen, export_format: ExportFormat) -> None:
    """Title, what it is good for, size; made when asked for, then downloaded."""
    st.subheader(export_format.title)
    st.write(f"{export_format.description[0].upper()}{export_format.description[1:]}.")
    place = f"export {chosen.run.id} {export_format.name}"
    panels.job(place)
    path = workers.exported(chosen.run, export_format)
    if path is not None:
        st.download_button(
            f"Download ({text.size(path.stat().st_size)})",
            data=path.read_bytes,
            file_name=path.name,
            key=f"export_{export_format.name}",
            icon=":material/download:",
            type="primary" if export_format.name == "zip" else "secondary",
            on_click="ignore",
        )
    elif not panels.busy(place) and st.button(
        "Prepare", key=f"export_prepare_{export_format.name}", icon=":material/build:"
    ):
        run, name = chosen.run, export_format.name
        panels.start(
            place,
            f"Making {export_format.title}",
            lambda _report, _cancelled: workers.export(resources.worker(), run, name),
        )
        st.rerun()
