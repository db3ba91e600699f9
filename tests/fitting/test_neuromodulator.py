"""Neuromodulator: the level adds and decays, the gain stays between floor and ceiling, parameters come back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromorph.fitting.neuromodulator import (
    REST,
    fit_neuromodulator,
    gain,
    level,
    of_knob,
    predicted_levels,
)
from neuromorph.library import Library

DATA = Library.shipped().read("neuromodulator")
P = DATA.fit.parameters


def test_the_level_adds_and_decays():
    """Two steps are twice one (less the loss); a tau later a small level is at 1/e."""
    time = np.array([0.0, 51e-9, 61e-9, 61e-9 + P["tau"]])
    one = level(P, np.array([50e-9]), time, 0.46, 0.22) - P["v_rest_offset"]
    two = level(P, np.array([50e-9, 60e-9]), time, 0.46, 0.22) - P["v_rest_offset"]
    assert one[0] == 0.0
    assert two[2] == pytest.approx(2 * one[1], rel=0.05)
    assert one[3] / one[2] == pytest.approx(np.exp(-1), rel=0.01)


def test_knobs_do_as_they_say():
    """Lower vstep releases more, higher vtau is faster, vceil and vfloor are e-fold per 33 mV within 10 %."""
    assert of_knob(P, "step", "vstep", 0.40) > of_knob(P, "step", "vstep", 0.44)
    assert of_knob(P, "tau", "vtau", 0.24) < of_knob(P, "tau", "vtau", 0.20)
    for name, knob, low in (("ceiling", "vceil", 0.2635), ("floor", "vfloor", 0.1835)):
        ratio = of_knob(P, name, knob, low + 33e-3) / of_knob(P, name, knob, low)
        assert np.log(ratio) == pytest.approx(1.0, abs=0.1), name


def test_the_gain_stays_between_floor_and_ceiling():
    volts = np.linspace(REST - 0.1, 0.8, 50)
    current = gain(P, volts, 0.4, 0.28, 0.2)
    floor, ceiling = of_knob(P, "floor", "vfloor", 0.2), of_knob(P, "ceiling", "vceil", 0.28)
    assert np.all(np.diff(current) > 0)
    assert np.all((current > floor) & (current < floor + ceiling))


def test_known_parameters_come_back():
    """Curves of changed parameters with 0.1 mV and 0.1 % of noise give them back within their noise."""
    rng = np.random.default_rng(4)
    true = {**P, "step": 0.018, "tau": 4e-7, "ceiling": 5e-8, "floor": 3e-9, "v_gain_width": 35e-3}
    sweeps = dict(DATA.sweeps)
    for name in ("release", "decay"):
        levels = predicted_levels(true, DATA, sweeps[name])
        noisy = levels + 1e-4 * rng.standard_normal(levels.shape)
        sweeps[name] = replace(sweeps[name], outputs={**sweeps[name].outputs, "level": noisy})
    sweep = sweeps["gain"]
    current = gain(true, sweep["v_level"], 0.4, sweep["vceil"][:, None, None], sweep["vfloor"][:, None])
    noise = 1e-3 * current.max(-1, keepdims=True) * rng.standard_normal(current.shape)
    sweeps["gain"] = replace(sweep, outputs={"current": current + noise})
    fitted = fit_neuromodulator(replace(DATA, sweeps=sweeps))
    for name in ("step", "tau", "ceiling", "floor", "v_gain_width"):
        assert abs(fitted.parameters[name] - true[name]) < 5 * fitted.deviation[name], name
