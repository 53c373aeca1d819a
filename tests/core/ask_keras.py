"""Asks the installed Keras, in a process of its own: questions as JSON on stdin, answers as JSON on stdout.

Only the download is replaced, by one that notes what is asked for. Variables are never filled, so that the largest
network builds in two seconds and no memory.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from dashboard.ml.importing import import_keras

if __name__ == "__main__":
    import_keras()

import keras
import numpy as np
from keras.src.applications import imagenet_utils
from keras.src.backend.common.stateless_scope import StatelessScope
from keras.src.utils import file_utils


class AskedError(Exception):
    pass


def note_download(fname: str, origin: str, file_hash: str | None = None, **_: Any) -> None:
    raise AskedError(fname, origin, file_hash)


default_sizes: list[int] = []
obtain_input_shape = imagenet_utils.obtain_input_shape


def note_default_size(*args: Any, default_size: int, **kwargs: Any) -> Any:
    default_sizes.append(default_size)
    return obtain_input_shape(*args, default_size=default_size, **kwargs)


file_utils.get_file = note_download
imagenet_utils.obtain_input_shape = note_default_size


def build(name: str, weights: str | None, size: int | None, alpha: float) -> keras.Model:
    shape = {} if size is None else {"input_shape": (size, size, 3)}
    width = {} if alpha == 1.0 else {"alpha": alpha}
    with StatelessScope(initialize_variables=False):
        return getattr(keras.applications, name)(weights=weights, include_top=False, **shape, **width)


def builders() -> dict[str, str]:
    names = [name for name in dir(keras.applications) if name[0].isupper()]
    return {name: getattr(keras.applications, name).__module__.rsplit(".", 1)[1] for name in names}


def request(name: str, size: int | None = None, alpha: float = 1.0) -> list[str | None]:
    """File name, URL and hash that the builder asks for."""
    try:
        build(name, "imagenet", size, alpha)
    except AskedError as asked:
        return list(asked.args)
    raise RuntimeError(f"{name} asked for no file")


def measure(name: str, size: int | None = None, alpha: float = 1.0) -> dict[str, Any]:
    """Parameters, default size and whether pictures are rescaled inside; or the refusal."""
    default_sizes.clear()
    try:
        model = build(name, None, size, alpha)
    except ValueError as refusal:
        return {"refusal": str(refusal)}
    inside = any(isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization) for layer in model.layers)
    return {"parameters": model.count_params(), "default_size": default_sizes[-1:], "rescales": inside}


def preprocess(family: str, pixel: list[float]) -> list[float]:
    picture = np.array([[[pixel]]], dtype="float32")
    return getattr(keras.applications, family).preprocess_input(picture)[0, 0, 0].tolist()


def construct(module: str, name: str, arguments: dict[str, Any]) -> str:
    return type(getattr(getattr(keras, module), name)(**arguments)).__name__


QUESTIONS = {f.__name__: f for f in (builders, request, measure, preprocess, construct)}

if __name__ == "__main__":
    answers = []
    for question, arguments in json.load(sys.stdin):
        answers.append(QUESTIONS[question](**arguments))
        keras.backend.clear_session(free_memory=False)  # collecting garbage takes longer than building
    json.dump(answers, sys.stdout)
