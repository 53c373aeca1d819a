"""One published weights file, fetched whole or not at all.

Nothing here parses HDF5: the signature and the declared length are read, the checking reader runs in a limited process.
"""

import errno
import hashlib
import http.client
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from dashboard.core.errors import WeightsError
from dashboard.core.files import CHUNK, replacing
from dashboard.core.limits import GIB, LIMITS

Progress = Callable[[int, int], None]  # bytes received, bytes in all (0 where the server does not say)

TIMEOUT = 15.0  # seconds without a byte after which a server counts as gone; also the longest a cancel waits
MEGABYTE = 1_000_000
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Where the superblock of each version keeps the file's declared length, as 8 bytes (HDF5 file format, section II.A).
HDF5_LENGTH_AT = {0: 40, 1: 44, 2: 28, 3: 28}

# Addresses that stand for the internet in documents (RFC 5737, RFC 3849), by family.
OUTSIDE = {socket.AF_INET: "198.51.100.1", socket.AF_INET6: "2001:db8::1"}
_unreached: set[str] = set()  # hosts that the last download did not reach


@dataclass(frozen=True)
class PretrainedFile:
    """The published weights of one backbone, at one width and size, without its classifier."""

    name: str
    path: Path  # where Keras looks for it
    url: str
    megabytes: float  # of the file when present, else about
    present: bool  # there, and not cut short
    hash: str | None  # MD5 or SHA-256 that Keras checks; None where it publishes none


def download(
    file: PretrainedFile, on_progress: Progress | None = None, cancelled: Callable[[], bool] | None = None
) -> Path:
    """Fetch a published file to where Keras looks for it: the whole, checked file appears at once, or nothing does.

    Args:
        file: what to fetch.
        on_progress: called after every piece.
        cancelled: asked after every piece; true ends the download.

    Raises:
        WeightsError: `weights-offline` (not reached, not found, broken off), `weights-damaged` (came whole, but is not
            the published file), `weights-too-large`, `weights-cancelled`, `disk-full`, `weights-not-written`.
    """
    try:
        with replacing(file.path) as aside:
            with aside.open("wb") as target:
                _receive(file, target, on_progress or (lambda received, total: None), cancelled or (lambda: False))
            _verify(file, aside)
    except OSError as error:  # what the network raises is a WeightsError by now
        raise not_written(file.name, file.path.parent, error) from error
    return file.path


def can_fetch(url: str) -> bool:
    """Whether a download may succeed, as far as this machine can tell by itself; nothing is sent.

    No: where downloads are switched off (no host is set), where there is no way out of this machine, and where the last
    try of this process did not reach the host.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.hostname in _unreached:
        return False
    if urllib.request.getproxies().get(parts.scheme) or parts.hostname in ("localhost", "127.0.0.1", "::1"):
        return True
    return any(_has_way(family, address) for family, address in OUTSIDE.items())


def _has_way(family: socket.AddressFamily, address: str) -> bool:
    """Whether there is a route to an address outside: a datagram socket that is only connected sends nothing."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
    except OSError:
        return False
    return True


def is_whole_hdf5(path: Path) -> bool:
    """Whether a file starts as HDF5 does and is at least as long as it declares to be. Reads 64 bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(64)
    if len(head) < 48 or not head.startswith(HDF5_SIGNATURE):
        return False
    length_at = HDF5_LENGTH_AT.get(head[8])
    if length_at is None:
        return False
    return path.stat().st_size >= int.from_bytes(head[length_at : length_at + 8], "little")


def by_hand(file: PretrainedFile) -> str:
    """The way without a download, in two sentences."""
    return (
        f"To do it by hand, fetch {file.name} (about {file.megabytes:,.1f} MB) from {file.url} "
        f"and put it into the folder {file.path.parent}."
    )


def _receive(file: PretrainedFile, target: BinaryIO, on_progress: Progress, cancelled: Callable[[], bool]) -> None:
    received = 0
    with closing(_pieces(file)) as pieces:
        for piece, total in pieces:
            received += len(piece)
            if cancelled():
                raise WeightsError("weights-cancelled", f"The download of {file.name} was cancelled. Nothing was kept.")
            if max(received, total) > LIMITS.weights_bytes:
                raise WeightsError("weights-too-large", too_large(file.name, max(received, total)))
            if total - received > shutil.disk_usage(file.path.parent).free:
                raise OSError(errno.ENOSPC, f"{total / MEGABYTE:,.1f} MB are needed, less is free")
            target.write(piece)
            on_progress(received, total)


def _pieces(file: PretrainedFile) -> Generator[tuple[bytes, int], None, None]:
    """What the server sends, piece by piece, with the announced length (0 where there is none)."""
    request = urllib.request.Request(file.url, headers={"Accept-Encoding": "identity"})
    received, host = 0, urlsplit(file.url).hostname or ""
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            _unreached.discard(host)
            total = int(response.headers.get("Content-Length") or 0)
            while piece := response.read1(CHUNK):
                received += len(piece)
                yield piece, total
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        else:
            _unreached.add(host)
        raise WeightsError("weights-offline", f"{file.name} was not downloaded: {error}. {by_hand(file)}") from error
    if received < total:
        raise WeightsError(
            "weights-offline",
            f"The download of {file.name} broke off after {received / MEGABYTE:,.1f} of {total / MEGABYTE:,.1f} MB. "
            f"Try again. {by_hand(file)}",
        )


def _verify(file: PretrainedFile, aside: Path) -> None:
    """Raise unless the received file is the published one, as far as Keras publishes how to tell."""
    if file.hash is None:
        if is_whole_hdf5(aside):
            return
        found, expected = "no whole HDF5 file", "weights saved as HDF5"
    else:
        algorithm = "sha256" if len(file.hash) == 64 else "md5"  # as Keras tells them apart
        with aside.open("rb") as received:
            digest = hashlib.file_digest(received, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
        if digest == file.hash:
            return
        found, expected = f"{algorithm} {digest}", file.hash
    raise WeightsError(
        "weights-damaged",
        f"What came as {file.name} is not the published file: expected {expected}, received {found}. "
        f"Nothing was kept; try again. {by_hand(file)}",
    )


def too_large(name: str, size: int) -> str:
    return f"{name} has {size / GIB:.2f} GiB; at most {LIMITS.weights_bytes / GIB:g} GiB are taken."


def not_written(name: str, folder: Path, error: OSError) -> WeightsError:
    return WeightsError(
        "disk-full" if error.errno == errno.ENOSPC else "weights-not-written",
        f"{name} could not be written to {folder}: {error.strerror or error}. "
        "Make room or give access there, and try again.",
    )
