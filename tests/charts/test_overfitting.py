import pandas as pd

from dashboard.charts import overfitting
from dashboard.core.overfitting import story


def course(*validation: float) -> pd.DataFrame:
    losses = [1 / (at + 1) for at in range(len(validation))]
    numbers = range(1, len(validation) + 1)
    return pd.DataFrame(
        {"epoch": numbers, "phase": "feature extraction", "loss": losses, "validation_loss": validation}
    )


NO_MARKS = pd.DataFrame(columns=["kind", "epoch", "text"])


def test_the_ghost_goes_on_dotted_where_the_run_ended_and_joins_it() -> None:
    own, ghost = course(3, 1, 2), course(3, 1, 2, 4, 5)
    figure = overfitting.curves(own, story(own, NO_MARKS), ghost)
    dotted = [trace for trace in figure.data if trace.line.dash == "dot"]
    assert [list(trace.x) for trace in dotted] == [[3, 4, 5], [3, 4, 5]]
    assert list(dotted[1].y) == [2, 4, 5]
    assert figure.layout.title.text == "Turned after epoch 2, stopped at 3"
    star = next(trace for trace in figure.data if trace.name == "kept")
    assert (star.x[0], star.y[0]) == (2, 1)


def test_without_a_ghost_nothing_is_dotted() -> None:
    own = course(3, 2)
    figure = overfitting.curves(own, story(own, NO_MARKS))
    assert not [trace for trace in figure.data if trace.line.dash == "dot"]
    assert figure.layout.title.text == "Still falling at epoch 2"
