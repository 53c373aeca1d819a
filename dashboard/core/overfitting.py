"""Where a run began to overfit, in words: from its epochs, its marks and, where there is one, its ghost."""

from dataclasses import dataclass

import pandas as pd

LOSS, ACCURACY = "validation_loss", "validation_accuracy"


@dataclass(frozen=True)
class Story:
    """Epochs count from 1 over all phases. After `turned` the validation loss was never lower; None while it fell."""

    kept: int
    stopped: int
    turned: int | None
    sentences: tuple[str, ...]


def story(epochs: pd.DataFrame, marks: pd.DataFrame) -> Story:
    """What happened to a run of at least one finished epoch.

    Args:
        epochs: columns epoch, loss, accuracy, validation_loss, validation_accuracy; finite.
        marks: columns kind, epoch, text.
    """
    table = epochs.set_index("epoch")
    lowest, last = int(table[LOSS].idxmin()), int(epochs["epoch"].max())
    best = marks[marks["kind"] == "best"]["epoch"]
    kept = int(best.iloc[-1]) if len(best) else lowest
    turned = lowest if lowest < last else None
    return Story(kept, last, turned, (_turn(table, lowest, last), _stop(marks, last), _kept(table, kept, last)))


def _turn(table: pd.DataFrame, lowest: int, last: int) -> str:
    value = float(table[LOSS][lowest])
    if lowest == last:
        return f"Validation loss was still falling at the end: it was lowest in the last epoch, {last} ({value:.3f})."
    after = float(table[LOSS][last])
    return f"Validation loss turned after epoch {lowest}: it was lowest there ({value:.3f}) and {after:.3f} at the end."


def _stop(marks: pd.DataFrame, last: int) -> str:
    ends = marks[marks["kind"].isin(("early stopping", "stop")) & (marks["epoch"] >= last - 1)]
    if len(ends):
        return str(ends["text"].iloc[-1])
    return f"Training ended with epoch {last}, the last one done; early stopping did not come to it."


def _kept(table: pd.DataFrame, kept: int, last: int) -> str:
    if kept not in table.index:
        return ""
    here, there = (float(table[LOSS][at] - table["loss"][at]) for at in (kept, last))
    text = f"The weights of epoch {kept} were kept; the gap between validation and training loss was {here:.3f} there"
    return f"{text}." if kept == last else f"{text} and {there:.3f} in epoch {last}."


def coincide(epochs: pd.DataFrame, ghost: pd.DataFrame) -> tuple[int, float]:
    """How many epochs run and ghost share, and the largest difference of any loss among them."""
    both = epochs.merge(ghost, on=["epoch", "phase"], suffixes=("", "_ghost"))
    gaps = [(both[name] - both[f"{name}_ghost"]).abs().max() for name in ("loss", LOSS)]
    return len(both), float(max(gaps)) if len(both) else 0.0


def avoided(epochs: pd.DataFrame, ghost: pd.DataFrame) -> str:
    """What the ghost of a phase found beyond the end of that phase, against the best epoch it had until then."""
    phase = epochs[epochs["phase"].isin(ghost["phase"].unique())]
    beyond = ghost[ghost["epoch"] > phase["epoch"].max()]
    if beyond.empty or phase.empty:
        return "The ghost has no epoch beyond the run's own."
    best, end = phase.loc[phase[LOSS].idxmin()], beyond.iloc[-1]
    lowest = beyond.loc[beyond[LOSS].idxmin()]
    if lowest[LOSS] < best[LOSS]:
        return (
            f"More patience would have found something: in epoch {lowest['epoch']} validation loss is "
            f"{lowest[LOSS]:.3f} against {best[LOSS]:.3f}, accuracy {lowest[ACCURACY]:.2f} against "
            f"{best[ACCURACY]:.2f}."
        )
    return (
        f"Stopping avoided this: by epoch {end['epoch']} training loss would have been {end['loss']:.3f}, and "
        f"validation loss {end[LOSS]:.3f} against {best[LOSS]:.3f} in epoch {best['epoch']}; accuracy "
        f"{end[ACCURACY]:.2f} against {best[ACCURACY]:.2f}."
    )
