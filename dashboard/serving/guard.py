"""Who is answered: known hosts, pages of this origin, holders of the token; and what every answer says to browsers."""

import hmac
import re
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.serving.replies import refusal

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
    ),
}
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
GUARDED = ("/predict", "/labels")  # what needs the token; the rest says nothing about the run
SAFE = ("GET", "HEAD", "OPTIONS")
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]@/\s]+)(?::[0-9]{1,5})?", re.IGNORECASE)


@dataclass(frozen=True)
class Access:
    """Who may ask. `hosts`: names it answers under, any when empty; `token`: what clients must show, if anything."""

    hosts: tuple[str, ...] = LOOPBACK
    token: str = ""


class Guard:
    """Refuses strangers before a byte of a body is read, and adds `HEADERS` to every answer.

    Off loopback any name will do, because nothing is told without the token, which no page of another site can know.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        headers = Headers(scope=scope)
        if not self._known(headers):
            answer: ASGIApp = refusal(421, "host-unknown", "This server does not answer under that name.")
        elif scope["method"] not in SAFE and not _of_this_origin(headers):
            answer = refusal(403, "origin-foreign", "A page of another site asked. Ask from a program or the own page.")
        elif self.access.token and scope["path"] in GUARDED and not self._let_in(headers):
            answer = refusal(
                401,
                "token-wrong",
                "The token is missing or wrong. Send the header `Authorization: Bearer TOKEN` with the server's token.",
                {"WWW-Authenticate": 'Bearer realm="Thaw"'},
            )
        else:
            answer = self.app
        await answer(scope, receive, send_with_headers)

    def _known(self, headers: Headers) -> bool:
        given = HOST.fullmatch(headers.get("host", ""))
        return not self.access.hosts or (given is not None and given[1].lower() in self.access.hosts)

    def _let_in(self, headers: Headers) -> bool:
        kind, _, token = headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(token.strip().encode(), self.access.token.encode())
        return kind.lower() == "bearer" and right


def _of_this_origin(headers: Headers) -> bool:
    """Browsers name the origin of the page that asks, and no page can forge it; programs name none."""
    host, origin = headers.get("host", ""), headers.get("origin")
    ours = origin is None or origin in (f"http://{host}", f"https://{host}")
    return ours and headers.get("sec-fetch-site") in (None, "same-origin", "none")
