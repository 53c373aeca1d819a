"""The recipe: what is trained how long and how fast. Start, and watch it on the run's page."""

import streamlit as st

from dashboard.ui import caching, examples, finding, forms, launching, navigation, pickers, promising

st.title("Train")

dataset = pickers.dataset("trains a classifier on them")
launching.summary(dataset)
panel = st.container()

frozen, thawed = st.columns(2)
with frozen, st.container(border=True, height="stretch"):
    st.subheader(":material/ac_unit: First, frozen")
    st.caption("Only the new classifier on top learns; the backbone stays as it is.")
    forms.field("train", "epochs")
    forms.field("train", "learning_rate")
with thawed, st.container(border=True, height="stretch"):
    st.subheader(":material/local_fire_department: Then, thawed")
    st.caption(
        "The upper blocks learn too, gently. 0 epochs leaves them frozen; where to thaw is set on the Model page."
    )
    forms.field("train", "fine_tune_epochs")
    forms.field("train", "fine_tune_learning_rate")
    forms.field("train", "gradual_thawing")

with st.expander("Find the learning rate", icon=":material/search:"):
    finding.panel()
with st.expander("Fewer mistakes from few pictures", icon=":material/auto_awesome:"):
    forms.field("train", "augmentation")
    examples.traded(dataset)
    for left, right in (("views", "mixup"), ("dropout", "label_smoothing"), ("head_width", "class_weights")):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            forms.field("train", left)
            forms.field("train", right)
    examples.grid()
with st.expander("How it learns", icon=":material/tune:"):
    for left, right in (
        ("schedule", "warmup_epochs"),
        ("optimizer", "batch_size"),
        ("head_rate_factor", "rate_decay"),
        ("patience", "seed"),
    ):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            forms.field("train", left)
            forms.field("train", right)
    forms.field("train", "train_batch_normalization")
    forms.field("train", "cache")
with st.expander("What is kept", icon=":material/inventory_2:"):
    caching.panel()

with panel:
    promising.panel(dataset)
    launching.start_button(dataset)
navigation.link("runs", "All runs")
navigation.link("bias_and_variance", "Does it under-fit or over-fit? Bias and variance, measured")
