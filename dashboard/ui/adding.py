"""The ways pictures come in: an archive, a folder, class by class, a demo set, and what settings add."""

from pathlib import Path
from typing import Any, BinaryIO

import streamlit as st

from dashboard.core.errors import UploadError
from dashboard.core.limits import GIB, LIMITS, MIB
from dashboard.data import datasets, imports, intake, samples, staging, uploads
from dashboard.data.intake import Source
from dashboard.ui import arriving, labelling, panels, places, state, text, uploading
from dashboard.ui.arriving import Arrival

PLACE = "dataset"
SMALL = 200  # MB; the widget's files are held in memory
ARCHIVES = ["zip", "tar", "gz", "tgz", "xz"]
PICTURES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"]
LABEL_FILES = ["csv", "tsv", "tab", "txt"]
WAYS = ("Zip or tar", "Folder", "Class by class", "Demo set")


def until_there_are_pictures() -> None:
    """What comes before the pictures of a dataset: an import under way, a question about labels, or this form alone."""
    if done := panels.job(PLACE):
        labelling.arrived(done.result)
        st.rerun()
    if panels.busy(PLACE):
        if state.dataset_id() is None:
            st.stop()
    elif labelling.asked():
        labelling.form(PLACE)
        st.stop()
    elif state.dataset_id() is None:
        st.write("This page will show your pictures by class. Add some, or try a demo set.")
        form()
        st.stop()


def form() -> None:
    """Choose a way and hand in the pictures, or go on with what was interrupted."""
    for left in imports.unfinished():
        _interrupted(left)
    ways = (*WAYS[:-1], *places.ways(), WAYS[-1])
    way = st.segmented_control("How do your pictures come?", ways, default=WAYS[0], key="dataset_way", required=True)
    if way != WAYS[-1]:
        _target()
    {
        "Zip or tar": _archive,
        "Folder": _folder,
        "Class by class": _classes,
        places.FOLDER: lambda: places.folder(PLACE),
        places.LINK: lambda: places.link(PLACE),
        "Demo set": _demo,
    }[way]()
    st.caption(
        f"JPEG, PNG, WEBP, GIF, BMP or TIFF, up to {LIMITS.image_pixels / 1e6:.0f} million pixels and "
        f"{LIMITS.image_bytes // MIB} MB each; up to {LIMITS.archive_members:,} files and "
        f"{LIMITS.archive_bytes // GIB} GB unpacked. Pictures stay on this machine."
    )


def _interrupted(left: imports.Import) -> None:
    """An import whose server was ended: what was done is not done again."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"The import of **{text.literal(left.request.name)}** was interrupted after "
            f"{text.count(left.finished, 'file')}.",
            width="stretch",
        )
        if st.button("Go on", key=f"dataset_go_on_{left.request.id}", type="primary"):
            panels.start(PLACE, "Going on", lambda *asked: Arrival(intake.go_on(left, *asked), None))
            st.rerun()
        if st.button("Discard", key=f"dataset_discard_{left.request.id}"):
            imports.discard(left)
            staging.discard(Path(left.request.path))
            st.rerun()


def _target() -> None:
    """Whether the pictures are a dataset of their own, or more of the current one."""
    current = state.dataset_id()
    if current is None:
        return
    name = datasets.get(current).name
    st.radio(
        "What they become",
        ["", current],
        format_func=lambda each: f"More pictures for {text.literal(name)}" if each else "A dataset of their own",
        key="dataset_into",
        horizontal=True,
        help="Pictures that are added make a new version; those that were there keep their place in training, "
        "validation or test.",
    )


def _archive() -> None:
    file = st.file_uploader(
        "One archive with a folder for each class, or with a label file (CSV or TSV)",
        type=ARCHIVES,
        max_upload_size=SMALL,
        key=state.upload_key("dataset_archive"),
    )
    if file is not None and _ready("archive"):
        name = _without_suffix(file.name)
        _import([(file.name, file)], name)
    if finished := uploading.box(f"An archive of more than {SMALL} MB, up to {LIMITS.archive_bytes // GIB} GB"):
        source = uploads.take(finished)
        _import_source(source, _without_suffix(source.name))


def _folder() -> None:
    files = st.file_uploader(
        "A folder that holds a folder for each class, or a label file (CSV or TSV)",
        type=[*PICTURES, *LABEL_FILES],
        accept_multiple_files="directory",
        key=state.upload_key("dataset_folder"),
    )
    if files and _ready("folder"):
        _import(
            [(file.name, file) for file in files],
            files[0].name.split("/")[0] if "/" in files[0].name else "My pictures",
        )


def _classes() -> None:
    """Boxes like a sorting table: a name and its pictures, as many as wanted."""
    count = state.remembered("class_boxes", 2)
    named: list[tuple[str, list[Any]]] = []
    with st.grid(2):
        for number in range(1, count + 1):
            with st.container(border=True):
                name = st.text_input("Class name", f"Class {number}", key=f"dataset_class_{number}")
                files = st.file_uploader(
                    f"Pictures of class {number}",
                    type=PICTURES,
                    accept_multiple_files=True,
                    key=f"{state.upload_key('dataset_class')}_{number}",
                )
                named.append((name.strip(), files or []))
    with st.container(horizontal=True):
        if st.button("One more class", key="dataset_more_classes", icon=":material/add:"):
            state.remember("class_boxes", count + 1)
            st.rerun()
        full = [(name, files) for name, files in named if files]
        if st.button("Make the dataset", key="dataset_make", type="primary", disabled=len(full) < 2):
            for name, _ in full:
                if not name or "/" in name or "\\" in name:
                    raise UploadError("class-name", "A class needs a name, and the name may not hold a slash.")
            _import([(f"{name}/{file.name}", file) for name, files in full for file in files], "My pictures")


def _demo() -> None:
    row = samples.SAMPLES[
        st.segmented_control(
            "Demo set",
            list(samples.SAMPLES),
            format_func=lambda name: samples.SAMPLES[name].title,
            default=next(iter(samples.SAMPLES)),
            key="dataset_demo",
            required=True,
        )
    ]
    st.write(row.description)
    settings = _shapes_settings() if row.name == "shapes" else None
    if st.button("Use this demo set", key="dataset_use_demo", type="primary"):
        start_demo(row.name, settings)
        st.rerun()


def _shapes_settings() -> samples.ShapesSettings:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        noise = st.slider(
            "Wrong labels (%)", 0, 40, 0, key="dataset_noise", help="Share of pictures put into a wrong class."
        )
        imbalance = st.slider(
            "Imbalance (%)", 0, 90, 0, key="dataset_imbalance", help="How much rarer the rarest class is."
        )
        near = st.slider(
            "Near-duplicates (%)",
            0,
            50,
            0,
            key="dataset_near",
            help="Share of pictures that repeat another, slightly changed.",
        )
    return samples.ShapesSettings(label_noise=noise / 100, imbalance=imbalance / 100, near_duplicates=near / 100)


def start_demo(name: str, settings: samples.ShapesSettings | None = None) -> None:
    title = samples.SAMPLES[name].title
    panels.start(
        PLACE,
        f"Making {title}",
        lambda report, _cancelled: Arrival(samples.import_sample(name, on_progress=report, settings=settings), None),
    )


def _ready(way: str) -> bool:
    return st.button("Add these pictures", key=f"dataset_add_{way}", type="primary")


def _import(files: list[tuple[str, BinaryIO]], name: str) -> None:
    _import_source(Source(staging.stage_upload(files), name), name)


def _import_source(source: Source, name: str) -> None:
    """Open what was staged, in the background; it is removed afterwards."""

    into = arriving.target()
    panels.start(
        PLACE,
        "Looking at every picture",
        lambda report, cancelled: arriving.bring_in(source, name, report, cancelled, into),
    )
    state.clear_uploads()
    st.rerun()


def _without_suffix(name: str) -> str:
    stem = Path(name).name
    for suffix in (".tar.gz", ".tar.xz", ".tgz", ".zip", ".tar"):
        stem = stem.removesuffix(suffix)
    return stem
