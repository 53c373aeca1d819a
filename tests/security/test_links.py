"""Links a stranger types: whatever they lead to, no private address is asked, and only an honest file is kept."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS
from dashboard.data import hosts, links, staging
from dashboard.data.hosts import Network, is_public
from tests import tls

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")


@dataclass
class Internet:
    """A publisher that counts as public, one that does not at the same port, and a network of both."""

    publisher: tls.Publisher
    inside: tls.Publisher
    names: tls.Names
    network: Network

    def url(self, path: str = "/pets.zip", host: str = tls.HOST) -> str:
        return f"https://{host}:{self.publisher.server_port}{path}"

    def refusal(self, url: str, **options: object) -> UploadError:
        with pytest.raises(UploadError) as refusal:
            links.fetch(url, network=self.network, **options)
        return refusal.value


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tls.Certificate:
    return tls.certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def internet(certified: tls.Certificate, workspace: Path) -> Iterator[Internet]:
    """Afterwards nothing is left of what was fetched, and nobody has spoken to the address that is not public."""
    names = tls.Names()
    with tls.serving(certified) as publisher, tls.serving(certified, tls.PRIVATE, publisher.server_port) as inside:
        publisher.pages["/pets.zip"] = inside.pages["/pets.zip"] = tls.body(b"PK" * 1000)
        yield Internet(publisher, inside, names, tls.network(certified, publisher.server_port, names))
        assert inside.spoken_to == 0
    assert not (workspace / "uploads").exists() or list((workspace / "uploads").iterdir()) == []


PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "192.0.0.8", "192.0.2.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *(
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "fc00::1",
        "fd00:ec2::254",
    ),
    *("fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001:db8::1", "2002:7f00:1::", "2002:c0a8:101::1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2001:0:7f00:1::", "100::1"),
    *("8.8.8.8%eth0", "", "localhost", "2130706433", "0x7f000001", "1.1"),
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "151.101.0.223", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_or_odd_address_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0"),
        *("localhost", "LOCALHOST", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]"),
        *("169.254.169.254", "2852039166", "0xa9fea9fe", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]", "[fe80::1]"),
        *("１２７.０.０.１", "①②⑦.⓪.⓪.①"),
    ],
)
def test_this_machine_and_its_networks_are_refused_in_every_writing(host: str, workspace: Path) -> None:
    """By the system's own resolver, which needs no network for numbers."""
    with pytest.raises(UploadError) as refusal:
        links.fetch(f"https://{host}/pets.zip")
    assert refusal.value.code in ("link-address", "link-host", "link-malformed")
    assert not (workspace / "uploads").exists()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://pictures.example/pets.zip", "link-scheme"),
        ("file:///etc/passwd", "link-scheme"),
        ("ftp://pictures.example/pets.zip", "link-scheme"),
        ("gopher://pictures.example/x", "link-scheme"),
        ("data:application/zip;base64,UEs=", "link-scheme"),
        ("javascript:alert(1)", "link-scheme"),
        ("pictures.example/pets.zip", "link-scheme"),
        ("", "link-scheme"),
        ("https://", "link-malformed"),
        ("https:///etc/passwd", "link-malformed"),
        ("https://user:secret@pictures.example/pets.zip", "link-credentials"),
        ("https://pictures.example@inside.example/pets.zip", "link-credentials"),
        ("https://@pictures.example/pets.zip", "link-credentials"),
        ("https://pictures.example:22/pets.zip", "link-port"),
        ("https://pictures.example:0/pets.zip", "link-port"),
        ("https://pictures.example:99999/pets.zip", "link-malformed"),
        ("https://pictures.example:/x y.zip", "link-malformed"),
        ("https://pictures.example/a\r\nHost: inside", "link-malformed"),
        ("https://pictures.example/\x00", "link-malformed"),
        ("https://pictures.example\\@inside.example/", "link-malformed"),
        ("https://[::1/pets.zip", "link-malformed"),
        ("https://" + "a" * 70 + ".example/", "link-malformed"),
        ("https://pictures.example/" + "a" * 3000, "link-malformed"),
    ],
)
def test_addresses_that_are_no_plain_https_are_refused_before_a_name_is_looked_up(url: str, code: str) -> None:
    names = tls.Names()
    with pytest.raises(UploadError) as refusal:
        links.fetch(url, network=Network(resolve=names))
    assert refusal.value.code == code
    assert names.asked == []


def test_a_host_with_one_private_address_among_public_ones_is_refused(internet: Internet) -> None:
    internet.names.answers[tls.HOST] = [[tls.PUBLIC, tls.PRIVATE]]
    assert internet.refusal(internet.url()).code == "link-address"
    assert internet.publisher.spoken_to == 0


def test_a_name_that_changes_its_answer_is_asked_once_and_that_address_is_spoken_to(internet: Internet) -> None:
    internet.names.answers[tls.HOST] = [[tls.PUBLIC], [tls.PRIVATE]]
    source = links.fetch(internet.url(), network=internet.network)
    assert (source.path / "000000").read_bytes() == b"PK" * 1000
    assert internet.names.asked == [tls.HOST] and internet.publisher.spoken_to == 1
    staging.discard(source.path)


def test_a_name_that_changes_its_answer_between_redirects_is_judged_anew(internet: Internet) -> None:
    internet.publisher.pages["/moved"] = tls.redirect("/pets.zip")
    internet.names.answers[tls.HOST] = [[tls.PUBLIC], [tls.PRIVATE]]
    assert internet.refusal(internet.url("/moved")).code == "link-address"
    assert internet.publisher.asked == ["/moved"]


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("https://inside.example:{port}/pets.zip", "link-address"),
        ("https://127.0.0.2:{port}/pets.zip", "link-address"),
        ("//inside.example:{port}/pets.zip", "link-address"),
        ("http://pictures.example:{port}/pets.zip", "link-scheme"),
        ("file:///etc/passwd", "link-scheme"),
        ("ftp://pictures.example/pets.zip", "link-scheme"),
        ("https://me:secret@pictures.example:{port}/pets.zip", "link-credentials"),
        ("https://pictures.example:1/pets.zip", "link-port"),
        ("https://[::1/", "link-malformed"),
        ("https://unknown.example:{port}/", "link-host"),
    ],
)
@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_judged_like_what_was_typed(internet: Internet, location: str, code: str, status: int) -> None:
    internet.names.answers |= {"inside.example": [[tls.PRIVATE]], "127.0.0.2": [[tls.PRIVATE]]}
    port = internet.publisher.server_port
    internet.publisher.pages["/moved"] = tls.redirect(location.format(port=port), status)
    assert internet.refusal(internet.url("/moved")).code == code


def test_redirects_in_a_circle_end(internet: Internet) -> None:
    internet.publisher.pages["/round"] = tls.redirect("/round")
    assert internet.refusal(internet.url("/round")).code == "link-redirects"
    assert len(internet.publisher.asked) == 6


def test_five_redirects_are_followed(internet: Internet) -> None:
    for number in range(5):
        internet.publisher.pages[f"/{number}"] = tls.redirect(f"/{number + 1}" if number < 4 else "/pets.zip")
    source = links.fetch(internet.url("/0"), network=internet.network)
    assert source.name == "pets.zip"
    staging.discard(source.path)


def test_a_certificate_nobody_vouches_for_is_refused(internet: Internet, tmp_path: Path) -> None:
    stranger = tls.certificate(tmp_path)
    internet.network = tls.network(stranger, internet.publisher.server_port, internet.names)
    assert internet.refusal(internet.url()).code == "link-certificate"
    assert internet.publisher.asked == []


def test_a_certificate_of_another_name_is_refused(internet: Internet) -> None:
    internet.names.answers["other.example"] = [[tls.PUBLIC]]
    refusal = internet.refusal(internet.url(host="other.example"))
    assert refusal.code == "link-certificate" and "other.example" in refusal.message
    assert internet.publisher.asked == []


def test_a_server_without_tls_is_refused(internet: Internet) -> None:
    with socket.create_server((tls.PUBLIC, 0)) as plain:
        port = plain.getsockname()[1]
        answers = threading.Thread(target=_answer_in_the_clear, args=(plain,))
        answers.start()
        internet.network = replace(internet.network, ports=frozenset({port}))
        assert internet.refusal(f"https://{tls.HOST}:{port}/").code == "link-offline"
        answers.join()


def _answer_in_the_clear(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nPK")


def test_a_body_without_end_is_ended_at_the_limit(internet: Internet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "LIMITS", replace(LIMITS, archive_bytes=3_000_000))
    internet.publisher.pages["/endless"] = _endless
    assert internet.refusal(internet.url("/endless")).code == "upload-too-large"


def test_a_body_without_end_ends_when_it_is_cancelled(internet: Internet) -> None:
    internet.publisher.pages["/endless"] = _endless
    received: list[int] = []
    refusal = internet.refusal(
        internet.url("/endless"),
        on_progress=lambda count, _: received.append(count),
        cancelled=lambda: sum(received) > 1_000_000,
    )
    assert refusal.code == "link-cancelled"


def _endless(answer: tls.Answer) -> None:
    answer.send_response(200)
    answer.end_headers()
    while True:
        answer.wfile.write(bytes(100_000))


def test_an_announced_length_above_the_limit_is_refused_before_a_byte(internet: Internet) -> None:
    internet.publisher.pages["/big"] = tls.body(b"PK", LIMITS.archive_bytes + 1)
    assert internet.refusal(internet.url("/big")).code == "upload-too-large"


def test_what_does_not_fit_on_the_disk_is_refused_before_a_byte(
    internet: Internet, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.mkdir()
    monkeypatch.setattr(links, "SPARE", shutil.disk_usage(workspace).free + 2**40)
    assert internet.refusal(internet.url()).code == "disk-full"


@pytest.mark.parametrize("announced", [2001, 10_000_000])
def test_a_length_that_promises_more_than_comes_is_no_file(internet: Internet, announced: int) -> None:
    internet.publisher.pages["/lies"] = tls.body(b"PK" * 1000, announced)
    refusal = internet.refusal(internet.url("/lies"))
    assert refusal.code == "link-broken"


@pytest.mark.parametrize("announced", [10, 0])
def test_more_than_the_length_promises_is_not_taken(internet: Internet, announced: int) -> None:
    internet.publisher.pages["/lies"] = tls.body(b"PK" * 1000, announced)
    source = links.fetch(internet.url("/lies"), network=internet.network)
    assert (source.path / "000000").stat().st_size == announced
    staging.discard(source.path)


def test_a_chunked_body_cut_in_the_middle_is_no_file(internet: Internet) -> None:
    def page(answer: tls.Answer) -> None:
        answer.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nffff\r\nPK")

    internet.publisher.pages["/cut"] = page
    assert internet.refusal(internet.url("/cut")).code == "link-broken"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500,
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 99999,
    ],
)
def test_what_is_no_http_is_refused(internet: Internet, head: bytes) -> None:
    internet.publisher.pages["/odd"] = lambda answer: answer.wfile.write(head) and None
    assert internet.refusal(internet.url("/odd")).code == "link-offline"


@pytest.mark.parametrize("status", [204, 206, 304, 401, 403, 500])
def test_any_other_answer_is_no_file(internet: Internet, status: int) -> None:
    def page(answer: tls.Answer) -> None:
        answer.send_response(status)
        answer.send_header("Content-Length", "0")
        answer.end_headers()

    internet.publisher.pages["/no"] = page
    refusal = internet.refusal(internet.url("/no"))
    assert refusal.code == "link-answer" and str(status) in refusal.message


@pytest.mark.parametrize("where", ["handshake", "head", "body"])
def test_a_byte_now_and_then_is_no_way_to_hold_the_server(
    internet: Internet, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "ANSWER_TIME", 0.5)
    started = time.monotonic()
    if where == "handshake":
        with _dripping() as port:
            internet.network = replace(internet.network, ports=frozenset({port}))
            refusal = internet.refusal(f"https://{tls.HOST}:{port}/")
    else:
        internet.publisher.pages["/drip"] = _drip(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if where == "body" else b""))
        refusal = internet.refusal(internet.url("/drip"))
    assert refusal.code == ("link-slow" if where == "body" else "link-offline")
    assert time.monotonic() - started < 5


def _drip(head: bytes) -> Callable[[tls.Answer], None]:
    def page(answer: tls.Answer) -> None:
        answer.wfile.write(head)
        for _ in range(40):
            answer.wfile.write(b"X")
            time.sleep(0.1)

    return page


class _dripping:  # noqa: N801 - used as a function
    """A server whose handshake never comes to an end."""

    def __enter__(self) -> int:
        self.server = socket.create_server((tls.PUBLIC, 0))
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        return int(self.server.getsockname()[1])

    def _serve(self) -> None:
        connection, _ = self.server.accept()
        with connection:
            for byte in b"\x16\x03\x03\x40\x00" + bytes(40):
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    return
                time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self.thread.join()
        self.server.close()
