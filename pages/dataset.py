"""The pictures: what was taken, by class and split, and what was not."""

from functools import partial

import streamlit as st

from dashboard.charts import classes
from dashboard.ui import (
    adding,
    attention,
    correcting,
    labelling,
    navigation,
    panels,
    pickers,
    resources,
    seeing,
    splitting,
    text,
    walls,
)

st.title("Data")

adding.until_there_are_pictures()
dataset = pickers.dataset("shows them by class")
members = resources.members(dataset.id, dataset.version)
remarks = resources.remarks(dataset.id)

st.subheader(text.literal(dataset.name))
labelling.offer(dataset)
walls.figures(members)
if st.button("Next: choose a model", key="dataset_next", type="primary", icon=":material/arrow_forward:"):
    navigation.go("model")
looked_through = resources.looked_through(dataset.id, dataset.version, len(members))
findings = resources.findings(dataset.id, dataset.version) if looked_through else walls.NOTHING_FOUND
left_out = partial(resources.left_out, dataset.id, dataset.version)
correcting.wall(dataset, walls.filtered(members, walls.with_remarks(findings, remarks, members), left_out))
panels.chart(
    classes.counts(members),
    key="dataset_counts",
    alt="Pictures by class and split",
    data=members[["path", "class_name", "split"]],
)
correcting.classes(dataset, members)
attention.panel(dataset, findings, remarks, looked_through=looked_through)
splitting.honesty(dataset, looked_through=looked_through)
seeing.section(dataset)
splitting.form(dataset, looked_through=looked_through)
correcting.changes(dataset)
with st.expander("Sizes of the pictures", icon=":material/aspect_ratio:"):
    sizes = members[["path", "width", "height"]]
    panels.chart(classes.sizes(members), key="dataset_sizes", alt="Width and height of the pictures", data=sizes)
with st.expander("Add another dataset", icon=":material/add_photo_alternate:"):
    if not panels.busy(adding.PLACE):
        adding.form()
