"""What somebody with an exported file alone does: opens it in its own runtime and names pictures.

    python -m dashboard.ml.recipient ANSWERS FORMAT PATH [FORMAT PATH]... < JSON list of picture files

PATH is the zip that is taken home, or a folder of its files. Nothing of a run, of a recipe, of our way to build or to
resize is imported here; from this project it has the decoder of picture files. Prints a line for each picture, and
writes the answers of each format into `ANSWERS/FORMAT.npz`.
"""

import json
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dashboard.data.images import decode

THREADS = os.cpu_count() or 1

Predict = Callable[[np.ndarray], np.ndarray]  # from (1, height, width, 3), float32 RGB 0..255, to (1, num_classes)


def keras_model(folder: Path) -> tuple[Predict, str]:
    keras = _keras()
    return _compiled(keras.saving.load_model(folder / "model.keras", compile=False))


def weights(folder: Path) -> tuple[Predict, str]:
    """By the script that lies beside the weights."""
    import runpy

    _keras()
    return _compiled(runpy.run_path(str(folder / "rebuild.py"))["load"]())


def saved_model(folder: Path) -> tuple[Predict, str]:
    import tensorflow as tf

    loaded = tf.saved_model.load(folder / "saved_model")
    return lambda pictures: loaded.serve(tf.constant(pictures)).numpy(), f"tensorflow {tf.__version__}"


def onnx(folder: Path) -> tuple[Predict, str]:
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return (
        lambda pictures: session.run(["probabilities"], {"images": pictures})[0],
        f"onnxruntime {onnxruntime.__version__}",
    )


def openvino(folder: Path) -> tuple[Predict, str]:
    import openvino as ov

    # By itself OpenVINO computes in bfloat16 where the processor can.
    compiled = ov.Core().compile_model(folder / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda pictures: compiled({"images": pictures})[
        "probabilities"
    ], f"openvino {ov.__version__.partition('-')[0]}"


def litert(folder: Path) -> tuple[Predict, str]:
    from importlib.metadata import version

    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "model.tflite"), num_threads=THREADS)
    run = interpreter.get_signature_runner()
    size = interpreter.get_input_details()[0]["shape"][1]
    return (
        lambda pictures: run(images=_resized(pictures[0], size)[np.newaxis])["probabilities"],
        f"ai-edge-litert {version('ai-edge-litert')}",
    )


READERS: dict[str, Callable[[Path], tuple[Predict, str]]] = {
    "weights": weights,
    "keras": keras_model,
    "saved-model": saved_model,
    "onnx": onnx,
    "browser": onnx,  # the same file; what computes it there needs a browser
    "openvino": openvino,
    "litert": litert,
    "litert-float16": litert,
    "litert-int8": litert,
}


def _keras() -> Any:
    from dashboard.ml.importing import import_keras

    import_keras()
    import keras

    return keras


def _compiled(model: Any) -> tuple[Predict, str]:
    import keras
    import tensorflow as tf

    shape = tf.TensorSpec((None, None, None, 3), "float32")
    compute = tf.function(lambda pictures: model(pictures, training=False), input_signature=[shape])
    return lambda pictures: compute(tf.constant(pictures)).numpy(), f"keras {keras.__version__}"


def _resized(pixels: np.ndarray, size: int) -> np.ndarray:
    """One picture stretched to a square, in floating point, each channel by itself: what Pillow can do."""
    channels = [Image.fromarray(pixels[:, :, each]) for each in range(3)]
    return np.stack([np.asarray(each.resize((size, size), Image.Resampling.BILINEAR)) for each in channels], axis=-1)


def moved(pixels: np.ndarray) -> np.ndarray:
    """Every value one grey level higher, or lower where it is the highest."""
    levels: np.ndarray = np.where(pixels < 255, pixels + 1, pixels - 1).astype("float32")
    return levels


def unpacked(path: Path, folder: Path) -> Path:
    """The folder of an export's files, taken out of its zip if it is one."""
    if path.is_dir():
        return path
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            archive.extract(member, folder)
        return folder / archive.namelist()[0].split("/")[0]


def answer(name: str, folder: Path, pictures: list[Path], target: Path) -> None:
    """Name the pictures by the files of one export; writes what `core.certificates.Answers` holds."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    predict, runtime = READERS[name](folder)
    found, changed, seconds = [], [], []
    for number, path in enumerate(pictures):
        pixels = decode(path, at_least=labels["image_size"])[np.newaxis].astype("float32")
        if number == 0:
            predict(pixels)  # what a runtime prepares for its first picture is no part of the others' time
        began = time.perf_counter()
        found.append(predict(pixels)[0])
        seconds.append(time.perf_counter() - began)
        changed.append(predict(moved(pixels))[0])
        print(number + 1, flush=True)
    np.savez(
        target,
        class_names=json.dumps(labels["class_names"]),
        found=np.array(found, "float32"),
        moved=np.array(changed, "float32"),
        milliseconds=1000 * float(np.median(seconds)),
        runtime=runtime,
    )


def main(arguments: list[str]) -> None:
    answers, pairs = Path(arguments[0]), arguments[1:]
    pictures = [Path(each) for each in json.load(sys.stdin)]
    for name, path in zip(pairs[::2], pairs[1::2], strict=True):
        with tempfile.TemporaryDirectory() as folder:
            answer(name, unpacked(Path(path), Path(folder)), pictures, answers / f"{name}.npz")


if __name__ == "__main__":
    main(sys.argv[1:])
