"""The box in the page that sends a large archive to `ui/receiving.py`, part by part, and the token it needs."""

import streamlit as st

from dashboard.core.limits import LIMITS
from dashboard.data import uploads
from dashboard.ui import frame, receiving, state

HINT = f"or drop it here: {', '.join(uploads.SUFFIXES)}. It goes straight to disk and survives interruptions."
UNSAFE = (
    "The browser checks what it sends only on https or localhost. Open the page under one of them to send large files."
)


def _asset(name: str) -> str:
    return (frame.ASSETS / name).read_text(encoding="utf-8")


_box = st.components.v2.component(
    "thaw_upload", html=_asset("upload.html"), css=_asset("upload.css"), js=_asset("upload.js")
)


def box(label: str, key: str = "dataset_large") -> str | None:
    """Draw the box; the id of an upload when it has just come whole, once."""
    result = _box(
        key=key,
        data={
            "token": _token(),
            "chunkBytes": LIMITS.chunk_bytes,
            "label": label,
            "hint": HINT,
            "unsafe": UNSAFE,
        },
        on_finished_change=_nothing,
        on_token_change=_nothing,
    )
    finished: str | None = result.finished
    return finished


def _token() -> str:
    """This visitor's token, a new one when the old one has expired or the server is another."""
    tokens = receiving.tokens()
    token: str = state.remembered("upload_token", "")
    if not tokens.known(token):
        token = tokens.hand_out()
        state.remember("upload_token", token)
    return token


def _nothing() -> None:
    """Streamlit reruns the page for a trigger that has a callback."""
