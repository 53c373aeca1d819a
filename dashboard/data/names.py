"""Names that came from a user: data to keep and show, never paths to open."""

import re
import unicodedata
from pathlib import PurePosixPath

from dashboard.core.errors import DatasetError, UploadError

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff")
LONGEST_PART = 255  # characters; no file system in use has longer names
LONGEST = 2_048  # bytes of UTF-8; PostgreSQL takes up to 2,700 where a column is to be found by
CLUTTER = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"}
# Pictures that are not taken, but that a person would miss.
OTHER_PICTURES = (
    ".heic",
    ".heif",
    ".avif",
    ".svg",
    ".eps",
    ".psd",
    ".jp2",
    ".jxl",
    ".dng",
    ".cr",
    ".nef",
    ".arw",
    ".tga",
)
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".xz", ".bz2", ".rar", ".7z")
# Marks that make a name read as another one: embeddings, overrides and isolates. Right-to-left letters are welcome.
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
BLANK = {"Zs", "Cf"}  # spaces of any width, and of none
FILLERS = "\u115f\u1160\u2800\u3164\uffa0"  # letters that are drawn as nothing
SURROGATE = re.compile("[\ud800-\udfff]")
UNSHOWABLE = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of characters, ends of lines and paragraphs


def tidy(name: str, *, backslash_separates: bool = False) -> str:
    """A member's name as it is kept: parts joined by '/', composed accents (NFC), no empty or '.' parts.

    Raises:
        UploadError: `member-path` when the name leads out of the archive, `member-name` when it cannot be shown as
            it is.
    """
    if name.isprintable() and name.isascii() and "\\" not in name and "//" not in name and "." not in name.split("/"):
        text = name  # what nearly every name is
    else:
        text = unicodedata.normalize("NFC", _readable(name))
    slashed = text.replace("\\", "/")
    if slashed.startswith("/") or ".." in slashed.split("/") or re.match(r"[A-Za-z]:/", slashed):
        raise UploadError("member-path", "The name leads out of the archive; expected a path such as roses/1.jpg.")
    if misleads(text):
        raise UploadError("member-name", "The name has control characters, which hide what it is. Rename the file.")
    parts = [part for part in (slashed if backslash_separates else text).split("/") if part not in ("", ".")]
    if not parts or max(map(len, parts)) > LONGEST_PART:
        raise UploadError("member-name", f"The name is empty or has a part longer than {LONGEST_PART} characters.")
    if not all(_can_be_seen(part) for part in parts):
        raise UploadError("member-name", "The name, or that of a folder, is nothing but spaces. Rename it.")
    tidied = "/".join(parts)
    if len(tidied.encode()) > LONGEST:
        raise UploadError("member-name", f"The name with its folders is longer than {LONGEST:,} bytes. Nest them less.")
    return tidied


def misleads(text: str) -> bool:
    """Whether a text has control characters, or marks that make it read as another one."""
    return any(unicodedata.category(letter) in UNSHOWABLE for letter in text) or BIDI.search(text) is not None


def _can_be_seen(part: str) -> bool:
    if part.isascii():
        return bool(part.strip())
    return any(unicodedata.category(letter) not in BLANK and letter not in FILLERS for letter in part)


def class_name(text: str) -> str:
    """What a person typed as the name of a class, without the spaces around it; literal but for composed accents.

    Raises:
        DatasetError: `class-name` when it is empty, too long, or holds what no folder's name can.
    """
    name = unicodedata.normalize("NFC", text.strip())
    if not name or len(name) > LONGEST_PART or not _can_be_seen(name):
        raise DatasetError("class-name", f"A class needs a name of 1 to {LONGEST_PART} characters.")
    if "/" in name or "\\" in name:
        raise DatasetError("class-name", "The name of a class may not hold a slash. Write it without.")
    if misleads(name):
        raise DatasetError("class-name", "The name has control characters, which hide what it is. Write it without.")
    return name


def _readable(name: str) -> str:
    """Bytes that are no UTF-8 read as Latin-1, as old archives and folders have them."""
    if not SURROGATE.search(name):
        return name
    try:
        return name.encode("utf-8", "surrogateescape").decode("latin-1")
    except UnicodeEncodeError:
        return name  # half a character that stands for no byte


def shown(name: str) -> str:
    """A refused name, safe to keep and to print: at most 300 characters, control characters spelled out."""
    text = "".join(
        letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in _shortened(_readable(name))
    )
    return text or "(no name)"


def _shortened(name: str) -> str:
    return name if len(name) <= 300 else f"{name[:296]} ..."


def title(name: str) -> str:
    """The name of a dataset as it is kept: literal, but what a database or a line cannot hold is spelled out."""
    spelled = (
        f"\\x{ord(letter):02x}" if unicodedata.category(letter) in UNSHOWABLE or BIDI.match(letter) else letter
        for letter in _shortened(name.strip())
    )
    return "".join(spelled)


def is_clutter(path: str) -> bool:
    """Whether a file is what systems leave behind, of no interest to anybody: `.DS_Store`, `__MACOSX`, dot files."""
    return any(part.startswith(".") or part.lower() in CLUTTER for part in path.split("/") if part not in (".", ".."))


def may_be_picture(path: str) -> bool:
    """Whether the suffix promises a picture, or promises nothing."""
    suffix = PurePosixPath(path).suffix.lower()
    return suffix in (*SUFFIXES, *OTHER_PICTURES) or not suffix[1:].isalpha()


def is_archive(path: str) -> bool:
    return path.lower().endswith(ARCHIVES)
