"""From picture files to a finished model, Thaw and the plain `model.fit` in turn."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import ground
from benchmarks.ground import Result
from dashboard.data.datasets import Dataset

CUT = "block_13"
FIRST_THAWED = "block_13_expand"  # the first layer of that block
OTHERS = ("EfficientNetV2B0", "ResNet50", "DenseNet121", "MobileNetV3Small")  # one of each kind of preprocessing
CHANGES = ("flip", "rotation", "zoom")


@dataclass(frozen=True)
class Line:
    """A row of the table: one work, done both ways, once a seed."""

    work: str
    ours: list[float]  # seconds
    peer: list[float]
    our_accuracy: list[float]
    peer_accuracy: list[float]
    goal: float | None  # times faster; None where the figure is only stated

    @property
    def times(self) -> float:
        return ground.median(self.peer) / ground.median(self.ours)


def line(
    work: str, ours: list[Result], peer: list[Result], goal: float | None, seconds: Callable[[Result], float]
) -> Line:
    return Line(
        work,
        [seconds(each) for each in ours],
        [seconds(each) for each in peer],
        [each.validation_accuracy for each in ours],
        [each.validation_accuracy for each in peer],
        goal,
    )


def whole(result: Result) -> float:
    return result.seconds


def an_epoch(result: Result) -> float:
    """The median of all epochs but the first, in which both sides trace their graphs."""
    return ground.median(result.epoch_seconds[1:])


def _frozen() -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the peer and fields of our recipe that both start from the same weights, frozen."""
    plain = {"weights": str(ground.WEIGHTS)} if ground.WEIGHTS.is_file() else {}
    return plain, {**ground.starting_weights(), "fine_tune_epochs": 0}


def lines(dataset: Dataset, folder: Path, repeats: int) -> Iterator[Line]:
    """Every line as soon as it is measured."""
    plain, ours = _frozen()
    first, again, peer = [], [], []
    for seed in range(repeats):
        first.append(ground.by_thaw(dataset, f"frozen-{seed}", **ours, seed=seed))
        other = {"head_width": 64, "dropout": 0.5}
        again.append(ground.by_thaw(dataset, f"again-{seed}", empty_cache=False, **ours, **other, seed=seed))
        peer.append(ground.by_peer(folder, **plain, epochs=10, seed=seed))
    yield line("10 frozen epochs, files to finished model", first, peer, 20, whole)
    yield line("the same again with another head, from the cache", again, peer, 75, whole)

    thawed = {"epochs": 0, "fine_tune_epochs": 4, "unfreeze_from": CUT}
    first, peer = [], []
    for seed in range(repeats):
        first.append(ground.by_thaw(dataset, f"thawed-{seed}", **{**ours, **thawed}, seed=seed))
        options = {"first_trainable": FIRST_THAWED, "learning_rate": 1e-4}
        peer.append(ground.by_peer(folder, **plain, **options, epochs=4, seed=seed))
    yield line(f"a fine-tuning epoch from {CUT} up", first, peer, 4, an_epoch)


def augmented(dataset: Dataset, folder: Path, repeats: int) -> Iterator[Line]:
    """The line with random changes to the training pictures."""
    plain, ours = _frozen()
    first, peer = [], []
    for seed in range(repeats):
        first.append(ground.by_thaw(dataset, f"views-{seed}", **ours, augmentation=CHANGES, seed=seed))
        peer.append(ground.by_peer(folder, **plain, augmentation=True, epochs=10, seed=seed))
    yield line("10 frozen epochs with augmentation, 4 views against fresh changes", first, peer, 5, whole)


def other_backbones(dataset: Dataset, folder: Path, epochs: int = 3) -> Iterator[Line]:
    """One of each kind of preprocessing, once, from random weights: what is computed takes as long."""
    for name in OTHERS:
        fields = {"backbone": name, "weights": "none", "epochs": epochs, "fine_tune_epochs": 0}
        ours = ground.by_thaw(dataset, f"other-{name}", **fields)
        peer = ground.by_peer(folder, backbone=name, epochs=epochs)
        yield line(f"{name}, {epochs} frozen epochs, random weights", [ours], [peer], None, whole)


def not_faster(dataset: Dataset, folder: Path) -> Iterator[Line]:
    """Where there is nothing to keep, or nobody uses it twice."""
    plain, ours = _frozen()
    one = ground.by_thaw(dataset, "one-epoch", **ours | {"epochs": 1})
    yield line("1 frozen epoch", [one], [ground.by_peer(folder, **plain, epochs=1)], None, whole)
    fresh = ground.by_thaw(dataset, "fresh", **ours | {"epochs": 2, "augmentation": CHANGES, "cache": False})
    peer = ground.by_peer(folder, **plain, augmentation=True, epochs=2)
    yield line("2 frozen epochs with fresh augmentation, cache off", [fresh], [peer], None, whole)
    fields = {"epochs": 0, "fine_tune_epochs": 2, "unfreeze_from": "stem", "fine_tune_learning_rate": 1e-4}
    everything = ground.by_thaw(dataset, "everything", **{**ours, **fields})
    peer = ground.by_peer(folder, **plain, first_trainable="Conv1", learning_rate=1e-4, epochs=2)
    yield line("an epoch with everything thawed", [everything], [peer], None, an_epoch)
