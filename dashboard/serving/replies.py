"""Answers in JSON: ASCII alone, so that no name of a file or a class can be anything but text."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    text = json.dumps(value, allow_nan=False)
    return Response(text, status_code=status, headers=headers, media_type="application/json")


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """One stable code and one clear sentence."""
    return reply({"code": code, "message": message}, status, headers)
