"""The path from pictures to a model taken home: how far this workspace is, and the next step."""

from typing import Literal

import pandas as pd
import streamlit as st

from dashboard.runs import events, queue, status, supervisor
from dashboard.ui import launching, live, navigation, networks, panels, resources, text
from dashboard.ui.frame import ASSETS

SHOWN = 5
STEPS = {
    "dataset": ("Pictures", "Look at them"),
    "model": ("Network", "Choose one"),
    "train": ("Training", "Train it"),
    "evaluate": ("Judgement", "See where it fails"),
    "export": ("Yours", "Take it home"),
}


def welcome() -> None:
    """The first visit: one sentence, one picture, two buttons."""
    words, picture = st.columns([3, 2], vertical_alignment="center")
    with words:
        st.subheader("A folder of pictures becomes a classifier you can take home.")
        st.write(
            "It starts from a network that has seen a million pictures, and needs a few dozen of yours. "
            "Nothing leaves this machine."
        )
        if not panels.busy("try"):
            with st.container(horizontal=True):
                if st.button(
                    "Add my pictures", key="home_upload", type="primary", icon=":material/add_photo_alternate:"
                ):
                    navigation.go("dataset")
                _try_button()
    with picture:
        st.image(
            str(ASSETS / "welcome.svg"),
            alt="Pictures pass a frozen network, then a thawed one, and become named classes",
        )


def _try_button() -> None:
    if st.button("Try it now with handwritten digits", key="home_try", icon=":material/play_arrow:"):
        launching.try_it_now()
        st.rerun()
    networks.say_formula(launching.demo())


def steps() -> None:
    """The steps as cards; the next one has the button."""
    runs = queue.listing()
    under_way = runs["status"].isin(status.UNDER_WAY).any()
    with_model = runs["status"].isin(status.WITH_MODEL).any()
    done = {"dataset": True, "model": len(runs) > 0, "train": bool(with_model), "evaluate": False, "export": False}
    following = next((name for name, over in done.items() if not over), "evaluate")
    with st.grid(5, min_column_width=140):
        for number, (name, (title, sentence)) in enumerate(STEPS.items(), start=1):
            with st.container(border=True):
                st.markdown(f"{':material/check_circle:' if done[name] else ':material/circle:'} **{number}. {title}**")
                kind: Literal["primary", "secondary"] = "primary" if name == following else "secondary"
                if name == "train" and under_way:
                    if st.button("Watch the run", key="home_watch", type="primary", width="stretch"):
                        launching.follow(str(runs.loc[runs["status"].isin(status.UNDER_WAY), "id"].iloc[-1]))
                elif st.button(sentence, key=f"home_{name}", type=kind, width="stretch"):
                    navigation.go(name)


def recent_runs() -> None:
    """The newest runs; live while one is under way."""
    runs = queue.listing()
    if runs.empty:
        st.write("No run yet. Choose a network, or start with the advised one on the Train page.")
        if not panels.busy("try"):
            _try_button()
        return
    st.subheader("Recent runs")
    under_way = runs["status"].isin(status.UNDER_WAY).any()
    st.fragment(_rows, run_every=live.LOOK_AGAIN if under_way else None)()


def _rows() -> None:
    supervisor.look_after()
    for row in queue.listing().head(SHOWN).to_dict("records"):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/{live.ICONS[row['status']]}: **Run {row['number']}** {text.literal(row['name'])} · "
                f"{row['status']}, {text.ago(row['created_at'])}"
            )
            st.markdown(f"best validation accuracy **{text.share(_best(row))}**")
            if st.button("Open", key=f"home_open_{row['id']}"):
                launching.follow(row["id"])


def _best(row: dict[str, object]) -> float | None:
    """Of the whole model when the run is over, else of its best epoch so far."""
    final = row["validation_accuracy"]
    if isinstance(final, float) and not pd.isna(final):
        return final
    epochs = events.epochs(resources.run_events(str(row["id"])))
    return float(epochs["validation_accuracy"].max()) if len(epochs) else None
