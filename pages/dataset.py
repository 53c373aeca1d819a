"""The pictures: what was taken, by class and split, and what was not."""

import streamlit as st

from dashboard.charts import classes
from dashboard.ui import (
    adding,
    correcting,
    labelling,
    navigation,
    panels,
    pickers,
    resources,
    splitting,
    state,
    text,
    walls,
)

st.title("Data")

if done := panels.job(adding.PLACE):
    labelling.arrived(done.result)
    st.rerun()
if labelling.asked() and not panels.busy(adding.PLACE):
    labelling.form(adding.PLACE)
    st.stop()
if state.dataset_id() is None:
    if not panels.busy(adding.PLACE):
        st.write("This page will show your pictures by class. Add some, or try a demo set.")
        adding.form()
    st.stop()

dataset = pickers.dataset("shows them by class")
members = resources.members(dataset.id, dataset.version)
remarks = resources.remarks(dataset.id)

st.subheader(text.literal(dataset.name))
labelling.offer(dataset)
counts = members["split"].value_counts()
panels.figures(
    {
        "Pictures": f"{len(members):,}",
        "Classes": f"{members['class_name'].nunique():,}",
        "Training": f"{counts.get('train', 0):,}",
        "Validation": f"{counts.get('validation', 0):,}",
        "Test": f"{counts.get('test', 0):,}",
    }
)
if st.button("Next: choose a model", key="dataset_next", type="primary", icon=":material/arrow_forward:"):
    navigation.go("model")
findings = walls.findings_of(remarks, members)
correcting.wall(dataset, walls.filtered(members, findings, lambda: resources.left_out(dataset.id, dataset.version)))
panels.chart(
    classes.counts(members),
    key="dataset_counts",
    alt="Pictures by class and split",
    data=members[["path", "class_name", "split"]],
)
correcting.classes(dataset, members)
walls.needs_attention(remarks)
splitting.honesty(dataset)
splitting.form(dataset)
correcting.changes(dataset)
with st.expander("Sizes of the pictures", icon=":material/aspect_ratio:"):
    panels.chart(
        classes.sizes(members),
        key="dataset_sizes",
        alt="Width and height of the pictures",
        data=members[["path", "width", "height"]],
    )
with st.expander("Add another dataset", icon=":material/add_photo_alternate:"):
    if not panels.busy(adding.PLACE):
        adding.form()
