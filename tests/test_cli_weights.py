"""Keras' folder of weights from the command line."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dashboard.cli import main
from dashboard.core.backbones import BACKBONES, weights_url_path
from dashboard.core.settings import settings
from tests.publisher import Page, hdf5, publishing

NAME = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
BODY = hdf5()


@pytest.fixture
def models(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder, empty, on a machine for which one file is published."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with publishing() as server:
        server.pages[weights_url_path(BACKBONES["MobileNetV2"], 0.35, 224)] = Page(BODY, len(BODY))
        monkeypatch.setenv("THAW_WEIGHTS_URL", server.url)
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        settings.cache_clear()
        yield tmp_path / "keras" / "models"


def command(*words: str) -> Result:
    return CliRunner().invoke(main, ["weights", *words])


def test_weights_are_fetched_listed_and_removed(models: Path) -> None:
    fetched = command("fetch", "MobileNetV2", "--alpha", "0.35", "--json")
    assert fetched.exit_code == 0 and json.loads(fetched.stdout)["fetched"] == [NAME]
    assert "about 1.6 MB" in fetched.stderr and "100 %" in fetched.stderr

    (row,) = json.loads(command("list", "--json").stdout)["files"]
    assert row["name"] == NAME and row["network"] == "MobileNetV2 0.35, 224 px"
    assert (row["bytes"], row["sha256"]) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert NAME in command("list").stdout

    assert json.loads(command("remove", NAME, "--json").stdout) == {"removed": NAME, "freed": len(BODY)}
    assert list(models.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("fetch", "ResNet50"), "weights-offline"),
        (("fetch", "MobileNetV2", "--alpha", "0.2"), "weights-absent"),
        (("fetch", "Resnet50"), "backbone-unknown"),
        (("remove", "../workspace"), "weights-file-unknown"),
        (("remove", "nothing.h5"), "weights-file-unknown"),
    ],
)
def test_a_refusal_is_one_line_with_a_code(models: Path, words: tuple[str, ...], code: str) -> None:
    models.mkdir(parents=True)
    refused = command(*words)
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1].startswith(f"{code}: ")
    assert list(models.iterdir()) == []
