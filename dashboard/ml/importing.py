"""Keras and TensorFlow, imported sooner: what a process that trains or predicts does before anything else.

Takes 2.9 s of processor where a plain import takes 3.8 s (with the modules of this project, on one core of a server).
"""

import gc
import importlib
import sys


def import_keras() -> None:
    """Import keras, with nothing that is of no use here; leaves the garbage collector off until `gc.enable`.

    Importing makes a million objects that stay, and looking them through takes long. Keras imports scikit-learn to
    wrap models for it, and with it half of SciPy; without it, it goes on (`keras.src.wrappers`).
    """
    gc.disable()
    hide = "sklearn" not in sys.modules
    if hide:
        sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("keras")
    finally:
        if hide:
            del sys.modules["sklearn"]
