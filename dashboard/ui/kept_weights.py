"""The folder of downloaded weights: what lies there, how sound it is, fetching and removing."""

import shutil

import pandas as pd
import streamlit as st

from dashboard.charts import kept_weights as bars
from dashboard.charts import theme
from dashboard.core.errors import WeightsError
from dashboard.data import kept_weights
from dashboard.data.kept_weights import DIFFERS, NO_DIGEST, NOT_YET, PUBLISHED
from dashboard.runs import needing
from dashboard.ui import panels, state, text

FETCHING, HASHING = "fetching weights", "digests of weights"
CHECKS = {
    PUBLISHED: "This is the published file: its digest is the one that Keras checks.",
    DIFFERS: "This is not the published file: Keras checks another digest. Remove it and fetch it again.",
    NO_DIGEST: "Keras publishes no digest of this file, so it checks none.",
    NOT_YET: "Its digest is being computed.",
}


def files() -> pd.DataFrame:
    """What lies in the folder, columns `kept_weights.COLUMNS`; what is on its way is followed as a job instead."""
    table = kept_weights.listing()
    return table[table["state"] != kept_weights.FETCHING].reset_index(drop=True)


def overview(table: pd.DataFrame) -> None:
    """The folder, a bar for each file, and all that is known of it as a table."""
    st.code(str(kept_weights.folder()), language=None, wrap_lines=True)
    if table.empty:
        st.info("Nothing lies in this folder yet. Fetch the weights of a network below.", icon=":material/folder_open:")
        return
    figure = bars.sizes(table)
    panels.chart(figure, key="kept_weights_sizes", alt=theme.alt(figure), data=table)
    st.dataframe(
        table.assign(megabytes=table["bytes"] / 1e6, modified=pd.to_datetime(table["modified"], unit="s", utc=True)),
        hide_index=True,
        key="kept_weights_table",
        alt="Every file with its network, size, state and SHA-256 digest",
        column_order=["network", "megabytes", "state", "check", "sha256", "name", "modified"],
        column_config={
            "network": st.column_config.TextColumn("Weights of", pinned=True),
            "megabytes": st.column_config.NumberColumn("Size (MB)", format="%.2f"),
            "state": st.column_config.TextColumn("File", help="Whole: as long as it says it is"),
            "check": st.column_config.TextColumn("Digest", help="Compared with the one that Keras checks"),
            "sha256": st.column_config.TextColumn("SHA-256"),
            "name": st.column_config.TextColumn("Name"),
            "modified": st.column_config.DatetimeColumn("Written", format="distance"),
        },
    )


def digests(table: pd.DataFrame) -> None:
    """Compute what digests are missing, once for files as they are; follow it."""
    lacking = kept_weights.without_digest(table)
    if panels.job(HASHING):
        st.rerun()
    rows = table[table["name"].isin(lacking)]
    asked = tuple(zip(rows["name"], rows["bytes"], rows["modified"], strict=True))
    if lacking and not panels.busy(HASHING) and state.remembered(HASHING, None) != asked:
        state.remember(HASHING, asked)
        panels.start(HASHING, "Computing digests", lambda report, cancel: kept_weights.digest(lacking, report, cancel))
        st.rerun()


def one_file(table: pd.DataFrame) -> None:
    """A file by itself: whose it is, its digest in full, where it comes from; and the way to remove it."""
    if removed := state.remembered("removed_weights", ""):
        state.remember("removed_weights", "")
        st.success(text.literal(removed), icon=":material/delete:")
    if table.empty:
        return
    st.subheader("One file")
    name = st.selectbox("File", list(table["name"]), key="kept_weights_file")
    row = table[table["name"] == name].iloc[0]
    variant = kept_weights.catalogue().get(name)
    st.write(f"{text.literal(row['network'])}, {text.size(row['bytes'])}, {row['state']}. {CHECKS[row['check']]}")
    if row["sha256"]:
        st.code(f"SHA-256  {row['sha256']}", language=None, wrap_lines=True)
    if variant:
        st.caption(f"Published at {text.literal(variant.file.url)}")
    _removal(name, row)


def _removal(name: str, row: pd.Series) -> None:
    variant = kept_weights.catalogue().get(name)
    numbers = needing.needing(name)
    with st.popover("Remove", icon=":material/delete:", disabled=bool(numbers) or row["state"] == kept_weights.LINK):
        st.write(f"{text.literal(name)} will be gone from the disk: {text.size(row['bytes'])}.")
        if variant:
            st.write(
                f"A new run that begins with {text.literal(variant.title)} needs it again: about "
                f"{variant.backbone.download_megabytes_at(variant.alpha):.1f} MB to fetch. "
                "Finished runs keep their own."
            )
        else:
            st.write("It is no file of the catalogue: this page cannot fetch it again.")
        if st.button("Remove this file", key="kept_weights_remove", type="primary"):
            _remove(name)
    if numbers:
        st.caption(f"Needed now by run {', '.join(map(str, numbers))}: it can be removed when that has ended.")
    if row["state"] == kept_weights.LINK:
        st.caption("It is a link to another place, which this page leaves alone.")


def _remove(name: str) -> None:
    try:
        freed = needing.remove(name)
    except WeightsError as error:  # another tab was quicker, or a run has begun meanwhile
        st.error(text.literal(error.message), icon=":material/error:")
        return
    state.remember("removed_weights", f"{name} was removed; {text.size(freed)} are free again.")
    st.rerun()


def fetching(table: pd.DataFrame) -> None:
    """Choose weights that are not here, see how large they are, fetch them for a time without a network."""
    st.subheader("Fetch for a time without a network")
    if done := panels.job(FETCHING):
        state.remember("fetched_weights", len(done.result))
        if not set(done.result) <= set(table["name"]):  # it ended after the table was made
            st.rerun()
    if fetched := state.remembered("fetched_weights", 0):
        state.remember("fetched_weights", 0)
        st.success(f"Fetched and checked: {text.count(fetched, 'file')}.", icon=":material/download_done:")
    missing = {name: each for name, each in kept_weights.catalogue().items() if not each.file.present}
    if panels.busy(FETCHING) or not missing:
        return
    titles = {name: f"{each.title} ({each.file.megabytes:.1f} MB)" for name, each in missing.items()}
    chosen = st.multiselect(
        "Weights",
        list(missing),
        format_func=titles.__getitem__,
        key="kept_weights_wanted",
        placeholder="Choose one or several",
        help="Trained on ImageNet, without the classifier. The size is that of the download, about.",
    )
    megabytes = sum(missing[name].file.megabytes for name in chosen)
    words = f"Fetch {text.count(len(chosen), 'file')}, about {megabytes:.1f} MB" if chosen else "Fetch"
    if st.button(words, key="kept_weights_fetch", type="primary", icon=":material/download:", disabled=not chosen):
        wanted = [missing[name] for name in chosen]
        panels.start(
            FETCHING, "Fetching weights", lambda report, cancelled: kept_weights.fetch(wanted, report, cancelled)
        )
        st.rerun()
    st.caption(
        f"{_free()}Each file appears when it is whole and checked, or not at all. "
        "Without a network nothing is fetched: put a file that you brought into the folder above, and it is listed."
    )


def _free() -> str:
    place = kept_weights.folder()
    while not place.exists():
        place = place.parent
    return f"{text.size(shutil.disk_usage(place).free)} are free there. "
