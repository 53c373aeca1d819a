"""Predictions without a browser: `python -m dashboard predict RUN PATH...`."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from dashboard.core import metrics
from dashboard.core.errors import RunError, UploadError
from dashboard.data.asking import Given
from dashboard.runs import batch_rows, batches, queue, workers
from dashboard.runs.batches import Batch
from dashboard.runs.run import Run, open_run


@click.command()
@click.argument("run_text", metavar="RUN")
@click.argument("paths", metavar="[PATHS]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--csv", "list_file", type=click.Path(path_type=Path), help="A list of pictures, relative to its folder.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the table here, as .csv or .parquet, and say less.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
def predict(run_text: str, paths: tuple[Path, ...], list_file: Path | None, out: Path | None, as_json: bool) -> None:
    """Classify pictures, folders of them, and zip or tar archives with the finished model of a run.

    A killed one goes on where it was when it is given again.
    """
    run = open_run(queue.find(run_text)["id"])
    run.require_model()
    if out is not None and out.suffix.lower() not in batch_rows.FORMATS:
        raise RunError("prediction-format", f"The table is written as .csv or .parquet; received '{out.name}'.")
    if not paths and list_file is None:
        raise UploadError("prediction-empty", "Nothing to predict. Give pictures, folders or archives, or --csv LIST.")
    batch = _begun(run, _given(paths, list_file))
    with workers.Worker() as worker:
        workers.predict_batch(worker, batch, on_progress=_say)
    if out is not None:
        batch_rows.FORMATS[out.suffix.lower()](batch.path, out.absolute())
    read = _print_all(batch, out, as_json)
    batches.discard(batch)  # all of it has been told
    if not read:
        sys.exit(2)


def _say(done: int, total: int, text: str) -> None:
    click.echo(f"{text}: {done} of {total}", err=True)


def _given(paths: tuple[Path, ...], list_file: Path | None) -> Given:
    files = tuple((str(path.absolute()), str(path)) for path in paths)
    return Given(files, ((str(list_file.absolute()), str(list_file)),) if list_file else (), chooses=False)


def _begun(run: Run, given: Given) -> Batch:
    left = batches.interrupted(run, given)
    if left is None:
        return batches.begin(run, given)
    click.echo(f"Going on after {left.done} pictures.", err=True)
    return left


def _print_all(batch: Batch, out: Path | None, as_json: bool) -> int:
    """Say what could not be read on standard error, and the rest on standard output; how many could be read."""
    read = total = 0
    for table in batch_rows.each_part(batch.path):
        total += len(table)
        for row in table[table["code"] != ""].itertuples():
            click.echo(f"{row.code}: {row.path}: {row.reason}", err=True)
        known = table[table["code"] == ""]
        read += len(known)
        if out is None:
            _print_rows(known, as_json)
    if out is not None:
        _print_sum(batch, {"out": str(out), "pictures": total, "read": read}, as_json)
    return read


def _print_rows(table: Any, as_json: bool) -> None:
    columns = metrics.probability_columns(table)
    for path, predicted, values in zip(table["path"], table["predicted"], table[columns].to_numpy(float), strict=True):
        shares = {name.removeprefix(metrics.PROBABILITY): value for name, value in zip(columns, values, strict=True)}
        record = {"path": path, "predicted": predicted, "probabilities": shares}
        text = f"{path}: {predicted} ({shares[predicted]:.3f})"
        click.echo(json.dumps(record, ensure_ascii=False) if as_json else text)


def _print_sum(batch: Batch, record: dict[str, Any], as_json: bool) -> None:
    """The figures of a table that went to a file; the accuracy where folders are named for classes of the run."""
    table = batch_rows.read(batch.path, ["predicted", "true"])
    accuracy = metrics.accuracy(table[(table["true"] != "") & (table["predicted"] != "")])
    text = f"{record['read']:,} of {record['pictures']:,} pictures predicted; the table is {record['out']}"
    if accuracy.count:
        record |= {"accuracy": accuracy.value, "low": accuracy.low, "high": accuracy.high, "judged": accuracy.count}
        text += f". Accuracy {accuracy} on {accuracy.count:,} whose folder is named for a class"
    click.echo(json.dumps(record, ensure_ascii=False) if as_json else text)
