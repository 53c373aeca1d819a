"""What measured bias and variance say of a recipe, in words, and the setting that follows. Pure rules over numbers.

The kinds, in the order they are looked for; the first that holds is the verdict:

    rate too high    a tenth of the learning rate ends in a far lower training loss
    noisy labels     heads that were not trained on a picture agree against its label, as surely as for other labels
    high bias        what was trained on is not got right either, or four times the training gets more right
    high variance    what was trained on is got right, and what was not is not
    good balance     none of these
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboard.core import learning_curve
from dashboard.core.recipe import Recipe

RATE_TOO_HIGH = "learning rate too high"
NOISY_LABELS = "noisy labels"
HIGH_BIAS = "high bias"
HIGH_VARIANCE = "high variance"
GOOD_BALANCE = "good balance"
KINDS = (RATE_TOO_HIGH, NOISY_LABELS, HIGH_BIAS, HIGH_VARIANCE, GOOD_BALANCE)

AGREE = 2 / 3  # share of the heads that name one and the same other class
WORSE_LOSS = 1.5  # times the loss of a tenth of the rate
CLEAR_LOSS = 0.1  # by which the loss is higher at least
DENIED = 0.06  # share of labels that heads are against
AS_SURE = 0.6  # of the sureness with which heads name the class of the other pictures
CLEAR = 0.05  # of the error: a difference that a setting makes, or an error there is something to gain from
LEARNED = 0.5  # share of the error that is there on what was trained on as well
MORE = 40  # pictures a verdict speaks of


@dataclass(frozen=True)
class Evidence:
    """What was measured: errors, bias and variance are shares of pictures in 0..1, nan where nothing was measured.

    Attributes:
        error: on pictures the heads had not seen; `bias` and `variance` add up to it.
        training_error: on pictures they were trained on.
        loss: mean training loss in the last tenth of the training; infinite where it was no number.
        slower_loss: the same at a tenth of the learning rate.
        longer_error: as `error`, after four times as many epochs.
        widths: error by hidden units of the head.
        against: share of training pictures whose label at least two thirds of the heads deny with one voice.
        sure_against: median margin of probability with which heads name those, `sure_else` all others.
        curves: learning curve of each class over its own training pictures; None where none could be drawn.
        counts: training pictures of each class.
    """

    error: float
    bias: float
    variance: float
    training_error: float
    loss: float
    slower_loss: float
    longer_error: float
    widths: dict[int, float]
    against: float
    sure_against: float
    sure_else: float
    curves: dict[str, learning_curve.Curve | None] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """A kind of `KINDS`, one sentence, the figures it rests on, and what to change in the recipe; nothing if empty."""

    kind: str
    sentence: str
    because: tuple[str, ...]
    advice: str
    changes: dict[str, Any]
    worth: tuple["Worth", ...] = ()


@dataclass(frozen=True)
class Worth:
    """What `more` pictures of a class would take from its error, 0..1, by its learning curve."""

    class_name: str
    more: int
    gain: float


def judge(evidence: Evidence, recipe: Recipe) -> Verdict:
    """The verdict on a recipe.

    Args:
        evidence: measured with this recipe.
        recipe: says what there is to change.
    """
    for holds, verdict in RULES:
        if holds(evidence):
            return verdict(evidence, recipe)
    return _balance(evidence)


def _rate_holds(found: Evidence) -> bool:
    if not math.isfinite(found.loss):
        return True
    return found.loss > max(WORSE_LOSS * found.slower_loss, found.slower_loss + CLEAR_LOSS)


def _rate(found: Evidence, recipe: Recipe) -> Verdict:
    rate = float(f"{recipe.learning_rate / 10:.3g}")
    return Verdict(
        RATE_TOO_HIGH,
        f"The learning rate is too high: {recipe.learning_rate:.2g} overshoots.",
        (
            f"Trained at {recipe.learning_rate:.2g}, the training loss ends at {_loss(found.loss)}; at {rate:.2g} it "
            f"ends at {_loss(found.slower_loss)}, on the same pictures in the same order.",
        ),
        f"Train at {rate:.2g}.",
        {"learning_rate": rate},
    )


def _noise_holds(found: Evidence) -> bool:
    return found.against >= DENIED and found.sure_against >= AS_SURE * found.sure_else


def _noise(found: Evidence, recipe: Recipe) -> Verdict:
    smooth = recipe.label_smoothing < 0.1
    return Verdict(
        NOISY_LABELS,
        f"Some labels look wrong: about {per_cent(found.against)} of the training pictures.",
        (
            f"Of heads that had not been trained on a picture, two thirds or more agree on another class for "
            f"{per_cent(found.against)} of the pictures.",
            f"They are sure of it: a margin of {per_cent(found.sure_against)} between first and second class, against "
            f"{per_cent(found.sure_else)} elsewhere. Pictures that are only hard lie in between classes.",
        ),
        "Look through the pictures below and put their labels right on the Data page"
        + ("; until then, label smoothing of 0.1 takes some weight from them." if smooth else "."),
        {"label_smoothing": 0.1} if smooth else {},
    )


def _bias_holds(found: Evidence) -> bool:
    if found.error < CLEAR:
        return False
    longer = found.error - found.longer_error >= CLEAR and found.training_error >= CLEAR
    return longer or found.training_error >= LEARNED * found.error


def _bias(found: Evidence, recipe: Recipe) -> Verdict:
    advice, changes = _more_capacity(found, recipe)
    because: tuple[str, ...] = (
        f"Wrong on {per_cent(found.training_error)} of the pictures it was trained on, and on "
        f"{per_cent(found.error)} of those it was not.",
        f"Of that error, {points(found.bias)} are bias, what the heads get wrong together; {points(found.variance)} "
        "are variance, what they differ in.",
    )
    if found.error - found.longer_error >= CLEAR:
        because += (f"Four times as many epochs bring the error to {per_cent(found.longer_error)}.",)
    return Verdict(
        HIGH_BIAS, "High bias: it under-fits, more can be learned from these pictures.", because, advice, changes
    )


def _more_capacity(found: Evidence, recipe: Recipe) -> tuple[str, dict[str, Any]]:
    """What brings an error down that training pictures have as well."""
    width = best_width(found.widths)
    if found.error - found.longer_error >= CLEAR:
        epochs = min(1000, 4 * max(1, recipe.epochs))
        return f"Train longer: {epochs} epochs while frozen.", {"epochs": epochs}
    if width is not None and width > recipe.head_width and found.error - found.widths[width] >= CLEAR:
        error = per_cent(found.widths[width])
        return f"Give the head {width} hidden units, which brought the error to {error}.", {"head_width": width}
    if not recipe.fine_tune_epochs:
        return "No head does much better on these features, so thaw: fine-tune for 10 epochs.", {"fine_tune_epochs": 10}
    return (
        "No head does much better on these features: thaw more blocks, or take a larger backbone, on the Model page.",
        {},
    )


def _variance_holds(found: Evidence) -> bool:
    return found.error >= CLEAR


def _variance(found: Evidence, recipe: Recipe) -> Verdict:
    because = (
        f"Wrong on {per_cent(found.training_error)} of the pictures it was trained on, but on "
        f"{per_cent(found.error)} of those it was not.",
        f"Of that error, {points(found.variance)} are variance: trained on other pictures of the same kind, the head "
        f"would answer otherwise. {points(found.bias)} are bias.",
    )
    advice, changes = _less_variance(found, recipe)
    sentence = "High variance: it over-fits, it knows its own pictures too well."
    return Verdict(HIGH_VARIANCE, sentence, because, advice, changes, worth(found))


def _less_variance(found: Evidence, recipe: Recipe) -> tuple[str, dict[str, Any]]:
    width = best_width(found.widths)
    if width is not None and width < recipe.head_width:
        own = found.widths.get(recipe.head_width, found.error)
        if own - found.widths[width] >= CLEAR / 5:
            layer = f"{width} hidden units" if width else "no hidden layer"
            return f"A head with {layer} brought the error to {per_cent(found.widths[width])}.", {"head_width": width}
    if not recipe.augmentation:
        changed = {"augmentation": ("rotation", "zoom")}
        return "More pictures help most; until then, changed views of each make more of them.", changed
    if recipe.dropout < 0.5:
        return "More pictures help most; until then, dropout of 0.5.", {"dropout": 0.5}
    return "More pictures help most.", {}


def _balance(found: Evidence) -> Verdict:
    return Verdict(
        GOOD_BALANCE,
        "Good balance: little to gain from the head or from more pictures.",
        (
            f"Wrong on {per_cent(found.error)} of the pictures it was not trained on: {points(found.bias)} of bias and "
            f"{points(found.variance)} of variance.",
        ),
        "",
        {},
        worth(found),
    )


RULES = ((_rate_holds, _rate), (_noise_holds, _noise), (_bias_holds, _bias), (_variance_holds, _variance))


def worth(found: Evidence, more: int = MORE) -> tuple[Worth, ...]:
    """What more pictures of a class would be worth by its learning curve, best first, none below half a point."""
    gains = [
        Worth(name, more, curve.worth(found.counts[name], more))
        for name, curve in found.curves.items()
        if curve is not None
    ]
    return tuple(sorted((each for each in gains if each.gain >= 0.005), key=lambda each: -each.gain))


def best_width(widths: dict[int, float]) -> int | None:
    """Hidden units with the lowest error; of two alike, the fewer."""
    return min(sorted(widths), key=lambda width: round(widths[width], 4)) if widths else None


def evidence(record: dict[str, Any]) -> Evidence:
    """The numbers of a record as `ml.bias_variance` makes it."""
    rows: Sequence[dict[str, Any]] = record["rows"]
    own, slower, longer = (next(row for row in rows if row["axis"] == axis) for axis in ("own", "rate", "longer"))
    counts = dict(zip(record["classes"], record["counts"], strict=True))
    return Evidence(
        error=_number(own["error"]),
        bias=_number(own["bias"]),
        variance=_number(own["variance"]),
        training_error=_number(own["training_error"]),
        loss=_finite(own["losses"][-1]),
        slower_loss=_finite(slower["losses"][-1]),
        longer_error=_number(longer["error"]),
        widths={row["value"]: _number(row["error"]) for row in rows if row["axis"] in ("own", "width")},
        against=record["against"],
        sure_against=_number(record["sure_against"]),
        sure_else=_number(record["sure_else"]),
        curves=_curves(record),
        counts=counts,
    )


def _curves(record: dict[str, Any]) -> dict[str, learning_curve.Curve | None]:
    """Error of each class against its own pictures in the training sets."""
    rows = [row for row in record["rows"] if row["axis"] == "data"]
    total = sum(record["counts"])
    found = {}
    for index, (name, count) in enumerate(zip(record["classes"], record["counts"], strict=True)):
        pictures = [max(1.0, count * row["value"] / total) for row in rows]
        found[name] = learning_curve.fit(pictures, [_number(row["by_class"][index]) for row in rows])
    return found


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _finite(value: float | None) -> float:
    return math.inf if value is None else float(value)


def _loss(value: float) -> str:
    return f"{value:.2g}" if math.isfinite(value) else "no finite number"


def per_cent(value: float) -> str:
    """`7 %`, with a digit more below ten."""
    return "–" if math.isnan(value) else f"{value * 100:.{0 if value >= 0.0995 else 1}f} %"


def points(value: float) -> str:
    """`7.3 points`: hundredths of all pictures."""
    return "–" if math.isnan(value) else f"{value * 100:.1f} points"
