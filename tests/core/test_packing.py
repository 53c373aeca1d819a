import json

import numpy as np

from dashboard.core.packing import EXACT, pack, unpack


def test_numbers_come_back_through_text_to_three_digits() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    again = unpack(json.loads(json.dumps(pack(values))))
    np.testing.assert_allclose(again, values, rtol=1e-3)
    assert np.isinf(unpack(pack(np.array([1e6])))).all()


def test_exact_numbers_come_back_exactly() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4)) * 1e9
    np.testing.assert_array_equal(unpack(json.loads(json.dumps(pack(values, EXACT)))), values)
