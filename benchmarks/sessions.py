"""People who look at a run's page from machines of their own: sessions of the real server, without a screen.

A browser on this machine would draw with the processor that trains. What somebody elsewhere costs this machine is what
their browser asks of the server: the page once, and each live part of it again as often as the page says.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

OPENS_WITHIN = 60.0  # seconds
LOOKS = 0.5  # seconds between two looks at whether it is over


class Session:
    """One person at the page of a run, speaking with the server as the page in their browser does."""

    def __init__(self, url: str, run_id: str) -> None:
        self.address = url.replace("http", "ws", 1) + "/_stcore/stream"
        self.run_id = run_id
        self.charts = 0  # received so far
        self.opened, self.over = threading.Event(), threading.Event()
        self._page = ""
        self._clocks: dict[str, tuple[float, float]] = {}  # when each part is asked for again, and every how often
        self._thread = threading.Thread(target=self._look)

    def open(self) -> None:
        """Begin to look; returns once the page has come whole.

        Raises:
            TimeoutError: it did not.
        """
        self._thread.start()
        if not self.opened.wait(OPENS_WITHIN):
            self.close()
            raise TimeoutError(f"the page of run {self.run_id} did not come within {OPENS_WITHIN:.0f} s")

    def close(self) -> None:
        self.over.set()
        self._thread.join()

    def _look(self) -> None:
        with connect(self.address, subprotocols=[Subprotocol("streamlit")], max_size=None) as socket:
            self._ask(socket)
            while not self.over.is_set():
                now = time.monotonic()
                for part, (moment, seconds) in self._clocks.items():
                    if moment <= now:
                        self._ask(socket, part)
                        self._clocks[part] = moment + seconds, seconds
                soonest = min((moment for moment, _ in self._clocks.values()), default=now + LOOKS)
                with suppress(TimeoutError):
                    self._take(ForwardMsg.FromString(socket.recv(min(max(soonest - now, 0.0), LOOKS))))

    def _ask(self, socket: ClientConnection, part: str = "") -> None:
        """Ask for the page, or for one part of it again."""
        place = {"query_string": f"run={self.run_id}", "page_name": "run", "page_script_hash": self._page}
        state = ClientState(**place, fragment_id=part, is_auto_rerun=bool(part))
        socket.send(BackMsg(rerun_script=state).SerializeToString())

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._page = message.new_session.page_script_hash
        elif kind == "auto_rerun":
            seconds = message.auto_rerun.interval
            self._clocks[message.auto_rerun.fragment_id] = time.monotonic() + seconds, seconds
        elif kind == "stop_auto_rerun":
            for part in message.stop_auto_rerun.fragment_ids:
                self._clocks.pop(part, None)
        elif kind == "script_finished":
            self.opened.set()
        elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "plotly_chart":
            self.charts += 1


@contextmanager
def looking(url: str, run_id: str, people: int) -> Iterator[None]:
    """So many people look at the page of a run.

    Raises:
        RuntimeError: somebody saw no chart.
    """
    sessions = [Session(url, run_id) for _ in range(people)]
    try:
        for session in sessions:
            session.open()
        yield
    finally:
        for session in sessions:
            session.close()
    if not all(session.charts for session in sessions):
        raise RuntimeError(f"charts seen by each person: {[session.charts for session in sessions]}")
