"""The peer: what a user writes today, the two phases of Keras' transfer-learning guide, straight `model.fit`.

    python -m benchmarks.peer FOLDER '{"backbone": "MobileNetV2", ...}'

FOLDER has `train` and `validation`, a folder a class in each: the very split that Thaw gets. Prints one JSON line;
seconds exclude imports and the listing of files, as Thaw's own do.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from dashboard.core.backbones import BACKBONES


class Clock(keras.callbacks.Callback):
    """Seconds of every epoch, validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.perf_counter() - self.began)


def classifier(options: dict[str, Any], num_classes: int) -> keras.Model:
    """Preprocessing, backbone and head as the guide joins them; the backbone is frozen or thawed from a layer up."""
    size = options["image_size"]
    row = BACKBONES[options["backbone"]]
    images = keras.Input((size, size, 3))
    x = images
    if options.get("augmentation"):
        x = keras.layers.RandomFlip("horizontal")(x)
        x = keras.layers.RandomRotation(15 / 360)(x)
        x = keras.layers.RandomZoom(0.15)(x)
    arguments = {"alpha": options["alpha"]} if len(row.alphas) > 1 else {}
    base = getattr(keras.applications, row.name)(
        input_shape=(size, size, 3), include_top=False, weights=None, pooling="avg", **arguments
    )
    if options.get("weights"):
        base.load_weights(options["weights"])
    base.trainable = False
    if first := options.get("first_trainable"):
        position = [layer.name for layer in base.layers].index(first)
        base.trainable = True
        for index, layer in enumerate(base.layers):
            layer.trainable = index >= position and not isinstance(layer, keras.layers.BatchNormalization)
    x = getattr(keras.applications, row.family).preprocess_input(x)
    x = keras.layers.Dropout(0.2)(base(x, training=False))
    return keras.Model(images, keras.layers.Dense(num_classes, activation="softmax")(x))


def main(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    keras.utils.set_random_seed(options["seed"])
    size = (options["image_size"], options["image_size"])
    train, validation = (
        keras.utils.image_dataset_from_directory(
            folder / split, image_size=size, batch_size=32, label_mode="categorical", verbose=0, seed=options["seed"]
        )
        for split in ("train", "validation")
    )
    num_classes = len(train.class_names)
    began = time.perf_counter()
    model = classifier(options, num_classes)
    model.compile(keras.optimizers.Adam(options["learning_rate"]), "categorical_crossentropy", metrics=["accuracy"])
    clock = Clock()
    history = model.fit(
        train.prefetch(2),
        validation_data=validation.prefetch(2),
        epochs=options["epochs"],
        verbose=0,
        callbacks=[clock],
    ).history
    best = min(range(options["epochs"]), key=lambda epoch: history["val_loss"][epoch])
    return {
        "seconds": time.perf_counter() - began,
        "epoch_seconds": clock.seconds,
        "validation_accuracy": history["val_accuracy"][best],
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), json.loads(sys.argv[2]))))
