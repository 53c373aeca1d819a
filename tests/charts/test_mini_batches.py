import numpy as np
import pandas as pd

from dashboard.charts import mini_batches, theme

SIZES = np.array([1, 2, 4, 8, 16])
ROWS = pd.DataFrame(
    {"size": SIZES, "noise": 5 * SIZES**-0.5, "angle": [80, 70, 60, 40, 30], "pictures_per_second": 100 * SIZES}
)
CURVES = [
    {"size": size, "step": [0, 10], "seconds": [0.0, 2.0], "pictures": [0, 10 * size], "loss": [2.0, loss]}
    for size, loss in ((1, 1.5), (32, 0.4))
]


def test_the_noise_is_beside_its_law_and_its_fitted_line_on_two_logarithmic_axes() -> None:
    figure = mini_batches.noise(ROWS)
    law, fitted, measured = figure.data
    np.testing.assert_allclose(law.y, ROWS["noise"])
    np.testing.assert_allclose(fitted.y, ROWS["noise"])
    assert list(measured.x) == SIZES.tolist()
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert figure.layout.title.text == "Noise falls with slope −0.50"


def test_one_size_alone_draws_without_a_slope() -> None:
    figure = mini_batches.noise(ROWS.head(1))
    assert figure.layout.title.text == "Too few sizes for a slope"


def test_angle_speed_and_trainings_say_their_finding() -> None:
    assert mini_batches.angle(ROWS).layout.title.text == "Batches of 16 point 30° aside"
    assert mini_batches.speed(ROWS).layout.title.text == "16 times faster than one by one"
    for by in mini_batches.AXES:
        figure = mini_batches.race(CURVES, by)
        assert theme.alt(figure).startswith("Lowest in equal time: batches of 32")
        assert [list(curve.x) for curve in figure.data] == [each[by] for each in CURVES]
