"""The pages, one row each, in the order of the path."""

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Row:
    """A page: its file in `pages/`, its title, its Material icon; a lesson is listed under Learn."""

    name: str
    title: str
    icon: str
    in_menu: bool = True
    lesson: bool = False

    def page(self) -> st.Page:
        return st.Page(
            f"../../pages/{self.name}.py",
            title=self.title,
            icon=f":material/{self.icon}:",
            url_path=self.name,
            default=self.name == "home",
        )


ROWS = (
    Row("home", "Home", "home"),
    Row("dataset", "Data", "photo_library"),
    Row("model", "Model", "network_node"),
    Row("train", "Train", "model_training"),
    Row("run", "Run", "monitoring", in_menu=False),
    Row("runs", "Runs", "list"),
    Row("evaluate", "Evaluate", "fact_check"),
    Row("predict", "Predict", "image_search"),
    Row("export", "Export", "download"),
    Row("alexnet", "AlexNet, 2012", "history_edu", lesson=True),
    Row("convolution", "Convolution", "grid_on", lesson=True),
    Row("pooling", "Pooling", "compress", lesson=True),
    Row("depth", "Depth", "layers", lesson=True),
    Row("topology", "Topology", "account_tree", lesson=True),
    Row("mini_batches", "Mini-batches", "grain", lesson=True),
    Row("overfitting", "Overfitting", "trending_up", lesson=True),
    Row("bias_and_variance", "Bias and variance", "balance", lesson=True),
    Row("save_and_load", "Save and load", "save", lesson=True),
    Row("kept_weights", "Downloaded weights", "folder_open", lesson=True),
)


def page(name: str) -> st.Page:
    """The page of this name, for links."""
    return next(row.page() for row in ROWS if row.name == name)


def go(name: str) -> None:
    """Show another page now."""
    st.switch_page(page(name))


def link(name: str, label: str) -> None:
    """A link to another page."""
    st.page_link(page(name), label=label)
