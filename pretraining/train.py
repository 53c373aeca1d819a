"""Train MobileNetV2 to tell drawn pictures apart; goes on where it was killed, to the same weights.

    python -m pretraining.train PICTURES FOLDER --epochs 6

One network with four heads: what the picture shows, what is behind it, which cells of it the thing covers, and what
`pretraining.teacher` says of it. The last has by far the most to teach, and from the first step on, because every
picture, however it is cropped and lit, has its own answer. After every epoch the whole state (weights, optimizer,
number of the epoch) takes the place of the last one at once, so a kill costs at most one epoch. Chance is drawn from
the seed and the number of the epoch. Most epochs see small crops, which cost less. The rate stays the same until the
last epochs, so how many there are may be decided while it trains. At the end the statistics of BatchNormalization are
learned anew at the size the network is meant for.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dashboard.core import files
from dashboard.core.backbones import BACKBONES
from dashboard.ml import allocator, backbone
from pretraining import teacher
from pretraining.pictures import MAP_SIDE
from pretraining.teacher import Teacher

ROW, ALPHA = BACKBONES["MobileNetV2"], 0.35
HELD_OUT = 0.02  # share of the pictures that are never trained on
# Keras builds MobileNetV2 with 0.999: after a short training the statistics are still half those of an untrained
# network, and in inference mode it scores at chance.
MOMENTUM = 0.98
TAUGHT_FROM = 4000  # pictures that the teacher's dictionary and components come from
SETTLING = 200  # batches from which the statistics are learned anew; 0.98 ** 200 of the old ones is left


@dataclass(frozen=True)
class Schooling:
    """All that decides the weights, besides the pictures."""

    epochs: int = 30
    steps: int = 300  # of an epoch
    last_large: int = 4  # epochs at `large` pixels at the end
    small: int = 64  # pixels a side; a multiple of 32, so that padding falls alike at both sizes
    large: int = 96
    batch: int = 64
    learning_rate: float = 2e-3
    warm_up: float = 0.7  # epochs in which the rate rises from 0
    cooling: int = 8  # epochs at the end in which it falls to 0, as a cosine
    weight_decay: float = 0.02
    smoothing: float = 0.05  # of the labels
    thing_weight: float = 0.3  # of the loss of the thing
    ground_weight: float = 0.15
    map_weight: float = 0.5
    teacher_weight: float = 5.0  # of the share of the teacher's answers that is not explained
    seed: int = 1

    def size(self, epoch: int) -> int:
        return self.large if epoch >= self.epochs - self.last_large else self.small

    def rate(self, done: float) -> float:
        """Learning rate after this many epochs."""
        left = min(1.0, max(0.0, (self.epochs - done) / self.cooling))
        return self.learning_rate * min(1.0, done / self.warm_up) * 0.5 * (1 - np.cos(np.pi * left))


@dataclass(frozen=True)
class Pictures:
    """Drawn pictures and their labels, see `pretraining.pictures.draw_all`; the rows in a random but fixed order."""

    pixels: np.ndarray
    maps: np.ndarray
    labels: np.ndarray
    order: np.ndarray

    @classmethod
    def opened(cls, folder: Path) -> "Pictures":
        labels = np.load(folder / "labels.npy")
        order = np.random.default_rng(0).permutation(len(labels))
        return cls(np.load(folder / "pictures.npy", mmap_mode="r"), np.load(folder / "maps.npy"), labels, order)

    @property
    def held_out(self) -> np.ndarray:
        """Rows that training never sees."""
        return self.order[: max(1, round(HELD_OUT * len(self.order)))]

    @property
    def trained_on(self) -> np.ndarray:
        return self.order[len(self.held_out) :]

    @property
    def classes(self) -> tuple[int, int]:
        """How many things (none is one of them) and grounds there are."""
        things, grounds = self.labels.max(axis=0) + 1
        return int(things), int(grounds)


@dataclass
class State:
    """What a checkpoint holds: all that the next epoch starts from."""

    epoch: int  # epochs finished
    weights: list[np.ndarray]
    optimizer: list[np.ndarray]  # empty before the first step

    def save(self, path: Path) -> None:
        arrays: dict[str, Any] = {f"weights_{n:04d}": value for n, value in enumerate(self.weights)}
        arrays |= {f"optimizer_{n:04d}": value for n, value in enumerate(self.optimizer)}
        with files.replacing(path) as aside:
            np.savez(aside, epoch=np.array(self.epoch), **arrays)

    @classmethod
    def load(cls, path: Path) -> "State":
        with np.load(path, allow_pickle=False) as arrays:
            named = {
                kind: [arrays[n] for n in sorted(arrays) if n.startswith(kind)] for kind in ("weights", "optimizer")
            }
            return cls(int(arrays["epoch"]), named["weights"], named["optimizer"])


def build(size: int, classes: tuple[int, int], targets: int) -> keras.Model:
    """The backbone with linear heads on its pooled features: logits of things, grounds and cells, and answers."""
    images = keras.Input((size, size, 3))
    network = keras.models.clone_model(backbone.build(ROW, ALPHA, size, images), [images], clone_function=_fused)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooling")(network.output)
    _begin_without_branches(network)
    # Pooled features are small, a few hundredths: as they are, the heads would take long to learn anything from them.
    scaled = keras.layers.BatchNormalization(momentum=MOMENTUM, name="scaling")(pooled)
    heads = {"thing": classes[0], "ground": classes[1], "map": MAP_SIDE**2, "answers": targets}
    return keras.Model(images, [keras.layers.Dense(count, name=name)(scaled) for name, count in heads.items()])


def _begin_without_branches(network: keras.Model) -> None:
    """Let every residual branch begin at nothing (Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 5.1).

    A random branch passes on little of the picture but the zeros that pad it; what the last blocks saw of a picture was
    soon a sixtieth of what they saw of the place in the map, and nothing was learned.
    """
    for name in [layer.name.removesuffix("_add") for layer in network.layers if layer.name.endswith("_add")]:
        gamma = network.get_layer(f"{name}_project_BN").gamma
        gamma.assign(np.zeros(gamma.shape))


@keras.saving.register_keras_serializable("pretraining")
class FusedNormalization(keras.layers.BatchNormalization):
    """The same numbers from TensorFlow's fused kernel: on a CPU a step of training takes five eighths of the time."""

    def call(self, inputs: tf.Tensor, training: bool = False, mask: tf.Tensor | None = None) -> tf.Tensor:
        if not training:
            return super().call(inputs, training=False, mask=mask)
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(inputs, gamma, beta, epsilon=self.epsilon)
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1 - self.momentum))
        return outputs


def _fused(layer: keras.layers.Layer) -> keras.layers.Layer:
    if isinstance(layer, keras.layers.BatchNormalization):
        return FusedNormalization.from_config({**layer.get_config(), "momentum": MOMENTUM})
    return layer.__class__.from_config(layer.get_config())


class Trainer:
    """One network at one size of pictures, with its optimizer."""

    def __init__(self, schooling: Schooling, size: int, classes: tuple[int, int], taught_by: Teacher) -> None:
        keras.utils.set_random_seed(schooling.seed)
        self.schooling, self.size, self.classes, self.teacher = schooling, size, classes, taught_by
        self.model = build(size, classes, taught_by.targets)
        self.optimizer = keras.optimizers.AdamW(0.0, weight_decay=schooling.weight_decay, global_clipnorm=5.0)
        self.optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        self.optimizer.build(self.model.trainable_variables)
        self.step = tf.function(self._step)
        self.guess = tf.function(lambda images: self.model(images, training=False))

    def state(self, epoch: int) -> State:
        return State(epoch, self.model.get_weights(), [np.asarray(value) for value in self.optimizer.variables])

    def restore(self, state: State) -> None:
        self.model.set_weights(state.weights)
        for variable, value in zip(self.optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)

    def _step(
        self, pixels: tf.Tensor, maps: tf.Tensor, boxes: tf.Tensor, light: tf.Tensor, labels: tf.Tensor
    ) -> tf.Tensor:
        rows = tf.range(tf.shape(pixels)[0])
        images = tf.image.crop_and_resize(pixels, boxes, rows, (self.size, self.size))
        images = tf.clip_by_value(images * light[:, None, None, :3] + light[:, None, None, 3:], 0, 255)
        covered = tf.image.crop_and_resize(maps[..., None], boxes, rows, (MAP_SIDE, MAP_SIDE)) / 255
        wanted_answers = self.teacher.answers(teacher.resized(images, teacher.SIDE))
        with tf.GradientTape() as tape:
            thing, ground, cells, answers = self.model(images, training=True)
            loss = self.schooling.thing_weight * self._loss(labels[:, 0], thing, 0)
            loss += self.schooling.ground_weight * self._loss(labels[:, 1], ground, 1)
            wanted = tf.reshape(covered, tf.shape(cells))
            loss += self.schooling.map_weight * tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(wanted, cells))
            unexplained = tf.reduce_mean((wanted_answers - answers) ** 2 @ self.teacher.importance[:, None])
            loss += self.schooling.teacher_weight * unexplained
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return tf.stack([loss, unexplained])

    def _loss(self, labels: tf.Tensor, logits: tf.Tensor, head: int) -> tf.Tensor:
        """Mean cross-entropy with smoothed labels."""
        smoothing, count = self.schooling.smoothing, self.classes[head]
        wanted = tf.one_hot(labels, count, 1 - smoothing + smoothing / count, smoothing / count)
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))

    def run(self, pictures: Pictures, epoch: int) -> tuple[float, float]:
        """Train for one epoch; returns the mean loss, and the mean share of the answers that was not explained."""
        losses = []
        for done, batch in batches(pictures, self.schooling, epoch):
            self.optimizer.learning_rate.assign(self.schooling.rate(done))
            losses.append(self.step(*batch))
        loss, unexplained = np.mean([np.asarray(each) for each in losses], axis=0)
        return float(loss), float(unexplained)

    def accuracies(self, pictures: Pictures) -> tuple[float, float]:
        """Shares of held-out things and grounds that are recognised in inference mode."""
        right = []
        for rows in np.array_split(pictures.held_out, max(1, len(pictures.held_out) // 128)):
            images = tf.image.resize(tf.cast(pictures.pixels[rows], tf.float32), (self.size, self.size))
            guesses = np.stack([np.argmax(logits, axis=1) for logits in self.guess(images)[:2]], axis=1)
            right.append(guesses == pictures.labels[rows])
        things, grounds = np.concatenate(right).mean(axis=0)
        return float(things), float(grounds)


Batch = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]


def batches(pictures: Pictures, schooling: Schooling, epoch: int) -> Iterator[tuple[float, Batch]]:
    """All batches of an epoch, made while the one before is trained on.

    Yields:
        How many epochs were done before it, and the batch: pixels and maps, uint8; crops as shares of
        the side, shape (batch, 4); factors and offsets of the light, shape (batch, 6); labels, shape (batch, 2).
    """
    rng = np.random.default_rng([schooling.seed, epoch])
    rows = rng.permutation(pictures.trained_on)
    steps = min(schooling.steps, len(rows) // schooling.batch)

    def made() -> Iterator[tuple[np.ndarray, ...]]:
        for step in range(steps):
            these = rows[step * schooling.batch : (step + 1) * schooling.batch]
            boxes, factors = crops(len(these), rng), light(len(these), rng)
            yield pictures.pixels[these], pictures.maps[these], boxes, factors, pictures.labels[these]

    shapes = ((None, *pictures.pixels.shape[1:]), (None, *pictures.maps.shape[1:]), (None, 4), (None, 6), (None, 2))
    kinds = (tf.uint8, tf.uint8, tf.float32, tf.float32, tf.int32)
    signature = tuple(tf.TensorSpec(shape, kind) for shape, kind in zip(shapes, kinds, strict=True))
    ahead = tf.data.Dataset.from_generator(made, output_signature=signature).prefetch(4)
    for step, batch in enumerate(ahead):
        yield epoch + step / steps, batch


def crops(count: int, rng: np.random.Generator) -> np.ndarray:
    """Boxes (top, left, bottom, right) with 65 to 100 % of the side, a little wider or narrower, anywhere."""
    size = np.clip(rng.uniform(0.55, 1.0, (count, 1)) * np.exp(rng.normal(0, 0.08, (count, 2))), 0.4, 1)
    corner = rng.uniform(0, 1, (count, 2)) * (1 - size)
    return np.asarray(np.concatenate([corner, corner + size], axis=1), dtype=np.float32)


def light(count: int, rng: np.random.Generator) -> np.ndarray:
    """Factors of red, green and blue, then what is added to each (0..255), shape (count, 6)."""
    factors = rng.uniform(0.6, 1.3, (count, 1)) * rng.uniform(0.8, 1.2, (count, 3))
    offsets = np.repeat(rng.uniform(-25, 25, (count, 1)), 3, axis=1)
    return np.asarray(np.concatenate([factors, offsets], axis=1), dtype=np.float32)


def train(pictures: Pictures, folder: Path, schooling: Schooling) -> State:
    """Train, or go on; leaves `state.npz`, one line an epoch in `epochs.jsonl`, and what it returns as `settled.npz`.

    Raises:
        ValueError: the folder holds a training with other settings.
    """
    _hold_to(folder / "schooling.json", schooling)
    allocator.keep_freed_memory()
    checkpoint = folder / "state.npz"
    state = State.load(checkpoint) if checkpoint.exists() else State(0, [], [])
    taught_by = _teacher(folder / "teacher.npz", pictures)
    trainer: Trainer | None = None
    for epoch in range(state.epoch, schooling.epochs):
        if trainer is None or trainer.size != schooling.size(epoch):
            trainer = Trainer(schooling, schooling.size(epoch), pictures.classes, taught_by)
            if state.epoch:
                trainer.restore(state)
        started = time.perf_counter()
        loss, unexplained = trainer.run(pictures, epoch)
        seconds = time.perf_counter() - started
        things, grounds = trainer.accuracies(pictures)
        state = trainer.state(epoch + 1)
        state.save(checkpoint)
        row = {
            "epoch": epoch + 1,
            "loss": loss,
            "unexplained": unexplained,
            "things": things,
            "grounds": grounds,
            "seconds": round(seconds),
        }
        with (folder / "epochs.jsonl").open("a", encoding="utf-8") as history:
            history.write(json.dumps(row) + "\n")
        print(row, flush=True)
    state = settled(pictures, state, schooling, taught_by)
    state.save(folder / "settled.npz")
    return state


def settled(pictures: Pictures, state: State, schooling: Schooling, taught_by: Teacher) -> State:
    """The same weights with BatchNormalization statistics of whole pictures at `schooling.large` pixels."""
    trainer = Trainer(schooling, schooling.large, pictures.classes, taught_by)
    trainer.restore(state)
    watch = tf.function(lambda images: trainer.model(images, training=True))
    rng = np.random.default_rng([schooling.seed, schooling.epochs])
    for _ in range(SETTLING):
        rows = rng.choice(pictures.trained_on, schooling.batch)
        watch(tf.image.resize(tf.cast(pictures.pixels[rows], tf.float32), (schooling.large, schooling.large)))
    return trainer.state(state.epoch)


def _teacher(path: Path, pictures: Pictures) -> Teacher:
    if not path.exists():
        rows = np.sort(pictures.trained_on[:TAUGHT_FROM])
        Teacher.made(np.asarray(pictures.pixels[rows])).save(path)
    return Teacher.load(path)


def _hold_to(path: Path, schooling: Schooling) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wanted = asdict(schooling)
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else wanted
    if {**found, "epochs": schooling.epochs} != wanted:
        raise ValueError(f"{path.parent} holds a training with other settings: expected {wanted}, found {found}.")
    files.write_json(path, wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a network on drawn pictures, or go on where it was killed.")
    parser.add_argument("pictures", type=Path, help="the folder that `pretraining.pictures` has printed")
    parser.add_argument("folder", type=Path, help="where the checkpoint goes; outside the repository")
    parser.add_argument("--threads", type=int, default=2)
    for name, value in asdict(Schooling()).items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    chosen = vars(parser.parse_args())
    pictures, folder, threads = chosen.pop("pictures"), chosen.pop("folder"), chosen.pop("threads")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    train(Pictures.opened(pictures), folder, Schooling(**chosen))


if __name__ == "__main__":
    main()
