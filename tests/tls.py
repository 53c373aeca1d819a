"""A real web server that speaks TLS on loopback, with a certificate made for the test; it answers as it is told."""

import http.server
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dashboard.data.hosts import Network

HOST = "pictures.example"  # a name nobody has (RFC 2606): who finds it has been told its address by the test
PUBLIC, PRIVATE = "127.0.0.1", "127.0.0.2"  # as the tests' networks see them

Page = Callable[[http.server.BaseHTTPRequestHandler], None]


@dataclass
class Certificate:
    cert: Path
    key: Path


def certificate(folder: Path, host: str = HOST) -> Certificate:
    """A key and a certificate it signed itself, for one name."""
    made = Certificate(folder / f"{host}.pem", folder / f"{host}.key")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"),
            *("-keyout", str(made.key), "-out", str(made.cert)),
        ],
        check=True,
        capture_output=True,
    )
    return made


class Publisher(http.server.ThreadingHTTPServer):
    """`pages` by path; `asked` is every path that was asked for, `spoken_to` counts connections."""

    daemon_threads = False  # closing waits for every answer
    pages: dict[str, Page]
    asked: list[str]
    spoken_to: int

    def get_request(self):
        self.spoken_to += 1
        return super().get_request()

    def handle_error(self, request, client_address) -> None:
        pass  # the other side has hung up, as it should


class Answer(http.server.BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:  # noqa: N802
        self.server.asked.append(self.path)
        page = self.server.pages.get(self.path)
        if page is None:
            self.send_error(404)
        else:
            page(self)

    def log_message(self, *_: object) -> None:
        pass


def body(data: bytes, announced: int | None = -1) -> Page:
    """Bytes with their length, with another one, or (None) with none."""

    def page(answer: http.server.BaseHTTPRequestHandler) -> None:
        answer.send_response(200)
        if announced is not None:
            answer.send_header("Content-Length", str(len(data) if announced == -1 else announced))
        answer.end_headers()
        answer.wfile.write(data)

    return page


def redirect(location: str, status: int = 302) -> Page:
    def page(answer: http.server.BaseHTTPRequestHandler) -> None:
        answer.send_response(status)
        answer.send_header("Location", location)
        answer.send_header("Content-Length", "0")
        answer.end_headers()

    return page


@contextmanager
def serving(certified: Certificate, address: str = PUBLIC, port: int = 0) -> Iterator[Publisher]:
    with Publisher((address, port), Answer) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certified.cert, certified.key)
        server.pages, server.asked, server.spoken_to = {}, [], 0
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Names:
    """A resolver: the addresses of each name, one answer after the other; the last one stays."""

    answers: dict[str, list[list[str]]] = field(default_factory=lambda: {HOST: [[PUBLIC]]})
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        known = self.answers.get(host)
        if not known:
            raise OSError("no such name")
        return known.pop(0) if len(known) > 1 else known[0]


def network(certified: Certificate, port: int, names: Callable[[str, int], list[str]]) -> Network:
    """One in which `PUBLIC` is the whole internet, and this certificate the only one that is believed."""
    return Network(
        resolve=names,
        allows=lambda address: address == PUBLIC,
        context=lambda: ssl.create_default_context(cafile=str(certified.cert)),
        ports=frozenset({port}),
    )
