"""PNG files chunk by chunk."""

import struct
import zlib

MAGIC = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes, *, lie: int = 0) -> bytes:
    """`lie` is added to the checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", (zlib.crc32(kind + body) + lie) & 0xFFFFFFFF)


def header(width: int, height: int, colour: int = 2, bits: int = 8, interlace: int = 0) -> bytes:
    """Colour 0 is grey, 2 RGB, 3 a palette, 4 grey with transparency, 6 RGBA."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace))


def png(
    width: int, height: int, data: bytes | None = None, *, colour: int = 2, bits: int = 8, more: bytes = b""
) -> bytes:
    """A PNG that declares a size and holds whatever data; None is a black picture of that size. `more` is chunks."""
    if data is None:
        samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
        data = zlib.compress(bytes((1 + (width * samples * bits + 7) // 8) * height))
    return MAGIC + header(width, height, colour, bits) + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")
