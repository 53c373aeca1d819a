"""The network as a picture to take away."""

import io
from xml.etree import ElementTree

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dashboard.charts import drawing, theme
from dashboard.charts.layered import place

BOXES = pd.DataFrame(
    [
        ("picture", "Picture", "32 x 32 x 3", 0, 0, []),
        ("convolution", "Conv2D", "16 x 16 x 8", 216, 0, ["picture"]),
        ("dense <b>&", "Dense", "8", 72, 72, ["convolution"]),
        ("sum", "Add", "8", 0, 0, ["convolution", "dense <b>&"]),
    ],
    columns=["name", "kind", "shape", "parameters", "trainable", "inputs"],
)
GRAPHS = st.lists(st.sets(st.integers(0, 30), max_size=3), min_size=1, max_size=25).map(
    lambda rows: {f"{at}": [f"{each % at}" for each in sorted(found)] if at else [] for at, found in enumerate(rows)}
)


@given(GRAPHS)
def test_boxes_stand_below_what_they_are_computed_from_and_never_on_another(graph: dict[str, list[str]]) -> None:
    graph = {name: list(dict.fromkeys(sources)) for name, sources in graph.items()}
    placed = place(graph)
    assert set(placed.boxes) == set(graph)
    assert all(placed.boxes[source][1] < placed.boxes[name][1] for name, found in graph.items() for source in found)
    by_rank: dict[int, list[float]] = {}
    for x, rank in placed.boxes.values():
        assert 0.5 - 1e-9 <= x <= placed.width - 0.5 + 1e-9
        by_rank.setdefault(rank, []).append(x)
    for found in by_rank.values():
        assert all(right - left >= 1 - 1e-9 for left, right in zip(sorted(found), sorted(found)[1:], strict=False))
    assert len(placed.lines) == sum(map(len, graph.values()))
    assert all(lower[1] == upper[1] + 1 for line in placed.lines for upper, lower in zip(line, line[1:], strict=False))


def test_the_svg_names_every_layer_and_marks_what_trains_by_colour_and_outline() -> None:
    root = ElementTree.fromstring(drawing.svg(drawing.draw(BOXES)))
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert all(name in texts for name in BOXES["name"])
    assert "Conv2D, 216, 16 x 16 x 8" in texts
    boxes = list(root.iter("{http://www.w3.org/2000/svg}rect"))
    assert [each.get("stroke") for each in boxes].count(theme.EMBER) == 1
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 4


def test_the_png_has_the_size_of_the_svg_twice_and_never_too_long_a_side() -> None:
    drawn = drawing.draw(BOXES)
    assert Image.open(io.BytesIO(drawing.png(drawn))).size == (2 * drawn.size[0], 2 * drawn.size[1])
    long = pd.DataFrame(
        [(f"layer {at}", "Add", "8", 0, 0, [f"layer {at - 1}"] if at else []) for at in range(400)],
        columns=BOXES.columns,
    )
    assert max(Image.open(io.BytesIO(drawing.png(drawing.draw(long)))).size) == drawing.LONGEST
