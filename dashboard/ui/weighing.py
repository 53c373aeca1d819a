"""Bias and variance on their page: measure, the verdict and its evidence, the setting it suggests, the axes."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import bias_variance as charts
from dashboard.charts import theme
from dashboard.core import verdict
from dashboard.core.recipe import Recipe
from dashboard.core.verdict import Verdict
from dashboard.runs import variances
from dashboard.ui import navigation, networks, panels, resources, state, text

PLACE = "bias_variance"
AXES = {
    "data": "Amount of data",
    "width": "Width of the head",
    "depth": "Depth of the cut",
}


def section() -> None:
    """What was measured of the draft, or the button that measures it."""
    recipe = state.draft()
    panels.job(PLACE)
    panels.refusal()
    record = variances.kept(recipe)
    if record:
        _verdict(verdict.judge(verdict.evidence(record), recipe))
        _axes(record)
        _pictures(record)
    if not panels.busy(PLACE):
        _start(recipe, again=record is not None)


def _start(recipe: Recipe, *, again: bool) -> None:
    ready = networks.weights_ready(recipe)
    if not again:
        st.write(
            "Trains about 300 heads of your recipe on training pictures drawn anew for each, and compares what they "
            "say of pictures they have not seen. Seconds to minutes, once; what is measured is kept."
        )
    label = "Measure again" if again else "Measure"
    if st.button(
        label,
        key="bias_variance_start",
        type="secondary" if again else "primary",
        icon=":material/balance:",
        disabled=not ready,
    ):
        worker = resources.worker()
        panels.start(PLACE, "Measuring bias and variance", lambda *job: variances.measure(worker, recipe, *job))
        st.rerun()
    if not ready:
        st.caption(f"Needs the weights of {recipe.network_name}: fetch them on the Model page.")
        navigation.link("model", "Model")


def _verdict(found: Verdict) -> None:
    with st.container(border=True):
        st.subheader(found.sentence)
        for reason in found.because:
            st.write(reason)
        for each in found.worth[:3]:
            st.write(
                f"{each.more} more pictures of *{text.literal(each.class_name)}* would be worth about "
                f"{verdict.points(each.gain)} of its error, by its learning curve, the other classes growing alike."
            )
        if found.advice:
            st.write(f"**{found.advice}**")
        if found.changes:
            taken = all(getattr(state.draft(), name) == value for name, value in found.changes.items())
            if taken:
                st.caption(":material/check_circle: This is in the recipe.")
            else:
                st.button("Use it in the recipe", key="bias_variance_use", type="primary", on_click=state.change,
                          kwargs=found.changes)  # fmt: skip
        navigation.link("train", "Train")


def _axes(record: dict[str, Any]) -> None:
    axis = st.segmented_control(
        "Against", list(AXES), format_func=AXES.__getitem__, default="data", required=True, key="bias_variance_axis"
    )
    rows = [row for row in record["rows"] if row["axis"] == axis]
    own = [row for row in record["rows"] if row["axis"] == "own"]
    if axis == "data":
        figure = charts.learning_curve(rows)
    elif axis == "width":
        rows = sorted([*own, *rows], key=lambda row: row["value"])
        names = [f"{row['value']}{' (yours)' if row in own else ''}" for row in rows]
        figure = charts.parts(rows, names, "How wide a head?", "hidden units")
    else:
        rows = [*rows, *own]
        names = [theme.literal("top" if row in own else row["value"]) for row in rows]
        figure = charts.parts(rows, names, "How much does each depth know?", "head on top of block")
    data = pd.DataFrame(rows).drop(columns=["losses", "by_class"])
    panels.chart(figure, key=f"bias_variance_{axis}_chart", alt=theme.alt(figure), data=data)
    if axis == "depth":
        st.caption(
            "No fine-tuning: a new head on what each block gives out, averaged over the picture (a probe: "
            "[Alain and Bengio, 2016](https://arxiv.org/abs/1610.01644)). Where a lower block does as well as the top, "
            "the blocks above know little of your pictures, and thawing them costs little."
        )


def _pictures(record: dict[str, Any]) -> None:
    names = record["classes"]
    for kind, title in (("against", "Labels the heads deny"), ("unsteady", "Pictures the heads differ on")):
        rows = record["pictures"][kind][:16]
        if rows:
            st.subheader(title)
            said = "says" if kind == "against" else "or"
            panels.pictures([sha for sha, _ in rows], [f"{said} {names[index]}" for _, index in rows])
