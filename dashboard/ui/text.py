"""How text and numbers reach a person. Text of a user passes `literal` before any markdown-capable place."""

import time

from dashboard.core.markdown import JOINER as JOINER
from dashboard.core.markdown import label as label
from dashboard.core.markdown import literal as literal
from dashboard.core.metrics import Interval
from dashboard.core.quantities import duration as duration
from dashboard.core.quantities import size as size


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
