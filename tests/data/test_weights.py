"""Weights over a real local web server, real files, and the honest ways in which both go wrong."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.core.backbones import BACKBONES
from dashboard.core.errors import WeightsError
from dashboard.core.limits import LIMITS
from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings
from dashboard.data import weights
from dashboard.data.weights import PretrainedFile
from tests.publisher import Page, Publisher, hdf5, publishing


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with publishing() as server:
        yield server


def published(publisher: Publisher, folder: Path, page: Page, digest: str | None = None) -> PretrainedFile:
    """A file of these bytes, as the server has it and the machine has not."""
    publisher.pages["folder/net.h5"] = page
    return PretrainedFile("net.h5", folder / "models" / "net.h5", f"{publisher.url}/folder/net.h5", 0.2, False, digest)


def whole(body: bytes, pause: float = 0.0) -> Page:
    return Page(body, len(body), pause)


def assert_nothing_came(file: PretrainedFile) -> None:
    assert list(file.path.parent.iterdir()) == []


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_download_with_the_right_hash_is_there_whole(publisher: Publisher, tmp_path: Path, algorithm: str):
    body = hdf5()
    file = published(publisher, tmp_path, whole(body), hashlib.new(algorithm, body).hexdigest())
    reports: list[tuple[int, int]] = []

    path = weights.download(file, lambda received, total: reports.append((received, total)))

    assert path == file.path and path.read_bytes() == body
    assert list(path.parent.iterdir()) == [path]
    assert reports[-1] == (len(body), len(body))
    assert reports == sorted(reports) and {total for _, total in reports} == {len(body)}


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_file_without_a_hash_is_taken_when_it_is_a_whole_hdf5_file(
    publisher: Publisher, tmp_path: Path, libver: str, announced: bool
):
    body = hdf5(libver=libver)
    file = published(publisher, tmp_path, Page(body, len(body) if announced else None))

    assert weights.download(file).read_bytes() == body


def test_a_download_cut_in_the_middle_leaves_nothing_and_says_how_far_it_came(publisher: Publisher, tmp_path: Path):
    body = hdf5(2_000_000)
    file = published(publisher, tmp_path, Page(body[:1_000_000], announced=len(body)))

    with pytest.raises(WeightsError, match=r"broke off after 1.0 of 2.0 MB") as refusal:
        weights.download(file)

    assert refusal.value.code == "weights-offline"
    assert_nothing_came(file)


def test_a_cut_that_no_announced_size_gives_away_is_noticed_in_the_file(publisher: Publisher, tmp_path: Path):
    file = published(publisher, tmp_path, Page(hdf5()[:-1]))

    with pytest.raises(WeightsError, match="no whole HDF5 file") as refusal:
        weights.download(file)

    assert refusal.value.code == "weights-damaged"
    assert_nothing_came(file)


def test_a_page_that_is_not_hdf5_is_damaged(publisher: Publisher, tmp_path: Path):
    file = published(publisher, tmp_path, whole(b"<html>Log in to the hotel's network</html>"))

    with pytest.raises(WeightsError) as refusal:
        weights.download(file)

    assert refusal.value.code == "weights-damaged"
    assert_nothing_came(file)


def test_a_wrong_hash_is_damaged_and_keeps_the_file_of_before(publisher: Publisher, tmp_path: Path):
    file = published(publisher, tmp_path, whole(hdf5()), "0" * 32)
    file.path.parent.mkdir()
    file.path.write_bytes(b"of before")

    with pytest.raises(WeightsError, match="0{32}") as refusal:
        weights.download(file)

    assert refusal.value.code == "weights-damaged"
    assert file.path.read_bytes() == b"of before"
    assert list(file.path.parent.iterdir()) == [file.path]


def test_a_file_the_server_does_not_have_is_named_with_the_way_by_hand(publisher: Publisher, tmp_path: Path):
    file = replace(published(publisher, tmp_path, whole(b"")), url=f"{publisher.url}/elsewhere.h5")

    with pytest.raises(WeightsError, match="404") as refusal:
        weights.download(file)

    assert refusal.value.code == "weights-offline"
    for needed in (file.name, file.url, str(file.path.parent), "0.2 MB"):
        assert needed in refusal.value.message
    assert_nothing_came(file)


def test_no_network_is_offline(publisher: Publisher, tmp_path: Path):
    file = published(publisher, tmp_path, whole(b""))
    publisher.server_close()

    with pytest.raises(WeightsError, match="by hand") as refusal:
        weights.download(file)

    assert refusal.value.code == "weights-offline"
    assert_nothing_came(file)


def test_a_slow_download_ends_soon_after_it_was_cancelled(publisher: Publisher, tmp_path: Path):
    file = published(publisher, tmp_path, whole(hdf5(2_000_000), pause=0.1))  # ten seconds in all
    received: list[int] = []
    started = time.monotonic()

    with pytest.raises(WeightsError, match="Nothing was kept") as refusal:
        weights.download(file, lambda count, _: received.append(count), cancelled=lambda: len(received) >= 2)

    assert refusal.value.code == "weights-cancelled"
    assert time.monotonic() - started < 3
    assert_nothing_came(file)


def test_a_file_above_the_limit_is_refused_before_it_is_received(publisher: Publisher, tmp_path: Path):
    file = published(publisher, tmp_path, Page(hdf5(), announced=LIMITS.weights_bytes + 1))

    with pytest.raises(WeightsError, match="at most 2 GiB") as refusal:
        weights.download(file)

    assert refusal.value.code == "weights-too-large"
    assert_nothing_came(file)


def test_a_folder_that_cannot_be_written_is_no_network_failure(publisher: Publisher, tmp_path: Path):
    (tmp_path / "models").write_text("a file where the folder should be")
    file = published(publisher, tmp_path, whole(hdf5()))

    with pytest.raises(WeightsError, match="could not be written") as refusal:
        weights.download(file)

    assert refusal.value.code == "weights-not-written"


def test_real_weights_in_keras_folder_are_on_this_machine(keras_home: Path):
    file = weights.imagenet_file(BACKBONES["MobileNetV2"], 0.35, 224)

    assert file.present and file.path.parent == keras_home / "models"
    assert file.megabytes == pytest.approx(2.03, abs=0.01)
    assert weights.whereabouts(BACKBONES["MobileNetV2"], 0.35, 224) == "on this machine"
    assert weights.whereabouts(BACKBONES["MobileNetV2"], 0.35, 200) == "on this machine"  # takes the file for 224
    assert weights.whereabouts(BACKBONES["MobileNetV2"], 0.35, 96) == "to download"
    assert weights.whereabouts(BACKBONES["MobileNetV2"], 1.4, 96) == "not to be had"
    weights.require(Recipe(dataset="d", alpha=0.35))


@pytest.fixture
def empty_keras_home(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    settings.cache_clear()
    return tmp_path / "keras"


def test_every_backbone_can_be_found_at_every_width(empty_keras_home: Path):
    for row in BACKBONES.values():
        for alpha in row.alphas if row.weights_file else ():
            file = weights.imagenet_file(row, alpha, row.image_size)
            assert not file.present
            assert file.url.startswith("https://storage.googleapis.com/") and file.url.endswith(".h5")
            assert weights.whereabouts(row, alpha, row.image_size) == "to download"


def test_a_downloaded_file_is_then_on_this_machine(
    publisher: Publisher, empty_keras_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("THAW_WEIGHTS_URL", publisher.url)
    settings.cache_clear()
    file = weights.imagenet_file(BACKBONES["MobileNet"], 0.25, 128)
    publisher.pages["tensorflow/keras-applications/mobilenet/mobilenet_2_5_128_tf_no_top.h5"] = whole(hdf5())

    weights.download(file)

    assert weights.imagenet_file(BACKBONES["MobileNet"], 0.25, 128).present
    weights.require(Recipe(dataset="d", backbone="MobileNet", alpha=0.25, image_size=128))


def test_of_alexnet_there_is_nothing_to_find(empty_keras_home: Path):
    assert weights.whereabouts(BACKBONES["AlexNet"], 1.0, 227) == "not to be had"
    with pytest.raises(WeightsError, match="Nobody published ImageNet weights of AlexNet") as refusal:
        weights.require(Recipe(dataset="d", backbone="AlexNet"))
    assert refusal.value.code == "weights-absent"
    weights.require(Recipe(dataset="d", backbone="AlexNet").from_scratch())


def test_half_a_file_in_keras_folder_counts_as_absent(empty_keras_home: Path):
    file = weights.imagenet_file(BACKBONES["VGG16"], 1.0, 224)
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(hdf5()[:-1])

    assert weights.whereabouts(BACKBONES["VGG16"], 1.0, 224) == "to download"


def test_absent_weights_are_refused_with_the_way_to_get_them(empty_keras_home: Path):
    with pytest.raises(WeightsError) as refusal:
        weights.require(Recipe(dataset="d", alpha=0.35))

    assert refusal.value.code == "weights-absent"
    for needed in ("MobileNetV2 0.35", "kernels_0.35_224_no_top.h5", "1.6 MB", "https://", str(empty_keras_home)):
        assert needed in refusal.value.message


def test_weights_that_were_never_published_are_refused_with_another_choice(empty_keras_home: Path):
    with pytest.raises(WeightsError, match="published at 224 pixels only") as refusal:
        weights.require(Recipe(dataset="d", alpha=1.4, image_size=96))

    assert refusal.value.code == "weights-absent"


def test_random_weights_require_nothing(empty_keras_home: Path):
    weights.require(Recipe(dataset="d", weights="none"))


def test_a_users_weights_file_is_kept_under_its_hash(workspace: Path, tmp_path: Path):
    source = tmp_path / "upload"
    source.write_bytes(hdf5())
    sha = hashlib.sha256(hdf5()).hexdigest()

    assert weights.take_file(source, "mine.weights.h5") == sha
    assert weights.take_file(source, "again.h5") == sha
    assert [path.name for path in (workspace / "weights").iterdir()] == [f"{sha}.h5"]
    assert weights.weights_file_path(sha).read_bytes() == hdf5()
    weights.require(Recipe(dataset="d", weights="file", weights_file=sha))


@pytest.mark.parametrize("sha", ["0" * 64, "../mine", "", "A" * 64])
def test_a_weights_file_nobody_brought_is_unknown(workspace: Path, sha: str):
    workspace.mkdir()
    (workspace / "mine.h5").write_bytes(hdf5())
    with pytest.raises(WeightsError) as refusal:
        weights.require(Recipe(dataset="d", weights="file", weights_file=sha))

    assert refusal.value.code == "weights-file-unknown"


@pytest.mark.parametrize(
    "body", [b"", b"PK\x03\x04 a zip", hdf5()[:-1], hdf5()[:9], b"\x89HDF\r\n\x1a\n\x07" + bytes(100)]
)
def test_what_is_not_a_whole_hdf5_file_is_not_taken(workspace: Path, tmp_path: Path, body: bytes):
    source = tmp_path / "upload"
    source.write_bytes(body)

    with pytest.raises(WeightsError, match=r"mine\.h5 is not a whole HDF5 file") as refusal:
        weights.take_file(source, "mine.h5")

    assert refusal.value.code == "weights-not-hdf5"
    assert not (workspace / "weights").exists()


def test_a_weights_file_above_the_limit_is_not_taken(workspace: Path, tmp_path: Path):
    source = tmp_path / "upload"
    with source.open("wb") as file:
        file.write(hdf5())
        file.truncate(LIMITS.weights_bytes + 1)  # sparse: takes no room

    with pytest.raises(WeightsError, match=r"big\.h5 has 2.00 GiB; at most 2 GiB") as refusal:
        weights.take_file(source, "big.h5")

    assert refusal.value.code == "weights-too-large"


def test_a_weights_file_that_does_not_exist_is_refused_by_its_name(workspace: Path, tmp_path: Path):
    with pytest.raises(WeightsError, match=r"no file gone\.h5") as refusal:
        weights.take_file(tmp_path / "gone.h5", "gone.h5")

    assert refusal.value.code == "weights-file-unknown"


def test_a_head_is_kept_for_its_own_classes_alone(workspace: Path, tmp_path: Path):
    (tmp_path / "mine.h5").write_bytes(hdf5())
    sha = weights.take_file(tmp_path / "mine.h5", "mine.h5", ["ash", "birch"])
    kept = Recipe(dataset="d", weights="file", weights_file=sha, keep_head=True)

    assert weights.classes_of(sha) == ["ash", "birch"]
    weights.require_head(kept, ["birch", "ash"])
    weights.require_head(kept.replace(keep_head=False), ["elm", "oak"])
    with pytest.raises(WeightsError, match=r"Only the dataset has 'elm'; only the weights have 'birch'\.") as refusal:
        weights.require_head(kept, ["ash", "elm"])
    assert refusal.value.code == "weights-other-classes"


def test_a_head_of_which_nobody_said_the_classes_is_not_kept(workspace: Path, tmp_path: Path):
    (tmp_path / "mine.h5").write_bytes(hdf5())
    sha = weights.take_file(tmp_path / "mine.h5", "mine.h5")

    with pytest.raises(WeightsError, match="nothing says what its classes are"):
        weights.require_head(Recipe(dataset="d", weights="file", weights_file=sha, keep_head=True), ["ash", "elm"])
