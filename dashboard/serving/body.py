"""The body of a request, straight to the disk: counted, timed, and not looked at."""

import asyncio
import errno
from pathlib import Path

from starlette.requests import Request

from dashboard.core.errors import UploadError
from dashboard.core.limits import SERVING, ServingLimits


async def receive(request: Request, path: Path, limits: ServingLimits = SERVING) -> None:
    """Write the body into a file.

    Raises:
        UploadError: `request-too-large`, `request-slow`, `disk-full`.
        ClientDisconnect: nobody is there any more.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limits.request_bytes:  # before a byte of it is read
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.body_seconds):
            await _write(request, path, limits)
    except TimeoutError as error:
        raise UploadError(
            "request-slow",
            f"The body did not arrive within {limits.body_seconds:g} seconds, or nothing came for "
            f"{limits.pause_seconds:g}. Send less at once.",
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UploadError("disk-full", "The server has no room for the request. Free some of its disk.") from error


async def _write(request: Request, path: Path, limits: ServingLimits) -> None:
    parts = aiter(request.stream())
    left = limits.request_bytes
    with path.open("wb") as file:
        while True:
            async with asyncio.timeout(limits.pause_seconds):
                part = await anext(parts, None)
            if part is None:
                return
            left -= len(part)
            if left < 0:
                raise _too_large(limits)
            file.write(part)


def _too_large(limits: ServingLimits) -> UploadError:
    return UploadError(
        "request-too-large", f"At most {limits.request_bytes:,} bytes are taken a request. Send several."
    )
