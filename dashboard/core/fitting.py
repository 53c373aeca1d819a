"""Whether a recipe fits this machine, and which one near it does."""

from collections.abc import Iterator
from dataclasses import dataclass

from dashboard.core.backbones import weights_published
from dashboard.core.promise import Measurements, Pictures, Promise, cuts, promise
from dashboard.core.quantities import size
from dashboard.core.recipe import Recipe

STEP = 32  # pixels
MEMORY_SHARE = 0.9  # of the free memory that a run may take
KNOBS = (("batch_size",), ("views",), ("unfreeze_from", "fine_tune_epochs", "epochs"), ("image_size",))


@dataclass(frozen=True)
class Room:
    """Bytes a run may take; None where nobody knows."""

    memory: int | None
    disk: int | None


@dataclass(frozen=True)
class Fitting:
    """A recipe that fits, what it promises, and in words what was changed to get there; empty where nothing was."""

    recipe: Recipe
    promise: Promise
    changed: str


def too_much(promised: Promise, room: Room) -> tuple[str, ...]:
    """What there is not enough of: `memory`, `disk`, both or nothing."""
    found = []
    if room.memory is not None and promised.memory > room.memory * MEMORY_SHARE:
        found.append("memory")
    if room.disk is not None and promised.disk > room.disk:
        found.append("disk")
    return tuple(found)


def refusal(promised: Promise, room: Room) -> str | None:
    """Why a run cannot start, in a sentence; None where it can."""
    lacking = too_much(promised, room)
    said = []
    if "memory" in lacking:
        said.append(f"{size(promised.memory)} of memory, of which {size(room.memory or 0)} are free")
    if "disk" in lacking:
        said.append(f"{size(promised.disk)} of disk for features, of which {size(room.disk or 0)} are free")
    return f"These settings do not fit this machine: they need about {', and '.join(said)}." if said else None


def nearest(recipe: Recipe, measurements: Measurements, pictures: Pictures, room: Room) -> Fitting | None:
    """The recipe itself where it fits, else the nearest that does: first the batch is halved as long as it helps, then
    there are fewer views, then less is thawed, then pictures get smaller. None where nothing fits."""

    def lacking(of: Recipe) -> tuple[str, ...]:
        return too_much(promise(of, measurements, pictures), room)

    found = recipe
    for following in (_smaller_batches, _fewer_views, _higher_cuts, _smaller_pictures):
        for each in following(found, measurements):
            if not (before := lacking(found)):
                break
            if any(_demand(each, measurements, pictures, of) < _demand(found, measurements, pictures, of)
                   for of in before):  # fmt: skip
                found = each
    if lacking(found):
        return None
    for names in KNOBS:  # what the last change has made needless goes back
        again = found.replace(**{name: getattr(recipe, name) for name in names})
        if again != found and not lacking(again):
            found = again
    return Fitting(found, promise(found, measurements, pictures), difference(recipe, found))


def _demand(recipe: Recipe, measurements: Measurements, pictures: Pictures, of: str) -> int:
    promised = promise(recipe, measurements, pictures)
    return promised.memory if of == "memory" else promised.disk


def _smaller_batches(recipe: Recipe, _measurements: Measurements) -> Iterator[Recipe]:
    while recipe.batch_size > 1:
        recipe = recipe.replace(batch_size=recipe.batch_size // 2)
        yield recipe


def _fewer_views(recipe: Recipe, _measurements: Measurements) -> Iterator[Recipe]:
    if recipe.augmentation and recipe.cache:
        for views in range(recipe.views - 1, 0, -1):
            yield recipe.replace(views=views)


def _higher_cuts(recipe: Recipe, measurements: Measurements) -> Iterator[Recipe]:
    """Every measured cut above the recipe's, and at last nothing thawed at all."""
    if not recipe.fine_tune_epochs:
        return
    now = measurements.depth(cuts(recipe, measurements.blocks)[-1])
    by_depth = sorted(measurements.parts, key=lambda part: -measurements.depth(part.cut))
    for part in by_depth:
        if 0 < measurements.depth(part.cut) < now:
            yield recipe.replace(unfreeze_from=part.cut)
    if measurements.part(None):
        epochs = recipe.epochs or recipe.fine_tune_epochs
        yield recipe.replace(unfreeze_from=None, fine_tune_epochs=0, epochs=epochs)


def _smaller_pictures(recipe: Recipe, _measurements: Measurements) -> Iterator[Recipe]:
    row = recipe.backbone_row
    while recipe.image_size > row.smallest_image_size:
        recipe = recipe.replace(image_size=max(row.smallest_image_size, recipe.image_size - STEP))
        if recipe.weights != "imagenet" or weights_published(row, recipe.alpha, recipe.image_size):
            yield recipe


def difference(before: Recipe, after: Recipe) -> str:
    """What was changed, in words: `batch size 8 instead of 64, image size 160 instead of 224 pixels`."""
    said = []
    if after.batch_size != before.batch_size:
        said.append(f"batch size {after.batch_size} instead of {before.batch_size}")
    if after.views != before.views:
        said.append(f"{after.views} view{'s' if after.views > 1 else ''} of a picture instead of {before.views}")
    if before.fine_tune_epochs and not after.fine_tune_epochs:
        said.append("nothing thawed")
    elif after.unfreeze_from != before.unfreeze_from:
        said.append(f"thawed only from {after.unfreeze_from} up")
    if after.image_size != before.image_size:
        said.append(f"image size {after.image_size} instead of {before.image_size} pixels")
    return ", ".join(said)
