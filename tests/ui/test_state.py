"""What a visitor has chosen."""

from pathlib import Path

from streamlit.testing.v1 import AppTest


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
