import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dashboard.ui import text

EVIL = [
    "[a](http://evil.example)",
    "![a](http://evil.example/x.png)",
    "<img src=x onerror=alert(1)>",
    "$\\frac{1}{2}$",
    ":material/home:",
    ":red[danger]",
    "https://evil.example",
    "a@b.example",
    "**bold** _it_ `code`",
    "# title",
    "- item",
    "1. item",
    "~~gone~~",
    "|a|b|",
    "&amp; &lt;",
]


def rendered(markdown: str) -> str:
    """The text CommonMark shows, all tags of a single paragraph taken away."""
    html = MarkdownIt("commonmark", {"html": True}).enable("strikethrough").enable("table").render(markdown)
    assert html.startswith("<p>") and html.count("<") == 2, html
    body = html.removeprefix("<p>").removesuffix("</p>\n").replace(text.JOINER, "")
    return body.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


@pytest.mark.parametrize("evil", EVIL)
def test_text_of_a_user_is_shown_as_it_is(evil: str) -> None:
    assert rendered(f"x{text.literal(evil)}") == f"x{evil}"


# What Streamlit's markdown makes a link of, in text whose escapes are undone (mdast-util-gfm-autolink-literal).
LINKS = (r"(?i)(https?://|www(?=\.))([-.\w]+)([^ \t\r\n]*)", r"([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)")


@pytest.mark.parametrize("address", ["https://evil.example", "HTTP://e.x/y", "www.evil.example", "a+b@evil.example"])
def test_a_bare_address_does_not_become_a_link(address: str) -> None:
    for link in LINKS:
        assert not re.search(link, text.literal(f"see {address}").replace("\\", ""))


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=30))
def test_no_ascii_text_becomes_markup(given_text: str) -> None:
    assert rendered(f"x{text.literal(given_text)}x") == f"x{given_text}x"


def test_direction_and_control_characters_are_made_visible() -> None:
    assert text.literal("cat\u202egpj") == "cat\ufffdgpj"
    assert text.literal("two\nlines") == "two lines"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59.4, "59 s"), (130, "2 min 10 s"), (3 * 3600 + 300, "3 h 5 min"), (-5, "0 s")]
)
def test_durations_read_like_a_person_says_them(seconds: float, words: str) -> None:
    assert text.duration(seconds) == words


def test_a_clock_that_jumped_back_gives_no_negative_age() -> None:
    assert text.ago(time.time() + 86400) == "just now"
    assert text.ago(time.time() - 125) == "2 min ago"


def test_numbers_carry_their_units() -> None:
    assert text.share(0.8312) == "83.1 %"
    assert text.share(None) == text.share(float("nan")) == "–"
    assert text.size(9_400_000) == "9.4 MB"
    assert text.count(1, "picture") == "1 picture"
    assert text.count(1200, "class") == "1,200 classes"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("10683_bd6.jpg", "10683_bd6.jpg"),
        ("a tulip-2.png", "a tulip-2.png"),
        ("1. list", text.literal("1. list")),
        ("_slanted_", text.literal("_slanted_")),
        ("www.evil.example", text.literal("www.evil.example")),
        ("<b>.png", text.literal("<b>.png")),
        (":red.png", text.literal(":red.png")),
        ("a__b__c", text.literal("a__b__c")),
    ],
)
def test_a_label_has_no_marks_where_its_name_needs_none(name: str, shown: str) -> None:
    assert text.label(name) == shown
