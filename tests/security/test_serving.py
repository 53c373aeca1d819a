"""What strangers may try on the service: over a real socket, with the real processes that open what they send.

No picture here is ever good, so the worker that predicts is never asked, and never started.
"""

import base64
import json
import socket
import struct
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
import uvicorn

from dashboard.core.limits import SERVING
from dashboard.core.recipe import recipe_from
from dashboard.core.settings import settings
from dashboard.runs import classifying
from dashboard.runs.classifying import Classifying
from dashboard.runs.run import prepare
from dashboard.serving.connections import Patient
from dashboard.serving.guard import Access
from dashboard.serving.server import configured, listen
from dashboard.serving.service import application
from tests.making import picture
from tests.security.corpus import pictures as corpus
from tests.security.corpus.cases import made
from tests.security.corpus.png_bytes import png
from tests.serving.conftest import Client, encoded, form, heard
from tests.serving.crashing import CRASHES_HERE, SLEEPS_HERE
from tests.waiting import wait_until

EVIL = "http://evil.example"
TOKEN = "an honest token"
RUN = "a-run-of-somebody"
BAD = ("bad.png", b"no picture")
FEW = replace(
    SERVING, request_bytes=1 << 20, requests=2, connections=20, head_seconds=1.0, pause_seconds=0.5, body_seconds=6.0
)


class Impatient(Patient):
    limits = FEW


class Crowded(Patient):
    limits = replace(FEW, head_seconds=60.0)


@contextmanager
def serving(access: Access, http: type[Patient] = Impatient) -> Iterator[tuple[Client, Classifying]]:
    """The service in this process, with less patience, for a run that has never been trained."""
    recipe = recipe_from({"dataset": "-", "weights": "none", "image_size": 96})
    rows = [{"sha256": "0" * 64, "path": name, "class_name": name, "split": "train"} for name in ("a", "<b>")]
    run = prepare(RUN, recipe, pd.DataFrame(rows))
    run.model_path.write_bytes(b"")
    run.weights_path.write_bytes(b"")
    answering = Classifying(run)
    app = application(answering, access, FEW)
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(configured(app, http))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        wait_until(lambda: server.started, seconds=20, step=0.02)
        yield Client(listening.getsockname()[1]), answering
    finally:
        server.should_exit = True
        thread.join(20)
        answering.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Classifying]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_WORKSPACE", str(tmp_path_factory.mktemp("served") / "workspace"))
        settings.cache_clear()
        with serving(Access()) as found:
            yield found
    settings.cache_clear()


@pytest.fixture
def client(service: tuple[Client, Classifying]) -> Iterator[Client]:
    """Somebody who asks, and after whom nothing is left and the service still answers."""
    client, answering = service
    yield client
    assert client.ask("GET", "/health") == (200, {"status": "ok"})
    wait_until(lambda: [path.name for path in answering.folder.iterdir()] == ["lease"], seconds=10, step=0.05)


def codes(answer: Any) -> list[str]:
    return [item["error"]["code"] for item in answer["pictures"]]


HOSTILE = [
    *corpus.bombs(),
    *corpus.pngs(),
    ("eps.jpg", corpus.EPS, "image-format"),
]


@pytest.mark.parametrize("posted", [form, encoded])
def test_each_hostile_picture_is_an_item_with_its_own_reason(client: Client, posted: Any) -> None:
    bad = [(name, made(data), code) for name, data, code in HOSTILE if code]
    bad = [(name, data, code) for name, data, code in bad if len(data) < 100_000]
    status, answer = client.predict(posted(*((name, data) for name, data, _ in bad)))
    assert status == 200
    assert dict(zip([name for name, _, _ in bad], codes(answer), strict=True)) == {name: code for name, _, code in bad}


def test_a_zip_bomb_is_no_picture(client: Client) -> None:
    bomb = BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(100 << 20))
    status, answer = client.predict(form(("bomb.zip", bomb.getvalue()), ("bomb.png", bomb.getvalue())))
    assert status == 200 and codes(answer) == ["image-format"] * 2


def test_a_hundred_million_pixels_are_refused_before_they_are_decoded(client: Client) -> None:
    began = time.monotonic()
    status, answer = client.predict(form(("tall.png", png(1, 100_000_000, b""))))
    assert status == 200 and codes(answer) == ["image-too-large"] and time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example"}, 421, "host-unknown"),
        ({"Host": "evil.example", "Origin": EVIL}, 421, "host-unknown"),
        ({"Host": "localhost.evil.example"}, 421, "host-unknown"),
        ({"Host": "localhost:80@evil.example"}, 421, "host-unknown"),
        ({"Host": "127.0.0.1.evil.example:8000"}, 421, "host-unknown"),
        ({"Host": ""}, 421, "host-unknown"),
        ({"Origin": EVIL}, 403, "origin-foreign"),
        ({"Origin": "null"}, 403, "origin-foreign"),
        ({"Origin": ""}, 403, "origin-foreign"),
        ({"Origin": "http://localhost"}, 403, "origin-foreign"),
        ({"Sec_Fetch_Site": "cross-site"}, 403, "origin-foreign"),
        ({"Sec_Fetch_Site": "same-site"}, 403, "origin-foreign"),
    ],
    ids=str,
)
def test_a_page_of_another_site_is_told_nothing(
    client: Client, headers: dict[str, str], status: int, code: str
) -> None:
    got, answer = client.predict(form(BAD), **headers)
    assert (got, answer["code"]) == (status, code)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:65535", "[::1]:8000"])
def test_its_own_names_are_answered(client: Client, host: str) -> None:
    assert client.ask("GET", "/labels", Host=host)[1]["class_names"] == ["<b>", "a"]
    assert client.predict(form(BAD), Host=host, Origin=f"http://{host}", Sec_Fetch_Site="same-origin")[0] == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xe9\xff",
        f"Bearer {'0' * 8000}",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/predict"), ("GET", "/labels"), ("HEAD", "/labels")])
def test_without_the_token_nothing_is_told_and_no_body_is_read(
    guarded: Client, method: str, path: str, authorization: str | None
) -> None:
    body = None if method != "POST" else b"x"
    status, headers, text = guarded.whole(method, path, body, Authorization=authorization)
    assert status == 401 and headers["WWW-Authenticate"].startswith("Bearer")
    assert method == "HEAD" or json.loads(text)["code"] == "token-wrong"
    assert TOKEN.encode() not in text


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service that others may reach: any name will do, the token must be shown."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_WORKSPACE", str(tmp_path_factory.mktemp("guarded") / "workspace"))
        settings.cache_clear()
        with serving(Access(hosts=(), token=TOKEN)) as (client, _):
            yield client
    settings.cache_clear()


def test_with_the_token_it_answers_under_any_name(guarded: Client) -> None:
    told = {"Host": "thaw.example", "Authorization": f"Bearer {TOKEN}"}
    assert guarded.predict(form(BAD), **told)[0] == 200
    assert guarded.ask("GET", "/labels", **told)[0] == 200
    assert guarded.predict(form(BAD), **told, Origin=EVIL)[1]["code"] == "origin-foreign"
    for path in ("/", "/docs", "/openapi.json", "/health"):
        _, _, text = guarded.whole("GET", path, Host="thaw.example")
        assert RUN.encode() not in text and b"<b>" not in text and b"&lt;b&gt;" not in text


def test_a_giant_body_is_refused_before_it_is_read(client: Client) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    said = client.said(head + b"Content-Length: 999999999999\r\nConnection: close\r\n\r\n{")
    assert said.startswith(b"HTTP/1.1 413") and b"request-too-large" in said
    status, answer = client.predict(("application/json", bytes(FEW.request_bytes + 1)))
    assert (status, answer["code"]) == (413, "request-too-large")


def test_a_giant_body_of_unknown_length_is_cut_off(client: Client) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(FEW.request_bytes // 65_536 + 2):
            yield bytes(65_536)

    status, answer = client.predict(("application/json", parts()))  # type: ignore[arg-type]
    assert (status, answer["code"]) == (413, "request-too-large")


DEEP = 100_000
JSONS = {
    "deep": b'{"pictures": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"pictures": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "deep beside": b'{"pictures": [{"data": "", "x": ' + b"[" * DEEP + b"]" * DEEP + b"}]}",
    "never closed": b"[" * DEEP,
    "nothing": b"",
    "no object": b"[]",
    "null": b"null",
    "no pictures": b"{}",
    "pictures of nothing": b'{"pictures": null}',
    "pictures that are text": b'{"pictures": "abc"}',
    "number as data": b'{"pictures": [{"data": 1e999}]}',
    "digits": b'{"pictures": [{"data": ' + b"9" * 100_000 + b"}]}",
    "not a number": b'{"pictures": NaN}',
    "more": b'{"pictures": [{"data": ""}], "path": "/etc/passwd"}',
    "path": b'{"pictures": [{"data": "", "path": "/etc/passwd"}]}',
    "long name": json.dumps({"pictures": [{"data": "", "name": "n" * 256}]}).encode(),
    "UTF-16": json.dumps({"pictures": [{"data": ""}]}).encode("utf-16"),
    "no UTF-8": b'{"pictures": [{"data": "\xff"}]}',
    "NUL": b'{"pictures": [{"data": ""}]}\0',
    "two": b'{"pictures": [{"data": ""}]}{}',
}


@pytest.mark.parametrize("name", JSONS)
def test_json_that_is_not_as_expected_is_refused_in_one_sentence(client: Client, name: str) -> None:
    began = time.monotonic()
    status, answer = client.predict(("application/json", JSONS[name]))
    assert (status, answer["code"]) == (422, "request-json") and time.monotonic() - began < 10
    assert "\n" not in answer["message"] and len(answer["message"]) < 500


def test_names_and_keys_that_are_odd_are_only_text(client: Client) -> None:
    for name in ("\u202e", "<script>", "../../etc/passwd", "\0", "=1+1", "\U0001f4a9", "a" * 255):
        kind, body = encoded((name, b"x"))
        status, _, text = client.whole("POST", "/predict", body, Content_Type=kind)
        assert status == 200 and text.isascii() and json.loads(text)["pictures"][0]["name"] == name
    twice = b'{"pictures": [{"data": ""}], "pictures": [{"data": ""}, {"data": ""}]}'
    assert client.predict(("application/json", twice))[0] in (200, 422)
    half = b'{"pictures": [{"name": "\\ud800", "data": ""}]}'
    assert client.predict(("application/json", half))[0] in (200, 422)


def test_as_many_pictures_as_are_taken_and_one_more(client: Client) -> None:
    for posted in (form, encoded):
        assert len(client.predict(posted(*[BAD] * SERVING.pictures))[1]["pictures"]) == SERVING.pictures
        status, answer = client.predict(posted(*[BAD] * (SERVING.pictures + 1)))
        assert (status, answer["code"]) == (413, "request-too-many")


def part(head: str, data: bytes = b"x", boundary: str = "b") -> bytes:
    return f"--{boundary}\r\n{head}\r\n\r\n".encode("latin-1") + data + b"\r\n"


NAMED = 'Content-Disposition: form-data; name="pictures"; filename="a"'
FORMS = {
    "no boundary": ("multipart/form-data", part(NAMED) + b"--b--\r\n"),
    "empty boundary": ("multipart/form-data; boundary=", part(NAMED) + b"--b--\r\n"),
    "another boundary": ("multipart/form-data; boundary=c", part(NAMED) + b"--b--\r\n"),
    "giant boundary": (f"multipart/form-data; boundary={'b' * 5000}", part(NAMED, boundary="b" * 5000)),
    "never ended": ("multipart/form-data; boundary=b", part(NAMED)),
    "nothing": ("multipart/form-data; boundary=b", b""),
    "no name": ("multipart/form-data; boundary=b", part("Content-Disposition: form-data") + b"--b--\r\n"),
    "no disposition": ("multipart/form-data; boundary=b", part("X: y") + b"--b--\r\n"),
    "another field": (
        "multipart/form-data; boundary=b",
        part('Content-Disposition: form-data; name="path"; filename="a"') + b"--b--\r\n",
    ),
    "no file": (
        "multipart/form-data; boundary=b",
        part('Content-Disposition: form-data; name="pictures"') + b"--b--\r\n",
    ),
    "10,000 headers": ("multipart/form-data; boundary=b", part("X: y\r\n" * 10_000 + NAMED) + b"--b--\r\n"),
    "a giant header": ("multipart/form-data; boundary=b", part(f"X: {'y' * 500_000}\r\n{NAMED}") + b"--b--\r\n"),
    "an endless header": ("multipart/form-data; boundary=b", b"--b\r\n" + b"x" * 500_000),
    "bad base64": (
        "multipart/form-data; boundary=b",
        part(f"{NAMED}\r\nContent-Transfer-Encoding: base64", b"!") + b"--b--\r\n",
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_that_is_not_as_expected_is_refused_in_one_sentence(client: Client, name: str) -> None:
    status, answer = client.predict(FORMS[name])
    assert (status, answer["code"]) == (422, "request-form"), answer
    assert "\n" not in answer["message"] and len(answer["message"]) < 500


def test_a_form_without_pictures_is_told_so(client: Client) -> None:
    status, answer = client.predict(("multipart/form-data; boundary=b", b"--b--\r\n"))
    assert status == 422 and answer["code"] in ("request-form", "request-empty")


def test_file_names_in_a_form_reach_no_folder(client: Client, service: tuple[Client, Classifying]) -> None:
    name = "../../../../escaped.png"
    status, answer = client.predict(form((name, b"x")))
    assert status == 200 and answer["pictures"][0]["name"] == name
    workspace = service[1].folder.parents[1]
    assert not list(workspace.parent.rglob("*escaped*"))


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "image/png", "application/json2", "application/x-pickle", "a" * 999]
)
def test_other_kinds_of_bodies_are_not_opened(client: Client, kind: str) -> None:
    status, answer = client.predict((kind, b"{}"))
    assert (status, answer["code"]) == (415, "request-kind")


@pytest.mark.parametrize("top", ["0", "-1", "1001", "99999", "1.5", "", "a", "٣", "1e3", "0x1", "1;drop"])
def test_a_number_that_is_none_is_refused(client: Client, top: str) -> None:
    status, answer = client.predict(form(BAD), f"?top={quote(top)}")
    assert (status, answer["code"]) == (422, "request-top")


PATHS = [
    "/../etc/passwd",
    "/assets/../service.py",
    "/assets/..%2fservice.py",
    "/assets/%2e%2e/service.py",
    "/assets/..\\service.py",
    "/assets/",
    "/assets",
    "/assets/page.css/",
    "/assets/page.css%00.py",
    "/assets//page.css",
    "//evil.example/",
    "/predict/",
    "/labels/..;/",
    "/dashboard/serving/service.py",
    "/workspace",
    "/.git/config",
    "/" + "a" * 8000,
    "/%ff%fe",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_no_path_leads_anywhere_else(client: Client, path: str) -> None:
    status, headers, text = client.whole("GET", path)
    assert status == 404 and json.loads(text)["code"] == "not-found" and "location" not in headers


GARBAGE = {
    "no HTTP": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two lengths": b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "negative length": b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
    "a giant head": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000,
    "NUL": b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bad chunk": b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_not_http_is_refused_and_the_connection_closed(client: Client, name: str) -> None:
    try:
        said = client.said(GARBAGE[name])
    except ConnectionResetError:
        return  # closed before all of it was read
    assert said.startswith(b"HTTP/1.1 4") and b'"code": "' in said and b"Traceback" not in said


def test_a_slow_body_is_not_waited_for(client: Client) -> None:
    head = (
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    began = time.monotonic()
    with client.send(head + b"{") as connection:
        said = heard(connection)
    assert said.startswith(b"HTTP/1.1 408") and b"request-slow" in said
    assert time.monotonic() - began < FEW.body_seconds
    began = time.monotonic()
    with client.send(head) as connection:
        for _ in range(100):  # a byte now and then is no help
            time.sleep(0.2)
            try:
                connection.sendall(b" ")
            except OSError:
                break
            if time.monotonic() - began > 20:
                pytest.fail("a body was waited for without end")


def test_a_slow_head_is_not_waited_for(client: Client) -> None:
    for begun in (b"", b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"):
        began = time.monotonic()
        with client.send(begun) as connection, suppress(ConnectionResetError):
            assert heard(connection) == b""
        assert 0.5 < time.monotonic() - began < 10


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.2)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_whoever_opens_many_connections_keeps_nobody_out(workspace: Path) -> None:
    with serving(Access(), Crowded) as (client, _):
        many = [client.send(b"GET /health HTTP/1.1\r\n") for _ in range(2 * FEW.connections)]
        try:
            assert client.ask("GET", "/health")[0] == 200
            assert client.predict(form(BAD))[0] == 200
            assert all(map(is_closed, many[: FEW.connections])) and not is_closed(many[-1])
        finally:
            for each in many:
                each.close()


def test_more_requests_than_can_be_are_told_to_come_back(client: Client) -> None:
    head = (
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    slow = [client.send(head) for _ in range(FEW.requests)]
    try:
        wait_until(lambda: client.predict(form(BAD))[0] == 429, seconds=5, step=0.02)
        status, headers, _ = client.whole("POST", "/predict", form(BAD)[1], Content_Type=form(BAD)[0])
        assert status in (200, 429) and (status == 200 or headers["Retry-After"])
    finally:
        for each in slow:
            each.close()
    wait_until(lambda: client.predict(form(BAD))[0] == 200, seconds=10, step=0.05)


def test_every_answer_tells_browsers_to_trust_nothing(client: Client) -> None:
    for method, path in [
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/nothing"),
        ("GET", "/predict"),
        ("POST", "/predict"),
    ]:
        _, headers, text = client.whole(method, path)
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "server" not in headers and "access-control-allow-origin" not in headers
        assert b"Traceback" not in text and b"http://" not in text.replace(b"http://localhost:8000", b"")


def test_a_mistake_of_ours_is_told_without_a_word_about_it(service: tuple[Client, Classifying]) -> None:
    client, answering = service
    away = answering.folder.with_name("away")
    answering.folder.rename(away)
    try:
        status, answer = client.predict(form(BAD))
    finally:
        away.rename(answering.folder)
    assert (status, answer["code"]) == (500, "server-error")
    assert str(answering.folder.parent) not in json.dumps(answer)


def test_a_picture_that_ends_its_process_costs_itself_only(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifying, "OPENER", "tests.serving.crashing")
    crash = ("crash.png", picture(1) + CRASHES_HERE)
    with serving(Access()) as (client, _):
        status, answer = client.predict(form(BAD, crash, BAD, crash))
        assert status == 200 and codes(answer) == ["image-format", "image-crash", "image-format", "image-crash"]
        assert "-11" in answer["pictures"][1]["error"]["message"]
        status, answer = client.predict(encoded(*[crash] * 9))
        assert (status, answer["code"]) == (422, "request-crashed")
        began = time.monotonic()
        status, answer = client.predict(form(BAD, ("slow.png", picture(1) + SLEEPS_HERE)))
        assert (status, answer["code"]) == (413, "request-too-slow") and time.monotonic() - began < 20
        assert client.predict(form(BAD))[0] == 200


def test_the_fork_that_opens_pictures_has_limits_and_nothing_of_the_servers_environment(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifying, "OPENER", "tests.serving.telling")
    monkeypatch.setenv("THAW_SERVE_TOKEN", "0123456789abcdef")
    with serving(Access()) as (client, _):
        told = client.predict(form(BAD))[1]["pictures"][0]["error"]["message"]
    found = json.loads(base64.b64decode(told))
    assert "THAW_SERVE_TOKEN" not in found["environment"] and found["limits"]["RLIMIT_AS"] == 2 << 30
    assert found["limits"]["RLIMIT_NOFILE"] == 256 and found["limits"]["RLIMIT_CORE"] == 0
    assert struct.calcsize("P") == 8  # of a machine where so much memory is a limit at all
