"""Hostile, damaged and odd pictures, each beside honest ones."""

import io
import lzma
import struct
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from PIL import Image

from tests.making import picture, pixels
from tests.security.corpus import jpeg_bytes as jpeg
from tests.security.corpus import tiff_bytes as tiff
from tests.security.corpus.cases import HONEST, Case, Late, Row, file_of, hungry, made, noise
from tests.security.corpus.png_bytes import MAGIC, chunk, header, png
from tests.security.corpus.zip_bytes import Part, zip_bytes

MIB = 1024**2
Sample = tuple[str, Late, str]  # file name, bytes, code
_seeds = iter(range(2_000, 100_000))


def fresh(kind: str = "PNG", **options: object) -> bytes:
    """A picture nobody has yet: the same bytes twice would be a remark of their own."""
    return picture(next(_seeds), kind, **options)


def image() -> Image.Image:
    return Image.fromarray(pixels(next(_seeds)))


def saved(found: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    found.save(out, kind, **options)
    return out.getvalue()


def moving(kind: str, count: int) -> Late:
    """So many different frames or pages."""
    first = next(_seeds)

    def make() -> bytes:
        frames = [Image.fromarray(pixels(first + 100_000 * number)) for number in range(count)]
        return saved(frames[0], kind, save_all=True, append_images=frames[1:])

    return make


# Per cent of the file that are left: so little that it is no header, or so much that all pixels are there.
CUTS = {
    "JPEG": {},
    "PNG": {1: "image-format", 99: ""},
    "WEBP": {1: "image-format"},
    "GIF": dict.fromkeys((1, 10, 25, 50), "image-format"),
    "BMP": {1: "image-format"},
    "TIFF": {1: "image-format"},
}


def cut() -> Iterator[Sample]:
    for kind, codes in CUTS.items():
        whole = fresh(kind)
        for percent in (1, 10, 25, 50, 75, 90, 99):
            data = whole[: max(1, len(whole) * percent // 100)]
            yield f"cut-{percent}.{kind.lower()}", data, codes.get(percent, "image-truncated")


def bombs() -> Iterator[Sample]:
    yield "square.png", png(30_000, 30_000, b""), "image-too-large"
    yield "tall.png", png(1, 100_000_000, b""), "image-too-large"
    yield "wide-side.png", png(16_385, 1), "image-too-large"
    yield "just-too-many.png", png(6_400, 6_400, b""), "image-too-large"
    yield "billions.png", png(2**31 - 1, 2**31 - 1, b""), "image-too-large"
    yield "negative.png", png(2**32 - 1, 1, b""), "image-too-large"
    yield "nothing.png", png(0, 0, b""), "image-format"
    yield "wide.webp", webp_canvas(16_383, 16_383), "image-too-large"
    yield "animation.webp", webp_canvas(16_777_216, 256), "image-too-large"
    bmp = struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 20_000, 20_000, 1, 24, 0, 0, 0, 0, 0, 0)
    yield "wide.bmp", b"BM" + bmp, "image-too-large"
    yield "screen.gif", gif(65_535, 65_535), "image-too-large"
    yield "frame-beyond-screen.gif", gif(1, 1, frame=(0, 0, 65_535, 65_535)), "image-too-large"
    yield "frame-far-away.gif", gif(10, 10, frame=(65_000, 65_000, 10, 10)), "image-too-large"
    yield "wide.tif", tiff.tiff(tiff.tags(30_000, 30_000, tiff.HEAD, 10), bytes(10)), "image-too-large"
    yield "sides.jpg", jpeg.with_size(fresh("JPEG"), 65_535, 65_535), "image-too-large"
    yield "wide.jpg", jpeg.with_size(fresh("JPEG"), 65_535, 8), "image-too-large"
    yield "deflated.png", lambda: png(6_000, 6_000, zlib.compress(bytes(300 * MIB), 9)), ""


def webp_canvas(width: int, height: int) -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0])
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def gif(width: int, height: int, frame: tuple[int, int, int, int] | None = None, frames: int = 1) -> bytes:
    """Frames of nothing but an end code; `frame` is left, top, width, height."""
    place = frame or (0, 0, width, height)
    body = (b"," + struct.pack("<4H", *place) + b"\x80" + bytes(6) + b"\2\2\x44\1\0") * frames
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0" + body + b";"


def pngs() -> Iterator[Sample]:
    row = zlib.compress(bytes(25 * 24))
    zeros = zlib.compress(bytes(20 * MIB))

    def small(more: bytes) -> bytes:
        return png(24, 24, colour=0, more=chunk(b"tEXt", b"n\0%d" % next(_seeds)) + more)

    yield (
        "crc-header.png",
        MAGIC + chunk(b"IHDR", struct.pack(">IIBBBBB", 24, 24, 8, 0, 0, 0, 0), lie=1),
        "image-format",
    )
    yield (
        "crc-data.png",
        MAGIC + header(24, 24, 0) + chunk(b"IDAT", row, lie=1) + chunk(b"IEND", b""),
        "image-unreadable",
    )
    yield "crc-text.png", small(chunk(b"tEXt", b"a\0b", lie=1)), "image-format"
    yield "crc-text-behind.png", small(b"")[:-12] + chunk(b"tEXt", b"a\0b", lie=1) + chunk(b"IEND", b""), ""
    yield "text-bomb.png", small(chunk(b"zTXt", b"a\0\0" + zeros)), "image-unreadable"
    yield "unicode-text-bomb.png", small(chunk(b"iTXt", b"a\0\1\0\0\0" + zeros)), "image-unreadable"
    yield "profile-bomb.png", small(chunk(b"iCCP", b"a\0\0" + zeros)), "image-unreadable"
    yield (
        "text-bombs-behind.png",
        small(b"")[:-12] + chunk(b"zTXt", b"a\0\0" + zeros) + chunk(b"IEND", b""),
        "image-unreadable",
    )
    yield "100,000-chunks.png", small(chunk(b"teSt", b"") * 100_000), ""
    yield "100,000-texts.png", small(chunk(b"tEXt", b"a\0b") * 100_000), ""
    yield (
        "10,000-data-chunks.png",
        MAGIC
        + header(24, 24, 0)
        + b"".join(chunk(b"IDAT", b"") for _ in range(10_000))
        + chunk(b"IDAT", row)
        + chunk(b"IEND", b""),
        "",
    )
    yield "no-end.png", small(b"")[:-12], ""
    yield "no-data.png", MAGIC + header(24, 24) + chunk(b"IEND", b""), "image-unreadable"
    yield "too-little-data.png", png(50, 50, zlib.compress(b"too short")), "image-truncated"
    yield "too-much-data.png", png(24, 24, zlib.compress(bytes(24 * 25) + b"more" * 99_999), colour=0), ""
    yield "data-no-zlib.png", png(50, 50, b"no zlib stream at all"), "image-unreadable"
    yield (
        "two-headers.png",
        MAGIC + header(24, 24, 0) + header(8000, 5000, 0) + chunk(b"IDAT", row) + chunk(b"IEND", b""),
        "image-truncated",
    )
    yield "palette-missing.png", png(24, 24, colour=3), ""
    yield "palette-long.png", png(24, 24, colour=3, more=chunk(b"PLTE", bytes(3000))), "image-unreadable"
    yield "bits-7.png", png(24, 24, colour=0, bits=7, data=row), "image-format"
    yield "chunk-of-4-GiB.png", MAGIC + header(24, 24, 0) + b"\xff\xff\xff\xffIDAT" + row, ""
    yield "critical-unknown.png", small(chunk(b"EVIL", b"x")), ""
    yield "interlaced.png", saved_interlaced(), ""
    yield (
        "apple.png",
        MAGIC + chunk(b"CgBI", b"\x50\0\x20\6") + header(24, 24) + chunk(b"IDAT", row) + chunk(b"IEND", b""),
        "image-truncated",
    )


def saved_interlaced() -> bytes:
    """Adam7 by hand: seven passes of an 8 x 8 grey picture."""
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b"".join(
        b"\0" + row.tobytes() for top, left, down, across in passes for row in grey[top::down, left::across]
    )
    return MAGIC + header(8, 8, 0, interlace=1) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiffs() -> Iterator[Sample]:
    one = tiff.tags(24, 24, tiff.HEAD, 576)

    def odd(
        number: int, changed: dict[int, tuple[int, int, int]], found: bytes | None = None, following: int = 0
    ) -> bytes:
        inside = noise(576, 100 + number) if found is None else found
        return tiff.tiff(one | changed, inside, following)

    yield "loop.tif", odd(1, {}, following=tiff.HEAD + 576), ""
    yield "next-outside.tif", odd(2, {}, following=2**31), "image-animated"
    yield "next-is-header.tif", odd(3, {}, following=1), "image-animated"
    yield "strips-outside.tif", odd(4, {tiff.STRIPS: (tiff.LONG, 1, 2**31)}), "image-truncated"
    yield (
        "strip-counts-huge.tif",
        odd(5, {tiff.STRIPS: (tiff.LONG, 2**31, 8), tiff.COUNTS: (tiff.LONG, 2**31, 8)}),
        "image-format",
    )
    yield "strip-bytes-huge.tif", odd(6, {tiff.COUNTS: (tiff.LONG, 1, 2**32 - 1)}), ""
    yield "rows-nought.tif", odd(7, {tiff.ROWS: (tiff.LONG, 1, 0)}), "image-unreadable"
    yield "rows-huge.tif", odd(8, {tiff.ROWS: (tiff.LONG, 1, 2**32 - 1)}), ""
    yield "samples-65535.tif", odd(9, {tiff.SAMPLES: (tiff.SHORT, 1, 65_535)}), "image-format"
    yield "bits-32000.tif", odd(10, {tiff.BITS: (tiff.SHORT, 1, 32_000)}), "image-format"
    yield "bits-many.tif", odd(11, {tiff.BITS: (tiff.SHORT, 60_000, 8)}), ""
    yield (
        "tile-of-a-gigabyte.tif",
        odd(
            12,
            {
                tiff.TILE_WIDTH: (tiff.LONG, 1, 32_752),
                tiff.TILE_HEIGHT: (tiff.LONG, 1, 32_752),
                tiff.TILES: (tiff.LONG, 1, 8),
                tiff.TILE_COUNTS: (tiff.LONG, 1, 576),
                tiff.COMPRESSION: (tiff.SHORT, 1, 8),
            },
        ),
        "image-too-large",
    )
    yield "count-of-65535.tif", b"II*\0\x08\0\0\0\xff\xff" + bytes(200), "image-format"
    yield "directory-outside.tif", b"II*\0\xff\xff\xff\x7f" + bytes(200), "image-format"
    yield "big.tif", b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**60) + bytes(60), "image-format"
    yield "no-tags.tif", b"II*\0\x08\0\0\0\0\0" + bytes(60), "image-format"
    for name, number in COMPRESSIONS.items():
        code = {"unknown": "image-format", "packbits": ""}.get(name, "image-unreadable")
        yield f"noise-as-{name}.tif", odd(number, {tiff.COMPRESSION: (tiff.SHORT, 1, number)}), code
    yield "lzma-4-GiB.tif", hungry_tiff(), "image-unreadable"
    yield "1,000-pages.tif", moving("TIFF", 1_000), "image-animated"
    yield "50,000-pages.tif", lambda: many_pages(50_000), "image-animated"
    yield "bilevel-group-4.tif", saved(image().convert("1"), "TIFF", compression="group4"), ""
    yield "lzw.tif", saved(image(), "TIFF", compression="tiff_lzw"), ""
    yield "jpeg.tif", saved(image(), "TIFF", compression="jpeg"), ""
    yield "packbits.tif", saved(image(), "TIFF", compression="packbits"), ""


COMPRESSIONS = {
    "unknown": 9999,
    "CCITT": 2,
    "fax-3": 3,
    "fax-4": 4,
    "LZW": 5,
    "old-JPEG": 6,
    "JPEG": 7,
    "deflate": 8,
    "packbits": 32773,
    "LZMA": 34925,
    "ZSTD": 50000,
    "WEBP": 50001,
}


def hungry_tiff() -> bytes:
    packed = hungry(lzma.compress(noise(576, 3)))
    return tiff.tiff(tiff.tags(24, 24, tiff.HEAD, len(packed), 34925), packed)


def many_pages(count: int) -> bytes:
    """A page is a directory of one entry; each points to the next."""
    data = noise(576, 4)
    first = tiff.directory(tiff.tags(24, 24, tiff.HEAD, 576), tiff.HEAD + 576 + 6 + 9 * 12)
    at = tiff.HEAD + 576 + len(first)
    more = b"".join(
        tiff.directory({254: (tiff.LONG, 1, 0)}, at + (n + 1) * 18 if n < count - 2 else 0) for n in range(count - 1)
    )
    return b"II*\0" + struct.pack("<I", tiff.HEAD + 576) + data + first + more


def commented(count: int) -> bytes:
    plain = saved(Image.new("L", (9, 9), 40), "GIF")
    frame = 13 + 3 * 2 ** ((plain[10] & 7) + 1)
    return b"GIF89a" + plain[6:frame] + (b"!\xfe\xff" + b"x" * 255 + b"\0") * count + plain[frame:]


def gifs() -> Iterator[Sample]:
    yield "zero-screen.gif", gif(0, 0), "image-format"
    yield "zero-frame.gif", gif(10, 10, frame=(0, 0, 0, 0)), "image-unreadable"
    yield "nothing-in-it.gif", gif(10, 10), "image-truncated"
    yield "10,000-frames.gif", saved(image(), "GIF")[:-1] + gif(24, 24, frames=10_000)[13:], "image-animated"
    yield "no-frames.gif", b"GIF89a\x0a\0\x0a\0\0\0\0;", "image-format"
    yield "code-size-255.gif", gif(10, 10).replace(b"\2\2\x44\1", b"\xff\2\x44\1"), "image-unreadable"
    yield "comments.gif", commented(5_000), ""
    yield "endless-block.gif", gif(10, 10)[:-6] + b"\xffx" * 50, "image-unreadable"
    yield "script.gif", saved(image(), "GIF").replace(b"GIF87a", b"GIF89a") + b"*/=1;alert(1)//", ""


def bmp(
    width: int,
    height: int,
    *,
    bits: int = 24,
    compression: int = 0,
    data: bytes = b"",
    offset: int = 54,
    colors: int = 0,
    size: int = 40,
) -> bytes:
    head = struct.pack(
        "<IHHIIiiHHIIiiII",
        54 + len(data),
        0,
        0,
        offset,
        size,
        width,
        height,
        1,
        bits,
        compression,
        len(data),
        0,
        0,
        colors,
        0,
    )
    return b"BM" + head + data


def bmps() -> Iterator[Sample]:
    rows = noise(24 * 72, 5)
    palette = bytes(1024)
    yield "top-down.bmp", bmp(24, -24, data=rows), ""
    yield "negative-width.bmp", bmp(-24, 24, data=rows), "image-too-large"
    yield "lowest-height.bmp", bmp(24, -(2**31), data=rows), "image-too-large"
    yield "zero.bmp", bmp(0, 0, data=rows), "image-format"
    yield "offset-outside.bmp", bmp(24, 24, data=noise(24 * 72, 6), offset=2**31), "image-truncated"
    yield "colours-huge.bmp", bmp(24, 24, bits=8, data=palette + rows, colors=2**31), "image-unreadable"
    yield (
        "rle-overflow.bmp",
        bmp(24, 24, bits=8, compression=1, data=palette + b"\xff\1" * 5_000, offset=54 + 1024),
        "image-unreadable",
    )
    yield (
        "rle-jumps.bmp",
        bmp(24, 24, bits=8, compression=1, data=palette + b"\0\2\xff\xff" * 5_000, offset=54 + 1024),
        "",
    )
    yield (
        "rle-large.bmp",
        bmp(16_000, 2_400, bits=8, compression=1, data=palette + b"\1\1" * 500_000, offset=54 + 1024),
        "image-unreadable",
    )
    yield (
        "rle-jumps-large.bmp",
        bmp(16_000, 2_400, bits=8, compression=1, data=palette + b"\0\2\xff\xff" * 5_000, offset=54 + 1024),
        "",
    )
    yield "jpeg-inside.bmp", bmp(24, 24, bits=0, compression=4, data=fresh("JPEG")), "image-unreadable"
    yield "header-size-wild.bmp", bmp(24, 24, data=rows, size=2**31), "image-truncated"
    yield "bits-3.bmp", bmp(24, 24, bits=3, data=rows), "image-unreadable"


def scans(count: int, side: int = 6_000) -> bytes:
    """A progressive JPEG whose every scan is a few bytes, and makes the decoder walk over all blocks of the picture."""
    whole = saved(Image.new("L", (side, side), 77), "JPEG").replace(jpeg.SOF0, jpeg.SOF2)
    first = jpeg.segment(jpeg.SOS, b"\1\1\0\0\0\0") + b"\0"
    more = jpeg.segment(jpeg.SOS, b"\1\1\0\1\x3f\0") + b"\0"
    return whole[: jpeg.place(whole, jpeg.SOS)] + first + more * count + jpeg.EOI


def jpegs() -> Iterator[Sample]:
    def odd(*segments: bytes) -> bytes:
        return jpeg.with_segments(fresh("JPEG"), *segments)

    yield "5,000-scans.jpg", scans(5_000), "image-unreadable"
    yield "100-scans.jpg", scans(100, 60), ""
    yield "scans-behind-the-end.jpg", fresh("JPEG") + jpeg.SOS * 5_000, ""
    yield "arithmetic.jpg", fresh("JPEG").replace(jpeg.SOF0, b"\xff\xc9"), ""
    yield "lossless.jpg", fresh("JPEG").replace(jpeg.SOF0, b"\xff\xc3"), "image-unreadable"
    whole = fresh("JPEG")
    at = jpeg.place(whole, jpeg.SOF0)
    yield "12-bit.jpg", whole[: at + 4] + b"\x0c" + whole[at + 5 :], "image-format"
    yield "no-size.jpg", jpeg.with_size(fresh("JPEG"), 0, 0), "image-format"
    yield "height-nought.jpg", jpeg.with_size(fresh("JPEG"), 24, 0), "image-format"
    yield "larger-than-its-data.jpg", jpeg.with_size(fresh("JPEG"), 5_000, 5_000), ""
    yield "components-255.jpg", whole[: at + 9] + b"\xff" + whole[at + 10 :], "image-format"
    yield "sampling-15.jpg", whole[: at + 11] + b"\xff" + whole[at + 12 :], "image-unreadable"
    yield "table-missing.jpg", whole[: at + 12] + b"\x03" + whole[at + 13 :], "image-unreadable"
    yield "no-tables.jpg", jpeg.SOI + whole[at:], "image-unreadable"
    yield "no-scan.jpg", whole[: jpeg.place(whole, jpeg.SOS)] + jpeg.EOI, "image-unreadable"
    yield "scan-of-nothing.jpg", whole[: jpeg.place(whole, jpeg.SOS) + 14] + jpeg.EOI, ""
    yield "segment-of-length-nought.jpg", jpeg.SOI + jpeg.APP0 + b"\0\0" + whole[2:], ""
    yield "segment-beyond-the-end.jpg", jpeg.SOI + jpeg.COM + b"\xff\xff" + whole[2:], "image-truncated"
    yield "10,000-comments.jpg", odd(jpeg.segment(jpeg.COM, b"x") * 10_000), ""
    yield "filled-with-FF.jpg", whole[:2] + b"\xff" * MIB + fresh("JPEG")[2:], ""
    yield "broken-profile.jpg", odd(jpeg.icc(b"broken")), ""
    yield "profile-in-a-wrong-order.jpg", odd(jpeg.segment(jpeg.APP2, b"ICC_PROFILE\0\xff\1" + bytes(200))), ""
    yield "exif-loop.jpg", odd(jpeg.exif((0x0112, 3, 1, jpeg.short(1)), following=8)), ""
    yield "exif-into-itself.jpg", odd(jpeg.exif((0x8769, 4, 1, b"\0\0\0\x08"), (0x8825, 4, 1, b"\0\0\0\x08"))), ""
    yield "exif-4-GiB-tag.jpg", odd(jpeg.exif((0x010F, 2, 2**32 - 1, b"\0\0\0\x08"))), ""
    yield "exif-outside.jpg", odd(jpeg.exif((0x010F, 2, 100, b"\xff\xff\xff\x7f"))), ""
    for value in (0, 9, 65_535):
        yield f"orientation-{value}.jpg", odd(jpeg.exif((0x0112, 3, 1, jpeg.short(value)))), ""
    yield "orientation-text.jpg", odd(jpeg.exif((0x0112, 2, 4, b"six\0"))), ""
    yield "orientation-many.jpg", odd(jpeg.exif((0x0112, 3, 2, b"\0\6\0\3"))), ""
    yield "orientation-ratio.jpg", odd(jpeg.exif((0x0112, 5, 1, b"\0\0\0\x1a"), rest=b"\0\0\0\1\0\0\0\0")), ""
    yield "exif-broken.jpg", odd(jpeg.segment(jpeg.APP1, b"Exif\0\0MM\0*\0\0\0\x08\xff\xff broken")), ""
    yield "exif-empty.jpg", odd(jpeg.segment(jpeg.APP1, b"Exif\0\0")), ""
    yield (
        "thumbnail-larger.jpg",
        odd(
            jpeg.segment(
                jpeg.APP1, b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\x0e" + saved(image().resize((200, 200)), "JPEG")
            )
        ),
        "",
    )
    yield (
        "xmp.jpg",
        odd(
            jpeg.segment(
                jpeg.APP1,
                b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'><!DOCTYPE a [<!ENTITY b 'c'>]>&b;",
            )
        ),
        "",
    )
    yield (
        "mpo-wild.jpg",
        odd(jpeg.segment(jpeg.APP2, b"MPF\0MM\0*\0\0\0\x08\0\1\xb0\1\0\4\0\0\0\1\xff\xff\xff\xff\0\0\0\0")),
        "",
    )
    yield "mpo-broken.jpg", odd(jpeg.segment(jpeg.APP2, b"MPF\0MM\0*")), ""
    frames = [image(), image()]
    mpo = saved(frames[0], "MPO", save_all=True, append_images=frames[1:])
    yield "two.mpo.jpg", mpo, ""
    yield "second-picture-cut.jpg", saved(image(), "MPO", save_all=True, append_images=frames[1:])[:-200], ""
    yield "adobe-cmyk.jpg", saved(image().convert("CMYK"), "JPEG"), ""
    yield (
        "photoshop-resources.jpg",
        odd(jpeg.segment(b"\xff\xed", b"Photoshop 3.0\x008BIM\x03\xed\0\0\xff\xff\xff\xff")),
        "",
    )
    yield "adobe-broken.jpg", odd(jpeg.segment(b"\xff\xee", b"Adobe")), "image-format"


def webps() -> Iterator[Sample]:
    whole = fresh("WEBP")
    yield "size-lies-more.webp", whole[:4] + struct.pack("<I", 2**31) + whole[8:], "image-truncated"
    yield "size-lies-less.webp", whole[:4] + struct.pack("<I", 20) + whole[8:], "image-unreadable"
    yield "chunk-of-4-GiB.webp", whole[:16] + b"\xff\xff\xff\xff" + whole[20:], "image-unreadable"
    yield "nothing-in-it.webp", webp_canvas(24, 24), "image-unreadable"
    still = fresh("WEBP")
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (99).to_bytes(3, "little") * 2 + still[12:]
    yield "canvas-of-another-size.webp", b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body, "image-unreadable"
    yield "300-frames.webp", moving("WEBP", 300), "image-animated"
    yield (
        "lossless-noise.webp",
        b"RIFF" + struct.pack("<I", 212) + b"WEBPVP8L" + struct.pack("<I", 200) + b"\x2f\x17\xc0\x05\0" + noise(195, 7),
        "image-unreadable",
    )
    yield "sound.webp", b"RIFF" + struct.pack("<I", 100) + b"WAVEfmt " + bytes(100), "image-format"


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\n(/tmp/touched) (w) file closefile\nshowpage\n"


def others() -> Iterator[Sample]:
    yield "nothing.jpg", b"", "image-empty"
    yield "one-byte.jpg", b"\xff", "image-format"
    yield "zeros.jpg", bytes(5_000), "image-format"
    yield "text.jpg", b"hello", "image-format"
    yield "page.jpg", b"<!doctype html><script>alert(1)</script>", "image-format"
    yield "page-with-mark.jpg", b"\xef\xbb\xbf\n <HTML>404", "image-format"
    yield "drawing.jpg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "image-format"
    yield (
        "drawing.svg",
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><!-- 2 --></svg>',
        "image-format",
    )
    yield "postscript.jpg", EPS, "image-format"
    yield "postscript.eps", EPS + b"% 2", "image-format"
    yield "postscript-dos.eps", b"\xc5\xd0\xd3\xc6" + bytes(60) + EPS, "image-format"
    yield "document.jpg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "image-format"
    yield "document-then-picture.jpg", b"%PDF-1.7\n" + fresh("JPEG"), "image-format"
    yield "phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image-heic"
    yield "phone.jpg", b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic\0\0\0\0", "image-heic"
    yield "new.avif", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "image-heic"
    yield "film.mp4.jpg", b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "image-format"
    yield "wmf.jpg", b"\xd7\xcd\xc6\x9a" + bytes(80), "image-format"
    yield "emf.jpg", b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(60), "image-format"
    yield "fits.jpg", b"SIMPLE  =                    T" + b" " * 50, "image-format"
    for kind in ("ICO", "ICNS", "DDS", "SGI", "TGA", "PCX", "PPM", "XBM", "JPEG2000", "AVIF", "QOI", "SPIDER"):
        found = image().convert("1") if kind == "XBM" else image().resize((64, 64))
        yield (
            f"{kind}.jpg",
            saved(found.convert("F") if kind == "SPIDER" else found, kind),
            "image-heic" if kind == "AVIF" else "image-format",
        )
    yield "cursor.jpg", b"\0\0\2\0\1\0" + bytes(60), "image-format"
    yield "photoshop.jpg", b"8BPS\0\1" + bytes(60), "image-format"
    yield "jpeg-xl.jpg", b"\xff\x0a" + bytes(60), "image-format"
    yield "jpeg-xl-box.jpg", b"\0\0\0\x0cJXL \x0d\x0a\x87\x0a" + bytes(60), "image-format"
    yield "flif.jpg", b"FLIF" + bytes(60), "image-format"
    yield "dicom.jpg", bytes(128) + b"DICM" + bytes(60), "image-format"
    yield "raw.dng", b"II*\0\x08\0\0\0\0\0" + bytes(9), "image-format"
    yield "program.jpg", b"MZ" + bytes(100), "image-format"
    yield "pickle.png", b"\x80\4cos\nsystem\n(S'touch thaw-evil'\ntR.", "image-format"
    yield "array.jpg", b"\x93NUMPY\1\0" + bytes(60), "image-format"
    yield "with-a-zip-behind.jpg", fresh("JPEG") + zip_bytes([Part("a/1.png", b"x")]), ""
    yield "with-a-document-inside.jpg", jpeg.with_segments(fresh("JPEG"), jpeg.segment(jpeg.COM, b"%PDF-1.7")), ""
    yield (
        "with-a-page-inside.jpg",
        jpeg.with_segments(fresh("JPEG"), jpeg.segment(jpeg.COM, b"<script>alert(1)</script>")),
        "",
    )
    yield "with-php-behind.png", fresh() + b"<?php system('id'); ?>", ""
    yield "with-php-inside.png", png(24, 24, colour=0, more=chunk(b"tEXt", b"c\0<?php system('id'); ?>")), ""
    yield "picture.txt", fresh(), ""
    yield "notes.txt", b"about roses", "not-a-picture"
    yield "table.csv", b"a,b\n", "not-a-picture"
    yield "script.py", b"import os", "not-a-picture"


def case(name: str, samples: Iterator[Sample], **options: float) -> Case:
    found = list(samples)
    rows = tuple(Row(path, f"roses/{path}", code) for path, _, code in found)
    taken = sum(row.code in ("", "image-animated") for row in rows)
    make = file_of(lambda: among_honest({path: data for path, data, _ in found}))
    return Case(name, make, taken={"roses": 3 + taken, "tulips": 3}, rows=rows, **options)  # type: ignore[arg-type]


def among_honest(files: Mapping[str, Late]) -> bytes:
    """A zip of the two honest classes with more files among the roses."""
    parts = [Part(path, data) for path, data in HONEST.items()]
    return zip_bytes([*parts, *(Part(f"roses/{path}", made(data), method=0) for path, data in files.items())])


CASES = [
    case("cut", cut()),
    case("bombs", bombs()),
    case("PNG", pngs()),
    case("TIFF", tiffs(), seconds=30),
    case("GIF", gifs()),
    case("BMP", bmps()),
    case("JPEG", jpegs(), seconds=30),
    case("WEBP", webps()),
    case("others", others()),
]
