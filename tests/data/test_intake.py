import contextlib
import io
import itertools
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from dashboard.core import database
from dashboard.core.errors import DashboardError, DatasetError, UploadError
from dashboard.core.settings import ROOT
from dashboard.data import attempts, datasets, imports, intake, parent, signatures, staging
from dashboard.data.intake import Source
from tests.data.crashing import CRASHES_HERE
from tests.making import classes, folder_of, picture, zip_of
from tests.waiting import wait_until


def take(path: Path, **options) -> datasets.Dataset:
    return intake.import_pictures(Source(path, path.name), name=path.name, **options)


def many(images: int) -> dict[str, bytes]:
    """More different pictures in two class folders than `classes` has."""
    return {f"{name}/{n}.png": picture(10_000 * order + n) for order, name in enumerate("ab") for n in range(images)}


def is_empty(table: sa.Table) -> bool:
    with database.database().connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


def test_an_archive_and_a_folder_hold_the_same_dataset(tmp_path, workspace):
    folder = folder_of(classes("roses", "tulips"), tmp_path / "flowers")
    with tarfile.open(tmp_path / "flowers.tar.gz", "w:gz") as archive:
        archive.add(folder, "flowers")
    zipped = zip_of(classes("roses", "tulips"), tmp_path / "a.zip")
    columns = ["sha256", "class_name", "split", "width", "height", "format", "mode", "size"]
    expected, *found = (datasets.members(take(path))[columns] for path in (folder, tmp_path / "flowers.tar.gz", zipped))
    assert len(expected) == 8
    assert all(table.equals(expected) for table in found)


def test_one_bad_picture_never_ends_an_upload(tmp_path, workspace):
    upload = classes("roses", "tulips") | {
        "roses/cut.jpg": picture(50, "JPEG")[:-300],
        "roses/empty.jpg": b"",
        "roses/page.jpg": b"<html>not found</html>",
        "tulips/phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0",
        "tulips/notes.txt": b"about tulips",
        "tulips/more.zip": b"PK\5\6" + bytes(18),
        "lost.png": picture(51),
        "tulips/.DS_Store": b"\0\0\0\1Bud1",
        "__MACOSX/tulips/._1.png": b"\0\5\x16\7",
        "tulips/Thumbs.db": b"\xd0\xcf",
        "tulips/blink.gif": picture(52, "GIF"),
    }
    dataset = take(zip_of(upload, tmp_path / "a.zip"))
    remarks = datasets.remarks(dataset).set_index("path")
    assert remarks["code"].to_dict() == {
        "roses/cut.jpg": "image-truncated",
        "roses/empty.jpg": "image-empty",
        "roses/page.jpg": "image-format",
        "tulips/phone.heic": "image-heic",
        "tulips/notes.txt": "not-a-picture",
        "tulips/more.zip": "archive-in-archive",
        "lost.png": "no-class-folder",
    }
    assert remarks[~remarks["refused"]].index.tolist() == ["tulips/notes.txt"]
    assert len(datasets.members(dataset)) == 9


def test_the_same_picture_twice_is_kept_once(tmp_path, workspace):
    upload = classes("roses", "tulips") | {"roses/z again.png": picture(0), "tulips/z other.png": picture(1)}
    dataset = take(zip_of(upload, tmp_path / "a.zip"))
    remarks = datasets.remarks(dataset)
    assert remarks["code"].tolist() == ["duplicate", "duplicate-two-classes"]
    assert remarks["refused"].all()
    assert "'roses/1.png', which was taken as 'roses'" in remarks["reason"][1]
    row = datasets.listing().iloc[0]
    assert (row.images, row.refused, row.duplicates) == (8, 0, 2)


@pytest.mark.parametrize(
    ("upload", "code", "words"),
    [
        ({}, "dataset-empty", "No picture was found"),
        ({"roses/readme.txt": b"hello"}, "dataset-empty", "one folder per class"),
        ({"roses/1.jpg": b"broken"}, "dataset-empty", "first of 1 refused files: 'roses/1.jpg'"),
        ({"1.png": picture(1), "2.png": picture(2)}, "dataset-no-classes", "one folder per class"),
        (classes("roses"), "dataset-one-class", "All 4 pictures are in one class, 'roses'"),
        (classes("roses", "tulips", images=2), "dataset-class-too-small", "'roses' has 2 pictures; at least 3"),
    ],
)
def test_a_dataset_that_cannot_be_trained_is_refused_and_leaves_no_row(upload, code, words, tmp_path, workspace):
    with pytest.raises(DatasetError, match=words) as refusal:
        take(zip_of(upload, tmp_path / "a.zip"))
    assert refusal.value.code == code
    assert all(is_empty(table) for table in (database.datasets, database.members, database.pictures, database.remarks))


def test_class_names_are_literal(tmp_path, workspace):
    names = ["007", "<b>bold", "$x^2$", "=1+1", "None", "train", "кот", "حصان", "🌷", "cat ", "Cat"]
    dataset = take(zip_of(classes(*names, images=3), tmp_path / "a.zip"))
    assert datasets.class_names(dataset) == sorted(names)


def test_folders_named_for_splits_are_kept(tmp_path, workspace):
    parts = {"train": classes("a", "b", images=8)}
    parts["test"] = {
        f"{name}/{n}.png": picture(900 + 10 * order + n) for order, name in enumerate("ab") for n in range(2)
    }
    upload = {f"set/{top}/{path}": data for top, inside in parts.items() for path, data in inside.items()}
    members = datasets.members(take(zip_of(upload, tmp_path / "a.zip")))
    assert set(members[members["path"].str.contains("/test/")]["split"]) == {"test"}
    assert members["split"].value_counts().to_dict() == {"train": 14, "test": 4, "validation": 2}


def test_importing_again_writes_no_picture_twice(tmp_path, workspace):
    path = zip_of(classes("a", "b"), tmp_path / "a.zip")
    first = datasets.members(take(path))
    before = {file: file.stat().st_mtime_ns for file in (workspace / "objects").rglob("*")}
    assert datasets.members(take(path)).equals(first)
    assert {file: file.stat().st_mtime_ns for file in (workspace / "objects").rglob("*")} == before
    assert len(datasets.listing()) == 2


def test_progress_is_told_truthfully(tmp_path, workspace):
    told: list[tuple[int, int, str]] = []
    take(zip_of(classes("a", "b", images=15), tmp_path / "a.zip"), on_progress=lambda *now: told.append(now))
    reading = [now for now in told if now[2] == "Reading pictures"]
    assert reading == [(done, 30, "Reading pictures") for done in (10, 20, 30)]
    assert told[-1] == (30, 30, "Writing the dataset")
    stages = [stage for stage, _ in itertools.groupby(now[2] for now in told)]
    assert len(stages) == len(set(stages)), "no stage comes back"
    for _, steps in itertools.groupby(told, key=lambda now: now[2]):
        done = [now[0] for now in steps]
        assert done == sorted(done)


def test_cancelling_leaves_nothing_but_pictures_nobody_refers_to(tmp_path, workspace):
    path = zip_of(classes("a", "b", images=40), tmp_path / "a.zip")
    with pytest.raises(UploadError) as refusal:
        take(path, cancelled=lambda: True)
    assert refusal.value.code == "upload-cancelled"
    assert is_empty(database.datasets)
    assert list((workspace / "scratch").iterdir()) == []


# The browser's uploads


def staged(*sent: tuple[str, bytes]) -> Path:
    return staging.stage_upload([(name, io.BytesIO(data)) for name, data in sent])


def test_a_staged_archive_and_staged_pictures_make_the_same_dataset(tmp_path, workspace):
    pictures = staged(*classes("roses", "tulips").items())
    archive = staged(("flowers.zip", zip_of(classes("roses", "tulips"), tmp_path / "a.zip").read_bytes()))
    first, second = (datasets.members(take(path)) for path in (pictures, archive))
    assert first.equals(second)
    assert first["path"].tolist() == sorted(classes("roses", "tulips"))
    for path in (pictures, archive):
        staging.discard(path)
    assert list((workspace / "uploads").iterdir()) == []


def test_hostile_names_of_staged_files_are_only_data(tmp_path, workspace):
    hostile = [
        "../../evil.png",
        "/etc/evil.png",
        "C:\\evil.png",
        "roses/\x1b[2J.png",
        "roses/" + "x" * 300,
        "",
        "..",
        "\0",
    ]
    path = staged(*classes("roses", "tulips").items(), *((name, picture(70 + n)) for n, name in enumerate(hostile)))
    assert sorted(file.name for file in path.iterdir()) == [f"{n:06d}" for n in range(16)] + ["manifest.json"]
    remarks = datasets.remarks(take(path))
    assert len(remarks) == len(hostile)
    assert set(remarks["code"]) == {"member-path", "member-name"}
    assert not list(tmp_path.rglob("*evil*"))


def test_discard_removes_nothing_but_staged_uploads(tmp_path, workspace):
    folder = folder_of({"precious.txt": b"mine"}, tmp_path / "elsewhere")
    staging.discard(folder)
    staging.discard(workspace)
    assert (folder / "precious.txt").exists()


@pytest.mark.parametrize(
    ("names", "code"), [([], "upload-empty"), (["train.zip", "test.zip"], "upload-several-archives")]
)
def test_an_upload_that_cannot_be_meant_is_refused(names, code, workspace):
    with pytest.raises(UploadError) as refusal:
        staged(*((name, b"x") for name in names))
    assert refusal.value.code == code


def test_an_upload_that_cannot_be_written_is_refused_and_removed(workspace):
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(28, "No space left on device")

    with pytest.raises(UploadError, match="No space left") as refusal:
        staging.stage_upload([("a.zip", Failing())])
    assert refusal.value.code == "disk-full"
    assert list((workspace / "uploads").iterdir()) == []


def test_pictures_to_predict_on_come_back_in_order_with_their_reasons(tmp_path, workspace):
    sent = [("b.png", picture(1)), ("a.png", b"broken"), ("b.png", picture(2)), (".hidden", picture(1))]
    taken = intake.take_pictures(*staging.staged_files(staged(*sent)))
    assert taken["path"].tolist() == ["b.png", "a.png", "b.png", ".hidden"]
    assert taken["code"].tolist() == ["", "image-format", "", ""]
    assert taken["sha256"].str.len().tolist() == [64, 0, 64, 64]
    assert datasets.picture_path(taken["sha256"][2]).read_bytes() == picture(2)
    assert datasets.listing().empty


# The child


def _children(workspace: Path) -> list[Path]:
    """The folders in /proc of processes that work in a scratch folder of this workspace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if Path(os.readlink(process / "cwd")).parent == workspace / "scratch":
                found.append(process)
    return found


def _stop_child(how: signal.Signals, workspace: Path) -> None:
    """Send a signal to the child that is opening an upload, once it has kept its first pictures."""
    wait_until(lambda: (workspace / "thumbnails").exists(), seconds=30, step=0.01)
    for child in _children(workspace):
        os.kill(int(child.name), how)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_child_ended_by_a_signal_is_followed_by_another_and_no_picture_is_missing(how, tmp_path, workspace):
    path = zip_of(classes("a", "b", images=60), tmp_path / "a.zip")
    killer = threading.Thread(target=_stop_child, args=(how, workspace))
    killer.start()
    dataset = take(path)
    killer.join()
    assert len(datasets.members(dataset)) == 120
    assert datasets.remarks(dataset).empty
    assert list((workspace / "scratch").iterdir()) == list((workspace / "imports").iterdir()) == []


def test_a_file_that_ends_every_child_that_opens_it_costs_itself_only(tmp_path, workspace, monkeypatch):
    """The child of `tests.data.crashing` dies of a real SIGSEGV at some of the pictures."""
    monkeypatch.setattr(attempts, "OPENING", "tests.data.crashing")
    upload = many(150)
    for name in ("a/7.png", "b/90.png", "b/91.png"):
        upload[name] += CRASHES_HERE
    dataset = take(zip_of(upload, tmp_path / "a.zip"))
    remarks = datasets.remarks(dataset)
    assert remarks["path"].tolist() == ["a/7.png", "b/90.png", "b/91.png"]
    assert set(remarks["code"]) == {"image-crash"} and "SIGSEGV" in remarks["reason"].iloc[0]
    assert len(datasets.members(dataset)) == 297


def test_children_that_die_whatever_is_left_out_end_the_import(tmp_path, workspace, monkeypatch):
    monkeypatch.setattr(attempts, "OPENING", "tests.data.crashing")
    upload = {f"{name}/{number}.png": picture(number) + CRASHES_HERE for name in "ab" for number in range(30)}
    started = time.monotonic()
    with pytest.raises(UploadError, match="SIGSEGV") as refusal:
        take(zip_of(upload, tmp_path / "a.zip"))
    assert refusal.value.code == "upload-crashed"
    assert time.monotonic() - started < 60
    assert is_empty(database.datasets)
    assert list((workspace / "scratch").iterdir()) == list((workspace / "imports").iterdir()) == []


# Imports that are killed

IMPORT = """
import sys
from pathlib import Path
from dashboard.data import intake
path = Path(sys.argv[1])
intake.import_pictures(intake.Source(path, path.name), name=path.name)
"""


def _killed_import(path: Path, workspace: Path) -> imports.Import:
    """An import whose process is killed once some of its files are in the journal."""
    process = subprocess.Popen([sys.executable, "-c", IMPORT, str(path)], cwd=ROOT)
    wait_until(
        lambda: any(file.stat().st_size for file in workspace.glob("imports/*/journal.jsonl")), seconds=60, step=0.01
    )
    process.kill()
    process.wait()
    assert is_empty(database.datasets)
    (left,) = imports.unfinished()
    return left


@pytest.mark.parametrize("make", [zip_of, pytest.param(folder_of, marks=pytest.mark.soak)], ids=["zip", "folder"])
def test_a_killed_import_goes_on_without_redoing_finished_pictures(make, tmp_path, workspace):
    path = make(many(400), tmp_path / "source")
    left = _killed_import(path, workspace)
    finished = len(list(left.lines()))
    assert left.request.name == "source" and 0 < finished < 800
    told: list[int] = []
    dataset = take(path, on_progress=lambda done, _total, _text: told.append(done))
    assert told[0] > finished, "progress goes on where it was"
    assert len(datasets.members(dataset)) == 800
    assert len(signatures.together(signatures.files_of(dataset.id))) == 800
    assert imports.unfinished() == [] and list((workspace / "imports").iterdir()) == []


def test_a_killed_import_can_be_forgotten(tmp_path, workspace):
    left = _killed_import(zip_of(many(400), tmp_path / "a.zip"), workspace)
    imports.discard(left)
    assert list((workspace / "imports").iterdir()) == []


def test_a_killed_import_whose_source_is_gone_is_forgotten(tmp_path, workspace):
    path = zip_of(many(400), tmp_path / "a.zip")
    _killed_import(path, workspace)
    path.unlink()
    assert imports.unfinished() == [] and list((workspace / "imports").iterdir()) == []


def test_a_source_that_has_changed_is_read_from_the_start(tmp_path, workspace):
    path = zip_of(many(400), tmp_path / "a.zip")
    _killed_import(path, workspace)
    zip_of(classes("a", "b", images=5), path)
    assert len(datasets.members(take(path))) == 10


def test_one_import_of_a_source_is_under_way_at_a_time(tmp_path, workspace):
    path = zip_of(classes("a", "b"), tmp_path / "a.zip")
    with imports.at_work(intake.request(Source(path, "a.zip"), "a.zip")), pytest.raises(UploadError) as refusal:
        take(path)
    assert refusal.value.code == "import-under-way"
    take(path)


def test_a_line_that_was_cut_is_no_line(tmp_path, workspace):
    request = intake.request(Source(tmp_path, "a"), "a")
    folder = workspace / "imports" / request.id
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_text('{"kind": "remark", "known_as": ["a", 1, 2]}\n{"kind": "pic')
    with imports.at_work(request) as under_way:
        with under_way.writing() as write:
            write({"kind": "remark", "known_as": ["b", 1, 2]})
        assert [line["known_as"][0] for line in under_way.lines()] == ["a", "b"]


# What else a child may do


def test_a_child_that_takes_too_long_is_ended(tmp_path, workspace):
    os.mkfifo(tmp_path / "waits")  # opening it waits for ever
    job = {"kind": "dataset", "path": str(tmp_path / "waits"), "staged": False, "workspace": str(workspace)}
    started = time.monotonic()
    with pytest.raises(UploadError) as refusal:
        list(parent.messages(attempts.OPENING, job, seconds=1))
    assert refusal.value.code == "upload-timeout"
    assert time.monotonic() - started < 20
    assert _children(workspace) == []


def test_a_child_that_fails_is_an_answer(workspace):
    with pytest.raises(UploadError, match="exit code 1") as refusal:
        list(parent.messages("dashboard.data.no_such_module", {}, seconds=20))
    assert refusal.value.code == "upload-crashed"


def test_the_child_has_limits_and_nothing_of_the_servers_environment(tmp_path, workspace, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "do not hand on")
    os.mkfifo(tmp_path / "waits")  # opening it waits, so that the child can be looked at
    seen: dict[str, str] = {}

    def look() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for child in _children(workspace):
                seen["environment"], seen["limits"] = ((child / name).read_text() for name in ("environ", "limits"))
                if "2147483648" in seen["limits"]:
                    os.kill(int(child.name), signal.SIGKILL)
                    return
            time.sleep(0.05)

    watcher = threading.Thread(target=look)
    watcher.start()
    job = {"kind": "dataset", "path": str(tmp_path / "waits"), "staged": False, "workspace": str(workspace)}
    with pytest.raises(UploadError, match="SIGKILL"):
        list(parent.messages(attempts.OPENING, job, seconds=40))
    watcher.join()
    assert "SECRET_TOKEN" not in seen["environment"]
    assert "THAW_" not in seen["environment"]
    limits = {line[:26].strip(): line[26:].split()[0] for line in seen["limits"].splitlines()}
    assert limits["Max address space"] == str(2 * 1024**3)
    assert limits["Max open files"] == "256"
    assert limits["Max core file size"] == "0"


def test_what_the_web_process_imports_is_light():
    code = "import sys, dashboard.data.intake; print(sorted({'tensorflow', 'keras', 'sklearn'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_path_that_is_not_there_is_named(tmp_path, workspace):
    with pytest.raises(DashboardError, match="no file or folder") as refusal:
        take(tmp_path / "nothing.zip")
    assert refusal.value.code == "source-missing"


def test_an_empty_zip_is_an_empty_dataset(tmp_path, workspace):
    with zipfile.ZipFile(tmp_path / "a.zip", "w"):
        pass
    with pytest.raises(DatasetError) as refusal:
        take(tmp_path / "a.zip")
    assert refusal.value.code == "dataset-empty"


# More pictures for a dataset


def test_pictures_added_to_a_dataset_leave_the_split_of_those_before_as_it_was(tmp_path, workspace):
    everything = many(30)
    first = take(zip_of({path: data for path, data in everything.items() if "/1" not in path}, tmp_path / "a.zip"))
    before = datasets.members(first).set_index("path")["split"]
    renamed = everything | {"a/2.png": everything["a/1.png"], "a/broken.png": b"\x89PNG"}
    renamed |= {f"c/{number}.png": picture(99_000 + number) for number in range(3)}
    second = take(zip_of(renamed, tmp_path / "b.zip"), into=first.id)
    members = datasets.members(second).set_index("path")
    assert (second.id, second.version) == (first.id, 2)
    assert members["split"][before.index].equals(before)
    assert "a/1.png" in members.index and "a/2.png" in members.index, "the first name of the new bytes counts"
    assert len(members) == 63 and members.loc["c/1.png", "class_name"] == "c"
    assert datasets.members(first).set_index("path")["split"].equals(before)
    codes = datasets.remarks(second).set_index("path")["code"]
    assert codes["a/broken.png"] == "image-format" and codes["a/0.png"] == "duplicate"


def test_a_name_that_is_taken_by_another_picture_gets_a_number(tmp_path, workspace):
    first = take(zip_of(classes("a", "b"), tmp_path / "a.zip"))
    second = take(zip_of({"a/0.png": picture(900), "a/1.png": picture(901)}, tmp_path / "b.zip"), into=first.id)
    assert {"a/0 (2).png", "a/1 (2).png", "a/0.png"} <= set(datasets.members(second)["path"])
