"""The service: a picture in, classes with their probabilities out. `server` runs it, `schema` describes it."""

import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from dashboard.core.errors import DashboardError, UploadError
from dashboard.core.limits import SERVING, ServingLimits
from dashboard.data.child import BODY
from dashboard.data.posted import FORM, JSON
from dashboard.runs.classifying import Classifying, Item
from dashboard.serving import body, pages, schema
from dashboard.serving.guard import Access, Guard
from dashboard.serving.replies import refusal, reply

log = logging.getLogger("thaw")

NUMBER = re.compile(r"[0-9]{1,4}")
STATUS = {
    "request-slow": 408,
    "request-too-large": 413,
    "request-too-many": 413,
    "request-too-slow": 413,
    "request-kind": 415,
    "request-empty": 422,
    "request-form": 422,
    "request-json": 422,
    "request-top": 422,
    "request-crashed": 422,
    "busy": 429,
    "disk-full": 507,
}
UNKNOWN = {404: ("not-found", "There is nothing here. `GET /docs` tells what there is.")}

Work = Callable[[Request], Awaitable[Response]]


class Gate:
    """Lets so many requests in at once, and refuses those that come on top of them. For one event loop."""

    def __init__(self, most: int) -> None:
        self.left = most

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """
        Raises:
            UploadError: `busy`.
        """
        if not self.left:
            raise UploadError("busy", "As many requests as can be are being answered. Ask again in a second.")
        self.left -= 1
        try:
            yield
        finally:
            self.left += 1


def application(classifying: Classifying, access: Access, limits: ServingLimits = SERVING) -> ASGIApp:
    """The whole service behind its guard."""
    gate = Gate(limits.requests)
    described = schema.document(with_token=bool(access.token))

    async def predict(request: Request) -> Response:
        top, kind = _top(request), _kind(request)
        with gate.entered(), classifying.request() as folder:
            await body.receive(request, folder / BODY, limits)
            items = await run_in_threadpool(classifying.answer, folder, kind)
        shown = [shown_item(item, classifying.class_names, top) for item in items]
        return reply({"run": classifying.run.id, "pictures": shown})

    async def labels(_request: Request) -> Response:
        side = classifying.run.recipe.image_size
        return reply({"run": classifying.run.id, "class_names": classifying.class_names, "image_size": side})

    async def health(_request: Request) -> Response:
        return reply({"status": "ok"})

    async def openapi(_request: Request) -> Response:
        return reply(described)

    routes = [
        Route("/predict", _answering(predict), methods=["POST"]),
        Route("/labels", labels),
        Route("/health", health),
        Route("/openapi.json", openapi),
        *pages.routes(described, with_token=bool(access.token)),
    ]
    handlers = {HTTPException: _refused, Exception: _failed}
    app = Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]
    app.router.redirect_slashes = False
    return Guard(app, access)


def shown_item(item: Item, class_names: list[str], top: int) -> dict[str, Any]:
    """One picture as `schema.Prediction` or `schema.Unreadable` describes it."""
    if item.probabilities is None:
        error = item.refusal or UploadError("image-unreadable", "The picture was not classified.")
        return {"name": item.name, "error": {"code": error.code, "message": error.message}}
    pairs = list(zip(class_names, (min(1.0, value) for value in item.probabilities), strict=True))
    ranked = sorted(pairs, key=lambda pair: -pair[1])[:top]
    return {
        "name": item.name,
        "predicted": ranked[0][0],
        "top": [{"class_name": name, "probability": value} for name, value in ranked],
        "probabilities": dict(pairs),
    }


def _top(request: Request) -> int:
    text = request.query_params.get("top", str(schema.TOP))
    if not NUMBER.fullmatch(text) or not 1 <= int(text) <= schema.MOST_TOP:
        raise UploadError("request-top", f"`top` is no whole number from 1 to {schema.MOST_TOP}.")
    return int(text)


def _kind(request: Request) -> str:
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() not in (FORM, JSON):
        raise UploadError("request-kind", f"Expected a body of the kind {FORM} or {JSON} (header Content-Type).")
    return kind


def _answering(work: Work) -> Work:
    async def answer(request: Request) -> Response:
        try:
            return await work(request)
        except UploadError as error:
            status = STATUS.get(error.code, 422)
            return refusal(status, error.code, error.message, {"Retry-After": "1"} if status == 429 else None)
        except DashboardError as error:  # of the worker
            log.error("%s: %s", error.code, error.message)
            return refusal(503, error.code, error.message, {"Retry-After": "5"})
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    return answer


async def _refused(_request: Request, error: HTTPException) -> Response:
    code, message = UNKNOWN.get(error.status_code, ("request-refused", f"{error.detail}."))
    return refusal(error.status_code, code, message, error.headers)


async def _failed(_request: Request, _error: Exception) -> Response:
    return refusal(500, "server-error", "Something went wrong that should not have. The server's log says more.")
