import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromorph.spice.waveforms import crossings, integral, pulses, staircase


def test_crossings_of_a_sine():
    t = np.linspace(0, 3, 3001)
    up = crossings(t, np.sin(2 * np.pi * (t - 0.1)), 0.0)
    # linear interpolation of a sine on a 1 ms grid errs by less than (2 pi 1e-3)^2 / 8 periods
    assert up == pytest.approx([0.1, 1.1, 2.1], abs=5e-6)
    assert crossings(t, np.sin(2 * np.pi * (t - 0.1)), 0.0, rising=False) == pytest.approx(
        [0.6, 1.6, 2.6], abs=5e-6
    )


def test_integral_of_a_ramp():
    t = np.linspace(0, 2, 201)
    assert integral(t, t, 0.5, 1.5) == pytest.approx(1.0, abs=1e-12)


@given(st.lists(st.floats(2e-9, 50e-9), min_size=1, max_size=20))
def test_pulse_corners_increase(gaps):
    corners = pulses(np.cumsum(gaps))[4:-1].split()
    times = np.array(corners[::2], float)
    assert np.all(np.diff(times) > 0)
    assert len(times) == 1 + 4 * len(gaps)


def test_staircase_holds_its_values():
    text = staircase((0, 1e-9, 2e-9), (0.0, 1.0, 0.5))[4:-1].split()
    t, v = np.array(text[::2], float), np.array(text[1::2], float)
    assert np.interp([0.5e-9, 1.5e-9, 5e-9], t, v) == pytest.approx([0.0, 1.0, 0.5])
