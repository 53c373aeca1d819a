"""Saving and loading by hand as a page, on a network that was drawn and never trained."""

import pytest

from dashboard.runs import save_and_load
from tests.drawn import drawn_run
from tests.pages.conftest import OpenPage, settle


def test_without_a_model_it_says_what_it_will_show(open_page: OpenPage) -> None:
    at = open_page("save_and_load")
    assert any("step by step" in each.value for each in at.markdown)
    assert at.button(key="empty_train")


@pytest.mark.slow
def test_every_step_shows_its_code_and_what_that_code_gave(
    open_page: OpenPage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = drawn_run(tmp_path_factory)
    at = open_page("save_and_load")
    cells = save_and_load.cells(run.recipe)
    assert [each.value for each in at.code] == [cell.code for cell in cells], "the code is there before it ran"
    at.button(key="save_and_load_run").click().run()
    settle(at, lambda at: bool(at.metric), seconds=300)
    found = save_and_load.known(run, at.selectbox(key="save_and_load_picture").value)
    assert found is not None
    both = [text for cell, printed in zip(cells, found.printed, strict=True) for text in (cell.code, printed)]
    assert [each.value for each in at.code] == both
    assert at.metric[1].value == "(1, 32, 32, 3)" and at.metric[2].value == "(1, 4)"
    assert at.metric[4].value == f"{found.difference:.2g}" and found.difference <= 1e-6
