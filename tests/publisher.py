"""A real local web server in the place of whoever publishes weights, and small files of weights for it."""

import http.server
import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import h5py
import numpy as np


def hdf5(size: int = 200_000, **options: str) -> bytes:
    """A small HDF5 file of at least `size` bytes."""
    memory = io.BytesIO()
    with h5py.File(memory, "w", **options) as file:
        file["kernel"] = np.random.default_rng(0).random(size // 8)
    return memory.getvalue()


@dataclass
class Page:
    body: bytes
    announced: int | None = None  # Content-Length; None sends none
    pause: float = 0.0  # seconds between pieces


class Publisher(http.server.ThreadingHTTPServer):
    """Serves `pages` by path, as carelessly as each one says."""

    daemon_threads = False  # closing waits for every answer
    pages: dict[str, Page]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(http.server.BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:  # noqa: N802
        page = self.server.pages.get(self.path.lstrip("/"))
        if page is None:
            self.send_error(404)
            return
        self.send_response(200)
        if page.announced is not None:
            self.send_header("Content-Length", str(page.announced))
        self.end_headers()
        for start in range(0, len(page.body), 20_000):
            try:
                self.wfile.write(page.body[start : start + 20_000])
            except OSError:  # the other side has hung up
                return
            time.sleep(page.pause)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def publishing() -> Iterator[Publisher]:
    """A server that has no page yet."""
    with Publisher(("127.0.0.1", 0), Answer) as server:
        server.pages = {}
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
