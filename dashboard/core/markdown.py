"""Text of a user where markdown is understood."""

import re
import unicodedata

MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&@/=^\"'])")
# Streamlit's markdown looks for bare addresses after it has undone every escape; a word joiner, which nobody sees,
# takes them apart.
ADDRESS = re.compile(r"(://|@|www(?=\.))", re.IGNORECASE)
JOINER = "\u2060"
# Words and numbers with one mark between them, as most files are called: nothing that markdown would take for its own.
PLAIN = re.compile(r"[A-Za-z0-9]+(?:[ ._…-][A-Za-z0-9]+)*")


def literal(text: str) -> str:
    """The text as it is, wherever markdown is understood: no link, image, formula, icon or colour comes of it.

    Control and direction-changing characters become a visible replacement mark; line breaks become spaces.
    """
    plain = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf") else c for c in re.sub(r"\s", " ", text))
    return MARKDOWN.sub(r"\\\1", ADDRESS.sub(rf"\1{JOINER}", plain))


def label(name: str) -> str:
    """As `literal`, without its marks where a name needs none: screen readers read a widget's label as written."""
    return name if PLAIN.fullmatch(name) and not name.lower().startswith("www") else literal(name)
