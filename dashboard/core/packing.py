"""Numbers through a pipe of text."""

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

HALF, EXACT = "<f2", "<f8"


def pack(values: np.ndarray, kind: str = HALF) -> dict[str, Any]:
    """An array, compressed, in base64, with its shape: JSON-safe.

    Args:
        values: of any shape.
        kind: `HALF`, to be looked at: beyond 65,504 lies infinity; `EXACT`, to the last digit.
    """
    with np.errstate(over="ignore"):
        data = values.astype(kind).tobytes()
    packed = base64.b64encode(zlib.compress(data, 1)).decode()
    return {"shape": list(values.shape), "kind": kind, "values": packed}


def unpack(record: Mapping[str, Any]) -> np.ndarray:
    """What was packed, as float32, or as float64 where it is exact."""
    values = np.frombuffer(zlib.decompress(base64.b64decode(record["values"])), record["kind"])
    return values.reshape(record["shape"]).astype("float32" if record["kind"] == HALF else "float64")
