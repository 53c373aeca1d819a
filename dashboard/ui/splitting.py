"""How a dataset is divided: the form that makes a new version of it."""

import streamlit as st

from dashboard.data import datasets
from dashboard.data.datasets import Dataset
from dashboard.data.splits import SplitSettings


def form(dataset: Dataset) -> None:
    """Shares, seed and whether folders named train, validation or test are respected."""
    now = datasets.split_settings(dataset)
    with (
        st.expander("Training, validation and test", icon=":material/call_split:"),
        st.form("dataset_split", border=False),
    ):
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
        if st.form_submit_button("Divide again", key="dataset_split_apply"):
            datasets.resplit(
                dataset,
                SplitSettings(
                    validation_share=validation / 100, test_share=test / 100, seed=int(seed), use_given=given
                ),
            )
            st.rerun()
    if dataset.version > 1:
        st.caption(f"Version {dataset.version} of this dataset. Runs keep the version they were trained on.")
