"""A page that runs the model inside a browser: the ONNX file, what computes it there, and a little of our own."""

import shutil
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import keras

from dashboard.core import browser_runtime
from dashboard.ml import export_onnx

ASSETS = Path(__file__).parent / "assets"
AS_THEY_ARE = ("page.css", "page.js")
ICON = Path(__file__).parents[1] / "ui" / "assets" / "icon.svg"
LICENCE = "onnxruntime-web-licence.txt"


def write(model: keras.Model, folder: Path, labels: dict[str, Any]) -> None:
    """Write the page for a classifier; what computes it is beside it where it is on this machine."""
    export_onnx.write(model, folder, labels)
    is_here = browser_runtime.is_here()
    if is_here:
        for name in browser_runtime.DIGESTS:
            shutil.copyfile(browser_runtime.folder() / name, folder / name)
        shutil.copyfile(ASSETS / LICENCE, folder / LICENCE)
    for name in AS_THEY_ARE:
        shutil.copyfile(ASSETS / name, folder / name)
    shutil.copyfile(ICON, folder / "icon.svg")
    for name in ("index.html", "README.txt"):
        (folder / name).write_text(_filled(name, "" if is_here else browser_runtime.PUBLIC), encoding="utf-8")


def _filled(name: str, host: str) -> str:
    """A text with where the runtime is loaded from: `host` ends in a slash, or is empty for the page's own folder."""
    text = Template((ASSETS / name).read_text(encoding="utf-8"))
    name = f"{browser_runtime.PACKAGE} {browser_runtime.VERSION}"
    beside = f"It needs no network: {name},\nwhich computes the model, lies beside it."
    loaded = (
        f"It needs the network: {name},\nwhich computes the model, is loaded from\n{host}\n"
        "and not run if a bit of it was changed."
    )
    return text.substitute(
        allowed=escape(f" {host}" if host else ""),
        script=escape(host + browser_runtime.SCRIPT),
        script_digest=browser_runtime.DIGESTS[browser_runtime.SCRIPT],
        wasm=escape(host + browser_runtime.WASM),
        wasm_digest=browser_runtime.DIGESTS[browser_runtime.WASM],
        where=loaded if host else beside,
    )
