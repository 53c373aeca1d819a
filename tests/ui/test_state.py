"""What a visitor has chosen."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from dashboard.data import samples


def choose_the_same_backbone_again() -> None:
    import streamlit as st

    from dashboard.ui import state

    state.init()
    state.change(alpha=0.35, unfreeze_from="block_14")
    state.choose_backbone("MobileNetV2", image_size=224)
    st.json({"alpha": state.draft().alpha, "unfreeze_from": state.draft().unfreeze_from})


def test_the_same_backbone_chosen_again_keeps_what_was_set_for_it(workspace: Path) -> None:
    """A browser sends a choice again when its label has changed, and the label names the width."""
    at = AppTest.from_function(choose_the_same_backbone_again).run()
    assert not at.exception
    assert at.json[0].value == '{"alpha": 0.35, "unfreeze_from": "block_14"}'


def a_draft_over_a_correction() -> None:
    import streamlit as st

    from dashboard.data import corrections, datasets
    from dashboard.ui import state

    state.init()
    dataset = datasets.get(state.dataset_id())
    before = state.draft().dataset_version
    corrections.leave_out(dataset, [datasets.members(dataset)["path"][0]])
    st.json([before, state.draft().dataset_version])


def test_the_draft_trains_on_the_newest_version_of_its_dataset(workspace: Path) -> None:
    samples.import_sample("shapes", settings=samples.ShapesSettings(images_a_class=6, side=32))
    at = AppTest.from_function(a_draft_over_a_correction).run()
    assert not at.exception
    assert at.json[0].value == "[1, 2]"
