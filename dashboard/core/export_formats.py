"""What a finished run can be taken home as."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExportFormat:
    """One file to take home. `file_name` lies in the run directory or its `exports` folder."""

    name: str
    file_name: str
    title: str
    description: str
    needs: str = ""  # a program that must be installed; empty for none


EXPORT_FORMATS = {
    row.name: row
    for row in (
        ExportFormat(
            "weights",
            "model.weights.h5",
            "Weights",
            "every number of the network; load it into the same topology",
        ),
        ExportFormat("keras", "model.keras", "Keras model", "topology and weights in one file; opens with Keras 3"),
        ExportFormat(
            "labels", "labels.json", "Labels", "class names in the order of the outputs, and what the input must be"
        ),
        ExportFormat(
            "topology-svg",
            "topology.svg",
            "Topology (SVG)",
            "the network as a drawing of every layer, sharp at any size",
            "dot",
        ),
        ExportFormat(
            "topology-png",
            "topology.png",
            "Topology (PNG)",
            "the network as a picture of every layer, for slides",
            "dot",
        ),
        ExportFormat(
            "zip",
            "everything.zip",
            "Everything",
            "all of the above with the recipe, the list of pictures, predictions and report",
        ),
    )
}
