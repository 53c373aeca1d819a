"""The model card: what it says is true, and no name in it is more than a name."""

import ast
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from dashboard.core import database, files, metrics
from dashboard.core.errors import RunError
from dashboard.core.markdown import JOINER
from dashboard.core.recipe import recipe_from
from dashboard.core.steering import Steer
from dashboard.data import datasets
from dashboard.data.datasets import Dataset
from dashboard.data.splits import SplitSettings
from dashboard.runs import card, queue
from dashboard.runs.run import Run, prepare

MakeRun = Callable[..., Run]
NAMES = [f"class{number}" for number in range(4)]


def finish(run: Run, seed: int = 0) -> Run:
    """Predictions and a report of a run, drawn at random, mostly right."""
    rng, names = np.random.default_rng(seed), run.class_names
    true = np.array([names.index(name) for name in run.manifest["class_name"]])
    values = rng.dirichlet(np.ones(len(names)), len(true)) + 0.3 * np.eye(len(names))[true]
    values /= values.sum(axis=1, keepdims=True)
    table = run.manifest[["path", "sha256", "split"]].assign(
        true=run.manifest["class_name"], predicted=[names[each] for each in values.argmax(axis=1)]
    )
    for index, name in enumerate(names):
        table[f"{metrics.PROBABILITY}{name}"] = values[:, index]
    table.to_csv(run.path / "predictions.csv", index=False)
    loss = {split: 0.5 for split in ("train", "validation", "test")}
    report = {"loss": loss, "epochs": 9, "best_epoch": 7, "seconds": {"total": 130.0}}
    files.write_json(run.path / "report.json", report)
    run.weights_path.write_bytes(b"")
    run.model_path.write_bytes(b"")
    return run


@pytest.fixture
def make_run(dataset: Dataset) -> MakeRun:
    """A finished run; arguments are fields of its recipe, or its manifest."""

    def make_run(name: str = "run", manifest: pd.DataFrame | None = None, **fields: Any) -> Run:
        recipe = recipe_from({"dataset": dataset.id, "dataset_version": dataset.version, "alpha": 0.35, **fields})
        return finish(prepare(name, recipe, datasets.members(dataset) if manifest is None else manifest))

    return make_run


def named(names: list[str]) -> pd.DataFrame:
    """A manifest of some classes, six pictures each."""
    splits = ["train", "train", "train", "validation", "test", "test"]
    rows = [(f"{number:064x}", "p", name, split) for name in names for number, split in enumerate(splits)]
    return pd.DataFrame(rows, columns=["sha256", "path", "class_name", "split"])


def tokens(markdown: str) -> list[Token]:
    """All that a reader of GitHub's Markdown makes of it, in order; HTML would be taken as such."""
    blocks = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    return [each for block in blocks for each in (block, *(block.children or ()))]


def structure(markdown: str) -> list[tuple[str, str]]:
    """What is markup, with neighbouring texts as one."""
    found = [(each.type, each.tag) for each in tokens(markdown) if each.type not in ("text_special", "text")]
    assert not {kind for kind, _ in found} & {"html_inline", "html_block", "link_open", "image"}
    return found


EVIL = [
    *("[a](http://evil.example)", "![a](x.png)", "<img src=x onerror=alert(1)>", "https://evil.example", "a|b", "| |"),
    *(
        "`code`",
        "```",
        "# x",
        "- x",
        "1. x",
        "**x**",
        "~~x~~",
        "<!--",
        "&lt;",
        "\\",
        "{{ 1 }}",
        "a\n\n# b",
        "---",
        "> x",
    ),
    *("www.evil.example", "a@evil.example", "$x$", "\u202eabc", "[x]: http://evil.example", "=1+1", "  x"),
]
NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=20)
NAME = (NAME | st.sampled_from(EVIL)).filter(str.strip)


def as_shown(name: str) -> str:
    """As a table's cell shows it: one line, no spaces at its ends, what cannot be seen as a visible mark."""
    line = re.sub(r"\s", " ", name).strip()
    return "".join("\ufffd" if unicodedata.category(each) in ("Cc", "Cf") else each for each in line)


@pytest.fixture
def card_of(dataset: Dataset) -> Callable[[list[str], str, str], str]:
    """The card of a run with these classes, on a dataset of this name, under this name of its own."""
    run = queue.enqueue(recipe_from({"dataset": dataset.id, "backbone": "MobileNet", "alpha": 0.25, "weights": "none"}))

    def card_of(class_names: list[str], of_dataset: str, of_run: str) -> str:
        datasets.rename(dataset.id, of_dataset)
        with database.database().begin() as connection:
            connection.execute(queue.table.update().values(name=of_run))
        files.write_text(run.path / "manifest.csv", named(sorted(class_names)).to_csv(index=False))
        return card.card(finish(Run(run.path)))

    return card_of


@lru_cache(maxsize=1)
def harmless(card_of: Callable[[list[str], str, str], str]) -> list[tuple[str, str]]:
    return structure(card_of(NAMES, "Shapes", "my run"))


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.lists(NAME, min_size=4, max_size=4, unique=True), NAME, NAME)
def test_no_name_becomes_markup(card_of: Any, names: list[str], of_dataset: str, of_run: str) -> None:
    text = card_of(names, of_dataset, of_run)
    assert structure(text) == harmless(card_of)
    shown = "".join(each.content for each in tokens(text) if each.type in ("text", "text_special"))
    for name in names:
        assert as_shown(name) in shown.replace(JOINER, "")


def test_its_figures_are_those_of_the_predictions_with_their_intervals(make_run: MakeRun) -> None:
    run = make_run(fine_tune_epochs=3)
    text, table = card.card(run), run.predictions()
    for split in ("train", "validation", "test"):
        own = metrics.accuracy(table[table["split"] == split])
        line = f"| {split} | {own.count} | {own.value:.1%} | between {own.low:.1%} and {own.high:.1%} | "
        assert line.replace("%", " %") in text
    own = table[table["split"] == "test"]
    for row in metrics.per_class(own).to_dict("records"):
        right = int(((own["true"] == own["predicted"]) & (own["true"] == row["class_name"])).sum())
        recall = metrics.wilson(right, row["support"])
        figures = f"{row['recall']:.1%} | between {recall.low:.1%} and {recall.high:.1%} | {row['f1']:.3f} |"
        own_lines = [each for each in text.splitlines() if each.startswith(f"| {row['class_name']} |")]
        assert [each for each in own_lines if each.endswith(figures.replace("%", " %"))], row
    worst = metrics.most_confused(own).iloc[0]
    assert f"| {worst['true']} | {worst['predicted']} | {worst['count']} |" in text
    assert "9 epochs in 2 min 10 s; the weights are those of epoch 7" in text


def test_it_says_how_the_pictures_were_divided(make_run: MakeRun, dataset: Dataset) -> None:
    assert "Divided at random, each class by itself: 15 % for validation and 15 % for the test" in card.card(make_run())
    apart = datasets.resplit(dataset, SplitSettings(test_share=0, validation_share=0.3, keep_together=False))
    text = card.card(make_run("apart", datasets.members(apart), dataset_version=apart.version))
    assert "30 % for validation and 0 % for the test" in text and "were not kept together" in text
    assert "There was no test split" in text and "of the validation pictures" in text
    given_split = datasets.members(apart)[["path", "split"]]
    given = datasets.resplit_as_given(apart, given_split)
    text = card.card(make_run("given", datasets.members(given), dataset_version=given.version))
    assert "Divided as its folders or its label file say." in text
    again = datasets.resplit(given, SplitSettings(seed=3))
    assert "seed 3" in card.card(make_run("again", datasets.members(again), dataset_version=again.version))


def test_a_deleted_dataset_leaves_what_the_run_kept(make_run: MakeRun, dataset: Dataset) -> None:
    run = make_run()
    before = card.card(run)
    datasets.delete(dataset.id)
    after = card.card(run)
    assert "deleted since" in after and "deleted since" not in before
    assert f"{len(run.manifest)} pictures in {len(run.class_names)} classes" in after


def test_it_names_where_the_weights_come_from_and_under_what_terms(make_run: MakeRun) -> None:
    for weights in ("imagenet", "none", "file"):
        text = card.card(make_run(weights, weights=weights, weights_file="a" * 64 if weights == "file" else None))
        assert ("ImageNet" in text) == (weights == "imagenet")
        assert ("somebody brought" in text) == (weights == "file")


def test_it_shows_how_to_load_the_network_in_six_ways_and_its_python_is_python(make_run: MakeRun) -> None:
    fences = [each for each in tokens(card.card(make_run())) if each.type == "fence"]
    assert [each.info for each in fences] == ["python", "python", "python", "javascript", "cpp", "java"]
    for each in fences[:3]:
        ast.parse(each.content)
    said = "".join(each.content for each in fences)
    for word in (
        "keras",
        "onnxruntime.InferenceSession",
        "ai_edge_litert",
        "onnxruntime-web",
        "openvino",
        "ai.onnxruntime",
    ):
        assert word in said


def test_what_was_changed_by_hand_is_in_it(make_run: MakeRun) -> None:
    steer = Steer(lever="learning rate", value=0.003, step=4)
    assert "- Before step 5: Learning rate set to 0.003." in card.card(make_run(steering=[steer.model_dump()]))


def test_an_unfinished_run_has_no_card(dataset: Dataset, tmp_path: Any) -> None:
    run = prepare("young", recipe_from({"dataset": dataset.id}), datasets.members(dataset))
    with pytest.raises(RunError) as refusal:
        card.write_card(run, tmp_path / "model-card.md")
    assert refusal.value.code == "run-unfinished"
    assert not list(tmp_path.glob("*.md"))
