"""What can be known of a picture from its bytes alone, before a decoder sees them."""

import re
import zlib

from dashboard.core.errors import UploadError

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
SCAN, END = b"\xff\xda", b"\xff\xd9"
MARKER = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")  # those with a length behind them, and the end
MOST_SCANS = 500  # a progressive JPEG has about ten
DAMAGED = "The picture is damaged and cannot be decoded. Open it in another program and save it again."
OTHERS = (
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (4, b"JXL ", "a JPEG XL picture"),
    (4, b"jP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"\0\0\1\0", "an icon of Windows"),
    (0, b"icns", "an icon of macOS"),
    (0, b"DDS ", "a texture for games (DDS)"),
    (0, b"qoif", "a QOI picture"),
    (0, b"\xd7\xcd\xc6\x9a", "a drawing of Windows (WMF)"),
    (40, b" EMF", "a drawing of Windows (EMF)"),
    (0, b"SIMPLE  =", "a FITS picture"),
    (128, b"DICM", "a DICOM picture"),
    (4, b"ftyp", "a film"),
    (0, b"PK\3\4", "a zip archive"),
)


def kind(head: bytes) -> str:
    """A sentence's beginning about a file that is no picture, by its first 512 bytes."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "The file is a web page, not a picture"
    if b"<svg" in start:
        return "The file is an SVG drawing"
    if start.startswith((b"%!ps", b"%pdf")):
        return "The file is a PostScript or PDF document"
    if head.startswith((JPEG, PNG, b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")):
        return "The file begins like a picture, but its header is damaged"
    for place, magic, what in OTHERS:
        if head[place:].startswith(magic):
            return f"The file is {what}"
    return "The file is no picture of a known kind"


def check_scans(data: bytes) -> None:
    """A few bytes of a JPEG make its decoder walk over the whole picture once more; a cheap count clears nearly all.

    Raises:
        UploadError: `image-unreadable`.
    """
    if data.count(SCAN) <= MOST_SCANS:
        return
    at, scans = 2, 0
    while (found := MARKER.search(data, at)) and found[0] != END and scans <= MOST_SCANS:
        scans += found[0] == SCAN
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    if scans > MOST_SCANS:
        raise UploadError(
            "image-unreadable", f"The JPEG is drawn in more than {MOST_SCANS} layers; cameras write 1. Save it again."
        )


def check_sums(data: bytes) -> None:
    """Compare every whole chunk of pixels of a PNG with its checksum, as Pillow does not; raises as `check_scans`."""
    view, at = memoryview(data), len(PNG)
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(view[at : at + 4], "big")
        whole = data[at + 4 : at + 8] == b"IDAT" and end + 4 <= len(data)
        if whole and zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise UploadError("image-unreadable", DAMAGED)
        at = end + 4
