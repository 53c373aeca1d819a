"""How text and numbers reach a person. Text of a user passes `literal` before any markdown-capable place."""

import re
import time
import unicodedata

from dashboard.core.metrics import Interval
from dashboard.core.quantities import duration as duration
from dashboard.core.quantities import size as size

MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&@/=^\"'])")
# Streamlit's markdown looks for bare addresses after it has undone every escape; a word joiner, which nobody sees,
# takes them apart.
ADDRESS = re.compile(r"(://|@|www(?=\.))", re.IGNORECASE)
JOINER = "\u2060"
# Words and numbers with one mark between them, as most files are called: nothing that markdown would take for its own.
PLAIN = re.compile(r"[A-Za-z0-9]+(?:[ ._…-][A-Za-z0-9]+)*")


def literal(text: str) -> str:
    """The text as it is, wherever markdown is understood: no link, image, formula, icon or colour comes of it.

    Control and direction-changing characters become a visible replacement mark; line breaks become spaces.
    """
    plain = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf") else c for c in re.sub(r"\s", " ", text))
    return MARKDOWN.sub(r"\\\1", ADDRESS.sub(rf"\1{JOINER}", plain))


def label(name: str) -> str:
    """As `literal`, without its marks where a name needs none: screen readers read a widget's label as written."""
    return name if PLAIN.fullmatch(name) and not name.lower().startswith("www") else literal(name)


def count(number: int, noun: str) -> str:
    """`1 picture`, `1,234 pictures`."""
    plural = noun if number == 1 else noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {plural}"


def short(name: str, most: int = 14) -> str:
    """A name for narrow places: its beginning and its end, where it is longer than `most` characters."""
    return name if len(name) <= most else f"{name[: most - 9]}…{name[-8:]}"


def network_of(run_name: str) -> str:
    """The network in the name of a run, `MobileNetV2 0.35` of `MobileNetV2 0.35 on Shapes`; for narrow places."""
    return run_name.partition(" on ")[0]


def ago(then: float) -> str:
    """How long since a moment in seconds since 1970; never negative, whatever the clock did."""
    passed = max(0.0, time.time() - then)
    return "just now" if passed < 60 else f"{duration(passed // 60 * 60).removesuffix(' 0 s')} ago"


def share(value: float | None) -> str:
    """`83 %`, or a dash where there is nothing yet."""
    return "–" if value is None or value != value else f"{value:.1%}".replace("%", " %")


def interval(value: Interval) -> str:
    """`0.83 (0.76 to 0.88)`."""
    return f"{value.value:.2f} ({value.low:.2f} to {value.high:.2f})"
