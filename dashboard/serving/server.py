"""Running the service: the address, the token, uvicorn, and a clean end."""

import ipaddress
import secrets
import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from dashboard.core.errors import SettingsError
from dashboard.core.settings import settings
from dashboard.runs.classifying import Classifying
from dashboard.runs.run import Run
from dashboard.serving.connections import Patient
from dashboard.serving.guard import LOOPBACK, Access
from dashboard.serving.service import application

SHORTEST_TOKEN = 16  # characters
GRACE = 10  # seconds that requests under way have when the server is told to end


def serve(run: Run, host: str, port: int) -> None:
    """Answer requests until SIGTERM or SIGINT.

    Raises:
        RunError: `run-unfinished`.
        SettingsError: `address-unusable`, `token-short`.
        WorkerError: the classifier could not be started.
    """
    run.require_model()
    listening = listen(host, port)
    access = access_to(listening, host)
    classifying = Classifying(run)
    try:
        # Before uvicorn has its own: what it caught it raises again at its end, which shall be no death by a signal.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        _say(f"Loading the classifier of run {run.id}")
        classifying.warm()
        _say(f"Serving run {run.id} on {_address(listening)} (POST /predict; what else there is: /docs)")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stay)
        uvicorn.Server(configured(application(classifying, access))).run(sockets=[listening])
    finally:
        classifying.close()


def configured(app: ASGIApp, http: type[Patient] = Patient) -> uvicorn.Config:
    """How uvicorn is run: it says nothing about itself, and believes nothing a proxy might have said."""
    return uvicorn.Config(
        app,
        http=http,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )


def _leave(*_: object) -> None:
    sys.exit(0)


def _stay(*_: object) -> None:
    """What uvicorn has dealt with comes once more when it is done; by then there is nothing left to do."""


def listen(host: str, port: int) -> socket.socket:
    """A socket at an address; port 0 takes a free one.

    Raises:
        SettingsError: `address-unusable`.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(
            "address-unusable",
            f"{host}:{port} cannot be listened on: {error.strerror}. Give another --port, or --host of this machine.",
        ) from error


def access_to(listening: socket.socket, host: str) -> Access:
    """Names and token that are asked for: on loopback names, elsewhere the token that is set, or made up and told here.

    Raises:
        SettingsError: `token-short`.
    """
    token = settings().serve_token
    if token and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise SettingsError("token-short", f"THAW_SERVE_TOKEN needs at least {SHORTEST_TOKEN} ASCII characters.")
    if ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback:
        return Access(hosts=(*LOOPBACK, f"[{host}]" if ":" in host else host.lower()), token=token)
    if not token:
        token = secrets.token_urlsafe(32)
        _say(f"Token, made up for this time and told once: {token}")
    return Access(hosts=(), token=token)


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
