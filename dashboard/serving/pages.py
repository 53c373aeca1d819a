"""What a person sees: a form to try the service with, and its documentation. Nothing comes from another host."""

import json
from collections.abc import Awaitable, Callable
from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard.serving import schema

ASSETS = Path(__file__).parent / "assets"
ICON = Path(__file__).parents[1] / "ui" / "assets" / "icon.svg"
KINDS = {".css": "text/css", ".js": "text/javascript", ".html": "text/html", ".svg": "image/svg+xml"}
TOKEN = '<label>Token <input type="password" id="token" autocomplete="off" required></label>'
SHOWN = ("Predictions", "Prediction", "Unreadable", "ClassProbability", "EncodedPictures", "EncodedPicture", "Refusal")


def routes(described: dict[str, Any], *, with_token: bool) -> list[Route]:
    """The two pages and what they load: each file by its name, no folder."""
    form = _filled("predict.html", token=TOKEN if with_token else "", limits=escape(schema.limits()))
    return [
        Route("/", _giving(form, ".html")),
        Route("/docs", _giving(documentation(described, with_token=with_token), ".html")),
        Route("/assets/page.css", _giving(_asset("page.css"), ".css")),
        Route("/assets/page.js", _giving(_asset("page.js"), ".js")),
        Route("/assets/icon.svg", _giving(ICON.read_text(encoding="utf-8"), ".svg")),
    ]


def documentation(described: dict[str, Any], *, with_token: bool) -> str:
    """The OpenAPI document as a page to read."""
    operations = [
        _operation(method.upper(), path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = described["components"]["schemas"]
    return _filled(
        "docs.html",
        about=escape(described["info"]["description"]),
        python_bearer=escape(', "Authorization": f"Bearer {token}"') if with_token else "",
        bearer=escape(' -H "Authorization: Bearer $TOKEN"') if with_token else "",
        token="<p>The service asks for its token, in the header <code>Authorization: Bearer TOKEN</code>.</p>"
        if with_token
        else "",
        operations="\n".join(operations),
        schemas="\n".join(_model(name, schemas[name]) for name in SHOWN),
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    answers = "".join(
        f"<tr><td>{status}</td><td>{escape(answer['description'])}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return (
        f"<h3><code>{method} {escape(path)}</code></h3><p>{escape(operation['summary'])}. "
        f"{escape(operation.get('description', ''))}</p>"
        f"<table><thead><tr><th>Status</th><th>Meaning</th></tr></thead><tbody>{answers}</tbody></table>"
    )


def _model(name: str, model: dict[str, Any]) -> str:
    text = escape(json.dumps(model["properties"], indent=2))
    return f"<h3>{escape(name)}</h3><p>{escape(model.get('description', ''))}</p><pre tabindex='0'>{text}</pre>"


def _giving(text: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def give(_request: Request) -> Response:
        return Response(text, media_type=KINDS[kind])

    return give


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _filled(name: str, **parts: str) -> str:
    return Template(_asset(name)).substitute(parts)
