"""Widgets for the fields of the recipe. Range, default and help text come from the field itself."""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from annotated_types import Ge, Gt, Le, Lt

from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.optimizers import OPTIMIZERS
from dashboard.core.recipe import Recipe
from dashboard.core.schedules import SCHEDULES
from dashboard.ui import state

LABELS = {
    "epochs": "Epochs",
    "learning_rate": "Learning rate",
    "fine_tune_epochs": "Epochs",
    "fine_tune_learning_rate": "Learning rate",
    "patience": "Patience (epochs)",
    "batch_size": "Batch size (pictures)",
    "optimizer": "Optimizer",
    "dropout": "Dropout",
    "head_width": "Hidden units in the head",
    "label_smoothing": "Label smoothing",
    "class_weights": "Weigh rare classes up",
    "augmentation": "Augmentation",
    "views": "Views of a picture",
    "mixup": "Mixup",
    "schedule": "Schedule",
    "warmup_epochs": "Warm-up (epochs)",
    "head_rate_factor": "Head learns faster (times)",
    "rate_decay": "Rate of the next block below",
    "gradual_thawing": "Thaw block by block",
    "seed": "Seed",
    "train_batch_normalization": "Train BatchNormalization",
    "cache": "Compute what stays frozen once",
    "image_size": "Image size (pixels)",
    "alpha": "Width (alpha)",
    "keep_head": "Keep its head",
}

CHOICES: dict[str, Mapping[str, Any]] = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES}  # fields that name a row


def field(page: str, name: str) -> None:
    """The widget of one field, keyed `<page>_<field>`; what is typed goes into the draft at once."""
    key = f"{page}_{name}"
    value = getattr(state.draft(), name)
    common: dict[str, Any] = {
        "key": key,
        "help": _help(name),
        "on_change": state.change_from_widget,
        "args": (name, key),
    }
    if name in CHOICES:
        st.selectbox(LABELS[name], list(CHOICES[name]), index=list(CHOICES[name]).index(value), **common)
    elif name == "alpha":
        alphas = state.draft().backbone_row.alphas
        st.selectbox(LABELS[name], alphas, index=alphas.index(value), **common)
    elif name == "augmentation":
        st.pills(LABELS[name], list(AUGMENTATIONS), selection_mode="multi", default=list(value), **common)
    elif isinstance(value, bool):
        st.toggle(LABELS[name], value=value, **common)
    else:
        st.number_input(LABELS[name], value=value, **_range(name, value), **common)


def _help(name: str) -> str:
    info = Recipe.model_fields[name]
    text = (info.description or "").strip()
    advised = info.default
    if name == "augmentation":
        return (
            f"{text[0].upper()}{text[1:]}. "
            + "; ".join(f"{row.name}: {row.reason}" for row in AUGMENTATIONS.values())
            + "."
        )
    if name in CHOICES:
        text += ". " + "; ".join(f"{row.name}: {row.reason}" for row in CHOICES[name].values())
    shown = {True: "on", False: "off"}.get(advised, advised) if isinstance(advised, bool) else advised
    return f"{text[0].upper()}{text[1:]}. Advised: {shown}."


def _range(name: str, value: float) -> dict[str, Any]:
    """Bounds, step and format of a number from the field's own constraints."""
    kind = type(value)
    bounds: dict[str, Any] = {}
    for constraint in Recipe.model_fields[name].metadata:
        if isinstance(constraint, Ge):
            bounds["min_value"] = kind(constraint.ge)  # type: ignore[arg-type]
        elif isinstance(constraint, Gt):
            bounds["min_value"] = kind(1e-7) if kind is float else kind(constraint.gt) + 1  # type: ignore[arg-type]
        elif isinstance(constraint, Le):
            bounds["max_value"] = kind(constraint.le)  # type: ignore[arg-type]
        elif isinstance(constraint, Lt):
            bounds["max_value"] = kind(0.95) if kind is float else kind(constraint.lt) - 1  # type: ignore[arg-type]
    if kind is float:
        small = "learning_rate" in name
        return {**bounds, "step": value / 2 if small else 0.05, "format": "%.6g" if small else "%.2f"}
    return {**bounds, "step": 32 if name == "image_size" else 1}
