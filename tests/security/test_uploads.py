"""What strangers may try on the routes that take large uploads: over a real socket, against the real server program."""

import hashlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from dashboard.core.limits import LIMITS
from dashboard.data import uploads
from dashboard.ui import receiving, routes
from tests.waiting import wait_until

Answer = tuple[int, dict[str, Any]]
SIZE = 100


class Client:
    """Somebody who speaks HTTP and may say whatever they like."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"localhost:{port}"
        self.headers = {"Origin": f"http://{self.host}", "Upload-Token": receiving.tokens().hand_out()}

    def ask(self, method: str, path: str, body: Any = None, **headers: str | None) -> Answer:
        """Answer of one request; headers by name with `_` for `-`, None leaves one out."""
        said = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            sent = {"Host": self.host, **{name: value for name, value in said.items() if value is not None}}
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            text = answer.read()
        return answer.status, json.loads(text) if answer.headers.get_content_type() == "application/json" else {}

    def begin(self, name: Any = "pets.zip", size: Any = SIZE, **headers: str | None) -> Answer:
        return self.ask("POST", "/upload", json.dumps({"name": name, "size": size}), **headers)

    def put(self, upload_id: str, chunk: bytes, offset: object = 0, **headers: str | None) -> Answer:
        told = {"Upload_Offset": str(offset), "Upload_Digest": hashlib.sha256(chunk).hexdigest(), **headers}
        return self.ask("PUT", f"/upload/{upload_id}", chunk, **told)

    def raw(self, text: bytes) -> bytes:
        """What comes back for bytes that need not be HTTP."""
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=20)) as connection:
            connection.sendall(text)
            parts = []
            while part := connection.recv(65_536):
                parts.append(part)
        return b"".join(parts)

    def begin_to_send(self, text: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(text)
        return connection


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The routes behind the guard of every request, served by uvicorn."""
    app = Starlette(routes=receiving.routes(), middleware=routes.MIDDLEWARE)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, seconds=20, step=0.02)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def client(port: int, workspace: Path) -> Client:
    return Client(port)


@pytest.fixture
def begun(client: Client) -> str:
    status, answer = client.begin()
    assert status == 200
    return str(answer["id"])


def bytes_on_disk(workspace: Path) -> int:
    return sum(path.stat().st_size for path in workspace.glob("uploads/*/000000"))


def everything(client: Client, upload_id: str) -> dict[str, Callable[..., Answer]]:
    """Every route, as a request that differs only in headers."""
    return {
        "begin": lambda **headers: client.begin(**headers),
        "put": lambda **headers: client.put(upload_id, b"0123", **headers),
        "find": lambda **headers: client.ask("GET", f"/upload/{upload_id}", **headers),
        "finish": lambda **headers: client.ask("POST", f"/upload/{upload_id}/finish", **headers),
        "discard": lambda **headers: client.ask("DELETE", f"/upload/{upload_id}", **headers),
    }


ROUTES = ["begin", "put", "find", "finish", "discard"]
EVIL = "http://evil.example"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Upload_Token": None}, 403, "upload-token"),
        ({"Upload_Token": ""}, 403, "upload-token"),
        ({"Upload_Token": "0" * 43}, 403, "upload-token"),
        ({"Upload_Token": "\xe9" * 43}, 403, "upload-token"),
        ({"Origin": EVIL}, 403, "upload-origin"),
        ({"Origin": "null"}, 403, "upload-origin"),
        ({"Origin": ""}, 403, "upload-origin"),
        ({"Origin": "http://localhost"}, 403, "upload-origin"),
        ({"Origin": "http://localhost:1"}, 403, "upload-origin"),
        ({"Origin": None}, 403, "upload-origin"),
        ({"Origin": None, "Sec_Fetch_Site": "cross-site"}, 403, "upload-origin"),
        ({"Sec_Fetch_Site": "cross-site"}, 403, "upload-origin"),
        ({"Sec_Fetch_Site": "same-site"}, 403, "upload-origin"),
        ({"Sec_Fetch_Site": "none"}, 403, "upload-origin"),
        ({"Host": "evil.example"}, 421, None),
        ({"Host": "evil.example", "Origin": EVIL}, 421, None),
    ],
    ids=str,
)
def test_a_request_that_no_page_of_this_server_made_changes_nothing(
    client: Client, begun: str, workspace: Path, route: str, headers: dict[str, str], status: int, code: str | None
) -> None:
    got, answer = everything(client, begun)[route](**headers)
    assert (got, answer.get("code")) == (status, code)
    assert bytes_on_disk(workspace) == 0
    assert [path.name for path in (workspace / "uploads").iterdir()] == [begun]


def test_a_page_may_ask_without_an_origin_but_not_change_anything(client: Client, begun: str) -> None:
    mine = {"Origin": None, "Sec_Fetch_Site": "same-origin"}
    every = everything(client, begun)
    assert every["find"](**mine)[0] == 200
    for route in ("begin", "put", "finish", "discard"):
        assert every[route](**mine)[1]["code"] == "upload-origin"


def test_no_other_method_is_answered_and_no_other_site_is_invited(client: Client, begun: str) -> None:
    for method in ("OPTIONS", "PATCH", "TRACE", "POST"):
        assert client.ask(method, f"/upload/{begun}")[0] == 405
    with closing(http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)) as connection:
        asking = {"Host": client.host, "Origin": EVIL, "Access-Control-Request-Method": "PUT"}
        connection.request("OPTIONS", f"/upload/{begun}", headers=asking)
        answer = connection.getresponse()
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "upload_id",
    ["..", "%2e%2e", "..%2f..%2fthaw.sqlite", "0" * 31, "0" * 33, "G" * 32, "%00" * 32, "0" * 32 + "%0a", "0" * 32],
)
def test_an_id_that_is_none_reaches_no_file(client: Client, workspace: Path, upload_id: str) -> None:
    assert client.put(upload_id, b"0123")[0] == 404
    assert client.ask("POST", f"/upload/{upload_id}/finish")[0] == 404
    assert client.ask("DELETE", f"/upload/{upload_id}")[0] == 404
    status, answer = client.ask("GET", f"/upload/{upload_id}")
    assert status == 404 or answer == {"known": False, "received": 0}
    assert not workspace.exists() or not list(workspace.rglob("*.sqlite"))


@pytest.mark.parametrize(("offset", "code"), [(3, "upload-offset"), (5, "upload-offset"), (10**14, "upload-offset")])
def test_a_part_for_another_place_is_refused(
    client: Client, begun: str, workspace: Path, offset: int, code: str
) -> None:
    assert client.put(begun, b"0123") == (200, {"received": 4})
    assert client.put(begun, b"4567", offset)[1]["code"] == code
    assert client.ask("GET", f"/upload/{begun}")[1]["received"] == 4


@pytest.mark.parametrize("offset", ["-1", "", "0x4", "4.0", "1e3", "9" * 5000, "\xb2", None])
def test_a_place_that_is_no_number_is_refused(client: Client, begun: str, workspace: Path, offset: str | None) -> None:
    status, answer = client.put(begun, b"0123", Upload_Offset=offset)
    assert (status, answer["code"]) == (400, "upload-request")
    assert bytes_on_disk(workspace) == 0


@pytest.mark.parametrize("digest", ["0" * 64, "", None, "\xe9", "g" * 64])
def test_a_part_with_another_digest_is_refused(client: Client, begun: str, workspace: Path, digest: str | None) -> None:
    assert client.put(begun, b"0123", Upload_Digest=digest)[1]["code"] == "upload-digest"
    assert bytes_on_disk(workspace) == 0


@pytest.mark.parametrize("size", [-1, 0, 10**30, LIMITS.archive_bytes + 1, 1.5, "9", None, True, [1], {}, float("nan")])
def test_a_size_that_is_absurd_is_refused(client: Client, workspace: Path, size: Any) -> None:
    status, answer = client.begin(size=size)
    assert status in (400, 413) and answer["message"]
    assert not (workspace / "uploads").exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 8000, b'{"name": 1, "size": 1}'])
def test_a_beginning_that_is_no_declaration_is_refused(client: Client, workspace: Path, body: bytes) -> None:
    assert client.ask("POST", "/upload", body)[1]["code"] == "upload-request"
    assert client.ask("POST", "/upload", b" " * 8193)[0] == 413


@pytest.mark.parametrize("name", ["../../up.zip", "\ud800.zip", "a\u202egpj.zip", "a\x00b.zip", "C:\\x\\a.zip"])
def test_a_name_is_never_a_path(client: Client, workspace: Path, name: str) -> None:
    status, answer = client.begin(name=name)
    assert status == 200 and "/" not in answer["name"] and answer["name"].isprintable()
    assert {path.name for path in workspace.rglob("uploads/*/*")} == {"000000", "upload.json"}


def test_more_than_was_declared_in_all_is_refused(client: Client, begun: str, workspace: Path) -> None:
    assert client.put(begun, bytes(SIZE + 1))[1]["code"] == "upload-longer"
    assert client.put(begun, bytes(SIZE))[0] == 200
    assert client.put(begun, b"x", SIZE)[1]["code"] == "upload-longer"
    assert client.ask("POST", f"/upload/{begun}/finish")[1]["finished"]
    assert client.put(begun, b"x", SIZE)[1]["code"] == "upload-finished"
    assert bytes_on_disk(workspace) == SIZE


def request(client: Client, upload_id: str, *lines: str) -> bytes:
    head = [f"PUT /upload/{upload_id} HTTP/1.1", f"Host: {client.host}", "Upload-Offset: 0", "Connection: close"]
    head += [f"{name}: {value}" for name, value in client.headers.items()]
    head += [f"Upload-Digest: {hashlib.sha256(b'0123').hexdigest()}", *lines]
    return "\r\n".join([*head, "", ""]).encode()


def test_a_body_of_unknown_or_two_lengths_is_refused(client: Client, begun: str, workspace: Path) -> None:
    chunks = b"4\r\n0123\r\n0\r\n\r\n"
    assert b" 411 " in client.raw(request(client, begun, "Transfer-Encoding: chunked") + chunks)
    for length in ("2", "8"):
        both = request(client, begun, f"Content-Length: {length}", "Transfer-Encoding: chunked") + chunks
        assert b" 200 " not in client.raw(both)
    twice = request(client, begun, "Content-Length: 4", "Content-Length: 8")
    assert b" 200 " not in client.raw(twice + b"01234567")
    assert bytes_on_disk(workspace) == 0


def test_a_body_that_goes_on_after_its_length_adds_nothing(client: Client, begun: str) -> None:
    answer = client.raw(request(client, begun, "Content-Length: 4") + b"0123" + b"x" * 10_000)
    assert b'{"received":4}' in answer
    assert client.ask("GET", f"/upload/{begun}")[1]["received"] == 4


def test_a_part_that_breaks_off_adds_nothing(client: Client, begun: str, workspace: Path) -> None:
    client.begin_to_send(request(client, begun, "Content-Length: 4") + b"012").close()
    assert bytes_on_disk(workspace) == 0
    assert client.put(begun, b"0123")[0] == 200


def test_a_part_larger_than_the_limit_is_cut_off_before_it_has_come(
    client: Client, begun: str, workspace: Path
) -> None:
    """The answer comes though the body does not: nothing of it is waited for."""
    for length in (LIMITS.chunk_bytes + 1, 10**14):
        with closing(client.begin_to_send(request(client, begun, f"Content-Length: {length}"))) as connection:
            assert b" 413 " in connection.recv(65_536)
    assert bytes_on_disk(workspace) == 0


def test_a_full_disk_is_said_before_and_while_writing(
    client: Client, begun: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LIMITS", replace(LIMITS, disk_reserve=2**60))
    status, answer = client.begin()
    assert (status, answer["code"]) == (507, "disk-full") and "GB free" in answer["message"]
    assert client.put(begun, b"0123")[1]["code"] == "disk-full"
    assert bytes_on_disk(workspace) == 0


def test_two_browsers_that_send_the_same_upload_at_once_give_its_bytes_once(client: Client, workspace: Path) -> None:
    data = bytes(range(256)) * 400
    upload_id = client.begin(size=len(data))[1]["id"]
    codes: set[int] = set()

    def send(step: int) -> None:
        while (there := client.ask("GET", f"/upload/{upload_id}")[1]["received"]) < len(data):
            codes.add(client.put(upload_id, data[there : there + step], there)[0])

    senders = [threading.Thread(target=send, args=(step,)) for step in (1001, 1777, 2503)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
    assert (workspace / "uploads" / upload_id / "000000").read_bytes() == data
    assert codes <= {200, 409}


def test_slow_senders_hold_a_bounded_number_of_parts_in_memory_and_others_get_their_turn(
    client: Client, begun: str
) -> None:
    """Everybody who sends waits for one of few places; who leaves makes room."""
    half = request(client, begun, "Content-Length: 4") + b"01"
    slow = [client.begin_to_send(half) for _ in range(receiving.AT_ONCE)]
    got: list[Answer] = []
    patient = threading.Thread(target=lambda: got.append(client.put(begun, b"0123")))
    patient.start()
    assert client.ask("GET", f"/upload/{begun}")[0] == 200
    patient.join(0.5)
    assert not got
    for connection in slow:
        connection.close()
    patient.join(20)
    assert got == [(200, {"received": 4})]


def test_a_token_lasts_a_day_by_a_clock_nobody_sets_and_only_so_many_are_kept() -> None:
    now = 0.0
    tokens = receiving.Tokens(clock=lambda: now)
    first = tokens.hand_out()
    assert tokens.known(first) and not tokens.known("") and not tokens.known(first[:-1])
    now = tokens.LASTS - 1
    assert tokens.known(first)
    now = tokens.LASTS
    assert not tokens.known(first)
    handed = [tokens.hand_out() for _ in range(tokens.KEPT + 1)]
    assert not tokens.known(handed[0]) and tokens.known(handed[1]) and tokens.known(handed[-1])
    assert len(set(handed)) == len(handed) and min(map(len, handed)) >= 43
