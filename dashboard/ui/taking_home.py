"""One card an export format."""

import streamlit as st

from dashboard.core.certificates import Certificate
from dashboard.core.export_formats import ExportFormat, absence
from dashboard.runs import workers
from dashboard.runs.certificates import certificate
from dashboard.ui import panels, resources, text
from dashboard.ui.pickers import Chosen

LISTED = 8  # pictures that differ


def card(chosen: Chosen, export_format: ExportFormat) -> None:
    """Title, what it is good for, what its certificate says; made when asked for, then downloaded."""
    st.subheader(export_format.title)
    st.write(f"{export_format.description[0].upper()}{export_format.description[1:]}.")
    place = f"export {chosen.run.id} {export_format.name}"
    panels.job(place)
    path = workers.exported(chosen.run, export_format)
    found = certificate(chosen.run, export_format) if path is not None else None
    if found:
        certified(found)
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
    is_whole = path is not None and (found or export_format.tolerance is None)
    if not is_whole and not panels.busy(place):
        _offer(chosen, export_format, place, "Prepare" if path is None else "Check")


def _offer(chosen: Chosen, export_format: ExportFormat, place: str, verb: str) -> None:
    """The button that makes an export, or its certificate; what is missing, where something is."""
    if export_format.absent:
        st.info(absence(export_format), icon=":material/extension_off:")
        return
    icon = ":material/build:" if verb == "Prepare" else ":material/fact_check:"
    if st.button(verb, key=f"export_{verb.lower()}_{export_format.name}", icon=icon):
        run, name = chosen.run, export_format.name
        panels.start(
            place,
            f"Making {export_format.title}" if verb == "Prepare" else f"Checking {export_format.title}",
            lambda report, cancelled: workers.export(
                resources.worker(), run, name, on_progress=report, cancelled=cancelled
            ),
        )
        st.rerun()


def certified(found: Certificate) -> None:
    """What a fresh process found with the file: a green word or a red reason, the figures, the pictures that differ."""
    if found.verified:
        st.badge(found.headline, icon=":material/verified:", color="green")
    else:
        st.badge(found.headline, icon=":material/warning:", color="red")
    speed = "" if found.milliseconds is None else f" {found.milliseconds:.2g} ms a picture on this machine."
    st.caption(text.literal(found.sentence) + text.literal(speed))
    if found.differing:
        with st.popover(f"{text.count(len(found.differing), 'picture')} that differ", icon=":material/difference:"):
            for each in found.differing[:LISTED]:
                panels.pictures([each["sha256"]], [_difference(each)], columns=1)


def _difference(each: dict[str, object]) -> str:
    return (
        f"{each['path']}: here {each['shown']} ({each['shown_probability']:.3f}), "
        f"exported {each['exported']} ({each['exported_probability']:.3f})"
    )
