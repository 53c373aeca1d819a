import re
import shutil
import subprocess

import pandas as pd
import pytest

from dashboard.charts import theme, topology
from tests.charts.conftest import EVIL


def test_frozen_is_ice_and_trainable_is_ember_and_striped(network) -> None:
    frozen, trainable = topology.blocks(network).data
    assert (frozen.name, frozen.marker.color, frozen.marker.pattern.shape) == ("frozen", theme.ICE, None)
    assert (trainable.name, trainable.marker.pattern.bgcolor, trainable.marker.pattern.shape) == (
        "trainable",
        theme.EMBER,
        "/",
    )
    assert [*frozen.customdata, *trainable.customdata] == network["name"].tolist()


def test_blocks_run_line_by_line_like_text(network) -> None:
    frozen, trainable = topology.blocks(network, columns=4).data
    places = list(
        zip([*frozen.x, *trainable.x], [round(base + 0.4) for base in [*frozen.base, *trainable.base]], strict=True)
    )
    assert places == [(number % 4, number // 4) for number in range(len(network))]
    assert list(topology.blocks(network, columns=4).layout.yaxis.range) == [2.5, -0.5]


def test_the_title_says_how_much_trains(network) -> None:
    assert topology.blocks(network).layout.title.text == "0.43 M of 0.73 M parameters train"


def test_every_block_is_labelled_and_hover_tells_the_rest(network) -> None:
    frozen = topology.blocks(network).data[0]
    assert frozen.text[1] == "<b>block_1</b><br>20 k"
    assert frozen.hovertext[0] == "<b>stem</b>, frozen<br>4 layers, 928 parameters<br>output 112 x 112 x 32"


@pytest.mark.parametrize("trainable", [True, False])
def test_a_network_of_one_kind_and_one_block_is_drawn(network, trainable) -> None:
    figure = topology.blocks(network.head(1).assign(trainable=trainable))
    assert [trace.name for trace in figure.data] == ["trainable" if trainable else "frozen"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (928, "928"),
        (6_405, "6.4 k"),
        (9_990, "10 k"),
        (99_400, "99 k"),
        (99_999, "0.10 M"),
        (300_000, "0.30 M"),
        (999_999, "1.0 M"),
    ]
    + [(2_257_984, "2.3 M"), (99_900_000, "100 M"), (348_000_000, "348 M")],
)
def test_parameters_have_two_or_three_digits(count: int, text: str) -> None:
    assert topology.millions(count) == text


def test_without_blocks_a_sentence_stands_there(network) -> None:
    assert topology.blocks(network.head(0)).layout.annotations[0].text
    assert topology.dot(network.head(0)).endswith("}\n")


def test_dot_draws_every_block_in_order(network) -> None:
    text = topology.dot(network)
    assert " -> ".join(f"block{number}" for number in range(len(network))) in text
    assert text.count(f'fillcolor="{theme.EMBER}"') == 4
    assert text.count(f'fillcolor="{theme.ICE}"') == 6
    assert text.count('peripheries="2"') == 4


HOSTILE = [*EVIL, 'a"]; evil [label="', "back\\slash\\", "\\N \\G", "line\nbreak", "&amp;"]


def test_dot_labels_cannot_leave_their_quotes(network) -> None:
    rows = pd.concat([network.head(1).assign(name=name) for name in HOSTILE])
    nodes = [line for line in topology.dot(rows).splitlines() if re.match(r"  block\d+ \[", line)]
    assert len(nodes) == len(HOSTILE)
    assert r'label="\\N \\G\n928, frozen\n' in topology.dot(rows)
    for line in nodes:
        assert re.fullmatch(r'  block\d+ \[(\w+="(?:[^"\\]|\\.)*"(, )?)+\];', line), line


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz' dot")
def test_graphviz_reads_the_names_as_they_were(network) -> None:
    rows = pd.concat([network.head(1).assign(name=name) for name in HOSTILE])
    drawn = subprocess.run(
        ["dot", "-Tplain"], input=topology.dot(rows), capture_output=True, text=True, check=True, timeout=30
    )
    assert drawn.stdout.count("node ") == len(HOSTILE)
    assert "evil" not in [line.split()[1] for line in drawn.stdout.splitlines() if line.startswith("node ")]
