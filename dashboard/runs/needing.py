"""Which runs under way begin with a file of downloaded weights, and removing one that none needs."""

from dashboard.core.errors import WeightsError
from dashboard.data import kept_weights
from dashboard.data.weights import imagenet_file
from dashboard.runs import queue, status
from dashboard.runs.run import open_run


def needing(name: str) -> list[int]:
    """Numbers of runs that wait or train and begin with this file, the oldest first. Ended runs keep their own."""
    rows = queue.listing()
    under_way = rows[rows["status"].isin(status.UNDER_WAY)].sort_values("number")
    return [int(row.number) for row in under_way.itertuples() if _begins_with(str(row.id), name)]


def _begins_with(run_id: str, name: str) -> bool:
    recipe = open_run(run_id).recipe
    return (
        recipe.weights == "imagenet"
        and imagenet_file(recipe.backbone_row, recipe.alpha, recipe.image_size).name == name
    )


def remove(name: str) -> int:
    """Delete a file of Keras' folder; how many bytes it had.

    Raises:
        WeightsError: `weights-in-use`, a run under way begins with it; else as `kept_weights.remove`.
    """
    if numbers := needing(name):
        listed = ", ".join(str(number) for number in numbers)
        raise WeightsError(
            "weights-in-use",
            f"{name} was not removed: run {listed} is under way and begins with it. Wait until it has ended.",
        )
    return kept_weights.remove(name)
