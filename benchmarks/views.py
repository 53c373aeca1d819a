"""How many views of a picture are worth their time: accuracy and seconds by their number, against fresh changes."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import ground
from benchmarks.training import CHANGES
from dashboard.data import intake

SETS = {"flowers_small": 224, "trashnet_third": 160}  # with the image size, in pixels
COUNTS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Line:
    """A number of views (None: fresh changes in every epoch, no cache), with one value a seed."""

    dataset: str
    views: int | None
    seconds: list[float]
    accuracies: list[float]
    test_accuracies: list[float]


def lines(seeds: int) -> Iterator[Line]:
    """MobileNetV2 0.35 with its ImageNet weights, 16 frozen epochs; nothing where data or weights are not at hand."""
    network = ground.small_network()
    if network is None:
        return
    for name, image_size in SETS.items():
        dataset = intake.import_pictures(intake.Source(ground.SHARED / name, name), name=name)
        fields = {**network, "image_size": image_size, "epochs": 16, "fine_tune_epochs": 0, "augmentation": CHANGES}
        for count in (*COUNTS, None):
            way = {"cache": False} if count is None else {"views": count}
            results = [
                ground.by_thaw(dataset, f"{name}-{count}-{seed}", **fields, **way, seed=seed) for seed in range(seeds)
            ]
            yield Line(
                name,
                count,
                [each.seconds for each in results],
                [each.validation_accuracy for each in results],
                [each.test_accuracy for each in results if each.test_accuracy is not None],
            )
