"""Connections to hosts of the public internet, each to the very address that was judged.

Asking a name twice would let its owner answer differently the second time; so it is asked once.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dashboard.core.errors import UploadError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

TIMEOUT = 15.0  # seconds without a byte after which a server counts as gone
ANSWER_TIME = 60.0  # seconds in which a handshake, or the head of an answer, must be over
MOST_ADDRESSES = 4  # of a host, that are tried one after the other
COMPATIBLE = ipaddress.IPv6Network("::/96")  # IPv4 in an older writing; holds ::1 as well
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # IPv4 behind a translator (RFC 6052)
NOBODYS = (
    ipaddress.ip_network("64:ff9b:1::/48"),  # of one's own translator (RFC 8215)
    ipaddress.ip_network("192.0.0.0/24"),  # of protocols (RFC 6890); Python holds a part of it for global
    ipaddress.ip_network("192.88.99.0/24"),  # relays of another translation (RFC 7526)
)


def addresses_of(host: str, port: int) -> list[str]:
    """Every address a name stands for now, in any writing of numbers that the system understands.

    Raises:
        OSError: there is none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(text: str) -> bool:
    """Whether an address belongs to the internet: to none of this machine, a private network, a provider, a group."""
    try:
        return _is_public(ipaddress.ip_address(text))
    except ValueError:  # with a zone it is of one cable
        return False


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped or address.sixtofour:
            return _is_public(address.ipv4_mapped or address.sixtofour)  # type: ignore[arg-type]
        if address in TRANSLATED:
            return _is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address in COMPATIBLE or address.is_site_local or address.teredo:
            return False
    if any(address in network for network in NOBODYS):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


@dataclass(frozen=True)
class Network:
    """How hosts are found, which addresses may be asked, at which ports, and whose certificates count."""

    resolve: Callable[[str, int], list[str]] = addresses_of
    allows: Callable[[str], bool] = is_public
    context: Callable[[], ssl.SSLContext] = ssl.create_default_context
    ports: frozenset[int] = frozenset({443})


class Connection(http.client.HTTPSConnection):
    """Speaks to one address, and checks the certificate of the host by its name."""

    def __init__(self, host: str, port: int, address: str, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=TIMEOUT, context=context)
        self._address, self._tls = address, context

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        with in_time(self):
            # The handshake by itself: until it is over, nobody else could hang up what is being wrapped.
            encrypted = self._tls.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = encrypted
            encrypted.do_handshake()


@contextlib.contextmanager
def in_time(connection: http.client.HTTPConnection) -> Iterator[None]:
    """Hang up when what is done takes longer than `ANSWER_TIME`, however steadily a byte comes now and then."""
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        with contextlib.suppress(OSError, AttributeError):  # it has ended by itself just now
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)  # TLS would want to say goodbye

    watch = threading.Timer(ANSWER_TIME, hang_up)
    watch.daemon = True
    watch.start()
    try:
        yield
        if late.is_set():  # what was cut off may look like a short answer
            raise TimeoutError(f"no answer in {ANSWER_TIME:g} s")
    finally:
        watch.cancel()


@contextlib.contextmanager
def connected(host: str, port: int, network: Network) -> Iterator[Connection]:
    """An open connection to the first of the host's addresses that answers; all of them must be allowed.

    Raises:
        UploadError: `link-host`, `link-address`, `link-certificate`, `link-offline`.
    """
    try:
        found = network.resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise UploadError("link-host", f"There is no host '{host}' to be found. Check the link.") from error
    if not found or not all(network.allows(address) for address in found):
        raise UploadError(
            "link-address",
            f"'{host}' is not on the public internet. Links into private networks or to this machine are not fetched.",
        )
    connection = _first(host, port, found[:MOST_ADDRESSES], network.context())
    try:
        yield connection
    finally:
        connection.close()


def _first(host: str, port: int, found: list[str], context: ssl.SSLContext) -> Connection:
    """The connection to the first address that takes one; what the last refused with is raised."""
    with refusals(host):
        *others, last = found
        for address in others:
            try:
                return _open(host, port, address, context)
            except ssl.SSLError:  # the host itself answered
                raise
            except OSError:
                continue
        return _open(host, port, last, context)


def _open(host: str, port: int, address: str, context: ssl.SSLContext) -> Connection:
    connection = Connection(host, port, address, context)
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def refusals(host: str) -> Iterator[None]:
    """What the network raises, as a refusal that names the host."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        said = error.verify_message or "it is not valid"
        raise UploadError(
            "link-certificate", f"The certificate of {host} does not hold: {said}. Nothing was fetched."
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UploadError(
            "link-offline", f"{host} was not reached: {error or type(error).__name__}. Try again later."
        ) from error
