"""The box for large archives as the page hands it out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.core.limits import LIMITS
from dashboard.ui import adding, receiving


def add_pictures() -> None:
    from dashboard.ui import adding, state

    state.init()
    adding.form()


@pytest.fixture
def at(workspace: Path) -> Iterator[AppTest]:
    yield AppTest.from_function(add_pictures, default_timeout=30).run()
    receiving.tokens.cache_clear()


def handed(at: AppTest) -> dict[str, Any]:
    """What the page gives the box."""
    return dict(json.loads(at.get("bidi_component")[0].proto.json))


def test_the_widget_stays_small_and_the_page_says_where_large_archives_go(at: AppTest) -> None:
    assert at.file_uploader[0].proto.max_upload_size_mb == adding.SMALL
    assert handed(at)["label"] == "An archive of more than 200 MB, up to 20 GB"
    assert handed(at)["chunkBytes"] == LIMITS.chunk_bytes


def test_a_page_keeps_its_token_until_the_server_does_not_know_it_any_more(at: AppTest) -> None:
    token = handed(at)["token"]
    assert receiving.tokens().known(token)
    assert handed(at.run())["token"] == token
    receiving.tokens.cache_clear()  # what a restart of the server does
    later = handed(at.run())["token"]
    assert later != token and receiving.tokens().known(later)
