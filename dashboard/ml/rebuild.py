"""The code that rebuilds a run's topology with plain Keras, as text to take home beside the weights."""

from dashboard.core.recipe import Recipe
from dashboard.ml.backbone import CAFFE_MEAN_BGR, TORCH_DEVIATION, TORCH_MEAN
from dashboard.runs import sources
from dashboard.runs.run import versions

SCRIPT = '''"""Rebuilds this classifier and names pictures: python rebuild.py PICTURE...

Needs keras {keras}, tensorflow and pillow, and beside it model.weights.h5 and labels.json.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from PIL import Image, ImageOps

FOLDER = Path(__file__).resolve().parent
CLASS_NAMES = json.loads((FOLDER / "labels.json").read_text(encoding="utf-8"))["class_names"]
IMAGE_SIZE = {size}


{source}def build() -> keras.Model:
    """From RGB pictures 0..255 of any size, shape (batch, height, width, 3), to probabilities of CLASS_NAMES."""
    images = keras.Input((None, None, 3))
    x = keras.layers.Resizing(IMAGE_SIZE, IMAGE_SIZE, interpolation="bilinear", antialias=True)(images, training=False)
{preprocessing}
{backbone}
    x = keras.layers.GlobalAveragePooling2D()(x)
{head}
    x = keras.layers.Dropout({dropout})(x)
    return keras.Model(images, keras.layers.Dense(len(CLASS_NAMES), activation="softmax")(x))


def load() -> keras.Model:
    model = build()
    model.load_weights(FOLDER / "model.weights.h5")
    return model


if __name__ == "__main__":
    model = load()
    for path in sys.argv[1:]:
        picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        probabilities = model.predict(np.asarray(picture, "float32")[np.newaxis], verbose=0)[0]
        best = int(probabilities.argmax())
        print(f"{{path}}: {{CLASS_NAMES[best]}} ({{probabilities[best]:.3f}})")
'''


OF_KERAS = """\
    # Without weights: "imagenet" would give some networks another layer, and the file would load into the wrong ones.
    x = keras.applications.{name}(
        include_top=False, weights=None, input_tensor=x, input_shape=(IMAGE_SIZE, IMAGE_SIZE, 3){alpha}
    ).output"""


def script(recipe: Recipe) -> str:
    """The text of `rebuild.py`. Nothing of a user's stands in it; class names come from `labels.json`."""
    row = recipe.backbone_row
    own = sources.source(row)
    lines = {
        "backbone": f"    x = {row.family}(x).output" if own else OF_KERAS,
        "preprocessing": _preprocessing(row.preprocessing),
        "head": f'    x = keras.layers.Dense({recipe.head_width}, activation="relu")(x)' if recipe.head_width else "",
    }
    template = SCRIPT
    for name, text in lines.items():
        template = template.replace(f"{{{name}}}\n", f"{text}\n" if text else "")
    return template.format(
        keras=versions()["keras"],
        size=recipe.image_size,
        name=row.name,
        source=f"{own}\n\n" if own else "",
        alpha=f", alpha={recipe.alpha!r}" if len(row.alphas) > 1 else "",
        dropout=recipe.dropout,
    )


def _preprocessing(kind: str) -> str:
    """The lines of `backbone.preprocess`."""
    match kind:
        case "minus_one_to_one":
            return "    x = keras.layers.Rescaling(1 / 127.5, -1.0)(x)"
        case "torch":
            return (
                f"    mean, deviation = {TORCH_MEAN}, {TORCH_DEVIATION}\n"
                "    scale = [1 / (255 * each) for each in deviation]\n"
                "    offset = [-each / other for each, other in zip(mean, deviation)]\n"
                "    x = keras.layers.Rescaling(scale, offset)(x)"
            )
        case "caffe":
            return (
                "    x = keras.ops.flip(x, axis=-1)  # to BGR\n"
                f"    x = keras.layers.Rescaling(1.0, {[-mean for mean in CAFFE_MEAN_BGR]})(x)"
            )
        case "centred":
            return f"    x = keras.layers.Rescaling(1.0, {[-mean for mean in CAFFE_MEAN_BGR[::-1]]})(x)"
        case _:
            return ""
