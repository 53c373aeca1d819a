"""Choosing a network and getting its weights."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dashboard.core.backbones import BACKBONES
from dashboard.core.settings import settings
from dashboard.data import weights
from dashboard.ui import networks
from tests.pages.conftest import OpenPage, plain, settle

SMALL = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
DERIVED = "derived_mobilenet_v2_1.0_224_no_top.h5"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def weights_server(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host that publishes one real file of ImageNet weights, for a machine that has none."""
    folder = tmp_path / "published" / "tensorflow" / "keras-applications" / "mobilenet_v2"
    folder.mkdir(parents=True)
    (folder / SMALL).write_bytes((shared_data / "keras_home" / "models" / SMALL).read_bytes())
    handler = partial(Quiet, directory=str(tmp_path / "published"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("THAW_WEIGHTS_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        settings.cache_clear()
        yield
        server.shutdown()


def test_the_catalogue_has_every_backbone_with_its_figures(open_shared: OpenPage) -> None:
    table = open_shared("model").dataframe[0].value
    assert list(table["name"]) == list(BACKBONES)
    assert table[["parameters", "megabytes", "image_size", "smallest_image_size", "status"]].notna().all(axis=None)
    assert list(table["name"][table["top1"].isna()]) == ["AlexNet"]


def test_choosing_alexnet_brings_random_weights_and_a_recipe_for_them_and_leaving_it_takes_them_away(
    open_shared: OpenPage,
) -> None:
    at = open_shared("model")
    before = at.session_state["draft"]
    at.selectbox(key="frame_backbone").set_value("AlexNet").run()
    assert not at.exception
    assert at.session_state["draft"] == before.replace(backbone="AlexNet", image_size=227).from_scratch()
    assert at.segmented_control(key="model_weights").options == ["A file of mine", "Random (not pretrained)"]
    assert any("Nobody published weights" in each.value for each in at.info)
    at.selectbox(key="frame_backbone").set_value("MobileNetV2").run()
    assert at.session_state["draft"] == before
    assert "ImageNet" in at.segmented_control(key="model_weights").options


def test_choosing_another_backbone_brings_its_image_size_and_weights(open_shared: OpenPage) -> None:
    at = open_shared("model")
    at.selectbox(key="frame_backbone").set_value("InceptionV3").run()
    assert any(each.value == "InceptionV3" for each in at.subheader)
    assert at.number_input(key="model_image_size").value == 299
    assert "model_alpha" not in {each.key for each in at.selectbox}, "it comes in one width"


def test_random_weights_are_called_by_their_name(open_shared: OpenPage) -> None:
    at = open_shared("model")
    at.segmented_control(key="model_weights").set_value("none").run()
    assert any("not pretrained" in each.value for each in at.warning)


@pytest.mark.slow
def test_the_thaw_line_follows_the_handle(open_shared: OpenPage) -> None:
    at = open_shared("model")
    settle(at, lambda at: "model_unfreeze_from" in {each.key for each in at.get("select_slider")}, seconds=300)
    at.select_slider(key="model_unfreeze_from").set_value("block_14").run()
    at.switch_page("../../pages/train.py").run()
    at.switch_page("../../pages/model.py").run()
    assert at.select_slider(key="model_unfreeze_from").value == "block_14"


@pytest.mark.slow
def test_an_own_weights_file_is_compared_with_the_network_before_it_is_taken(
    open_shared: OpenPage, shared_data: Path
) -> None:
    data = (shared_data / DERIVED).read_bytes()
    at = open_shared("model")
    at.selectbox(key="model_alpha").set_value(0.35).run()
    at.segmented_control(key="model_weights").set_value("file").run()

    def hand_in() -> None:
        uploader = next(each for each in at.file_uploader if each.key.startswith("model_weights_file"))
        uploader.set_value((DERIVED, data, "application/x-hdf5")).run()
        at.button(key="model_use_file").click().run()

    hand_in()
    settle(at, lambda at: bool(at.error), seconds=120)
    assert "expected" in plain(at.error[0].value) and "received" in plain(at.error[0].value)
    at.selectbox(key="model_alpha").set_value(1.0).run()
    at.segmented_control(key="model_weights").set_value("file").run()
    hand_in()
    settle(at, lambda at: any("fits this network" in each.value for each in at.caption), seconds=120)


def test_the_recommended_backbone_is_one_of_the_catalogue() -> None:
    assert networks.RECOMMENDED in BACKBONES


def test_weights_are_downloaded_once_and_then_on_this_machine(weights_server: None, open_page: OpenPage) -> None:
    at = open_page("model")
    at.selectbox(key="model_alpha").set_value(0.35).run()
    assert any(SMALL.replace("_", "\\_").replace(".", "\\.") in each.value for each in at.markdown)
    at.button(key="model_download").click().run()
    settle(at, lambda at: any("On this machine" in each.value for each in at.caption))
    file = weights.imagenet_file(BACKBONES["MobileNetV2"], 0.35, 224)
    assert file.present and [path.name for path in file.path.parent.iterdir()] == [SMALL]


def test_offline_names_the_file_and_the_folder_and_leaves_nothing_behind(
    weights_server: None, open_page: OpenPage, tmp_path: Path
) -> None:
    at = open_page("model")  # the server has no file for alpha 1.0
    at.button(key="model_download").click().run()
    settle(at, lambda at: bool(at.error))
    assert "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5" in plain(at.error[0].value)
    assert str(tmp_path / "keras" / "models") in plain(at.error[0].value)
    assert not list((tmp_path / "keras").rglob("*.h5*"))
