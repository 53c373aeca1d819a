"""The best model in a given time: epochs, views and the thaw line, chosen by what was measured."""

from collections.abc import Callable
from dataclasses import dataclass

from dashboard.core.errors import RecipeError
from dashboard.core.fitting import Room, too_much
from dashboard.core.promise import Measurements, Pictures, Promise, promise, upper
from dashboard.core.quantities import duration
from dashboard.core.recipe import Recipe

SHARE = 0.9  # of the given time that is promised; a busy machine needs the rest
LEAST = {"epochs": 5, "fine_tune_epochs": 5}  # fewer, and thawing is not worth what it costs
MOST = {"epochs": 50, "fine_tune_epochs": 30, "views": 8}  # patience ends most runs before


@dataclass(frozen=True)
class Plan:
    """The chosen recipe, what it promises, and why it was chosen, in words."""

    recipe: Recipe
    promise: Promise
    reason: str


def candidates(recipe: Recipe, blocks: tuple[str, ...]) -> tuple[str | None, ...]:
    """Cuts worth choosing among, the lowest first: the upper half thawed, the upper third, and the head alone. A
    network with random weights learns as a whole or not at all."""
    if recipe.weights == "none":
        return (blocks[0], None)
    return tuple(dict.fromkeys([upper(blocks, 2), upper(blocks, 3), None]))


def best_within(minutes: float, recipe: Recipe, measurements: Measurements, pictures: Pictures, room: Room) -> Plan:
    """The recipe that thaws most, and then has most epochs and views, of those promised to end in time and to fit.

    Args:
        minutes: there are; 0.9 of them are planned.
        recipe: everything but epochs, views and cut stays as it is; views are chosen only where it augments.
        measurements: of its network, at all `candidates`.
        pictures: of its dataset.
        room: on this machine.

    Raises:
        RecipeError: `too-little-time`, naming the least there must be.
    """

    def fits(each: Recipe) -> bool:
        promised = promise(each, measurements, pictures)
        return promised.total <= SHARE * 60 * minutes and not too_much(promised, room)

    deeper: list[str] = []
    for cut in candidates(recipe, measurements.blocks):
        least = _least(recipe, cut)
        if least is None:
            continue
        if not fits(least):
            deeper.append(_too_deep(cut, least, promise(least, measurements, pictures), SHARE * 60 * minutes))
            continue
        found = _grown(least, fits)
        promised = promise(found, measurements, pictures)
        return Plan(found, promised, _reason(found, promised, minutes, deeper))
    raise RecipeError("too-little-time", _refusal(recipe, measurements, pictures, minutes))


def _least(recipe: Recipe, cut: str | None) -> Recipe | None:
    """The smallest recipe worth its time at a cut; None where the cut makes no sense."""
    views = {"views": 2 if cut else 1} if recipe.augmentation else {}
    if recipe.weights == "none":
        return recipe.replace(epochs=1, fine_tune_epochs=1, unfreeze_from=None, **views) if cut else None
    if cut is None:
        return recipe.replace(epochs=1, fine_tune_epochs=0, unfreeze_from=None, **views)
    return recipe.replace(unfreeze_from=cut, **LEAST, **views)


def _grown(recipe: Recipe, fits: Callable[[Recipe], bool]) -> Recipe:
    """A recipe with as many epochs and views as fit, all growing alike."""
    growing = [name for name in MOST if _may_grow(recipe, name)]
    while growing:
        for name in list(growing):
            more = recipe.replace(**{name: getattr(recipe, name) + 1})
            if getattr(recipe, name) < MOST[name] and fits(more):
                recipe = more
            else:
                growing.remove(name)
    return recipe


def _may_grow(recipe: Recipe, name: str) -> bool:
    if name == "views":
        return bool(recipe.augmentation) and recipe.cache
    if name == "fine_tune_epochs":
        return recipe.fine_tune_epochs > 0
    return recipe.weights != "none"  # a frozen random network has little to teach its head


def _too_deep(cut: str | None, least: Recipe, promised: Promise, seconds: float) -> str:
    where = f"Thawing from {cut} up" if cut else "Even the head alone"
    if promised.total > seconds:
        return f"{where} would take at least {duration(promised.total)}."
    return f"{where} would not fit this machine."


def _reason(recipe: Recipe, promised: Promise, minutes: float, deeper: list[str]) -> str:
    said = [f"{recipe.epochs} epochs frozen"]
    if recipe.fine_tune_epochs:
        from_block = f"from {recipe.unfreeze_from} up" if recipe.unfreeze_from else "with everything thawed"
        said.append(f"{recipe.fine_tune_epochs} epochs {from_block}")
    if recipe.augmentation and recipe.cache:
        said.append(f"{recipe.views} views of a picture")
    chosen = f"{', '.join(said)}: about {duration(promised.total)} of {duration(60 * minutes)}, at most."
    chosen = chosen.replace("1 epochs", "1 epoch", 1) if chosen.startswith("1 epochs") else chosen
    kept = "More would not fit the time." if _could_grow(recipe) else "More epochs would hardly help."
    return " ".join([chosen, *(deeper or [kept])])


def _could_grow(recipe: Recipe) -> bool:
    return any(_may_grow(recipe, name) and getattr(recipe, name) < most for name, most in MOST.items())


def _refusal(recipe: Recipe, measurements: Measurements, pictures: Pictures, minutes: float) -> str:
    least = [_least(recipe, cut) for cut in candidates(recipe, measurements.blocks)]
    shortest = min(promise(each, measurements, pictures).total for each in least if each)
    if shortest > SHARE * 60 * minutes:
        return (
            f"In {duration(60 * minutes)} this network learns nothing from these pictures: the shortest training takes "
            f"about {duration(shortest)}. Give it {shortest / SHARE / 60:.1f} minutes, or take a smaller network."
        )
    return "Even the smallest training of this network does not fit this machine. Take a smaller one or smaller images."
