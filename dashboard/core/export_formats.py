"""What a finished run can be taken home as."""

from dataclasses import dataclass
from importlib.util import find_spec

from dashboard.core.errors import RunError

ANY_SIZE = "float32 RGB 0..255, shape (batch, height, width, 3), of any size; resized and scaled inside the model"
FIXED_SIZE = (
    "float32 RGB 0..255, shape (1, {size}, {size}, 3); scaled inside the model, resized before: stretched to "
    "{size} x {size}, bilinear, half-pixel centres, the kernel widened by the scale where the picture shrinks, in "
    "floating point. That is tf.image.resize(pixels, ({size}, {size}), antialias=True), or Pillow's "
    "resize(({size}, {size}), Image.Resampling.BILINEAR) of each channel in mode F"
)


@dataclass(frozen=True)
class ExportFormat:
    """One file to take home. `file_name` lies in the run directory or its `exports` folder.

    `tolerance` is the largest difference of a probability that a fresh process may find between the exported file and
    what the page showed; None where there is nothing to predict with. `agreement` is the least share of pictures, 0..1,
    that must get the same top class as well: formats that round may be further off.
    """

    name: str
    file_name: str
    title: str
    description: str
    needs: str = ""  # a program that must be installed; empty for none
    packages: tuple[str, ...] = ()  # importable names that must be installed beside what always is
    tolerance: float | None = None
    agreement: float = 0.0
    input: str = ANY_SIZE

    @property
    def absent(self) -> list[str]:
        """The packages it needs and that are not installed."""
        return [name for name in self.packages if find_spec(name) is None]

    @property
    def resizes(self) -> bool:
        """Whether the exported model takes pictures of any size."""
        return self.input == ANY_SIZE

    def require_packages(self) -> None:
        """
        Raises:
            RunError: `exporter-absent`.
        """
        if self.absent:
            raise RunError("exporter-absent", absence(self))


def absence(row: ExportFormat) -> str:
    """What is missing for a format, and how to get it."""
    packages = ", ".join(row.absent)
    kind = "package" if len(row.absent) == 1 else "packages"
    return f"{row.title} needs the {kind} {packages}, not installed here. Run 'make extras' once, then try again."


EXPORT_FORMATS = {
    row.name: row
    for row in (
        ExportFormat(
            "weights",
            "model.weights.h5",
            "Weights",
            "every number of the network; rebuild.py, in Everything, is the code that rebuilds the topology for them",
            tolerance=1e-4,
        ),
        ExportFormat(
            "keras",
            "model.keras",
            "Keras model",
            "topology and weights in one file; opens with Keras 3",
            tolerance=1e-4,
        ),
        ExportFormat(
            "saved-model",
            "saved_model.zip",
            "SavedModel",
            "for TensorFlow and TensorFlow Serving; a folder, opens without Keras",
            tolerance=1e-3,
        ),
        ExportFormat(
            "onnx",
            "onnx.zip",
            "ONNX",
            "for ONNX Runtime, on servers, desktops and in other languages",
            packages=("onnx", "tf2onnx", "onnxruntime"),
            tolerance=1e-3,
        ),
        ExportFormat(
            "browser",
            "browser.zip",
            "Page for a browser",
            "a small page that runs the network in the browser, from files or the camera; put it on any web server",
            packages=("onnx", "tf2onnx", "onnxruntime"),
            tolerance=1e-3,
        ),
        ExportFormat(
            "openvino",
            "openvino.zip",
            "OpenVINO",
            "for Intel processors; the same as here with INFERENCE_PRECISION_HINT f32, faster and coarser without",
            packages=("openvino",),
            tolerance=1e-3,
        ),
        ExportFormat(
            "litert",
            "litert.zip",
            "LiteRT float32",
            "for phones and small computers (TensorFlow Lite); takes pictures at the network's size",
            packages=("ai_edge_litert",),
            tolerance=1e-3,
            input=FIXED_SIZE,
        ),
        ExportFormat(
            "litert-float16",
            "litert-float16.zip",
            "LiteRT float16",
            "half the size; weights are rounded to 16 bits",
            packages=("ai_edge_litert",),
            tolerance=0.02,
            agreement=0.95,
            input=FIXED_SIZE,
        ),
        ExportFormat(
            "litert-int8",
            "litert-int8.zip",
            "LiteRT int8",
            "a quarter of the size; computed in 8 bits, whose range was measured on the training pictures",
            packages=("ai_edge_litert",),
            tolerance=0.3,
            agreement=0.9,
            input=FIXED_SIZE,
        ),
        ExportFormat(
            "labels", "labels.json", "Labels", "class names in the order of the outputs, and what the input must be"
        ),
        ExportFormat(
            "script",
            "train.zip",
            "Training script",
            "train.py, plain Keras in one file, with locked versions and the list of pictures: it repeats this run "
            "without this dashboard",
        ),
        ExportFormat(
            "card",
            "model-card.md",
            "Model card",
            "what the network was made from, how good it is and where not, and how to load it in five languages",
        ),
        ExportFormat(
            "topology-svg",
            "topology.svg",
            "Topology (SVG)",
            "the network as a drawing of every layer, sharp at any size",
            "dot",
        ),
        ExportFormat(
            "topology-png",
            "topology.png",
            "Topology (PNG)",
            "the network as a picture of every layer, for slides",
            "dot",
        ),
        ExportFormat(
            "zip",
            "everything.zip",
            "Everything",
            "weights and the code that rebuilds the network, Keras model, labels, topology, recipe, list of pictures, "
            "predictions, report, model card and certificate",
        ),
    )
}
