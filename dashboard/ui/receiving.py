"""The way large uploads come in beside Streamlit: a few HTTP routes over `data.uploads`, one chunk in memory at a time.

POST /upload {name, size}    begin; answers with the id
GET /upload/{id}             whether it is known, and how many bytes are there
PUT /upload/{id}             one chunk, its place and digest in the headers `Upload-Offset` and `Upload-Digest`
POST /upload/{id}/finish     all has come
DELETE /upload/{id}          forget it

Streamlit guards none of this, so each asks for a token that a page of this server handed out, and for a request that a
page of this very origin made. Answers are JSON: the upload, or `code` and `message`.
"""

import asyncio
import hmac
import json
import re
import secrets
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS
from dashboard.data import uploads
from dashboard.data.uploads import Upload

AT_ONCE = 4  # chunks in memory, whoever sends them
PATIENCE = 300.0  # seconds for one chunk to arrive
JSON_BYTES = 8192
NUMBER = re.compile(r"[0-9]{1,15}")
STATUS = {
    "upload-origin": 403,
    "upload-token": 403,
    "upload-unknown": 404,
    "upload-slow": 408,
    "upload-offset": 409,
    "upload-incomplete": 409,
    "upload-finished": 409,
    "upload-length": 411,
    "upload-chunk": 413,
    "upload-longer": 413,
    "upload-too-large": 413,
    "upload-digest": 422,
    "disk-full": 507,
}

Work = Callable[[Request], Awaitable[dict[str, Any]]]
Answer = Callable[[Request], Awaitable[Response]]


class Tokens:
    """What pages hand out so that only they may upload: a bounded number, each for a day."""

    LASTS = 24 * 3600.0  # seconds, by a clock that nobody sets
    KEPT = 1000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._made: dict[str, float] = {}
        self._lock = threading.Lock()

    def hand_out(self) -> str:
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._forget_old()
            for oldest in list(self._made)[: max(0, len(self._made) - self.KEPT + 1)]:
                del self._made[oldest]
            self._made[token] = self._clock()
        return token

    def known(self, token: str) -> bool:
        with self._lock:
            self._forget_old()
            each = [hmac.compare_digest(token.encode(), known.encode()) for known in self._made]
        return any(each)

    def _forget_old(self) -> None:
        now = self._clock()
        self._made = {token: made for token, made in self._made.items() if now - made < self.LASTS}


@lru_cache(maxsize=1)
def tokens() -> Tokens:
    """Those of this server; pages and routes are one process."""
    return Tokens()


def routes() -> list[Route]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def put(request: Request) -> dict[str, Any]:
        async with gate:
            return await _append(request)

    return [
        Route("/upload", _guarded(_begin), methods=["POST"]),
        Route("/upload/{id}", _guarded(put), methods=["PUT"]),
        Route("/upload/{id}", _guarded(_find), methods=["GET"]),
        Route("/upload/{id}", _guarded(_discard), methods=["DELETE"]),
        Route("/upload/{id}/finish", _guarded(_finish), methods=["POST"]),
    ]


def _guarded(work: Work) -> Answer:
    async def answer(request: Request) -> Response:
        try:
            _refuse_strangers(request)
            return JSONResponse(await work(request))
        except UploadError as error:
            said = {"code": error.code, "message": error.message}
            return JSONResponse(said, status_code=STATUS.get(error.code, 400))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    return answer


def _refuse_strangers(request: Request) -> None:
    """A page of another site can make a browser send requests here, but can forge neither of these two headers."""
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    ours = origin in (f"http://{host}", f"https://{host}")
    if origin is None and request.method == "GET":  # browsers name no origin when a page gets from its own
        ours = site == "same-origin"
    if not ours or site not in (None, "same-origin"):
        raise UploadError("upload-origin", "Uploads are taken from a page of this server only. Use its Data page.")
    if not tokens().known(request.headers.get("upload-token", "")):
        raise UploadError("upload-token", "The page is older than this server or than a day. Reload it.")


async def _begin(request: Request) -> dict[str, Any]:
    body = await _body(request, JSON_BYTES)
    try:
        declared = json.loads(body)
        name, size = declared["name"], declared["size"]
    except (ValueError, KeyError, TypeError, RecursionError):
        name, size = None, None
    if not isinstance(name, str) or type(size) is not int:
        raise UploadError("upload-request", 'Expected {"name": "pictures.zip", "size": bytes}.')
    return _shown(await run_in_threadpool(uploads.begin, name, size))


async def _append(request: Request) -> dict[str, Any]:
    upload_id, offset = request.path_params["id"], request.headers.get("upload-offset", "")
    if not NUMBER.fullmatch(offset):
        raise UploadError("upload-request", "Expected the place of the first byte in the header Upload-Offset.")
    await run_in_threadpool(uploads.find, upload_id)  # before anything is read for nobody
    chunk = await _body(request, LIMITS.chunk_bytes)
    digest = request.headers.get("upload-digest", "")
    received = await run_in_threadpool(uploads.append, upload_id, int(offset), chunk, digest)
    return {"received": received}


async def _find(request: Request) -> dict[str, Any]:
    """An upload that is not here is an answer: pages ask whether theirs was taken, and browsers log every 404."""
    try:
        return {"known": True, **_shown(await run_in_threadpool(uploads.find, request.path_params["id"]))}
    except UploadError:
        return {"known": False, "received": 0}


async def _finish(request: Request) -> dict[str, Any]:
    return _shown(await run_in_threadpool(uploads.finish, request.path_params["id"]))


async def _discard(request: Request) -> dict[str, Any]:
    await run_in_threadpool(uploads.discard, request.path_params["id"])
    return {}


def _shown(upload: Upload) -> dict[str, Any]:
    return asdict(upload)


async def _body(request: Request, most: int) -> bytes:
    """The whole body: exactly as long as it was declared, and never more than `most` bytes of it in memory."""
    declared = request.headers.get("content-length", "")
    if not NUMBER.fullmatch(declared):
        raise UploadError("upload-length", "Expected the length of the body in the header Content-Length.")
    if int(declared) > most:
        raise UploadError("upload-chunk", f"At most {most:,} bytes are taken at once, not {int(declared):,}.")
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                body += part
                if len(body) > int(declared):
                    break
    except TimeoutError as error:
        raise UploadError("upload-slow", f"A part took longer than {PATIENCE:.0f} seconds. Send it again.") from error
    if len(body) != int(declared):
        raise UploadError("upload-chunk", f"{int(declared):,} bytes were announced and another number came.")
    return bytes(body)
