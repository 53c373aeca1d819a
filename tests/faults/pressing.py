"""What every one of many processes does at once; a module of its own, for each of them imports it."""

from dashboard.core.recipe import Recipe
from dashboard.ui import launching


def press_train(recipe: str) -> str:
    return launching.enqueue(Recipe.model_validate_json(recipe))[0]
