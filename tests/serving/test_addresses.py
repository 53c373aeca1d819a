"""Where the service listens, and what it asks of whom there."""

import socket

import pytest

from dashboard.core.errors import SettingsError
from dashboard.core.settings import settings
from dashboard.serving.server import access_to, listen


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch):
    def token(value: str) -> None:
        monkeypatch.setenv("THAW_SERVE_TOKEN", value)
        settings.cache_clear()

    token("")
    yield token
    settings.cache_clear()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_on_this_machine_its_names_are_enough(token, host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with listen(host, 0) as listening:
        access = access_to(listening, host)
    assert access.token == "" and "localhost" in access.hosts and (host in access.hosts or f"[{host}]" in access.hosts)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_where_others_can_reach_it_a_token_is_made_up_and_told_once(
    token, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with listen(host, 0) as listening:
        first, second = access_to(listening, host), access_to(listening, host)
    assert len(first.token) >= 32 and first.token != second.token and first.hosts == ()
    assert capsys.readouterr().err.count(first.token) == 1


def test_a_token_that_is_set_is_asked_for_everywhere_and_never_told(token, capsys: pytest.CaptureFixture[str]) -> None:
    token("0123456789abcdef")
    for host in ("127.0.0.1", "0.0.0.0"):
        with listen(host, 0) as listening:
            assert access_to(listening, host).token == "0123456789abcdef"
    assert capsys.readouterr().err == "" and "0123456789abcdef" not in repr(settings())


@pytest.mark.parametrize("value", ["short", "0123456789abcde\u0301f", "0123456789abcdef\n"])
def test_a_token_that_guards_nothing_is_refused(token, value: str) -> None:
    token(value)
    with listen("127.0.0.1", 0) as listening, pytest.raises(SettingsError, match="16 ASCII") as refusal:
        access_to(listening, "127.0.0.1")
    assert refusal.value.code == "token-short"


def test_a_port_in_use_and_an_address_of_nobody_are_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=str(port)) as refusal:
            listen("127.0.0.1", port)
    assert refusal.value.code == "address-unusable"
    with pytest.raises(SettingsError, match="192.0.2.1"):
        listen("192.0.2.1", 0)
