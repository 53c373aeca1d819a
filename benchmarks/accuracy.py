"""Whether the cache costs accuracy: the same recipes with and without it, on three data sets, with three seeds."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import ground
from dashboard.data import intake

SETS = {"flowers_small": 224, "trashnet_third": 160, "sign_digits": 96}  # with the image size, in pixels
WAYS = {
    "no cache": {"cache": False},
    "cache, float32": {"precision": "float32"},
    "cache, bfloat16": {"precision": "bfloat16"},
}


@dataclass(frozen=True)
class Line:
    """Accuracies on the validation pictures, one a seed, by the whole network on the files."""

    dataset: str
    way: str
    accuracies: list[float]
    test_accuracies: list[float]


def lines(seeds: int = 3) -> Iterator[Line]:
    """MobileNetV2 0.35 with its ImageNet weights, frozen and then thawed from the upper third; nothing where the data
    or the weights are not at hand."""
    network = ground.small_network()
    if network is None:
        return
    for name, image_size in SETS.items():
        dataset = intake.import_pictures(intake.Source(ground.SHARED / name, name), name=name)
        fields = {**network, "image_size": image_size, "epochs": 10, "fine_tune_epochs": 5}
        for way, changes in WAYS.items():
            results = [
                ground.by_thaw(dataset, f"{name}-{way}-{seed}".replace(" ", "-"), **fields, **changes, seed=seed)
                for seed in range(seeds)
            ]
            yield Line(
                name,
                way,
                [each.validation_accuracy for each in results],
                [each.test_accuracy for each in results if each.test_accuracy is not None],
            )
