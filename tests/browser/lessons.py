"""Going through the pages of lessons: what one presses there, and what is there when all has been computed."""

from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as TooLate

from tests.browser import visitor

# By page: the button to press, and what is looked for.
LESSONS = {
    "alexnet": ("", ".st-key-alexnet_blocks"),
    "convolution": ("convolution_find", "text=pictures that excite filter"),
    "pooling": ("", "text=What a shift by 1 pixel changes, pooled"),
    "depth": ("", ".st-key-depth_changes_data"),
    "topology": ("", ".st-key-topology_csv"),
    "mini_batches": ("mini_batches_measure", "text=Batches are drawn with replacement"),
    "overfitting": ("overfitting_ghost", "text=coincide with the run's own"),
    "bias_and_variance": ("bias_variance_start", ".st-key-bias_variance_axis"),
    "save_and_load": ("save_and_load_run", ".st-key-save_and_load_probabilities"),
}


def go_through(page: Page, name: str) -> None:
    """Have a lesson computed, unless it is already, and wait for the last of it; nothing on other pages."""
    if name not in LESSONS:
        return
    visitor.settle(page)
    button, last = LESSONS[name]
    if button and not page.locator(last).count():
        visitor.press(page, button)
    try:
        page.locator(last).first.wait_for(timeout=120_000)
    except TooLate as late:
        raise AssertionError(f"{last} did not come; the page says {page.locator('body').inner_text()}") from late
    visitor.settle(page)
