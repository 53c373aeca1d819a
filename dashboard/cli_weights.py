"""Keras' folder of downloaded weights without a browser: `python -m dashboard weights list|fetch|remove`."""

import json

import click

from dashboard.core.quantities import size
from dashboard.core.recipe import find_backbone
from dashboard.data import kept_weights
from dashboard.data.kept_weights import Variant
from dashboard.runs import needing

JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")


@click.group()
def weights() -> None:
    """Look after the folder in which Keras keeps the weights it downloads."""


class _Lines:
    """A line on standard error for every tenth of a file."""

    def __init__(self) -> None:
        self.last = ""

    def __call__(self, done: int, total: int, text: str) -> None:
        said = f"{text}: {100 * done // max(total, 1) // 10 * 10} %"
        if said != self.last:
            click.echo(said, err=True)
        self.last = said


@weights.command("list")
@click.option("--digests/--no-digests", default=True, help="Compute digests that are not known yet.")
@JSON
def list_(digests: bool, as_json: bool) -> None:
    """List the files: whose weights they are, their size, digest, and whether it is the published one."""
    table = kept_weights.listing()
    if digests and (lacking := kept_weights.without_digest(table)):
        kept_weights.digest(lacking, lambda done, total, text: None, lambda: False)
        table = kept_weights.listing()
    if as_json:
        click.echo(json.dumps({"folder": str(kept_weights.folder()), "files": table.to_dict("records")}))
        return
    click.echo(f"{kept_weights.folder()}: {len(table)} files, {size(int(table['bytes'].sum()))}")
    for row in table.itertuples(index=False):
        click.echo(
            f"{row.name}: {row.network}, {size(row.bytes)}, {row.state}, digest {row.check} {row.sha256}".rstrip()
        )


@weights.command()
@click.argument("backbones", metavar="BACKBONE...", nargs=-1, required=True)
@click.option("--alpha", type=float, default=1.0, show_default=True, help="Width of MobileNet and MobileNetV2.")
@click.option("--image-size", type=int, help="Pixels a side; those the weights were trained at when left out.")
@JSON
def fetch(backbones: tuple[str, ...], alpha: float, image_size: int | None, as_json: bool) -> None:
    """Download ImageNet weights for a time without a network; what is here already is left alone."""
    wanted = [_variant(name, alpha, image_size) for name in backbones]
    for each in wanted:
        state = "here already" if each.file.present else f"about {each.file.megabytes:.1f} MB from {each.file.url}"
        click.echo(f"{each.title}: {state}", err=True)
    came = kept_weights.fetch(wanted, _Lines(), lambda: False)
    record = {"folder": str(kept_weights.folder()), "fetched": came, "files": [each.name for each in wanted]}
    click.echo(json.dumps(record) if as_json else f"{len(came)} fetched into {kept_weights.folder()}")


def _variant(name: str, alpha: float, image_size: int | None) -> Variant:
    """Raises BackboneError `backbone-unknown`; WeightsError `weights-absent`, there are none for this width or size."""
    row = find_backbone(name)
    return kept_weights.variant(row, alpha, image_size or row.image_size)


@weights.command()
@click.argument("name", metavar="FILE")
@JSON
def remove(name: str, as_json: bool) -> None:
    """Delete one file of the folder, by its name; refused while a run under way begins with it."""
    freed = needing.remove(name)
    click.echo(json.dumps({"removed": name, "freed": freed}) if as_json else f"{name} removed, {size(freed)} freed")
