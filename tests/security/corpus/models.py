"""Models nobody should bring, each a few files, and those that are fine."""

import io
import json
import pickle
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import h5py
import numpy as np

from tests.security.corpus.cases import Late, noise
from tests.security.corpus.model_bytes import (
    CLASSES,
    WEIGHTS,
    expected,
    export,
    labels,
    other,
    recipe,
    weights,
    zipped,
)
from tests.security.corpus.zip_bytes import Part, zip_bytes

KERNEL = "layers/conv2d_3/vars/0"
GROUP = "layers/conv2d_3/vars"
SHAPE = (1, 1, 32, 32)
Sent = Mapping[str, Late]  # file name: bytes


@dataclass(frozen=True)
class Case:
    """What is sent, and the code of its refusal; no code where it has to be taken."""

    name: str
    make: Callable[[], Sent]
    code: str = ""
    words: str = ""  # in the message

    @property
    def files(self) -> dict[str, bytes]:
        return {name: data() if callable(data) else data for name, data in self.make().items()}


def spoilt(name: str, code: str, spoil: Callable[[h5py.File], None], words: str = "", **options: str) -> Case:
    """Three files, the weights spoilt and without a digest that would give it away."""
    return Case(name, lambda: export(weights=weights(spoil, **options)), code, words)


def replaced(name: str, code: str, make: Callable[[h5py.Group], object], words: str = "") -> Case:
    """One array in whose place stands something else, called `0` in the group it is given."""

    def spoil(file: h5py.File) -> None:
        del file[KERNEL]
        make(file[GROUP])

    return spoilt(name, code, spoil, words)


def array(dtype: object, value: object = None) -> Callable[[h5py.Group], object]:
    def make(group: h5py.Group) -> object:
        made = group.create_dataset("0", SHAPE, dtype)
        made[0, 0, 0, 0] = value if value is not None else made.fillvalue
        return made

    return make


def cell(value: float) -> Callable[[h5py.File], None]:
    def spoil(file: h5py.File) -> None:
        file[KERNEL][0, 0, 3, 5] = value

    return spoil


def reference(file_or_group: h5py.Group, kind: object) -> None:
    made = file_or_group.create_dataset("0", SHAPE, kind)
    source = file_or_group.file["layers/dense/vars/0"]
    made[0, 0, 0, 0] = source.regionref[:2] if kind == h5py.regionref_dtype else source.ref


def virtual(group: h5py.Group) -> None:
    layout = h5py.VirtualLayout(shape=SHAPE, dtype="f4")
    layout[...] = h5py.VirtualSource("other.h5", "x", shape=SHAPE)
    group.create_virtual_dataset("0", layout)


def gigabytes(group: h5py.Group) -> None:
    group.create_dataset("0", (40_000, 40_000), "f4", chunks=(1000, 1000), compression="gzip")


def bomb(group: h5py.Group) -> None:
    made = group.create_dataset("0", (16, 1 << 20), "f4", chunks=(1, 1 << 20), compression="gzip", compression_opts=9)
    made[:] = 0


def deep(file: h5py.File) -> None:
    group = file
    for _ in range(40):
        group = group.create_group("deeper")


def many(file: h5py.File) -> None:
    for number in range(10_001):
        h5py.h5g.create(file.id, f"g{number}".encode())


def link_again(file: h5py.File) -> None:
    file["layers/dense/vars/7"] = file[KERNEL]


def instead(file: h5py.File) -> None:
    del file[KERNEL]
    file[KERNEL] = file["layers/conv2d_4/vars/0"]


def old_names(names: object) -> Callable[[h5py.File], None]:
    """The lists of names of Keras 2, which say where values lie."""

    def spoil(file: h5py.File) -> None:
        file.attrs["layer_names"] = names

    return spoil


def half_old(file: h5py.File) -> None:
    file.attrs["layer_names"] = [b"layers"]
    file["layers"].attrs["weight_names"] = [b"conv2d", b"../layers/conv2d"]


def attribute(size: int) -> Callable[[h5py.File], None]:
    def spoil(file: h5py.File) -> None:
        file.create_group("layers/more").attrs["huge"] = np.void(bytes(size))

    return spoil


def attributes(file: h5py.File) -> None:
    file.create_group("layers/more")
    for number in range(1000):
        file["layers/more"].attrs[f"a{number}"] = number


def committed(file: h5py.File) -> None:
    file["layers/type"] = np.dtype("f8")


def flipped(data: bytes, *places: int) -> bytes:
    spoilt_bytes = bytearray(data)
    for place in places:
        spoilt_bytes[place] ^= 0x40
    return bytes(spoilt_bytes)


def cut(share: float) -> Callable[[], Sent]:
    return lambda: export(weights=weights()[: int(len(weights()) * share)])


def cut_zip(share: float) -> bytes:
    whole = zipped(export())
    return whole[: int(len(whole) * share)]


def keras_file(config: object) -> bytes:
    """A whole model as `model.save` writes it."""
    members = {"metadata.json": {"keras_version": "3.15.1"}, "config.json": config}
    return zipped(
        {**{name: json.dumps(each).encode() for name, each in members.items()}, WEIGHTS: weights()}, folder=""
    )


def layer(kind: str, module: str, **config: object) -> dict[str, object]:
    inner = {"module": module, "class_name": kind, "config": config, "registered_name": None}
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": [inner]}}


LAMBDA = layer(
    "Lambda", "keras.layers", function={"class_name": "__lambda__", "config": {"code": "4wEAAAAAAAAAAAAAAAIAAAADAAAA"}}
)
INJECTION = layer("system", "os", command="touch /tmp/owned")
EXPORTED = layer("function", "keras.src.utils.file_utils", registered_name="get_file", config="get_file")


class Owned:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit(99)",)


def tar() -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as archive:
        for name, data in export().items():
            info = tarfile.TarInfo(f"run/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return memory.getvalue()


def lying(**fields: int) -> bytes:
    """The zip of an export whose weights have other sizes or marks in the directory than in truth."""
    parts = [Part(f"r/{name}", data, central=fields if name == WEIGHTS else {}) for name, data in export().items()]
    return zip_bytes(parts)


def with_member(*parts: Part) -> bytes:
    return zip_bytes([*(Part(f"r/{name}", data, method=0) for name, data in export().items()), *parts])


def overlapping() -> bytes:
    parts = [Part(f"r/{name}", data) for name, data in export().items()]
    return zip_bytes([*parts, Part("r/again.bin", weights(), central={"offset": 0})])


def flipped_member() -> bytes:
    whole = zip_bytes([Part(f"r/{name}", data, method=0) for name, data in export().items()])
    return flipped(whole, whole.index(weights()[:64]) + 500_000)


def sent(data: Late, name: str = "everything.zip") -> Callable[[], Sent]:
    return lambda: {name: data}


def said(**changes: object) -> Callable[[], Sent]:
    """An export whose recipe says something else."""
    return lambda: export(recipe=recipe(**changes))


def named(**changes: object) -> Callable[[], Sent]:
    """An export whose labels say something else."""
    return lambda: export(labels=labels(**changes))


def text(of: str, data: Late) -> Callable[[], Sent]:
    return lambda: export(**{of: data() if callable(data) else data})


def beside(**files: str) -> Callable[[], Sent]:
    """The zip of an export with tables or figures beside it."""
    more = {name.replace("_", "."): data.encode() for name, data in files.items()}
    return sent(lambda: zipped(export() | more))


MANIFEST = "sha256,path,class_name,split\r\n" + "0" * 64 + ",ash/1.png,ash,train\r\n"
PREDICTIONS = (
    f"path,sha256,split,true,predicted,{','.join(f'probability: {name}' for name in CLASSES)}\r\n"
    f"ash/1.png,{'0' * 64},train,ash,oak,0.25,0.125,3.5e-05,0.624965\r\n"
)
REPORT = json.dumps({"validation_accuracy": 0.75, "epochs": 2, "accuracy": {}, "later": "more"})

IN_WEIGHTS = [
    Case("another width of the backbone", lambda: export(weights=other(expected(width=2))), "weights-other-backbone"),
    Case(
        "a recipe of a giant",
        lambda: export(
            recipe=recipe(backbone="ConvNeXtXLarge", alpha=1.0),
            labels=labels(backbone="ConvNeXtXLarge", alpha=1.0),
        ),
        "weights-other-backbone",
        "too few for ConvNeXtXLarge",
    ),
    Case("eight classes", lambda: export(weights=other(expected(8))), "weights-other-head", r"received \(256, 8\)"),
    Case("three classes named of four", named(class_names=list(CLASSES[:3])), "weights-other-head"),
    spoilt("a layer missing", "weights-other-backbone", lambda file: file.__delitem__("layers/conv2d_3"), "nothing"),
    spoilt(
        "a layer more",
        "weights-other-backbone",
        lambda file: file.create_dataset("layers/conv2d_99/vars/0", data=np.ones(3, "f4")),
        "conv2d_99",
    ),
    spoilt(
        "a second head",
        "weights-other-backbone",
        lambda file: file.create_dataset("layers/dense_1/vars/0", data=np.ones((256, 4), "f4")),
    ),
    spoilt("NaN", "weights-not-finite", cell(np.nan), "layer conv_pw_3"),
    spoilt("infinity", "weights-not-finite", cell(np.inf)),
    replaced("infinity once it is float32", "weights-not-finite", array("f8", 1e300)),
    replaced("complex numbers", "weights-unsafe", array("c8"), "complex64"),
    replaced("text of one length", "weights-unsafe", array("S8"), "type"),
    replaced("text of any length", "weights-unsafe", array(h5py.string_dtype()), "object"),
    replaced("arrays of any length", "weights-unsafe", array(h5py.vlen_dtype("f4"), np.ones(3, "f4")), "object"),
    replaced("references", "weights-unsafe", lambda group: reference(group, h5py.ref_dtype), "object"),
    replaced("region references", "weights-unsafe", lambda group: reference(group, h5py.regionref_dtype), "object"),
    replaced("records", "weights-unsafe", array([("a", "f4"), ("b", "f8")]), "type"),
    replaced("truth values", "weights-unsafe", array(bool, True), "bool"),
    replaced("opaque bytes", "weights-unsafe", array("V16", np.void(bytes(16))), "type"),
    replaced("whole numbers", "weights-unsafe", array("i4", 7), "int32"),
    replaced("no numbers at all", "weights-unsafe", lambda group: group.create_dataset("0", data=h5py.Empty("f4"))),
    replaced("one number for many", "weights-other-backbone", lambda group: group.create_dataset("0", data=1.0)),
    replaced("a group for an array", "weights-other-backbone", lambda group: group.create_group("0")),
    replaced("soft link", "weights-unsafe", lambda group: group.__setitem__("0", h5py.SoftLink("/layers")), "link"),
    replaced(
        "soft link to itself", "weights-unsafe", lambda group: group.__setitem__("0", h5py.SoftLink(f"/{KERNEL}"))
    ),
    replaced(
        "external link", "weights-unsafe", lambda group: group.__setitem__("0", h5py.ExternalLink("/etc/passwd", "/"))
    ),
    replaced("virtual array", "weights-unsafe", virtual, "lie elsewhere"),
    replaced(
        "external raw storage",
        "weights-unsafe",
        lambda group: group.create_dataset("0", SHAPE, "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]),
        "lie elsewhere",
    ),
    replaced("declares gigabytes", "weights-unsafe", gigabytes, "6,400,000,000 bytes, none of which"),
    replaced("never written", "weights-unsafe", lambda group: group.create_dataset("0", SHAPE, "f4"), "none of which"),
    replaced("packed zeros", "weights-unsafe", bomb, "67,108,864 bytes, packed into"),
    spoilt("deep nesting", "weights-unsafe", deep, "32 levels"),
    spoilt("too many groups", "weights-unsafe", many, "more than 10000 entries", libver="latest"),
    spoilt(
        "a cycle", "weights-unsafe", lambda file: file.__setitem__("layers/again", file["layers"]), "same as another"
    ),
    spoilt("the root again", "weights-unsafe", lambda file: file.__setitem__("layers/root", file["/"])),
    spoilt("an array twice", "weights-unsafe", link_again),
    spoilt("an array in the place of another", "weights-unsafe", instead),
    spoilt(
        "a name that goes up", "weights-unsafe", lambda file: h5py.h5g.create(file.id, b"..") and None, "named '..'"
    ),
    spoilt("a name with a bell", "weights-unsafe", lambda file: file.create_group("layers/a\x07b") and None, "x07b"),
    spoilt("a name that is no text", "weights-unsafe", lambda file: h5py.h5g.create(file.id, b"\xff\xfe") and None),
    spoilt("a huge attribute", "weights-unsafe", attribute(2_000_000), "65,536 bytes", libver="latest"),
    spoilt("a thousand attributes", "weights-unsafe", attributes, "64 attributes", libver="latest"),
    spoilt("a type of its own", "weights-unsafe", committed, "neither a group nor an array"),
    spoilt("names of Keras 2 that lead nowhere", "weights-unreadable", old_names([b"../../etc"])),
    spoilt("names of Keras 2 that are numbers", "weights-unreadable", old_names([1.5, 2.5])),
    spoilt("names of Keras 2 that name groups", "weights-unreadable", half_old),
    spoilt("whole model of Keras 2", "model-not-opened", lambda file: file.attrs.__setitem__("model_config", "{}")),
    *(Case(f"cut after {share:.0%}", cut(share), "weights-not-hdf5") for share in (0.25, 0.5, 0.75, 0.9999)),
    Case("cut after the signature", lambda: export(weights=weights()[:8]), "weights-not-hdf5"),
    Case(
        "a flipped bit in our own export",
        lambda: export(weights=flipped(weights(), 700_001), labels=labels(weights())),
        "weights-damaged",
    ),
    Case("flipped superblock", lambda: export(weights=flipped(weights(), 9, 10)), "weights-unreadable"),
    Case(
        "overwritten beginning",
        lambda: export(weights=weights()[:100] + noise(4000) + weights()[4100:]),
        "weights-unreadable",
    ),
    Case("noise behind the signature", lambda: export(weights=weights()[:8] + noise(900_000)), "weights-not-hdf5"),
    Case("HDF5 that begins later", lambda: export(weights=bytes(512) + weights()), "model-kind"),
]

IN_MODELS = [
    Case("a Keras file with a Lambda", sent(lambda: keras_file(LAMBDA), "model.keras"), "model-not-opened"),
    Case("a Keras file with a module", sent(lambda: keras_file(INJECTION), "model.zip"), "model-not-opened"),
    Case("a Keras file with functions", sent(lambda: keras_file(EXPORTED)), "model-not-opened"),
    Case("a SavedModel", sent(lambda: zipped({"saved_model.pb": noise(200)}, "m/")), "model-not-opened"),
    Case("a PyTorch file", sent(lambda: zipped({"data.pkl": pickle.dumps(Owned())}, "archive/")), "model-not-opened"),
    Case("a pickle", sent(lambda: pickle.dumps(Owned()), WEIGHTS), "model-kind"),
    Case("text", lambda: export(weights=b"weights"), "model-kind"),
    Case("nothing", lambda: export(weights=b""), "model-kind"),
    Case("an ONNX file", sent(b"\x08\x08\x12\x07pytorch", "model.onnx"), "model-kind"),
]

IN_ZIPS = [
    Case("a zip bomb", sent(lambda: with_member(Part("r/b", bytes(30_000_000)))), "member-ratio"),
    Case("overlapping members", sent(overlapping), "archive-overlap"),
    Case("a member twice", sent(lambda: with_member(Part(f"r/{WEIGHTS}", b"x"))), "member-duplicate"),
    Case("an absolute name", sent(lambda: with_member(Part("/etc/cron.d/x", b"x"))), "member-path"),
    Case("a member that goes up", sent(lambda: with_member(Part("r/../../x", b"x"))), "member-path"),
    Case("a drive letter", sent(lambda: with_member(Part("C:/x", b"x"))), "member-path"),
    Case("a name with NUL", sent(lambda: with_member(Part(b"r/a\0b", b"x"))), "member-name"),
    Case("a link", sent(lambda: with_member(Part("r/l", b"/etc/passwd", mode=0o120777))), "member-link"),
    Case("a device", sent(lambda: with_member(Part("r/d", mode=0o020644))), "member-special"),
    Case("a password", sent(lambda: with_member(Part("r/p", b"x", flags=1))), "member-encrypted"),
    Case("weights of a lying size", sent(lambda: lying(size=1_000_000)), "member-damaged"),
    Case("weights of a wrong checksum", sent(lambda: lying(crc=1)), "member-damaged"),
    Case("weights by an unknown method", sent(lambda: lying(method=95)), "archive-format"),
    Case("weights of 3 GiB", sent(lambda: lying(size=3 << 30, packed=1 << 28)), "archive-overlap"),
    Case("a flipped bit inside", sent(flipped_member), "member-damaged"),
    *(
        Case(f"zip cut after {share:.0%}", sent(lambda share=share: cut_zip(share)), code)
        for share, code in ((0.3, "archive-truncated"), (0.8, "archive-truncated"), (0.9999, "archive-truncated"))
    ),
    Case("two models", sent(lambda: with_member(Part(f"s/{WEIGHTS}", b"x"))), "model-several"),
    Case("two zips", lambda: {"a.zip": zipped(export()), "b.zip": zipped(export())}, "model-several"),
    Case(
        "an export in a zip in a zip",
        sent(lambda: zipped({"everything.zip": zipped(export())})),
        "model-without-weights",
    ),
    Case("no weights", sent(lambda: zipped(export(weights=None))), "model-without-weights"),
    Case("no labels", sent(lambda: zipped(export(labels=None))), "labels-missing"),
    Case("a tar", sent(tar, "everything.tar.gz"), "model-kind"),
    Case("labels of 2 MB", sent(lambda: zipped(export(labels=noise(2_000_000)))), "json-too-large"),
]

IN_TEXTS = [
    Case("an unknown field", said(epoch=3), "recipe-invalid", "epoch: Extra inputs"),
    Case("words for numbers", said(epochs="many"), "recipe-invalid", "epochs: "),
    Case("a list for a number", said(alpha=[0.25]), "recipe-invalid"),
    Case("a recipe with NaN", text("recipe", recipe()[:-1] + b', "x": NaN}'), "json-unreadable"),
    Case(
        "a number beyond all", text("recipe", recipe().replace(b'"epochs": 2', b'"dropout": 1e999')), "recipe-invalid"
    ),
    Case(
        "a number of 5,000 digits",
        text("recipe", lambda: recipe()[:-1] + b', "x": ' + b"9" * 5000 + b"}"),
        "json-unreadable",
    ),
    Case("a recipe of 100 MB", text("recipe", lambda: recipe() + bytes(100_000_000)), "json-too-large"),
    Case("a field of a megabyte", said(backbone="x" * 1_000_000), "backbone-unknown"),
    Case("brackets without end", text("recipe", b'{"recipe": ' + b"[" * 200_000), "json-unreadable"),
    Case("a name twice", text("recipe", b'{"recipe": {"epochs": 1, "epochs": 2}}'), "json-unreadable"),
    Case("a recipe file that is a list", text("recipe", b"[1]"), "json-unreadable"),
    Case("a recipe that is a list", text("recipe", b'{"recipe": [1]}'), "recipe-invalid"),
    Case("no UTF-8", text("recipe", b"\xff\xfe{}"), "json-unreadable"),
    Case("an unknown backbone", said(backbone="os.system"), "backbone-unknown"),
    Case("a giant picture", said(image_size=10**9), "recipe-invalid"),
    Case("a width that there is not", said(alpha=0.3), "alpha-unknown"),
    Case("a hidden head that is not there", said(head_width=64), "weights-other-head"),
    Case("a block named like a command", said(unfreeze_from="\u202e\x00rm"), "recipe-invalid"),
    Case("a weights file that is a path", said(weights="file", weights_file="../../etc/passwd"), "recipe-invalid"),
    Case("another backbone than the labels", named(backbone="MobileNetV2", alpha=0.35), "labels-other"),
    Case("another image size than the labels", named(image_size=64), "labels-other"),
    Case("classes swapped", named(class_names=["birch", "ash", "elm", "oak"]), "labels-order"),
    Case("a class twice", named(class_names=["ash", "ash", "elm", "oak"]), "labels-order"),
    Case("a class that is no text", named(class_names=["ash", 7, "elm", "oak"]), "labels-invalid", r"class_names\.1"),
    Case("a class with a bell", named(class_names=["a\x07sh", "birch", "elm", "oak"]), "labels-invalid"),
    Case("a class that is a path", named(class_names=["../ash", "birch", "elm", "oak"]), "labels-invalid"),
    Case("one class", named(class_names=["ash"]), "labels-invalid"),
    Case("10,001 classes", named(class_names=[f"{n:05}" for n in range(10_001)]), "labels-invalid"),
    Case("labels without end", text("labels", b'{"class_names": ['), "json-unreadable"),
    Case("a digest that is none", named(weights_sha256="0"), "labels-invalid", "weights_sha256"),
    Case("a manifest of other columns", beside(manifest_csv="a,b\r\n1,2\r\n"), "manifest-invalid", "Line 1 "),
    Case(
        "a manifest that leads out",
        beside(manifest_csv=MANIFEST + "../x,ash/2.png,ash,train\r\n"),
        "manifest-invalid",
        "Line 3 ",
    ),
    Case("a manifest of other classes", beside(manifest_csv=MANIFEST.replace(",ash,", ",beech,")), "manifest-invalid"),
    Case("a cell of a megabyte", beside(manifest_csv=MANIFEST + "x" * 1_000_000), "manifest-invalid"),
    Case(
        "probabilities that are none",
        beside(predictions_csv=PREDICTIONS.replace("0.125", "inf")),
        "predictions-invalid",
    ),
    Case(
        "probabilities that are a formula",
        beside(predictions_csv=PREDICTIONS.replace("0.125", "=1+1")),
        "predictions-invalid",
    ),
    Case("figures that are none", beside(report_json='{"validation_accuracy": 7}'), "report-invalid"),
    Case("figures of another split", beside(report_json='{"loss": {"secret": 1.0}}'), "report-invalid"),
]


def mac_zip() -> bytes:
    """Packed again by a Mac, in a folder of its own, with its clutter."""
    inner = {f"everything/r/{name}": data for name, data in export(labels=labels(weights())).items()}
    return zipped({**inner, "__MACOSX/everything/r/._labels.json": noise(50), "everything/.DS_Store": noise(50)}, "")


def hostile_neighbour() -> bytes:
    """An export whose whole model is hostile; nobody opens it."""
    tables = {
        "manifest.csv": MANIFEST.encode(),
        "predictions.csv": PREDICTIONS.encode(),
        "report.json": REPORT.encode(),
    }
    return zipped(
        export(labels=labels(weights())) | {"model.keras": keras_file(LAMBDA), "train.py": b"exit(1)"} | tables
    )


HONEST = [
    Case("three files", lambda: export(labels=labels(weights()))),
    Case("without a digest, as older exports", export),
    Case("without a recipe", lambda: export(recipe=None)),
    Case("the zip", sent(lambda: zipped(export(labels=labels(weights()))))),
    Case("the zip with everything", sent(hostile_neighbour)),
    Case("the zip packed by a Mac", sent(mac_zip)),
    Case(
        "names a browser gave",
        lambda: dict(zip(("m (1).h5", "labels(2).json", "r.json"), export().values(), strict=True)),
    ),
    Case("half precision", lambda: export(weights=other(expected(), "f2"))),
    Case("double precision", lambda: export(weights=other(expected(), "f8"))),
]

CASES = [*IN_WEIGHTS, *IN_MODELS, *IN_ZIPS, *IN_TEXTS, *HONEST]
