"""What is traded between keeping what stays frozen and computing it anew, in numbers of pictures."""

from dashboard.core.recipe import FINE_TUNING, Recipe


def what_is_traded(recipe: Recipe, training: int, *, everything_learns: bool | None = None) -> str:
    """What the recipe's cache, views and augmentation cost and give, for so many training pictures.

    Args:
        recipe: as it stands.
        training: pictures of the training split.
        everything_learns: whether fine-tuning thaws the lowest block, so that nothing stays frozen; None takes what a
            recipe without a block of its own does.
    """
    if not training:
        return "There are no training pictures yet."
    whole = everything_learns
    if whole is None:
        whole = recipe.weights == "none" and recipe.unfreeze_from is None
    thawed = [phase for phase in recipe.phases if phase.name == FINE_TUNING and whole]
    kept = [phase for phase in recipe.phases if recipe.cache and phase not in thawed]
    if not kept:
        return _anew(recipe, training)
    words = _kept(recipe, training, [phase.epochs for phase in kept])
    if thawed:
        words += " Then everything learns and nothing is kept: the whole network " + _every([thawed[0].epochs])
        words += ", with fresh changes each time." if recipe.augmentation else "."
    return words


def _anew(recipe: Recipe, training: int) -> str:
    epochs = sum(phase.epochs for phase in recipe.phases)
    fresh = "with fresh changes each time" if recipe.augmentation else "the same each time"
    words = f"{_count(training, 'picture')} through the whole network {_every([epochs])}, {fresh}"
    words += f": {training * epochs:,} in all."
    return f"Everything learns, so nothing can be kept: {words}" if recipe.cache else f"Nothing is kept: {words}"


def _kept(recipe: Recipe, training: int, epochs: list[int]) -> str:
    views = recipe.views if recipe.augmentation else 1
    once, anew = views * training * len(epochs), training * sum(epochs)
    words = (
        f"{_count(views, 'view')} of {_count(training, 'picture')}: {_count(views * training, 'picture')} through the "
        f"frozen part once{' a phase' if len(epochs) > 1 else ''}, instead of {training:,} {_every(epochs)}."
    )
    if recipe.augmentation and views == 1:
        words += " The one view is the picture as it is, so nothing is changed: take 2 or more."
    elif once > anew:
        words += f" That is {once:,} in all and more than the {anew:,} without keeping"
        words += ": take fewer views, or more epochs."
    elif recipe.augmentation:
        changed = "1 of the 2 is" if views == 2 else f"{views - 1} of the {views} are"
        words += f" {changed} changed; each comes again after {views} epochs."
    return words


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _every(epochs: list[int]) -> str:
    return "in 1 epoch" if epochs == [1] else f"in each of {' and '.join(map(str, epochs))} epochs"
