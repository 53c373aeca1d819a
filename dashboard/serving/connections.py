"""Connections whose clients take their time: uvicorn waits for a head for ever, and lets every connection stay."""

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from dashboard.core.limits import SERVING

REFUSED = {"code": "request-malformed", "message": "The request is not HTTP as it should be. Send it again."}


class Patient(H11Protocol):
    """A connection that is closed when the head of a request takes too long, or the rest of a refused body does.

    Beyond `limits.connections` the one that has waited longest without a request makes room: whoever opens thousands
    keeps nobody else out.
    """

    limits = SERVING

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self._since = self.loop.time()
        self._watch()
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline:
            self._deadline.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """As uvicorn's, in the words of every other refusal."""
        body = json.dumps(REFUSED).encode()
        head: list[tuple[bytes, bytes]] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"connection", b"close"),
        ]
        events: tuple[Any, ...] = (
            h11.Response(status_code=400, headers=head),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        self.transport.close()

    @property
    def _is_asked(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        """Start the clock of what the client owes, and stop it where the server owes an answer."""
        if self._is_asked:
            if self._deadline:
                self._deadline.cancel()
            self._deadline = None
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.head_seconds, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        if not self._is_asked:
            self.transport.abort()

    def _make_room(self) -> None:
        idle = [
            each
            for each in self.connections
            if isinstance(each, Patient) and not each._is_asked and not each.transport.is_closing()
        ]
        min(idle, key=lambda each: each._since, default=self).transport.abort()
