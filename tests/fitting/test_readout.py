"""The read-out of many pulses at once: whose sides lose alike, and whose do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromorph.fitting.readout import crowd_share, crowded, fit_readout, pulse_charge, read_at_once
from neuromorph.library import Library

STORED = Library.shipped().read("gate_synapse")
FIT = STORED.fit.parameters
SIDES = {"crowd": 0.0045, "crowd_power": 0.85, "crowd_lean": 0.15, "crowd_lean_slope": 0.09}


def corner(parameters, noise=0.0):
    """The shipped curves as ones of a low supply, what is read at once as of ``parameters``."""
    rng, sweeps = np.random.default_rng(3), dict(STORED.sweeps)
    for name in ("crowd", "sides"):
        sweep = STORED[name]
        line, others, alone, _ = read_at_once(FIT, sweep)
        charge = crowded(parameters, line, others, alone).reshape(sweep["charge"].shape)
        charge = charge * (1 + noise * rng.standard_normal(charge.shape))
        sweeps[name] = replace(sweep, outputs={**sweep.outputs, "charge": charge})
    return replace(STORED, attributes={**STORED.attributes, "supply": 0.72}, sweeps=sweeps)


def test_sides_are_recovered_at_another_supply():
    """Within five deviations of the fit, at a thousandth of noise."""
    fitted = fit_readout(corner({**FIT, **SIDES}, noise=1e-3))
    for name, value in SIDES.items():
        assert abs(fitted.parameters[name] - value) < 5 * fitted.deviation[name], name
        assert fitted.deviation[name] < 0.1 * abs(value), name


def test_at_the_usual_corner_there_are_no_sides():
    """Told apart there all the same, what they would change is a hundredth of what pulses lose."""
    assert "crowd_lean" not in fit_readout(STORED).parameters
    apart = fit_readout(replace(STORED, attributes={**STORED.attributes, "supply": 0.8 + 1e-9}))
    assert abs(apart.parameters["crowd_lean"]) < 0.02
    assert abs(apart.parameters["crowd_lean_slope"]) < 0.02


@given(others=st.integers(0, 20), v_line=st.floats(0.31, 0.43), weight=st.floats(-0.09, 0.09))
def test_sides_that_lose_alike_divide_the_sum(others, v_line, weight):
    line = np.asarray(v_line)
    alone = (others + 1) * pulse_charge(FIT, line, weight)
    found = crowded(FIT, line, others, alone)
    assert found == pytest.approx(alone / (1 + others * crowd_share(FIT, line)), rel=1e-9)


@given(others=st.integers(1, 20), weight=st.floats(0.01, 0.09), lean=st.floats(0.01, 0.5))
def test_a_lean_takes_more_from_the_positive_side(others, weight, lean):
    line = np.asarray(0.4)
    alone = (others + 1) * pulse_charge(FIT, line, weight)
    level, leaning = (crowded({**FIT, "crowd_lean": x}, line, others, alone) for x in (0.0, lean))
    assert leaning < level
    assert crowded({**FIT, "crowd_lean": lean}, line, 0, alone) == pytest.approx(alone)
