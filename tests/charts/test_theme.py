"""The colours are held to numbers: contrast of WCAG 2, colour blindness as simulated by Machado and others (2009)."""

import html
import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.elements.lib.streamlit_plotly_theme import GRAY_90

from dashboard.charts import theme

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"light": "#ffffff", "dark": "#171614"}  # Streamlit's own backgrounds

# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A physiologically-based model for simulation of color vision
# deficiency", IEEE TVCG 15 (2009), matrices at severity 1.0, on linear RGB.
EYES = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.119192, 0.9503041]]
)
DAYLIGHT = np.array([0.95047, 1.0, 1.08883])


def linear(color: str) -> np.ndarray:
    values = np.array([int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio, 1..21."""
    low, high = sorted(float(TO_XYZ[1] @ linear(color)) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def difference(one: str, other: str, eye: str) -> float:
    """CIE 1976 colour difference as this eye sees it; 2.3 is just noticeable."""

    def lab(color: str) -> np.ndarray:
        x, y, z = np.cbrt(TO_XYZ @ np.clip(EYES[eye] @ linear(color), 0, 1) / DAYLIGHT)
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    return float(np.linalg.norm(lab(one) - lab(other)))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("color", [theme.ICE, theme.EMBER, *theme.SPLIT_COLORS.values(), *theme.CLASS_COLORS])
def test_every_colour_stands_out_from_both_pages(color: str, page: str) -> None:
    assert contrast(color, PAGES[page]) >= 3


@pytest.mark.parametrize("color", [theme.ICE, theme.EMBER, *theme.SPLIT_COLORS.values()])
def test_white_text_reads_on_every_colour_that_carries_text(color: str) -> None:
    assert contrast(theme.ON_COLOR, color) >= 4.5


@pytest.mark.parametrize("eye", EYES)
def test_ice_and_ember_are_far_apart_for_every_eye(eye: str) -> None:
    assert difference(theme.ICE, theme.EMBER, eye) >= 80


@pytest.mark.parametrize("eye", EYES)
def test_splits_are_told_apart_by_every_eye(eye: str) -> None:
    pairs = itertools.combinations(theme.SPLIT_COLORS.values(), 2)
    assert min(difference(one, other, eye) for one, other in pairs) >= 15


def test_nothing_else_looks_like_ice_or_ember() -> None:
    others = [*theme.SPLIT_COLORS.values(), *theme.CLASS_COLORS]
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    others += [config["theme"][mode]["primaryColor"] for mode in PAGES]
    for color, meaning in itertools.product(others, (theme.ICE, theme.EMBER)):
        assert difference(color, meaning, "usual") >= 25, (color, meaning)


def test_a_class_keeps_its_colour_by_its_index() -> None:
    names = [f"class {index}" for index in range(40)]
    colors = theme.class_colors(names)
    assert theme.class_colors(names[:5]) == {name: colors[name] for name in names[:5]}
    assert len(set(theme.CLASS_COLORS)) >= 12
    assert list(colors) == names


@given(st.text())
def test_a_label_means_nothing_to_plotly_and_reads_as_it_was(text: str) -> None:
    label = theme.literal(text)
    assert not set("<>$") & set(label)
    assert html.unescape(label) == html.unescape(html.escape(text, quote=False))


def test_a_formula_is_shown_as_text() -> None:
    # plotly.js takes a label for LaTeX where it finds $...$ before it decodes entities
    assert theme.literal("$x^2$") == "&#36;x^2&#36;"


@given(st.text(), st.integers(4, 40))
def test_a_short_label_is_short_and_keeps_both_ends(text: str, length: int) -> None:
    label = html.unescape(theme.short(text, length)) if "&" not in text else ""
    assert len(label) <= length
    if len(text) > length and "&" not in text:
        assert label[0] == text[0]
        assert label[-1] == text[-1]


def test_text_takes_the_colour_that_streamlit_replaces_by_the_theme() -> None:
    assert theme.TEXT == GRAY_90


def test_an_empty_chart_says_what_it_will_show_and_alt_text_repeats_it() -> None:
    figure = theme.empty("Shows the <classes>, once there are some of them to be seen here.")
    assert "&lt;classes&gt;" in figure.layout.annotations[0].text
    assert theme.alt(figure) == "Shows the <classes>, once there are some of them to be seen here."


def test_alt_text_is_the_finding_without_markup() -> None:
    figure = theme.figure(theme.literal("<b>$5$</b> wins"), subtitle="by far")
    assert theme.alt(figure) == "<b>$5$</b> wins; by far"
