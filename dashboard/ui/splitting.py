"""How a dataset is divided: what would have leaked, and the form that makes a new version of it."""

from typing import Literal

import streamlit as st

from dashboard.data import datasets, grouping
from dashboard.data.datasets import Dataset
from dashboard.data.splits import SplitSettings
from dashboard.ui import resources, text

GROUPS = {
    "": "As the label file says",
    "last number": "File name without its last number",
    "first underscore": "File name up to its first underscore",
    "folder": "Folder",
    "pattern": "A pattern of mine",
}


def honesty(dataset: Dataset, *, looked_through: bool) -> None:
    """Both numbers: pairs that belong together and would have been parted, and those that are."""
    if not looked_through:
        return
    blind, here = resources.leaks(dataset.id, dataset.version)
    if not blind and not here:
        return
    would = f"{text.count(blind, 'pair')} of look-alikes would stand on two sides of a blind division"
    if here:
        st.warning(
            f"{would}; here {here:,} do, and make the figures look better than they are. "
            "Divide again below, with look-alikes kept together.",
            icon=":material/call_split:",
        )
    else:
        st.markdown(f":material/verified: {would}, and flatter its figures. Here **none** do.")


def form(dataset: Dataset, *, looked_through: bool) -> None:
    """Shares, seed, what has to stay together, and whether folders named for splits are respected."""
    now = datasets.split_settings(dataset)
    with st.expander("Training, validation and test", icon=":material/call_split:"):
        st.write(
            "The network learns from the training pictures, chooses its best epoch by the validation pictures, and is "
            "judged by the test pictures it has never seen. Every class is divided alike."
        )
        with st.container(horizontal=True):
            validation = st.number_input(
                "Validation (%)", 5, 45, round(now.validation_share * 100), 5, key="dataset_validation_share"
            )
            test = st.number_input("Test (%)", 0, 45, round(now.test_share * 100), 5, key="dataset_test_share")
            seed = st.number_input(
                "Seed", 0, 2**31 - 1, now.seed, key="dataset_split_seed", help="Another seed divides in another way."
            )
        given = st.toggle("Respect folders named train, validation or test", now.use_given, key="dataset_use_given")
        together = st.toggle(
            "Keep look-alikes and groups on one side",
            now.keep_together,
            key="dataset_keep_together",
            help="Pictures of one burst, one film or one patient are nearly the same. Where some train and some test, "
            "the network is asked what it has been told.",
        )
        by, pattern = _groups(dataset, now, looked_through) if together else (now.group_by, now.group_pattern)
        if st.button("Divide again", key="dataset_split_apply"):
            datasets.resplit(
                dataset,
                SplitSettings(
                    validation_share=validation / 100,
                    test_share=test / 100,
                    seed=int(seed),
                    use_given=given,
                    keep_together=together,
                    group_by=by,
                    group_pattern=pattern if by == "pattern" else "",
                ),
            )
            st.rerun()
    if dataset.version > 1:
        st.caption(f"Version {dataset.version} of this dataset. Runs keep the version they were trained on.")


def _groups(dataset: Dataset, now: SplitSettings, looked_through: bool) -> tuple[grouping.Named, str]:
    """What names the group of a picture, and what comes of it on these pictures."""
    ways: list[Literal["", "last number", "first underscore", "folder", "pattern"]]
    ways = ["", "last number", "first underscore", "folder", "pattern"]
    with st.container(horizontal=True):
        by = st.selectbox(
            "Pictures of one group are named by",
            ways,
            index=ways.index(now.group_by),
            format_func=lambda way: GROUPS[way],
            key="dataset_group_by",
            help="; ".join(f"{GROUPS[way]}: {grouping.NAMED[way]}" for way in ways).replace("*", "\\*"),
        )
        pattern = now.group_pattern
        if by == "pattern":
            pattern = st.text_input(
                "Pattern of file names",
                now.group_pattern or "*_frame*",
                max_chars=200,
                key="dataset_group_pattern",
                help="The first \\* is the group, every other one any text; the rest is taken literally.",
            )
    if not looked_through:
        return by, pattern
    sizes = resources.group_sizes(dataset.id, dataset.version, by, pattern)
    if len(sizes):
        largest = text.literal(str(sizes.index[0]))
        st.caption(
            f"{text.count(len(sizes), 'group')} of two or more pictures; the largest, {largest}, has {sizes.iloc[0]:,}."
        )
    elif by:
        st.caption("No two pictures share a group by that.")
    return by, pattern
