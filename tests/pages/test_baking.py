"""A bake-off on the Model page."""

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.core import files
from dashboard.core.settings import settings
from dashboard.data import samples
from dashboard.runs import workers
from tests.pages.conftest import OpenPage, settle

SMALLEST = "mobilenet_2_5_224_tf_no_top.h5"
OF_ANOTHER = "mobilenet_5_0_224_tf_no_top.h5"


@pytest.fixture(autouse=True)
def known_networks(workspace: Path) -> None:
    """The blocks of these networks were read before, so that no second process starts to read them."""
    block = {"name": "stem", "layers": 3, "parameters": 1000, "output_shape": "16 x 16 x 8"}
    for backbone, alpha, image_size in (("MobileNetV2", 1.0, 224), ("MobileNetV2", 1.0, 32), ("MobileNet", 0.25, 32)):
        files.write_json(workers._topology_path(backbone, alpha, image_size), [block])


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras' folder on a machine that never had weights."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    settings.cache_clear()
    (tmp_path / "keras" / "models").mkdir(parents=True)
    return tmp_path / "keras" / "models"


def add_pictures() -> None:
    samples.import_sample("shapes", settings=samples.ShapesSettings(images_a_class=10, side=64))


def test_without_pictures_it_says_what_it_will_show_and_leads_to_them(open_page: OpenPage) -> None:
    at = open_page("model")
    assert any("how often each backbone is right on your pictures" in each.value for each in at.markdown)
    at.button(key="model_bake_dataset").click().run()
    assert at.title[0].value == "Data"


def test_without_weights_it_says_where_candidates_come_from(
    keras_home: Path, workspace: Path, open_page: OpenPage
) -> None:
    add_pictures()
    at = open_page("model")
    assert at.multiselect(key="model_bake_names_own").options == ["MobileNetV2 0.35 (formula)"]
    assert any("download its weights" in each.value for each in at.caption)


@pytest.mark.slow
def test_backbones_are_compared_on_ones_pictures_and_the_chosen_one_is_taken(
    keras_home: Path, shared_data: Path, workspace: Path, open_page: OpenPage
) -> None:
    shutil.copy(shared_data / "keras_home" / "models" / SMALLEST, keras_home)
    shutil.copy(shared_data / "keras_home" / "models" / SMALLEST, keras_home / OF_ANOTHER)  # whole, but another network
    add_pictures()
    at = open_page("model")
    at.number_input(key="model_image_size").set_value(32).run()
    at.segmented_control(key="model_bake_size").set_value("same").run()
    chosen = at.multiselect(key="model_bake_names_same")
    here = ["MobileNet 0.25", "MobileNetV2 0.35 (formula)", "MobileNet 0.5"]
    assert chosen.value == here, "those that are here, the quickest first"
    chosen.set_value(["MobileNet 0.25", "MobileNet 0.5"]).run()
    at.button(key="model_bake_start").click().run()
    settle(at, lambda at: has(at, "model_bake_start"), seconds=240)
    table = next(each.value for each in at.dataframe if "interval" in each.value)
    assert list(table["label"]) == ["MobileNet 0.25", "MobileNet 0.5"]
    assert table["accuracy"].notna().tolist() == [True, False]
    assert "belong to another network" in table["reason"].iloc[1]
    assert table["milliseconds"].iloc[0] > 0

    at.button(key="model_bake_use").click().run()
    assert at.selectbox(key="model_alpha").value == 0.25
    assert at.number_input(key="model_image_size").value == 32
    assert at.button(key="model_bake_use").disabled, "it is the draft's already"
    assert not at.exception and not at.error

    later = open_page("model")
    assert any("interval" in each.value for each in later.dataframe), "a second visit shows it at once"


def has(at: AppTest, key: str) -> bool:
    return key in {each.key for each in at.button}
