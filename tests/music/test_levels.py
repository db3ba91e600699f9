"""Thermometer code: what goes in comes out, to within a level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuromorph.errors import InputError
from neuromorph.music.levels import LevelCode, fit_levels

NOISE = np.random.default_rng(0).normal(0, 1, (400, 3)) * [1, 2, 5] + [0, -3, 8]


@pytest.mark.parametrize("levels", [1, 3, 7])
def test_every_line_is_on_as_often_as_its_quantile_says(levels):
    lines = fit_levels([NOISE], levels).encode(NOISE)
    expected = 1 - np.arange(1, levels + 1) / (levels + 1)
    np.testing.assert_allclose(
        lines.mean(axis=0).reshape(3, levels), np.tile(expected, (3, 1)), atol=1.5 / 400
    )


def test_decoding_gives_the_mean_of_the_level_and_errs_less_with_more_levels():
    errors = []
    for levels in (2, 6, 20):
        code = fit_levels([NOISE], levels)
        back = code.decode(code.encode(NOISE))
        np.testing.assert_allclose(back.mean(axis=0), NOISE.mean(axis=0), atol=1e-9)
        errors.append(((back - NOISE) ** 2).mean() / NOISE.var(axis=0).mean())
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.02


def test_probabilities_decode_to_the_expected_level():
    code = fit_levels([NOISE], 4)
    lines = code.encode(NOISE)
    np.testing.assert_allclose(
        code.decode(lines.mean(axis=0, keepdims=True))[0], code.decode(lines).mean(axis=0), atol=1e-6
    )


@given(arrays(float, (5, 3), elements=st.floats(-100, 100)))
def test_a_thermometer_has_no_gaps(levels):
    lines = fit_levels([NOISE], 5).encode(levels).reshape(5, 3, 5)
    assert np.all(np.diff(lines, axis=2) <= 0)


def test_it_survives_json():
    code = fit_levels([NOISE], 3)
    back = LevelCode.from_dict(code.to_dict())
    np.testing.assert_array_equal(back.encode(NOISE), code.encode(NOISE))


def test_a_constant_band_is_no_trouble():
    code = fit_levels([np.column_stack([NOISE[:, 0], np.full(400, 2.0)])], 4)
    assert np.isfinite(code.decode(code.encode(np.array([[0.0, 2.0]])))).all()


@pytest.mark.parametrize("make", [
    lambda: fit_levels([], 3),
    lambda: fit_levels([NOISE], 0),
    lambda: fit_levels([NOISE[:2]], 3),
    lambda: LevelCode(np.zeros((2, 2)), np.zeros((2, 2))),
    lambda: LevelCode(np.array([[1.0, 0.0]]), np.zeros((1, 3))),
    lambda: LevelCode(np.array([[np.nan]]), np.zeros((1, 2))),
    lambda: fit_levels([NOISE], 3).encode(np.zeros((4, 2))),
])  # fmt: skip
def test_impossible_codes_are_refused(make):
    with pytest.raises(InputError):
        make()
