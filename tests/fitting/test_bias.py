"""Laws of bias knobs: exact at the default, recovered from their own curves, refused outside their range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromorph.errors import OutOfRange
from neuromorph.fitting.bias import efold, fit_efold, fit_transistor, settings, transistor, transistor_bias

V = np.array([0.20, 0.22, 0.24, 0.264, 0.28, 0.30, 0.32])
RANGES = {"vb": (0.2, 0.32, 0.264)}


def test_the_laws_are_one_at_the_default():
    assert efold(0.264, 0.264, 0.03, 0.1) == 1.0
    assert transistor(0.264, 0.264, 0.03, 2.0, 2.3) == 1.0


def test_the_transistor_is_exponential_far_below_its_threshold():
    """One width is one e-fold there, less the softplus's own e^-x / 2 of it."""
    deep = transistor(-0.5, 0.264, 0.033, 2.0, 2.0)
    assert transistor(-0.5 + 0.033, 0.264, 0.033, 2.0, 2.0) / deep == pytest.approx(np.e, rel=1e-4)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_efold_law_is_recovered(sign):
    law = fit_efold(V, 3e-8 * efold(V, 0.264, sign * 0.031, -0.02), 0.264, "demo", sign)
    assert law.values["width"] == pytest.approx(sign * 0.031, rel=1e-5)
    assert law.values["bend"] == pytest.approx(-0.02, abs=1e-5)
    assert law.error < 1e-6


def test_a_transistor_law_is_recovered():
    law = fit_transistor(V, 3e-8 * transistor(V, 0.264, 0.0302, 1.9, 2.3), 0.264, "demo")
    for name, true in (("width", 0.0302), ("turn", 1.9), ("power", 2.3)):
        assert law.values[name] == pytest.approx(true, rel=1e-3)


def test_settings_fill_in_the_usual_value():
    assert settings("demo", RANGES, {}) == {"vb": 0.264}
    assert settings("demo", RANGES, {"vb": 0.2}) == {"vb": 0.2}


@pytest.mark.parametrize(("knobs", "message"), [({"vb": 0.33}, "vb = 0.33"), ({"va": 0.2}, "no knob 'va'")])
def test_settings_outside_are_refused(knobs, message):
    with pytest.raises(OutOfRange, match=message):
        settings("demo", RANGES, knobs)


@given(factor=st.floats(1e-3, 3.0))
def test_the_bias_for_a_current_gives_that_current(factor):
    law = {"width": 0.031, "turn": 0.42, "power": 1.73}
    bias = transistor_bias(factor, 0.385, **law)
    assert float(transistor(bias, 0.385, **law)) == pytest.approx(factor, rel=1e-9)
