"""Maps as pictures, and the frame around what a unit sees."""

import numpy as np
import pandas as pd

from dashboard.charts import feature_maps, theme
from dashboard.core.receptive_field import Box


def test_a_tile_grows_every_unit_to_a_square_and_keeps_dark_below_bright() -> None:
    tile = feature_maps.tile(np.array([[0.0, 1.0], [np.inf, 0.5]]), 0.0, 1.0, side=100)
    assert tile.shape == (100, 100, 3) and tile.dtype == np.uint8
    assert tuple(tile[0, 0]) == feature_maps.SCALE[0]
    assert tuple(tile[0, -1]) == tuple(tile[-1, 0]) == feature_maps.SCALE[-1]
    assert tuple(tile[-1, -1]) == feature_maps.SCALE[2]


def test_units_can_be_clicked_on_and_the_chosen_one_is_framed() -> None:
    figure = feature_maps.units(np.arange(12.0).reshape(3, 4), (2, 1), "a map")
    places = figure.data[-1].customdata
    assert [list(each) for each in places] == [[row, column] for row in range(3) for column in range(4)]
    frame = figure.layout.shapes[-1]
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (0.5, 1.5, 1.5, 2.5)
    large = feature_maps.units(np.zeros((112, 112)), (0, 0), "a map").data[-1].customdata
    assert len(large) == feature_maps.CLICKABLE**2 and list(large[-1]) == [111, 111]


def test_the_picture_is_shaded_but_for_what_is_seen() -> None:
    figure = feature_maps.seen(np.zeros((10, 12, 3)), Box(2, 3, 5, 12), "seen", "")
    shades = [each for each in figure.layout.shapes if each.fillcolor]
    areas = [(each.x1 - each.x0) * (each.y1 - each.y0) for each in shades]
    assert sum(areas) == 10 * 12 - 3 * 9


def test_a_head_that_trained_alone_leaves_a_sentence() -> None:
    table = pd.DataFrame({"block": ["a", "b"], "weights": [0.0, 0.0], "outputs": [0.0, 0.0]})
    assert "No block's weights changed" in theme.alt(feature_maps.changes(table)).replace("\n", " ")
    table.loc[1] = ["b", 0.02, 0.1]
    assert feature_maps.changes(table).layout.title.text == "b changed most"
