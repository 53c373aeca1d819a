"""What a model card warns of: what the figures do not say, and under what terms the parts come. Words of ours only."""

import pandas as pd

from dashboard.core.recipe import Recipe
from dashboard.data.labels import TRAIN, VALIDATION
from dashboard.runs.run import Run

FEW = 20  # pictures of a class, below which its own figures say little
UNEQUAL = 3  # times as many pictures in the largest class as in the smallest


def limits(run: Run, own: pd.DataFrame, judged: str) -> list[str]:
    """What the figures do not say, and what the network must not be trusted with, a sentence each.

    Args:
        run: finished.
        own: its predictions of the split it is judged by.
        judged: the name of that split.
    """
    found = [
        "It gives one of its classes for every picture, also for one that shows none of them. A high probability is no "
        "proof: probabilities of networks are often too high.",
        f"The interval counts chance in {len(own):,} pictures. Pictures from elsewhere (another camera, place, season, "
        "background) may be recognised much worse; try it on your own before relying on it.",
        "It sees the whole picture squeezed into a square. Small objects, and objects at an odd angle or cut off, are "
        "recognised worse.",
    ]
    if judged == VALIDATION:
        found.append(
            "There was no test split: the figures are of the validation pictures, which also chose the best epoch, so "
            "they are somewhat too good."
        )
    support = own["true"].value_counts().reindex(run.class_names, fill_value=0)
    if (support < FEW).any():
        few = int((support < FEW).sum())
        found.append(
            f"{few} of {len(support)} classes have fewer than {FEW} {judged} pictures; their own figures are rough."
        )
    counts = run.manifest.loc[run.manifest["split"] == TRAIN, "class_name"].value_counts()
    if len(counts) and counts.max() > UNEQUAL * counts.min():
        found.append(
            f"The largest class has {counts.max():,} training pictures and the smallest {counts.min():,}; rare classes "
            "are more often missed. Read their recall beside the accuracy."
        )
    if run.recipe.weights == "imagenet":
        found.append(
            "The backbone learned from ImageNet, photographs of the web, and has taken over what is one-sided in them."
        )
    if run.recipe.weights == "formula":
        found.append(
            "The backbone learned from pictures drawn by formulas and no photograph: it took over nothing one-sided "
            "from pictures of the web, and knows less of what photographs show than one that learned from them."
        )
    found.append(
        "Not for decisions about people, their health or their safety without somebody who checks, and without a study "
        "made for that purpose."
    )
    return found


def licences(recipe: Recipe) -> list[str]:
    """Under what terms the parts come, as far as is known."""
    found = ["The pictures: those of whoever owns them. Their terms are not known here."]
    if recipe.weights == "imagenet":
        found.append(
            "The ImageNet weights: published with Keras Applications, whose code is under the Apache License 2.0; some "
            "networks' weights come from their authors under terms of their own, see keras.io/api/applications. "
            "ImageNet itself was given out for research and education that is not commercial; whether that binds "
            "weights trained on it is disputed, so ask before selling."
        )
    if recipe.weights == "formula":
        found.append("The weights it started from: learned from pictures drawn by formulas, part of Thaw, Apache-2.0.")
    if recipe.weights == "file":
        found.append("The weights it started from: those of whoever made the file. Their terms are not known here.")
    found.append("Keras and TensorFlow: Apache License 2.0.")
    return found
