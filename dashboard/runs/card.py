"""The model card of a finished run, as Markdown: what the network is, what it was made from, how good it is, where not.

After Mitchell et al., "Model cards for model reporting" (2019).
"""

import datetime
import math
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.core import files, metrics
from dashboard.core.metrics import Interval
from dashboard.core.quantities import duration
from dashboard.data.labels import TEST, VALIDATION
from dashboard.data.splits import SPLITS
from dashboard.runs import cautions, provenance, queue, rendering
from dashboard.runs.rendering import Plain, plain
from dashboard.runs.run import Run

PREPROCESSING = {
    "minus_one_to_one": "scaled to -1..1",
    "torch": "less the mean of ImageNet's pictures and divided by their deviation",
    "caffe": "blue before red, less the mean of ImageNet's pictures",
    "centred": "less the mean of ImageNet's pictures",
    "built_in": "scaled by the backbone itself",
}
STARTS = {
    "imagenet": "starting from weights trained on ImageNet",
    "formula": "starting from the weights that come with Thaw, learned from pictures drawn by formulas",
    "none": "starting from random weights",
    "file": "starting from weights somebody brought",
}


def write_card(run: Run, path: Path) -> None:
    """Write the model card of a finished run; raises as `card`."""
    files.write_text(path, card(run))


def card(run: Run) -> str:
    """The model card.

    Raises:
        RunError: `run-unfinished`.
    """
    run.require_model()
    predictions, report, recipe = run.predictions(), run.report(), run.recipe
    splits = [split for split in SPLITS if (run.manifest["split"] == split).any()]
    judged = TEST if TEST in splits else VALIDATION
    own = predictions[predictions["split"] == judged]
    table = metrics.per_class(own)
    made_with = files.read_json(run.path / "recipe.json").get("versions", {})
    return rendering.document(
        "model-card.md.j2",
        name=_name(run),
        run_id=run.id,
        made=_day(run),
        recipe=recipe,
        network=plain(recipe.network_name),
        pictures=plain(f"{len(run.manifest):,}"),
        class_names=run.class_names,
        start=plain(STARTS[recipe.weights]),
        preprocessing=Plain(PREPROCESSING[recipe.backbone_row.preprocessing]),
        headline=Plain(
            f"{share(metrics.accuracy(own))} of {len(own):,} {judged} pictures, {bounds(metrics.accuracy(own))}"
        ),
        dataset=provenance.of(run),
        splits=splits,
        counts=_counts(run.manifest, splits),
        settings=settings(run),
        ended=Plain(_ended(report)),
        by_hand=[plain(f"Before step {each.step + 1}: {each.words}") for each in recipe.steering],
        figures=[_figures(predictions[predictions["split"] == split], split, report) for split in splits],
        judged=judged,
        classes=[_of_class(row, own) for row in table.to_dict("records")],
        confused=[{**row, "share": percent(row["share"])} for row in metrics.most_confused(own).to_dict("records")],
        limits=[Plain(line) for line in cautions.limits(run, own, judged)],
        keras=made_with.get("keras", "3"),
        licences=[Plain(line) for line in cautions.licences(recipe)],
        versions=made_with,
    )


def percent(value: float) -> Plain:
    """`83.1 %`, or a dash where there is nothing."""
    return Plain("–" if math.isnan(value) else f"{value:.1%}".replace("%", " %"))


def share(value: Interval) -> Plain:
    return percent(value.value)


def bounds(value: Interval) -> Plain:
    """`between 75.6 % and 88.7 %`; a dash without pictures."""
    return Plain(f"between {percent(value.low)} and {percent(value.high)}" if value.count else "–")


def settings(run: Run) -> list[tuple[Plain, Plain]]:
    """Every field of a recipe that says how it trains, in words, with its value."""
    lowest = files.read_json(run.blocks_path)["unfreeze_from"] if run.blocks_path.exists() else None
    leave_out = {"dataset", "dataset_version", "steering", "weights_file", "backbone", "alpha"}
    found = []
    for name, value in {**run.recipe.model_dump(mode="json"), "unfreeze_from": lowest}.items():
        if name not in leave_out:
            words = ", ".join(value) or "none" if isinstance(value, list) else value
            words = {True: "yes", False: "no"}[words] if isinstance(words, bool) else words
            found.append((plain(name.replace("_", " ")), plain("none" if words is None else str(words))))
    return found


def _name(run: Run) -> str:
    """As its row has it; its id where it has none."""
    rows = queue.listing()
    return str(next(iter(rows.loc[rows["id"] == run.id, "name"]), run.id))


def _day(run: Run) -> str:
    return datetime.datetime.fromtimestamp(run.model_path.stat().st_mtime, datetime.UTC).date().isoformat()


def _headline(own: pd.DataFrame, judged: str) -> Plain:
    accuracy = metrics.accuracy(own)
    return Plain(f"{share(accuracy)} of {len(own):,} {judged} pictures, {bounds(accuracy)}")


def _counts(manifest: pd.DataFrame, splits: list[str]) -> list[dict[str, Any]]:
    counts = pd.crosstab(manifest["class_name"], manifest["split"]).reindex(columns=splits, fill_value=0)
    return [{"class_name": name, "counts": row.tolist()} for name, row in counts.sort_index().iterrows()]


def _ended(report: dict[str, Any]) -> str:
    if not report:
        return "Its report is missing."
    took = duration(report["seconds"]["total"])
    return (
        f"It trained for {report['epochs']} epochs in {took}; the weights are those of epoch {report['best_epoch']}, "
        "the one with the lowest validation loss."
    )


def _figures(own: pd.DataFrame, split: str, report: dict[str, Any]) -> dict[str, Any]:
    accuracy, f1 = metrics.accuracy(own), metrics.macro_f1(own)
    loss = report.get("loss", {}).get(split, math.nan)
    return {
        "split": split,
        "pictures": len(own),
        "accuracy": share(accuracy),
        "interval": bounds(accuracy),
        "macro_f1": Plain("–" if math.isnan(f1) else f"{f1:.3f}"),
        "loss": Plain("–" if math.isnan(loss) else f"{loss:.3f}"),
    }


def _of_class(row: dict[str, Any], own: pd.DataFrame) -> dict[str, Any]:
    """A class's figures as text, with the intervals of precision and recall."""
    is_it, said = own["true"] == row["class_name"], own["predicted"] == row["class_name"]
    right = int((is_it & said).sum())
    recall, precision = metrics.wilson(right, int(is_it.sum())), metrics.wilson(right, int(said.sum()))
    return {
        "class_name": row["class_name"],
        "support": row["support"],
        "precision": share(precision),
        "precision_interval": bounds(precision),
        "recall": share(recall),
        "recall_interval": bounds(recall),
        "f1": Plain(f"{row['f1']:.3f}"),
    }
