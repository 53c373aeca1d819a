"""Weights in an HDF5 file, judged before a value is read: nothing in it leads elsewhere, and what it promises is there.

Knows no Keras: what a network expects comes as a list of `Expected`. Whoever imports this may be about to open what a
stranger sent, so it belongs into a process of its own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from dashboard.core.errors import WeightsError
from dashboard.core.limits import LIMITS

OBJECTS = 10_000  # groups and arrays in a file; the largest backbones have some 4,000
DEPTH = 32
ATTRIBUTES = 64  # of one object; Keras 2 splits long lists of names into several
ATTRIBUTE_BYTES = 65_536  # of one; what HDF5 itself kept to for long
HEAD = ("head", "probabilities")  # layers behind the backbone, as `ml.classifier` calls them
RANDOM = "seed_generator"  # states of random generators: no weights


@dataclass(frozen=True)
class Expected:
    """One array that a network needs."""

    layer: str
    path: str  # where a Keras 3 file has it, such as `layers/conv2d_3/vars/0`
    shape: tuple[int, ...]
    dtype: str  # of the network's variable

    @property
    def bytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


def check(path: Path, *, only_weights: bool = True) -> None:
    """Refuse a file by its structure alone.

    Args:
        path: of the file.
        only_weights: refuse the file of a whole model too, whose weights alone could be read.

    Raises:
        WeightsError: `weights-unreadable`; `weights-unsafe` (links, data kept elsewhere, values that are promised and
            not there, anything but groups and arrays of real numbers); `model-not-opened` for a whole saved model.
    """
    with _opened(path) as file:
        if only_weights and "model_config" in file.attrs:
            raise WeightsError(
                "model-not-opened",
                "The file is a whole saved model, which can hold code and is never opened. "
                "Expected the weights alone: model.weights.h5 of an export.",
            )
        for dataset in _check_structure(file):
            _check_numbers(dataset, integer=True)
        if root := _root(file):  # names may be of any length and stand for each other: better read here than elsewhere
            for layer in _names(root, "layer_names"):
                _names(root[layer], "weight_names")


def values(
    path: Path, expected: Sequence[Expected], network_name: str, spare: Sequence[str] = ()
) -> Iterator[np.ndarray]:
    """The arrays of a network, in the order of `expected`; nothing is read before every shape was found right.

    Args:
        path: an HDF5 file, as Keras 2 wrote it (`layer_names`, `weight_names`) or as Keras 3 does (`layers/...`).
        expected: what is needed.
        network_name: for the message, e.g. `MobileNetV2 1.0 without its classifier`.
        spare: places that may hold something too, which is left unread.

    Raises:
        WeightsError: as `check` but for saved models, whose weights are read by Keras 2's names; and
            `weights-other-backbone`, `weights-other-head` (each names the first difference), `weights-not-finite`.
    """
    with _opened(path) as file:
        datasets = _check_structure(file)
        root = _root(file)
        found = _in_order(root, expected, network_name) if root else _by_path(datasets, expected, network_name, spare)
        for wanted, dataset in zip(expected, found, strict=True):
            yield _values(wanted, dataset)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise WeightsError(
            "weights-unreadable",
            f"The weights file cannot be read ({' '.join(str(error).split())[:120]}). "
            "Expected a whole file of weights saved by Keras; save or copy it again.",
        ) from error


def _check_structure(file: h5py.File) -> list[h5py.Dataset]:
    """All datasets of a file; raises unless everything lies in it: hard links, each thing once, ordinary arrays."""
    waiting: list[tuple[h5py.Group, int]] = [(file, 0)]
    datasets: list[h5py.Dataset] = []
    count, seen = 0, {h5py.h5o.get_info(file.id).addr}
    _check_attributes(file)
    while waiting:
        group, depth = waiting.pop()
        for name in group:
            count += 1
            if count > OBJECTS or depth > DEPTH:
                raise _unsafe(f"more than {OBJECTS} entries or {DEPTH} levels")
            member = _member(group, name)
            address = h5py.h5o.get_info(member.id).addr
            if address in seen:
                raise _unsafe(f"the entry '{_shown(name)}' that is the same as another one")
            seen.add(address)
            _check_attributes(member)
            if isinstance(member, h5py.Group):
                waiting.append((member, depth + 1))
            else:
                datasets.append(member)
    return datasets


def _member(group: h5py.Group, name: str | bytes) -> h5py.Group | h5py.Dataset:
    if isinstance(name, bytes) or name in (".", "..") or not name.isprintable():
        raise _unsafe(f"an entry named '{_shown(name)}'")
    # Asked of the library itself: h5py's own `get` looks every name up twice, which takes longer than reading.
    if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise _unsafe(f"the link '{_shown(name)}' that leads elsewhere")
    member = group[name]
    if not isinstance(member, h5py.Group | h5py.Dataset):
        raise _unsafe(f"'{_shown(name)}', which is neither a group nor an array")
    if isinstance(member, h5py.Dataset):
        _check_place(member, name)
    return member


def _check_place(dataset: h5py.Dataset, name: str) -> None:
    """Raise unless an array's values lie in the file, about as many bytes of them as it promises."""
    if dataset.is_virtual or dataset.external:
        raise _unsafe(f"the array '{_shown(name)}' whose values lie elsewhere")
    if dataset.shape is None:
        raise _unsafe(f"the array '{_shown(name)}' without a shape")
    promised, stored = dataset.nbytes, dataset.id.get_storage_size()
    if promised and not stored:
        raise _unsafe(f"the array '{_shown(name)}' of {promised:,} bytes, none of which is there")
    if promised > LIMITS.ratio_from and promised > LIMITS.archive_ratio * stored:
        raise _unsafe(f"the array '{_shown(name)}' of {promised:,} bytes, packed into {stored:,}")


def _check_attributes(member: h5py.Group | h5py.Dataset) -> None:
    count = h5py.h5a.get_num_attrs(member.id)
    if count > ATTRIBUTES:
        raise _unsafe(f"more than {ATTRIBUTES} attributes of one entry")
    if any(h5py.h5a.get_info(member.id, index=each).data_size > ATTRIBUTE_BYTES for each in range(count)):
        raise _unsafe(f"an attribute of more than {ATTRIBUTE_BYTES:,} bytes")


def _shown(name: str | bytes) -> str:
    if isinstance(name, bytes):  # h5py has no text for it
        name = name.decode("latin-1")
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in name[:80])


def _unsafe(what: str) -> WeightsError:
    return WeightsError(
        "weights-unsafe",
        f"The weights file holds {what}. Expected plain groups and arrays; save the weights with Keras again.",
    )


def _root(file: h5py.File) -> h5py.Group | None:
    """The group with `layer_names`: the file, or `model_weights` of a whole saved model; None in a Keras 3 file."""
    for group in (file, file.get("model_weights")):
        if isinstance(group, h5py.Group) and ("layer_names" in group.attrs or "layer_names0" in group.attrs):
            return group
    return None


def _in_order(root: h5py.Group, expected: Sequence[Expected], network_name: str) -> list[h5py.Dataset]:
    """The arrays of a Keras 2 file, which lie in the order of the layers."""
    found = [
        (layer, root[layer][name])
        for layer in _names(root, "layer_names")
        for name in _names(root[layer], "weight_names")
    ]
    for wanted, (layer, dataset) in zip(expected, found, strict=False):
        if wanted.shape != dataset.shape:
            raise _other(expected, len(found), network_name, wanted, f"received {dataset.shape} ({_shown(layer)})")
    if len(expected) != len(found):
        longer = [wanted.layer for wanted in expected] + [layer for layer, _ in found[len(expected) :]]
        layer = longer[min(len(expected), len(found))]
        raise _other(expected, len(found), network_name, None, f"layer {_shown(layer)}, which only one of them has")
    return [dataset for _, dataset in found]


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names; lists too long for one attribute are kept as `name0`, `name1`, ..."""
    parts = [attribute] if attribute in group.attrs else []
    while not (parts and parts[0] == attribute) and f"{attribute}{len(parts)}" in group.attrs:
        parts.append(f"{attribute}{len(parts)}")
    return [name.decode() if isinstance(name, bytes) else str(name) for part in parts for name in group.attrs[part]]


def _by_path(
    datasets: list[h5py.Dataset], expected: Sequence[Expected], network_name: str, spare: Sequence[str]
) -> list[h5py.Dataset]:
    """The arrays of a Keras 3 file, each at its place; an optimizer's state beside them is left unread."""
    places = {dataset.name.lstrip("/"): dataset for dataset in datasets}
    found = {path: each for path, each in places.items() if RANDOM not in path and not path.startswith("optimizer/")}
    for wanted in expected:
        dataset = found.get(wanted.path)
        if dataset is None or dataset.shape != wanted.shape:
            received = "received nothing" if dataset is None else f"received {dataset.shape}"
            raise _other(expected, len(found), network_name, wanted, f"{received} ({wanted.path})")
    known = {wanted.path for wanted in expected} | set(spare)
    for path in found:
        if path not in known:
            raise _other(expected, len(found), network_name, None, f"{_shown(path)}, which the network has not")
    return [found[wanted.path] for wanted in expected]


def _other(
    expected: Sequence[Expected], received: int, network_name: str, wanted: Expected | None, what: str
) -> WeightsError:
    """The refusal of weights that belong elsewhere."""
    if wanted is not None:
        what = f"layer {wanted.layer}: expected {wanted.shape}, {what}"
    is_head = wanted is not None and wanted.layer in HEAD
    return WeightsError(
        "weights-other-head" if is_head else "weights-other-backbone",
        f"The weights belong to another network: expected {network_name} ({len(expected)} tensors), "
        f"received {received} tensors; first difference: {what}. "
        + (
            "Bring the recipe.json and labels.json that were saved beside these weights."
            if is_head
            else "Choose the backbone these weights were saved from, or another file."
        ),
    )


def _check_numbers(dataset: h5py.Dataset, *, integer: bool) -> None:
    if dataset.dtype.kind not in ("iuf" if integer else "f"):
        raise _unsafe(f"values of type {str(dataset.dtype)[:40]} in '{_shown(dataset.name or '')}'")


def _values(wanted: Expected, dataset: h5py.Dataset) -> np.ndarray:
    """The values of one array whose shape is known to be right, in the type of the network's variable.

    Raises:
        WeightsError: `weights-unsafe` when they are no real numbers, `weights-not-finite`.
    """
    _check_numbers(dataset, integer="int" in wanted.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        read = np.asarray(dataset[()])
        if np.isfinite(read).all() and np.isfinite(taken := read.astype(wanted.dtype, copy=False)).all():
            return taken
    raise WeightsError(
        "weights-not-finite",
        f"The weights of layer {wanted.layer} hold values that are not finite (NaN or infinity); "
        "the training they come from has failed. Choose an earlier file.",
    )
