"""The script of saving and loading, as text: every network's is Python, and its cells are all of it."""

import ast

import pytest

from dashboard.core.backbones import BACKBONES
from dashboard.core.recipe import Recipe
from dashboard.runs import save_and_load


def recipe_of(name: str) -> Recipe:
    row = BACKBONES[name]
    return Recipe(dataset="-", backbone=name, alpha=row.alphas[0], image_size=row.image_size, weights="none")


@pytest.mark.parametrize("name", BACKBONES)
def test_the_cells_are_the_whole_script_in_its_order(name: str) -> None:
    script = save_and_load.script(recipe_of(name))
    cells = save_and_load.cells(recipe_of(name))
    together = "\n".join(cell.code for cell in cells)
    assert ast.dump(ast.parse(together)) == ast.dump(ast.parse(script))
    at = [script.index(f"{save_and_load.MARK}{cell.title}\n") for cell in cells]
    assert at[0] == 0 and at == sorted(at)
    assert all(cell.title and cell.words and cell.code for cell in cells)


@pytest.mark.parametrize("name", [name for name, row in BACKBONES.items() if row.weights_file])
def test_the_topology_is_asked_for_without_weights(name: str) -> None:
    script = save_and_load.script(recipe_of(name))
    assert f"keras.applications.{name}(" in script and "    weights=None,\n" in script
    assert ("one Rescaling more" in script) == (BACKBONES[name].family == "efficientnet")


def test_nothing_of_this_project_is_in_the_script() -> None:
    script = save_and_load.script(recipe_of("MobileNetV2"))
    imports = {node.names[0].name for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Import)}
    assert imports == {"hashlib", "json", "keras"} | {"numpy"}
    assert "dashboard" not in script.replace("without this dashboard", "")
