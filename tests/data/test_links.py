"""An honest link, from the address to the dataset."""

import json
import shutil
from pathlib import Path

import pytest

from dashboard.data import datasets, intake, links, staging
from tests import tls
from tests.making import classes, zip_of

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/sets/flowers.zip", "flowers.zip"),
        ("/get?id=3", "get.zip"),
        ("/r%C3%B6sle.zip", "rösle.zip"),
        ("/", "archive.zip"),
    ],
)
def test_an_archive_behind_a_link_becomes_a_dataset(path: str, name: str, tmp_path: Path, workspace: Path) -> None:
    archive = zip_of(classes("roses", "tulips"), tmp_path / "flowers.zip").read_bytes()
    certified = tls.certificate(tmp_path)
    told: list[tuple[int, int]] = []
    with tls.serving(certified) as publisher:
        publisher.pages[path] = tls.body(archive)
        source = links.fetch(
            f"https://{tls.HOST}:{publisher.server_port}{path}",
            on_progress=lambda *now: told.append(now),
            network=tls.network(certified, publisher.server_port, tls.Names()),
        )
    assert json.loads((source.path / "manifest.json").read_text()) == [name] == [source.name]
    assert told[-1] == (len(archive), len(archive)) and told == sorted(told)

    dataset = intake.import_pictures(source, name="flowers")
    staging.discard(source.path)
    assert len(datasets.members(dataset)) == 8
    assert list((workspace / "uploads").iterdir()) == []
