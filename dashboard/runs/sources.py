"""Networks of our own as text, for scripts that rebuild one without this project."""

from dashboard.core.backbones import Backbone
from dashboard.core.settings import ROOT

OWN = {"AlexNet": ROOT / "dashboard" / "ml" / "alexnet.py"}


def source(row: Backbone) -> str:
    """The functions that build a backbone, the one named as its module first; empty where Keras has a builder for it.

    They need `keras` and nothing else.
    """
    if row.name not in OWN:
        return ""
    text = OWN[row.name].read_text(encoding="utf-8")
    return text[text.index("\ndef ") + 1 :]
