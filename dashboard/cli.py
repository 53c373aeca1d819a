"""The same jobs without a browser: `python -m dashboard import|train|runs|show|stop|pause|resume|...`.

Progress goes to standard error, results to standard output (`--json` for machines). Exit codes: 0 success, 1 the job
ended badly, 2 refused input with one line on standard error that starts with a stable code.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd

from dashboard import cli_dataset, cli_predict, cli_weights
from dashboard.core import files, formula
from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.errors import AlreadyUnderWay, DashboardError, DatasetError, RunError, UploadError
from dashboard.core.export_formats import EXPORT_FORMATS
from dashboard.core.recipe import Recipe, find_backbone, read_recipe, recipe_from
from dashboard.core.schedules import SCHEDULES
from dashboard.core.steering import LEVERS
from dashboard.data import datasets, intake, inventory, label_files, weights
from dashboard.runs import bringing, cache, follow, measures, queue, starting, status, steering, supervisor, workers
from dashboard.runs.certificates import certificate
from dashboard.runs.run import Run, open_run

JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
POLL = 0.5  # seconds


class Commands(click.Group):
    """Turns every refusal into its line on standard error and exit code 2."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except DashboardError as error:
            click.echo(f"{error.code}: {' '.join(error.message.split())}", err=True)
            sys.exit(2)


@click.group(cls=Commands, context_settings={"max_content_width": 110})
def main() -> None:
    """Thaw: a folder of pictures becomes a trained Keras classifier."""


def _say(done: int, total: int, text: str) -> None:
    click.echo(f"{text}: {done} of {total}" if total else text, err=True)


def _print(value: Any, *, as_json: bool, text: str) -> None:
    click.echo(json.dumps(value, ensure_ascii=False) if as_json else text)


@main.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Name of the dataset; the file's own name when left out.")
@click.option(
    "--labels", default="", help="A CSV or TSV of the classes, in PATH or elsewhere; it decides, not folders."
)
@click.option("--picture-column", default="", help="Its column that names the pictures; found by content if left out.")
@click.option("--class-column", multiple=True, help="Its column of classes; several where each stands for one class.")
@click.option("--split-column", default="", help="Its column that says train, validation or test.")
@click.option("--group-column", default="", help="Its column of what must stay in one split, such as patients.")
@click.option("--into", default="", help="Id or name of a dataset that gets the pictures, instead of a new one.")
@JSON
def import_(path: Path, name: str, labels: str, into: str, as_json: bool, **columns: Any) -> None:
    """Take the pictures of a folder, zip or tar into a dataset. A killed import goes on when it is given again."""
    given = (name or path.resolve().stem, datasets.find(into).id if into else "")
    dataset = _import_labelled(path, labels, columns, given) if labels else _import(path, *given)
    counts = datasets.listing().set_index("id").loc[dataset.id]
    keys = ("classes", "images", "refused", "duplicates")
    record = {"dataset": dataset.id, **{key: int(counts[key]) for key in keys}}
    text = (
        f"{dataset.name} ({dataset.id}): {record['images']} pictures in {record['classes']} classes; "
        f"{record['refused']} refused, {record['duplicates']} duplicates left out"
    )
    _print(record, as_json=as_json, text=text)


def _import_labelled(path: Path, labels: str, columns: dict[str, Any], given: tuple[str, str]) -> datasets.Dataset:
    """Follow a label file; what was found or chosen of it is said on standard error before."""
    source = intake.Source(path, str(path))
    outside, known_as = _label_file(path, labels)
    look = inventory.look(source, label_path=outside)
    found = next((each for each in look.proposals if each.file == known_as), None)
    if found is None:
        listed = ", ".join(each.file for each in look.proposals) or "none"
        raise UploadError("label-file-unknown", f"There is no label file {labels}; found in {path}: {listed}.")
    columns["class_columns"] = columns.pop("class_column")
    chosen = label_files.choose(found, **columns)
    parts = {
        "pictures": chosen.picture_column,
        "classes": ", ".join(chosen.class_columns),
        "splits": chosen.split_column,
        "groups": chosen.group_column,
    }
    click.echo(
        f"{chosen.file}: " + "; ".join(f"{what} from {column}" for what, column in parts.items() if column), err=True
    )
    name, into = given
    return intake.import_pictures(source, name=name, into=into, label_file=chosen, label_path=outside, on_progress=_say)


def _label_file(path: Path, labels: str) -> tuple[Path | None, str]:
    """Where a label file lies when it is no part of what is imported, and what it is called there."""
    file = Path(labels)
    if not file.is_file():
        return None, labels
    if path.is_dir() and file.resolve().is_relative_to(path.resolve()):
        return None, file.resolve().relative_to(path.resolve()).as_posix()
    return file.absolute(), file.name


def _import(path: Path, name: str = "", into: str = "") -> datasets.Dataset:
    name = name or path.resolve().stem
    return intake.import_pictures(intake.Source(path, str(path)), name=name, into=into, on_progress=_say)


RECIPE_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--backbone", help="A builder of keras.applications, or AlexNet."),
    click.option("--weights", help="imagenet, formula (comes with Thaw), none (random), or a weights file."),
    click.option("--keep-head/--new-head", default=None, help="Begin with the head in the weights file, or a new one."),
    click.option("--alpha", type=float, help="Width of MobileNet and MobileNetV2."),
    click.option("--image-size", type=int, help="Side of the square the network sees, in pixels."),
    click.option("--epochs", type=int, help="Most epochs with the backbone frozen."),
    click.option("--fine-tune-epochs", type=int, help="Most epochs with the upper blocks thawed."),
    click.option("--unfreeze-from", help="Lowest block to thaw."),
    click.option("--batch-size", type=int, help="Pictures a step."),
    click.option("--learning-rate", type=float, help="Step size while the backbone is frozen."),
    click.option("--fine-tune-learning-rate", type=float, help="Step size while fine-tuning."),
    click.option("--patience", type=int, help="Epochs without a better validation loss before a phase stops."),
    click.option("--seed", type=int, help="Start of every random number."),
    click.option(
        "--augmentation",
        metavar="NAME",
        multiple=True,
        help=f"One of {', '.join(AUGMENTATIONS)}; give it several times.",
    ),
    click.option("--views", type=int, help="How often each training picture is seen when it is augmented and kept."),
    click.option("--schedule", metavar="NAME", help=f"One of {', '.join(SCHEDULES)}."),
    click.option("--cache/--no-cache", default=None, help="Compute what stays frozen once a picture, or every epoch."),
    click.option("--precision", metavar="[auto|float32|bfloat16]", help="What the frozen part is computed in."),
)


def _recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(RECIPE_OPTIONS):
        command = option(command)
    return command


@main.command()
@click.option(
    "--dataset", "dataset_text", default="", help="Id or name of a dataset, or a path to import; else the recipe's own."
)
@click.option(
    "--recipe",
    "recipe_file",
    type=click.Path(path_type=Path),
    help="A recipe, such as a run's recipe.json: repeats that run. Options given beside it win.",
)
@click.option("--split", "split_file", type=click.Path(path_type=Path), help="CSV with columns path and split.")
@click.option("--from-run", "from_run", default="", help="Begin with the weights of this run, and its head if it fits.")
@click.option("--name", default="", help="Name of the run.")
@click.option("--detach", is_flag=True, help="Return at once; the run goes on by itself.")
@_recipe_options
@JSON
def train(
    dataset_text: str,
    recipe_file: Path | None,
    split_file: Path | None,
    from_run: str,
    name: str,
    detach: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a classifier."""
    values = read_recipe(recipe_file) if recipe_file else {}
    source = options.pop("weights")
    if recipe_file is None and not from_run:
        values |= _without_weights(options["backbone"], source)
    values |= _weights_source(source)
    values |= {key: value for key, value in options.items() if value not in (None, ())}
    if not (recipe_file or from_run or "weights" in values):
        values = _what_is_here(values)
    recipe_from(
        {**values, "dataset": "unknown yet", "dataset_version": 1}
    )  # refuse nonsense before importing thousands
    dataset = _dataset(dataset_text) if dataset_text else _dataset_of(values)
    if split_file:
        dataset = datasets.resplit_as_given(dataset, _read_split(split_file))
    if from_run:
        class_names = list(datasets.members(dataset)["class_name"].unique())
        kept = {} if options["keep_head"] is None else {"keep_head": options["keep_head"]}
        values |= starting.fields(open_run(queue.find(from_run)["id"]), class_names) | kept
    recipe = recipe_from({**values, "dataset": dataset.id, "dataset_version": dataset.version})
    with workers.Worker() as worker:
        workers.check(worker, recipe)
    measures.require(recipe)
    try:
        run = queue.enqueue(recipe, name=name)
    except AlreadyUnderWay as twin:
        click.echo(twin.message, err=True)
        run = open_run(twin.run_id)
    supervisor.ensure()
    if detach:
        _print({"run": run.id, "status": "queued"}, as_json=as_json, text=f"Run {run.id} is queued.")
        return
    _finish(run, as_json=as_json)


def _without_weights(backbone: str | None, weights_source: str | None) -> dict[str, Any]:
    """How a network is trained that nobody published weights of; nothing for any other, or where a file is given."""
    if backbone is None or weights_source not in (None, "none") or find_backbone(backbone).weights_file is not None:
        return {}
    row = find_backbone(backbone)
    click.echo(f"{backbone} begins with random weights, as there are no others: all of it learns.", err=True)
    recipe = Recipe(dataset="-", backbone=backbone, image_size=row.image_size).from_scratch()
    return {name: getattr(recipe, name) for name in recipe.model_fields_set - {"dataset", "dataset_version"}}


def _what_is_here(values: dict[str, Any]) -> dict[str, Any]:
    """The bundled weights where nobody said which, and ImageNet's are not on this machine; it is said then."""
    recipe = recipe_from({**values, "dataset": "unknown yet"})
    named = {"backbone", "alpha"} & values.keys()
    if weights.whereabouts(recipe.backbone_row, recipe.alpha, recipe.image_size) == "on this machine":
        return values
    if named and not formula.fits(recipe.backbone, recipe.alpha):
        return values
    bundled = recipe.with_formula()
    click.echo(
        f"ImageNet's weights are not on this machine: {bundled.network_name} starts from the formula weights that come "
        f"with Thaw. {formula.beside_imagenet()} Say --weights imagenet to insist.",
        err=True,
    )
    network = {name: getattr(bundled, name) for name in ("backbone", "alpha", "image_size", "weights")}
    return network | values


def _weights_source(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    if text in ("imagenet", "formula", "none"):
        return {"weights": text, "weights_file": None}
    bringing.check_weights(Path(text))
    return {"weights": "file", "weights_file": weights.take_file(Path(text), Path(text).name)}


def _dataset(text: str) -> datasets.Dataset:
    if Path(text).exists():
        return _import(Path(text))
    return datasets.find(text)


def _dataset_of(recipe: dict[str, Any]) -> datasets.Dataset:
    """The version of a dataset that a recipe was made for, whose pictures have the same split."""
    if "dataset" not in recipe:
        raise DatasetError("dataset-missing", "Nothing says what to train on. Give --dataset, or a --recipe that does.")
    return datasets.get(str(recipe["dataset"]), recipe.get("dataset_version"))


def _read_split(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DatasetError(
            "split-file-unreadable", f"{path} is not a readable CSV with columns path and split."
        ) from error


def _finish(run: Run, *, as_json: bool) -> None:
    """Follow a run to its end on standard error, print its figures, exit with 0 only if it finished."""
    try:
        for line in follow.lines(run, poll=POLL):
            click.echo(line, err=True)
    except KeyboardInterrupt:
        click.echo("Stopping after this batch. Interrupt again to leave the run going on alone.", err=True)
        queue.request_stop(run.id)
        for line in follow.lines(run, poll=POLL):
            click.echo(line, err=True)
    result = follow.result(run)
    row = queue.row(run.id)
    if row["message"]:
        click.echo(row["message"], err=True)
    accuracy = result["validation_accuracy"]
    text = f"Run {row['number']} ({run.id}) {result['status']}"
    _print(result, as_json=as_json, text=text if accuracy is None else f"{text}: validation accuracy {accuracy:.3f}")
    sys.exit(0 if result["status"] == "finished" else 1)


@main.command("runs")
@JSON
def runs_(as_json: bool) -> None:
    """List all runs, newest first."""
    rows = queue.listing()
    columns = ["number", "id", "name", "status", "validation_accuracy", "test_accuracy"]
    if as_json:
        click.echo(rows[columns].to_json(orient="records", force_ascii=False))
    else:
        click.echo(rows[columns].to_string(index=False) if len(rows) else "No runs yet.")


@main.command()
@click.argument("run_text", metavar="RUN")
@JSON
def show(run_text: str, as_json: bool) -> None:
    """Show one run: how it stands, its figures, its recipe."""
    row = queue.find(run_text)
    run = open_run(row["id"])
    record = {
        **follow.result(run),
        "name": row["name"],
        "message": row["message"],
        "recipe": run.recipe.model_dump(mode="json"),
    }
    _print(record, as_json=as_json, text=json.dumps(record, indent=2, ensure_ascii=False))


@main.command()
@click.argument("run_text", metavar="RUN")
@JSON
def stop(run_text: str, as_json: bool) -> None:
    """Stop a run after its current batch; the best weights so far are kept."""
    run_id = queue.find(run_text)["id"]
    queue.request_stop(run_id)
    now = queue.row(run_id)["status"]
    _print({"run": run_id, "status": now}, as_json=as_json, text=f"Run {run_id} is {now}.")


@main.command()
@click.argument("run_text", metavar="RUN")
@JSON
def pause(run_text: str, as_json: bool) -> None:
    """Free the processor after the current batch; `resume` goes on after the last saved epoch."""
    run_id = queue.find(run_text)["id"]
    queue.request_pause(run_id)
    _print({"run": run_id, "status": "pausing"}, as_json=as_json, text=f"Run {run_id} pauses after its batch.")


@main.command()
@click.argument("run_text", metavar="RUN")
@click.argument("lever", type=click.Choice([name.replace(" ", "-") for name in LEVERS]))
@click.argument("value", type=float, required=False)
@JSON
def steer(run_text: str, lever: str, value: float | None, as_json: bool) -> None:
    """Change a run while it trains, from its next batch on."""
    row = queue.find(run_text)
    if row["status"] not in (status.QUEUED, status.RUNNING):
        raise RunError("run-over", f"Run '{row['id']}' is {row['status']}; only a run under way can be steered.")
    steering.ask(open_run(row["id"]), lever.replace("-", " "), value)
    _print({"run": row["id"], "asked": lever, "value": value}, as_json=as_json, text=f"Asked run {row['id']}: {lever}.")


@main.command()
@click.argument("run_text", metavar="RUN")
@click.option("--wait", is_flag=True, help="Follow the run to its end.")
@click.option("--more-epochs", type=int, help="Let an ended run train longer, by at most so many epochs.")
@JSON
def resume(run_text: str, wait: bool, more_epochs: int | None, as_json: bool) -> None:
    """Go on with a paused, stopped, interrupted or failed run after its last saved epoch."""
    run = open_run(queue.find(run_text)["id"])
    supervisor.look_after()
    if more_epochs is None:
        queue.resume(run.id)
    else:
        queue.extend(run.id, more_epochs)
    supervisor.ensure()
    if wait:
        _finish(run, as_json=as_json)
    _print({"run": run.id, "status": "queued"}, as_json=as_json, text=f"Run {run.id} is queued.")


@main.command()
@click.argument("run_text", metavar="RUN")
@click.option(
    "--format", "format_name", required=True, type=click.Choice(list(EXPORT_FORMATS)), help="What to take home."
)
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write into.")
@JSON
def export(run_text: str, format_name: str, out: Path, as_json: bool) -> None:
    """Copy a finished model, or what belongs to it, into a folder; says whether it predicts what the page shows."""
    run = open_run(queue.find(run_text)["id"])
    with workers.Worker() as worker:
        made = workers.export(worker, run, format_name, on_progress=_say)
    out.mkdir(parents=True, exist_ok=True)
    with files.replacing(out / made.name) as aside:
        shutil.copyfile(made, aside)
    found = certificate(run, EXPORT_FORMATS[format_name])
    record = {"path": str(out / made.name), "verdict": found.verdict if found else None}
    if found:
        click.echo(found.sentence, err=True)
    _print(record, as_json=as_json, text=str(out / made.name))
    sys.exit(1 if found and not found.verified else 0)


@main.command()
@click.argument("paths", metavar="FILES...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", default="", help="Name of its run.")
@JSON
def bring(paths: tuple[Path, ...], name: str, as_json: bool) -> None:
    """Bring a model of another machine: an export's zip, or model.weights.h5 with labels.json and recipe.json."""
    what = bringing.sent(list(paths))
    with workers.Worker() as worker:
        run = bringing.bring(worker, what, name=name, on_progress=_say)
    record = {"run": run.id, "class_names": run.class_names}
    text = f"Run {queue.row(run.id)['number']} ({run.id}): {run.recipe.network_name}, {', '.join(run.class_names)}"
    _print(record, as_json=as_json, text=text)


@main.command("cache")
@click.option("--clear", is_flag=True, help="Remove all that no process works with; it is computed again when needed.")
@JSON
def cache_(clear: bool, as_json: bool) -> None:
    """Show what is kept of computed features; what was not used for longest goes first when it gets too much."""
    freed = cache.clear() if clear else 0
    rows = cache.table()
    used, limit = int(rows["bytes"].sum()), cache.limit()
    record = {"used": used, "limit": limit, "freed": freed, "kept": rows.to_dict("records")}
    folders = "1 folder" if len(rows) == 1 else f"{len(rows):,} folders"
    lines = [f"{used / 1e9:.3f} GB of {limit / 1e9:g} GB kept (THAW_FEATURES_GIGABYTES); {folders}."]
    if clear:
        lines.append(f"{freed / 1e9:.3f} GB removed.")
    if len(rows):
        when = pd.to_datetime(rows["used"], unit="s", utc=True).dt.floor("s")
        words = rows.assign(bytes=(rows["bytes"] / 1e6).round(2), used=when).rename(columns={"bytes": "megabytes"})
        lines.append(words.to_string(index=False))
    _print(record, as_json=as_json, text="\n".join(lines))


@main.command()
@click.argument("run_text", metavar="RUN")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others ask for a token.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65_535), help="0 takes a free one.")
def serve(run_text: str, host: str, port: int) -> None:
    """Answer pictures over HTTP with the finished model of a run, until it is interrupted."""
    from dashboard.serving import server  # which no other command waits for

    server.serve(open_run(queue.find(run_text)["id"]), host, port)


main.add_command(cli_dataset.dataset)
main.add_command(cli_predict.predict)
main.add_command(cli_weights.weights)
