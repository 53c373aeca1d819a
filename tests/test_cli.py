"""The command line, as a shell sees it: standard output for results, standard error for progress, exit codes."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from dashboard import cli
from dashboard.core.recipe import Recipe, recipe_from
from dashboard.core.settings import workspace as in_workspace
from dashboard.data import samples
from dashboard.runs import cache, measures
from dashboard.runs.run import open_run, versions
from tests.core.test_promise import BLOCKS, WHOLE, part
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
SMALLEST = ("--backbone", "MobileNet", "--alpha", "0.25", "--weights", "none")


def thaw(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dashboard", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=400)


def inside(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The same within this process, where a test is about what is said and not about the shell."""
    done = CliRunner().invoke(cli.main, [str(each) for each in arguments])
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of generated pictures, eight classes of twelve."""
    folder = tmp_path_factory.mktemp("pictures") / "shapes"
    samples.SAMPLES["shapes"].make(folder, samples.ShapesSettings(images_a_class=12, side=48))
    return folder


@pytest.fixture
def home(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace on a machine without any pretrained weights."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return workspace


def test_import_counts_what_it_took(home: Path, shapes: Path) -> None:
    done = thaw("import", shapes, "--name", "My shapes", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record | {"dataset": ""} == {"dataset": "", "classes": 8, "images": 96, "refused": 0, "duplicates": 0}
    assert "96 of 96" in done.stderr
    again = thaw("import", shapes, "--into", "My shapes")
    assert again.returncode == 2 and again.stderr.splitlines()[-1].startswith(
        "dataset-nothing-new: Nothing was added: 96"
    )


@pytest.fixture
def flat(shapes: Path, tmp_path: Path) -> Path:
    """Pictures in one folder and a table of what they are, with words that no header explains."""
    folder = tmp_path / "flat"
    folder.mkdir()
    rows = []
    for number, file in enumerate(sorted(shapes.rglob("*.png"))):
        (folder / f"{number}.png").write_bytes(file.read_bytes())
        rows.append(f"{number}.png;{file.parent.name};{('near', 'far')[number % 2]}")
    (folder / "table.csv").write_text("\n".join(rows))
    return folder


@pytest.mark.parametrize("where", ["inside", "by name", "elsewhere"])
def test_import_follows_a_label_file_and_says_what_it_took(home: Path, flat: Path, tmp_path: Path, where: str) -> None:
    labels = {"inside": flat / "table.csv", "by name": "table.csv", "elsewhere": tmp_path / "labels.tsv"}[where]
    if where == "elsewhere":
        (flat / "table.csv").rename(labels)
    done = inside("import", flat, "--labels", labels, "--class-column", "Column 3", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["classes"] == 2 and json.loads(done.stdout)["refused"] == 0
    assert f"{Path(labels).name}: pictures from Column 1; classes from Column 3" in done.stderr


def test_import_does_not_guess_between_columns(home: Path, flat: Path) -> None:
    done = inside("import", flat, "--labels", "table.csv")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("label-column-missing: ") and "'Column 2', 'Column 3'" in done.stderr
    done = inside("import", flat, "--labels", "no.csv")
    assert done.returncode == 2 and done.stderr.startswith("label-file-unknown: ") and "table.csv" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("import", "no/such/folder"), "source-missing"),
        (("import", "no/such/folder", "--labels", "a.csv"), "source-missing"),
        (("train", "--dataset", "nothing", "--weights", "none"), "dataset-unknown"),
        (("train", "--weights", "none"), "dataset-missing"),
        (("train", "--dataset", "x", "--backbone", "ResNet9000"), "backbone-unknown"),
        (("train", "--dataset", "x", "--backbone", "Xception", "--image-size", "70"), "image-size-too-small"),
        (("train", "--dataset", "x", "--alpha", "0.3"), "alpha-unknown"),
        (("train", "--dataset", "x", "--epochs", "0"), "no-epochs"),
        (("train", "--dataset", "x", "--learning-rate", "-1"), "recipe-invalid"),
        (("train", "--dataset", "x", "--augmentation", "flip", "--augmentation", "sepia"), "augmentation-unknown"),
        (("train", "--dataset", "x", "--precision", "float8"), "recipe-invalid"),
        (("train", "--dataset", "x", "--recipe", "no.json"), "recipe-unreadable"),
        (("train", "--dataset", "x", "--weights", "README.md"), "weights-not-hdf5"),
        (("show", "99"), "run-unknown"),
        (("stop", "nothing"), "run-unknown"),
        (("resume", "nothing"), "run-unknown"),
        (("predict", "nothing", "README.md"), "run-unknown"),
        (("export", "1", "--format", "keras", "--out", "out"), "run-unknown"),
        (("serve", "nothing"), "run-unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_refused_input_ends_with_code_2_and_one_line(home: Path, arguments: tuple[str, ...], code: str) -> None:
    done = CliRunner().invoke(cli.main, arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"{code}: ") and done.stderr.count("\n") == 1, done.stderr


def test_a_shell_gets_that_code_and_that_line(home: Path) -> None:
    done = thaw("show", "99")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("run-unknown: ") and done.stderr.count("\n") == 1, done.stderr


def test_absent_imagenet_weights_name_the_file_and_the_folder(home: Path, shapes: Path, tmp_path: Path) -> None:
    done = inside("train", "--dataset", shapes, "--alpha", "0.35", "--weights", "imagenet")
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("weights-absent: ")
    assert "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5" in last
    assert str(tmp_path / "keras" / "models") in last


def test_an_untrainable_folder_is_refused_with_the_expected_layout(home: Path, tmp_path: Path, shapes: Path) -> None:
    one = tmp_path / "one"
    one.mkdir()
    os.symlink(shapes / "circle", one / "circle")
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", one):
        done = inside("import", folder)
        assert done.returncode == 2 and done.stderr.splitlines()[-1].startswith("dataset-"), done.stderr


@pytest.mark.slow
def test_the_whole_path_on_the_command_line(home: Path, shapes: Path, tmp_path: Path) -> None:
    small = (*SMALLEST, "--image-size", "48", "--batch-size", "16")
    done = thaw(
        "train",
        "--dataset",
        shapes,
        *small,
        "--epochs",
        "2",
        "--fine-tune-epochs",
        "1",
        "--unfreeze-from",
        "conv_13",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    result = json.loads(done.stdout)
    assert result["status"] == "finished" and result["epochs"] == 3
    assert 0 <= result["validation_accuracy"] <= 1 and 0 <= result["test_accuracy"] <= 1
    assert set(result["seconds"]) == {"features", "training", "total"}
    assert 0 < result["seconds"]["training"] < result["seconds"]["total"]
    assert "Epoch 3:" in done.stderr

    run = result["run"]
    listed = json.loads(inside("runs", "--json").stdout)
    assert [each["id"] for each in listed] == [run]
    shown = json.loads(inside("show", "1", "--json").stdout)
    assert shown["recipe"]["image_size"] == 48 and shown["seconds"] == result["seconds"]

    pictures = [next((shapes / name).iterdir()) for name in ("circle", "stripes")]
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff")
    done = thaw("predict", run, *pictures, broken, "--json")
    assert done.returncode == 0
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["path"] for record in records] == [str(path) for path in pictures]
    assert all(abs(sum(record["probabilities"].values()) - 1) < 1e-4 for record in records)
    assert set(records[0]["probabilities"]) == {path.name for path in shapes.iterdir()}
    assert "broken.jpg" in done.stderr

    done = thaw("export", run, "--format", "openvino", "--out", tmp_path / "home", "--json")
    exported = json.loads(done.stdout)
    assert (done.returncode, exported["verdict"]) in ((0, "verified"), (1, "not verified")), done.stderr
    assert "erified on" in done.stderr.splitlines()[-1]
    with zipfile.ZipFile(exported["path"]) as archive:
        names = {Path(name).name for name in archive.namelist()}
    assert {"model.xml", "model.bin", "labels.json", "certificate.json"} == names
    assert inside("resume", run).stderr.startswith("run-not-resumable: ")
    assert inside("stop", run).stderr.startswith("run-over: ")


@pytest.mark.soak
def test_alexnet_begins_with_random_weights_and_learns_as_a_whole(home: Path, shapes: Path) -> None:
    given = ("--backbone", "AlexNet", "--image-size", "67", "--fine-tune-epochs", "3", "--detach", "--json")
    done = thaw("train", "--dataset", shapes, *given)
    assert done.returncode == 0 and "AlexNet begins with random weights" in done.stderr, done.stderr
    run = json.loads(done.stdout)["run"]
    assert thaw("stop", run).returncode == 0
    found = open_run(run).recipe
    own = {"dataset": found.dataset, "dataset_version": found.dataset_version}
    expected = recipe_from({**own, "backbone": "AlexNet", "image_size": 67}).from_scratch()
    assert found == expected.replace(fine_tune_epochs=3)


def test_no_other_network_is_put_in_the_place_of_one_that_was_named(home: Path) -> None:
    done = CliRunner().invoke(cli.main, ["train", "--dataset", "nowhere", "--backbone", "ResNet50"])
    assert done.exit_code == 2 and done.stderr.startswith("dataset-unknown") and "formula" not in done.stderr
    done = CliRunner().invoke(cli.main, ["train", "--dataset", "nowhere"])
    assert done.exit_code == 2 and "starts from the formula weights" in done.stderr


@pytest.mark.slow
def test_a_detached_run_uses_the_split_it_is_given_and_the_bundled_weights_and_stops_on_request(
    home: Path, shapes: Path, tmp_path: Path
) -> None:
    dataset = json.loads(inside("import", shapes, "--json").stdout)["dataset"]
    rows = []
    for name in sorted(path.name for path in shapes.iterdir()):
        for number, path in enumerate(sorted((shapes / name).iterdir())):
            rows.append(f"{path.relative_to(shapes)},{('validation', 'test')[number % 2] if number < 4 else 'train'}")
    split = tmp_path / "split.csv"
    split.write_text("path,split\n" + "\n".join(rows))
    small = ("--image-size", "32")
    endless = ("--epochs", "500", "--patience", "500", "--detach", "--json")
    given = ("--no-cache", "--precision", "float32", "--views", "7", "--schedule", "reduce on plateau")
    changes = ("--augmentation", "zoom", "--augmentation", "flip")
    done = inside("train", "--dataset", dataset, "--split", split, *small, *endless, *given, *changes)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)["run"]
    recipe = open_run(run).recipe
    assert "ImageNet's weights are not on this machine: MobileNetV2 0.35 starts from the formula weights" in done.stderr
    assert (recipe.backbone, recipe.alpha, recipe.weights) == ("MobileNetV2", 0.35, "formula")
    assert (recipe.cache, recipe.precision, recipe.views) == (False, "float32", 7)
    assert (recipe.schedule, recipe.augmentation) == ("reduce on plateau", ("zoom", "flip"))
    wait_until(lambda: len(open_run(run).history()) >= 1, seconds=120)
    assert inside("stop", run).returncode == 0
    wait_until(lambda: json.loads(inside("show", run, "--json").stdout)["status"] == "stopped", seconds=60)
    assert open_run(run).has_model
    manifest = open_run(run).manifest
    divided = dict(row.split(",") for row in rows)
    assert all(divided[path.removeprefix("shapes/")] == split for path, split in manifest[["path", "split"]].values)
    split.write_text("path,split\nnowhere.png,train\n")
    refused = inside("train", "--dataset", dataset, "--split", split, *small, *endless).stderr
    assert refused.splitlines()[-1].startswith("split-file-")


def test_what_was_measured_not_to_fit_is_refused_before_anything_starts(home: Path, shapes: Path) -> None:
    dataset = json.loads(inside("import", shapes, "--json").stdout)["dataset"]
    recipe = Recipe(dataset=dataset, dataset_version=1, weights="none", unfreeze_from="block_8")
    path = in_workspace("cache", "topology", f"MobileNetV2-1-224-keras{versions()['keras']}.json")
    path.write_text(json.dumps([{"name": name} for name in BLOCKS]))
    parts = [asdict(part(cut, memory=10**15)) for cut in (None, "block_8")]
    measures.keep(recipe, {"whole": asdict(WHOLE), "parts": parts})
    done = inside("train", "--dataset", dataset, "--weights", "none", "--unfreeze-from", "block_8", "--detach")
    assert done.returncode == 2 and done.stderr.splitlines()[-1].startswith("does-not-fit: "), done.stderr
    assert inside("runs", "--json").stdout.strip() == "[]"


def test_a_recipe_file_keeps_what_no_option_changes(home: Path, shapes: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"augmentation": ["sepia"], "cache": False}))
    assert inside("train", "--dataset", shapes, "--recipe", recipe).stderr.startswith("augmentation-unknown: ")


def test_a_recipe_alone_is_trained_on_the_version_it_was_made_for(home: Path, shapes: Path, tmp_path: Path) -> None:
    dataset = json.loads(inside("import", shapes, "--json").stdout)["dataset"]
    recipe, said = tmp_path / "recipe.json", []
    for version in (7, 1):
        of_run = {"recipe": Recipe(dataset=dataset, dataset_version=version).model_dump(mode="json"), "versions": {}}
        recipe.write_text(json.dumps(of_run))
        said.append(inside("train", "--recipe", recipe).stderr)
    assert said[0].startswith(f"dataset-unknown: There is no version 7 of dataset '{dataset}'")
    assert said[1].startswith("weights-absent: "), "what comes after the dataset was found"


def test_what_is_kept_is_shown_and_removed_but_for_what_is_in_use(home: Path) -> None:
    for name in ("a", "b"):
        (cache.take(name) / "shard-0.npy").write_bytes(bytes(1_000_000))
    key = {"backbone": "MobileNet", "cut": "pooling", "image_size": 96, "precision": "float32", "view": 0}
    (cache.root() / "a" / cache.KEY).write_text(json.dumps(key))
    cache.give_back()
    cache.take("b")
    record = json.loads(inside("cache", "--json").stdout)
    assert record["used"] == sum(each["bytes"] for each in record["kept"]) >= 2_000_000
    assert (record["limit"], record["freed"]) == (10_000_000_000, 0)
    kept = {each["backbone"]: each for each in record["kept"]}
    assert kept["MobileNet"] | {"bytes": 0, "used": 0} == {
        **key,
        "view": "as it is",
        "bytes": 0,
        "used": 0,
        "in_use": False,
    }
    assert kept["–"]["in_use"]
    said = inside("cache", "--clear").stdout
    assert "0.001 GB of 10 GB kept (THAW_FEATURES_GIGABYTES); 1 folder." in said and "0.001 GB removed." in said
    assert [each.folder.name for each in cache.kept()] == ["b"]
    cache.give_back()


def test_a_dataset_is_corrected_undone_and_has_a_log(home: Path, shapes: Path) -> None:
    dataset = json.loads(inside("import", shapes, "--json").stdout)["dataset"]
    picture = next(path.relative_to(shapes).as_posix() for path in sorted(shapes.rglob("*.*")))
    other = sorted(path.name for path in shapes.iterdir())[1]
    done = inside("dataset", "move", dataset, picture, "--to", other, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "dataset": dataset,
        "version": 2,
        "sentence": f"1 picture moved to '{other}'. Version 2.",
    }
    assert inside("dataset", "undo", dataset).stdout == f"Undone: 1 picture moved to '{other}'. Version 3.\n"
    refused = inside("dataset", "rename-class", dataset, "nothing", "x")
    assert refused.returncode == 2 and refused.stderr.startswith("class-unknown: ")
    log = json.loads(inside("dataset", "log", dataset, "--json").stdout)
    assert [each["version"] for each in log] == [3, 2, 1] and log[-1]["reason"] == "imported"


def test_bring_refuses_a_file_that_is_no_export_with_its_code(home: Path, tmp_path: Path) -> None:
    (tmp_path / "model.weights.h5").write_bytes(b"weights")
    done = inside("bring", tmp_path / "model.weights.h5")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        "model-kind: The file 'model.weights.h5' cannot be brought. Expected"
    )
