"""Corrections of a dataset without a browser: `python -m dashboard dataset move|leave-out|...`."""

import json
from typing import Any

import click
import pandas as pd

from dashboard.data import corrections, datasets, history
from dashboard.data.corrections import Correction

JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
DATASET = click.argument("dataset_text", metavar="DATASET")
PATHS = click.argument("paths", metavar="PICTURES...", nargs=-1, required=True)


@click.group()
def dataset() -> None:
    """Correct a dataset, named by its id or name. Each correction makes a version; runs keep theirs.

    Pictures are named as in the upload: roses/1.jpg.
    """


def _say(done: Correction, as_json: bool) -> None:
    record = {"dataset": done.dataset.id, "version": done.dataset.version, "sentence": done.sentence}
    click.echo(json.dumps(record, ensure_ascii=False) if as_json else done.sentence)


@dataset.command()
@DATASET
@PATHS
@click.option("--to", "class_name", required=True, help="The class; one that is not there is made.")
@JSON
def move(dataset_text: str, paths: tuple[str, ...], class_name: str, as_json: bool) -> None:
    """Give pictures another class."""
    _say(corrections.move(datasets.find(dataset_text), paths, class_name), as_json)


@dataset.command("leave-out")
@DATASET
@PATHS
@JSON
def leave_out(dataset_text: str, paths: tuple[str, ...], as_json: bool) -> None:
    """Take pictures out; `put-back` takes them in again."""
    _say(corrections.leave_out(datasets.find(dataset_text), paths), as_json)


@dataset.command("put-back")
@DATASET
@PATHS
@click.option("--to", "class_name", default="", help="Another class than they had.")
@JSON
def put_back(dataset_text: str, paths: tuple[str, ...], class_name: str, as_json: bool) -> None:
    """Take pictures in again that were left out."""
    _say(corrections.put_back(datasets.find(dataset_text), paths, class_name), as_json)


@dataset.command("rename-class")
@DATASET
@click.argument("old")
@click.argument("new")
@JSON
def rename_class(dataset_text: str, old: str, new: str, as_json: bool) -> None:
    """Call a class otherwise."""
    _say(corrections.rename_class(datasets.find(dataset_text), old, new), as_json)


@dataset.command("merge-classes")
@DATASET
@click.argument("names", metavar="CLASSES...", nargs=-1, required=True)
@click.option("--into", required=True, help="One of them, another class, or a new one.")
@JSON
def merge_classes(dataset_text: str, names: tuple[str, ...], into: str, as_json: bool) -> None:
    """Make one class of several."""
    _say(corrections.merge_classes(datasets.find(dataset_text), names, into), as_json)


@dataset.command()
@DATASET
@JSON
def undo(dataset_text: str, as_json: bool) -> None:
    """Take the last change back; again, the one before."""
    _say(corrections.undo(datasets.find(dataset_text)), as_json)


@dataset.command()
@DATASET
@JSON
def log(dataset_text: str, as_json: bool) -> None:
    """List all versions, newest first, and what each was made for."""
    rows: Any = history.log(datasets.find(dataset_text))
    if as_json:
        click.echo(rows.to_json(orient="records", force_ascii=False))
    else:
        when = pd.to_datetime(rows["created_at"], unit="s", utc=True).dt.floor("s")
        click.echo(rows.assign(created_at=when).to_string(index=False))
