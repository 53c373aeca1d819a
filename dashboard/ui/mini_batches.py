"""The lesson on mini-batches: noise, speed and trainings on the user's own pictures."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import mini_batches as charts
from dashboard.charts import theme
from dashboard.core import gradient_noise
from dashboard.runs import mini_batches, queue, status
from dashboard.runs.run import ELSEWHERE
from dashboard.ui import networks, panels, resources, state, text

PLACE, RACE = "mini_batches", "mini_batches_race"
DRAFT = "draft"
MOST = 3  # trainings side by side


def chosen() -> dict[str, Any]:
    """The draft's recipe, or a run whose recipe is looked at: {"recipe": fields} or {"run": id}."""
    listing = queue.listing()
    listing = listing[listing["status"].isin(status.WITH_MODEL) & (listing["dataset_id"] != ELSEWHERE)].set_index("id")
    names = {DRAFT: "the recipe on the Train page"} | {
        key: f"run {row['number']} · {text.network_of(row['name'])}" for key, row in listing.iterrows()
    }
    key = st.selectbox("Network and pictures of", list(names), format_func=names.__getitem__, key="mini_batches_of")
    return {"recipe": state.draft().model_dump(mode="json")} if key == DRAFT else {"run": key}


def noise(of: dict[str, Any]) -> None:
    """What was measured with the advice that follows from it, or the button that measures."""
    panels.job(PLACE)
    found = mini_batches.measured(of)
    if found:
        _advice(found)
        _charts(found)
    if panels.busy(PLACE) or _hindered(of):
        return
    words = ("Measure again", "secondary") if found else ("Measure", "primary")
    if st.button(words[0], key="mini_batches_measure", icon=":material/speed:", type=words[1]):  # type: ignore[arg-type]
        panels.start(
            PLACE,
            "Comparing gradients",
            lambda report, cancelled: mini_batches.measure(
                resources.worker(), of, on_progress=report, cancelled=cancelled
            ),
        )
        st.rerun()


def _hindered(of: dict[str, Any]) -> bool:
    recipe = state.draft()
    if "run" in of or networks.weights_ready(recipe):
        return False
    st.caption(f"Needs the weights of {recipe.network_name}, which are not on this machine yet: see the Model page.")
    return True


def _advice(found: dict[str, Any]) -> None:
    advice = gradient_noise.recommended(found["scale"], found["classes"], found["train"])
    st.subheader(f"Batches of {advice.batch_size} for these pictures")
    st.write(advice.reason)
    if state.draft().batch_size == advice.batch_size:
        st.caption(f":material/check_circle: {advice.batch_size} is the batch size on the Train page.")
    else:
        taken: dict[str, Any] = {"batch_size": advice.batch_size}
        label = f"Use {advice.batch_size}"
        st.button(label, key="mini_batches_use", type="primary", on_click=state.change, kwargs=taken)


def _charts(found: dict[str, Any]) -> None:
    rows = pd.DataFrame(found["rows"])
    left, right = st.columns(2)
    for place, name, figure in (
        (left, "noise", charts.noise(rows)),
        (right, "angle", charts.angle(rows)),
        (left, "speed", charts.speed(rows)),
    ):
        with place:
            panels.chart(figure, key=f"mini_batches_{name}", alt=theme.alt(figure), data=rows)
    with right:
        of_all = "all" if found["pictures"] == found["train"] else "so many of the"
        st.caption(
            f"{found['pictures']:,} pictures, {of_all} {found['train']:,} of the training split; "
            f"{found['parameters']:,} parameters of the head, dropout off, after {found['warm_steps']} steps of "
            "training. Batches are drawn with replacement. Before the first step the noise scale was "
            f"{found['scale_at_start']:,.1f} pictures, now it is {found['scale']:,.1f}: it changes as "
            "the head learns. Speed is that of training the head on this machine, on kept features. A much larger "
            "batch wants a higher learning rate, which the Train page finds."
        )


def trainings(of: dict[str, Any]) -> None:
    """Choose two or three sizes, train, look at the curves."""
    st.subheader("The same head, side by side")
    sizes = st.pills(
        "Batch sizes, up to three", list(gradient_noise.SIZES), selection_mode="multi", default=[1, 32, 512],
        key="mini_batches_sizes",
    )  # fmt: skip
    panels.job(RACE)
    if not panels.busy(RACE) and not _hindered(of):
        off = not 1 <= len(sizes) <= MOST
        if st.button("Train side by side", key="mini_batches_race", icon=":material/stacked_line_chart:", disabled=off):
            panels.start(
                RACE,
                "Training side by side",
                lambda report, cancelled: mini_batches.race(
                    resources.worker(), of, list(sizes), on_progress=report, cancelled=cancelled
                ),
            )
            st.rerun()
        if off:
            st.caption("Choose one, two or three sizes.")
    curves = mini_batches.raced(of)
    if curves:
        by = st.segmented_control(
            "Along", list(charts.AXES), format_func=charts.AXES.__getitem__, default="seconds", required=True,
            key="mini_batches_by",
        )  # fmt: skip
        figure = charts.race(curves, by)
        data = pd.concat([pd.DataFrame(each) for each in curves])
        panels.chart(figure, key="mini_batches_curves", alt=theme.alt(figure), data=data)
    else:
        st.caption("Each trains for two seconds from the same start, at the recipe's learning rate.")
