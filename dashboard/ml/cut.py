"""The blocks of a backbone: where it can be frozen and thawed, read from its graph and its own names."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import keras

from dashboard.core.errors import BackboneError

MANY = 64  # blocks; more than a person can look over, so neighbours of one stage are joined

# How the architectures name a unit inside a layer's name.
UNIT = re.compile(
    r"stage_\d+_block_\d+|downsampling_block_\d+|conv\d+_block\d+|block\d+_\d+(?=_)|block_?\d+[a-z]?"
    r"|expanded_conv_\d+|expanded_conv|mixed\d+$|mixed_\d+[a-z]|pool\d+"
)
# Where the name needs a word of ours: MobileNet's depthwise and pointwise halves, NASNet's cells.
RENAMED = (
    (re.compile(r"^conv_(?:pad|dw|pw)_(\d+)"), r"conv_\1"),
    (re.compile(r"^(?:normal|reduction|separable|adjust)_.*_((?:stem|reduce)_\d+)$"), r"\1"),
    (re.compile(r"^(?:normal|reduction|separable|adjust)_.*_(\d+)$"), r"cell_\1"),
)
STEM, TOP = "stem", "top"


@dataclass(frozen=True)
class Block:
    """A part of a backbone that is frozen or thawed as a whole."""

    name: str
    layers: tuple[str, ...]  # names, from input to output
    parameters: int
    output_shape: str  # e.g. "14 x 14 x 96"


def blocks(model: keras.Model) -> list[Block]:
    """The architectural blocks of a flat backbone from input to output; every layer but the input in exactly one.

    The graph is cut wherever all paths from input to output pass through one tensor; neighbouring pieces that the
    architecture gives one name are joined. Pieces without a name of their own are the stem and the top.
    """
    return [_block(name, operations) for name, operations in _parts(model)]


def boundary(backbone: keras.Model, unfreeze_from: str, graph: keras.Model) -> list[keras.KerasTensor]:
    """What the blocks below a block hand to it and to all above: the place where the network is cut.

    One tensor wherever the architecture has such a place; in NASNet, whose cells reach back over one another, a pair.

    Args:
        backbone: as of `blocks`.
        unfreeze_from: name of the lowest block that trains.
        graph: a model of the same layers, with a head; its tensors are returned.

    Returns:
        Tensors of `graph` in the order in which they are made; its own input for the lowest block of all.

    Raises:
        BackboneError: `block-unknown`.
    """
    parts = _parts(backbone)
    first = position([name for name, _ in parts], unfreeze_from)
    frozen = {id(each) for _, operations in parts[:first] for each in operations}
    frozen |= {id(each) for each in graph.operations if isinstance(each, keras.layers.InputLayer)}
    placed = nodes(graph)
    above = [placed[id(each)] for each in graph.operations if id(each) not in frozen]
    below = [placed[id(each)] for each in graph.operations if id(each) in frozen]
    needed = {id(tensor) for node in above for tensor in node.input_tensors}
    return [tensor for node in below for tensor in node.output_tensors if id(tensor) in needed]


def position(names: list[str], unfreeze_from: str) -> int:
    """Which of the blocks of these names is the lowest to train, counted from 0 at the input.

    Raises:
        BackboneError: `block-unknown`.
    """
    if unfreeze_from not in names:
        raise BackboneError(
            "block-unknown", f"The backbone has no block '{unfreeze_from}'. Its blocks are {', '.join(names)}."
        )
    return names.index(unfreeze_from)


def default_unfreeze_from(blocks: list[Block]) -> str:
    """The advised lowest block to thaw: the start of the upper third."""
    return blocks[len(blocks) - max(1, len(blocks) // 3)].name


Part = tuple[str, list[Any]]  # name of a unit, empty for none; operations in topological order


def _parts(model: keras.Model) -> list[Part]:
    """The blocks as operations."""
    named = [part for segment in _segments(model) for part in _by_unit(segment)]
    joined = _join([(unit, list(operations)) for unit, operations in named])
    return _coarser(joined) if len(joined) > MANY else joined


def nodes(model: keras.Model) -> dict[int, Any]:
    """The place of every operation in this model's graph; an operation may have others in other models."""
    return {id(node.operation): node for at_depth in model._nodes_by_depth.values() for node in at_depth}


def _segments(model: keras.Model) -> list[list[Any]]:
    """Operations between neighbouring single-tensor cuts, in topological order, the input left out.

    Operations are sorted by depth. If all paths pass through a tensor, everything else lies before or behind it in
    that order, so a cut shows as a place where only one tensor made so far is still needed.
    """
    operations = [operation for operation in model.operations if not isinstance(operation, keras.layers.InputLayer)]
    placed = nodes(model)
    waiting = Counter(id(tensor) for node in placed.values() for tensor in node.input_tensors)
    live = {id(tensor) for tensor in model.inputs}
    segments: list[list[Any]] = [[]]
    for operation in operations:
        node = placed[id(operation)]
        segments[-1].append(operation)
        for tensor in node.input_tensors:
            waiting[id(tensor)] -= 1
            if not waiting[id(tensor)]:
                live.discard(id(tensor))
        live.update(id(tensor) for tensor in node.output_tensors)
        if len(live) == 1:
            segments.append([])
    return [segment for segment in segments if segment]


def _by_unit(segment: list[Any]) -> list[Part]:
    """A segment as one part where the architecture has at most one name in it, else one part a name (NASNet's cells).

    An operation without a name of its own goes with the next one that has one.
    """
    units = [_unit(operation) for operation in segment]
    found = list(dict.fromkeys(unit for unit in units if unit))
    if len(found) < 2:
        return [(found[0] if found else "", segment)]
    following, parts = found[-1], dict[str, list[Any]]((unit, []) for unit in found)
    for operation, unit in zip(reversed(segment), reversed(units), strict=True):
        following = unit or following
        parts[following].insert(0, operation)
    return list(parts.items())


def _unit(operation: Any) -> str:
    """The name of the unit an operation belongs to, empty where its own name tells none."""
    automatic = re.escape(snake_case(type(operation).__name__))
    if re.fullmatch(rf"{automatic}(_\d+)?", operation.name):
        return ""
    for pattern, name in RENAMED:
        if match := pattern.match(operation.name):
            return match.expand(name)
    match = UNIT.search(operation.name)
    return match.group() if match else ""


def snake_case(name: str) -> str:
    """As Keras names layers nobody named: `Conv2D` becomes `conv2d`."""
    name = re.sub(r"\W+", "", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def _join(parts: list[Part]) -> list[Part]:
    """Neighbours of one name become one part; a part without weights goes to the one before, the first to the next."""
    joined: list[Part] = []
    for unit, group in groupby(_all_named(parts), key=lambda part: part[0]):
        operations = [operation for _, members in group for operation in members]
        if joined and not _parameters(operations):
            joined[-1][1].extend(operations)
        elif joined and not _parameters(joined[-1][1]):
            joined[-1] = (unit, [*joined[-1][1], *operations])
        else:
            joined.append((unit, operations))
    return joined


def _all_named(parts: list[Part]) -> list[Part]:
    """Nameless parts are the `stem` at the beginning, the `top` at the end, and elsewhere part of what precedes."""
    last = max((i for i, (unit, _) in enumerate(parts) if unit), default=-1)
    named, before = [], STEM
    for position, (unit, operations) in enumerate(parts):
        before = TOP if position > last else unit or before
        named.append((before, operations))
    return named


def _coarser(parts: list[Part]) -> list[Part]:
    """Join neighbours of one stage in runs just long enough to come to at most `MANY` blocks."""
    for length in range(2, len(parts)):
        runs: list[Part] = []
        for _, group in groupby(parts, key=lambda part: re.sub(r"(\d+|(?<=\d)[a-z])$", "", part[0])):
            stage = list(group)
            for start in range(0, len(stage), length):
                run = stage[start : start + length]
                runs.append((_run_name(run), [operation for _, members in run for operation in members]))
        if len(runs) <= MANY:
            return runs
    return parts


def _run_name(run: list[Part]) -> str:
    if len(run) == 1:
        return run[0][0]
    end = re.search(r"(\d+|[a-z])$", run[-1][0])
    return f"{run[0][0]}-{end.group() if end else run[-1][0]}"


def _block(name: str, operations: Iterable[Any]) -> Block:
    operations = list(operations)
    shape = operations[-1].output.shape[1:]
    return Block(
        name=name,
        layers=tuple(each.name for each in operations if isinstance(each, keras.layers.Layer)),
        parameters=_parameters(operations),
        output_shape=" x ".join("any" if side is None else str(side) for side in shape),
    )


def _parameters(operations: Iterable[Any]) -> int:
    return sum(each.count_params() for each in operations if isinstance(each, keras.layers.Layer))
