"""An archive at an https address, fetched to where uploads are staged: whole, or nothing of it stays.

A user chooses the address, so it is never trusted; each redirect is judged anew. What comes is only stored here: the
limited child opens it.
"""

import http.client
import io
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, cast
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from dashboard.core.errors import UploadError
from dashboard.core.limits import GIB, LIMITS, MIB
from dashboard.core.settings import workspace
from dashboard.data import hosts, intake, names, staging
from dashboard.data.hosts import Network

Progress = Callable[[int, int], None]  # bytes received, bytes in all (0 where the server does not say)

SLOWEST = 1_000  # bytes a second on average, once `hosts.ANSWER_TIME` is over
REDIRECTS = 5
REDIRECT_STATUS = (301, 302, 303, 307, 308)
LONGEST = 2_048  # characters of an address
SPARE = 256 * MIB  # of the disk, which stay free
MEGABYTE = 1_000_000


def fetch(
    url: str,
    *,
    on_progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    network: Network | None = None,
) -> intake.Source:
    """Fetch an archive and stage it like an upload; `staging.discard` its path when done.

    Args:
        url: what a user typed.
        on_progress: called after every piece.
        cancelled: asked before every piece; true ends it.
        network: as the system has it when left out.

    Returns:
        The staged folder, and the name of the file as the address has it.

    Raises:
        UploadError: `link-malformed`, `link-scheme`, `link-credentials`, `link-port`, `link-host` (not found),
            `link-address` (not of the internet), `link-certificate`, `link-offline`, `link-answer`, `link-redirects`,
            `link-broken`, `link-slow`, `link-cancelled`, `upload-too-large`, `disk-full`. Nothing is left then.
    """
    with _answer(url.strip(), network or Network()) as (response, final):
        body = _Body(response, on_progress or (lambda received, total: None), cancelled or (lambda: False))
        name = _name(final)
        return intake.Source(staging.stage_upload([(name, cast(BinaryIO, body))]), name)


@contextmanager
def _answer(url: str, network: Network) -> Iterator[tuple[http.client.HTTPResponse, SplitResult]]:
    """The answer that is no redirect, open, and the address it came from."""
    for _ in range(REDIRECTS + 1):
        parts, host = _judged(url, network)
        with _asked(parts, host, network) as response:
            if response.status == 200:
                yield response, parts
                return
            location = response.headers.get("Location", "")
            if response.status not in REDIRECT_STATUS or not location:
                raise UploadError(
                    "link-answer",
                    f"{host} answered {response.status} instead of sending a file. Open the link in a browser: it must "
                    "lead to the archive itself, without a login.",
                )
            try:
                url = urljoin(url, location)
            except ValueError as error:
                raise _malformed() from error
    raise UploadError("link-redirects", f"The link was handed on more than {REDIRECTS} times. Use the last one itself.")


def _judged(url: str, network: Network) -> tuple[SplitResult, str]:
    """The parts of an address that may be asked, and its host as the network writes it."""
    if len(url) > LONGEST or not url.isprintable() or re.search(r"[\s\\]", url):
        raise _malformed()
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError as error:  # a UnicodeError too
        raise _malformed() from error
    if parts.scheme != "https":
        raise UploadError("link-scheme", "Only links that begin with https:// are fetched.")
    if "@" in parts.netloc:
        raise UploadError("link-credentials", "A link may hold no user name and no password. Use one without a login.")
    if not host or not host.isprintable():
        raise _malformed()
    if (443 if port is None else port) not in network.ports:
        raise UploadError("link-port", f"Links to port {port} are not fetched; only the usual one of https is.")
    return parts, host


def _malformed() -> UploadError:
    return UploadError("link-malformed", "This is no address of a file; expected something like https://host/pets.zip.")


@contextmanager
def _asked(parts: SplitResult, host: str, network: Network) -> Iterator[http.client.HTTPResponse]:
    path = _quoted(f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}")
    headers = {"Accept-Encoding": "identity", "User-Agent": "Thaw"}
    with hosts.connected(host, parts.port or 443, network) as connection, ExitStack() as opened:
        with hosts.refusals(host), hosts.in_time(connection):
            connection.request("GET", path, headers=headers)
            response = opened.enter_context(connection.getresponse())
        yield response


def _quoted(path: str) -> str:
    """Letters that a person may type and a request may not hold, as UTF-8 in percent signs."""
    return "".join(each if each.isascii() else "".join(f"%{byte:02X}" for byte in each.encode()) for each in path)


class _Body(io.RawIOBase):
    """The file as it comes, for `staging.stage_upload`: measured, within the limits, until somebody cancels."""

    def __init__(
        self, response: http.client.HTTPResponse, on_progress: Progress, cancelled: Callable[[], bool]
    ) -> None:
        self._response, self._on_progress, self._cancelled = response, on_progress, cancelled
        announced = response.headers.get("Content-Length") or ""
        self._total = int(announced) if re.fullmatch(r"[0-9]{1,15}", announced) else 0
        self._received = 0
        self._began = time.monotonic()
        self._check()

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        if self._cancelled():
            raise UploadError("link-cancelled", "The download was cancelled. Nothing was kept.")
        try:
            piece = self._response.read1(size)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._broken() from error
        self._received += len(piece)
        self._check()
        if not piece and self._received < self._total:
            raise self._broken()
        self._on_progress(self._received, self._total)
        return piece

    def _check(self) -> None:
        if max(self._received, self._total) > LIMITS.archive_bytes:
            raise UploadError("upload-too-large", f"At most {LIMITS.archive_bytes / GIB:g} GiB are taken at once.")
        if max(0, self._total - self._received) + SPARE > shutil.disk_usage(workspace("uploads").parent).free:
            raise UploadError("disk-full", "The file does not fit on the server's disk. Free space, then try again.")
        passed = time.monotonic() - self._began
        if passed > hosts.ANSWER_TIME and self._received < passed * SLOWEST:
            raise UploadError("link-slow", f"Only {self._received:,} bytes came in {passed:.0f} s. Try again later.")

    def _broken(self) -> UploadError:
        of_all = f" of {self._total / MEGABYTE:,.1f}" if self._total else ""
        return UploadError(
            "link-broken",
            f"The download broke off after {self._received / MEGABYTE:,.1f}{of_all} MB. Nothing was kept; try again.",
        )


def _name(parts: SplitResult) -> str:
    """The file's name by its address; one that promises no archive gets a suffix, as a link need not have one."""
    last = unquote(parts.path).rstrip("/").rpartition("/")[2]
    name = names.shown(last) if last else "archive"
    return name if names.is_archive(name) else f"{name}.zip"
