"""What the server does beside the pages: security headers, start-up, errors nobody expected."""

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.core.database import database
from dashboard.runs import supervisor
from dashboard.ui import receiving

log = logging.getLogger("thaw")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
    # Streamlit needs inline styles, blobs and web assembly; nothing may come from or go to another host.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss:; worker-src 'self' blob:; "
        "frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
    ),
}


class Guard:
    """Adds `HEADERS` to every HTTP answer, and answers only under the names in `server.allowedHosts`.

    Streamlit checks the name on its websocket alone; without this, DNS rebinding could read what plain HTTP serves.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _known(Headers(scope=scope).get("host", "")):
            await PlainTextResponse("This server does not answer under that name.", status_code=421)(
                scope, receive, send
            )
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def _known(host: str) -> bool:
    allowed = st.get_option("server.allowedHosts")
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return not allowed or name in allowed


MIDDLEWARE = [Middleware(Guard)]


def _home(_request: Request) -> RedirectResponse:
    return RedirectResponse("/")


# Streamlit serves its default page at the root alone; a person types the name of the page.
ROUTES = [Route("/home", _home), *receiving.routes()]


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Open the workspace before the first page, and see that somebody takes runs, those of before among them."""
    database()
    supervisor.look_after()
    supervisor.ensure()
    yield


def show_error_id(error: Exception) -> bool:
    """Show an id instead of a traceback; the log has both."""
    name = secrets.token_hex(4)
    log.error("Error %s", name, exc_info=error)
    st.error(
        f"Something went wrong that should not have. Nothing you uploaded or trained is lost. Reload the page; "
        f"if it comes again, report error {name}: the server's log says more.",
        icon=":material/error:",
    )
    return True
