"""Where a run's pictures come from, in words for its model card: name, division, look-alikes, what the checks found."""

from dataclasses import dataclass

from dashboard.core.errors import DatasetError
from dashboard.data import checks, datasets, history
from dashboard.data.datasets import Dataset
from dashboard.data.splits import SplitSettings
from dashboard.runs.rendering import Plain, plain
from dashboard.runs.run import Run


@dataclass(frozen=True)
class Provenance:
    """`name` is a user's text. `checks`: which found something, and how much; None where the dataset is gone."""

    name: str
    version: int
    division: Plain
    leaks: Plain = plain("")
    checks: list[tuple[Plain, int]] | None = None


def of(run: Run) -> Provenance:
    """What is known of a run's dataset; of one that was deleted since, only what the run itself kept."""
    name, version = run.recipe.dataset, run.recipe.dataset_version
    try:
        dataset = datasets.get(name, version)
    except DatasetError:
        text = "It was deleted since, so how it was divided is no longer known; the counts are those the run kept."
        return Provenance(name, version, plain(text))
    found = checks.findings(dataset)["check"].value_counts(sort=False)
    return Provenance(
        name=dataset.name,
        version=dataset.version,
        division=plain(division(datasets.split_settings(dataset), given=_was_given(dataset))),
        leaks=plain(_leaks(dataset)),
        checks=[(plain(str(check)), int(count)) for check, count in found.items()],
    )


def division(settings: SplitSettings, *, given: bool) -> str:
    """How a dataset was divided."""
    if given:
        return "Divided as its folders or its label file say."
    text = (
        f"Divided at random, each class by itself: {settings.validation_share:.0%} for validation and "
        f"{settings.test_share:.0%} for the test, seed {settings.seed}. "
    ).replace("%", " %")
    if not settings.keep_together:
        return text + "Look-alikes were not kept together."
    return text + "Look-alikes, and pictures of one group where groups were named, were kept on one side."


def _was_given(dataset: Dataset) -> bool:
    """Whether the pictures came with the split they have, or a file said it afterwards."""
    log = history.log(dataset)
    reasons = log.loc[log["version"] <= dataset.version, "reason"]  # the newest first
    divided = reasons[reasons.isin([datasets.GIVEN, datasets.DIVIDED_ANEW])]
    return (len(divided) > 0 and divided.iloc[0] == datasets.GIVEN) or datasets.as_it_came(dataset)


def _leaks(dataset: Dataset) -> str:
    blind, here = datasets.leaks(dataset)
    if not blind and not here:
        return ""
    text = f"{blind:,} pairs of look-alikes would stand on two sides of a blind division; here {here:,} do"
    return text + (", and make the figures look better than they are." if here else ".")
