"""Dendritic adder: modes by their curvature, superposition, and known parameters back from their curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromorph.fitting.adder import CENTRE, NAMES, UNIT, fit_adder, load, response, shares, voltage
from neuromorph.library import Library

DATA = Library.shipped().read("dendritic_adder")
P = DATA.fit.parameters


def two_over_one(mode, units=1.5):
    """Voltage of two equal inputs over twice that of one."""
    one, two = voltage(P, UNIT * np.array([units, 2 * units]), mode, CENTRE)
    return two / (2 * one)


def test_the_mode_bends_the_sum():
    """Super-linear below the reference, sub-linear above, monotonic between, within 3 % of linear at 0.4 V."""
    ratios = [two_over_one(mode) for mode in (0.3, 0.35, 0.4, 0.45, 0.5)]
    assert np.all(np.diff(ratios) < 0)
    assert ratios[0] > 1.05
    assert ratios[-1] < 0.95
    assert abs(ratios[2] - 1) < 0.03


def test_the_load_is_nearly_odd_and_rises():
    v = np.linspace(-0.2, 0.2, 81)
    for mode in (0.3, 0.4, 0.5):
        current = load(P, v, mode, CENTRE)
        assert np.all(np.diff(current) > 0)
        assert np.abs(current + current[::-1]).max() < 0.1 * current.max()


def test_the_bias_is_shared():
    """What one load gets the other lacks."""
    for mode in (0.3, 0.4, 0.5):
        assert sum(shares(P, mode, CENTRE)) == pytest.approx(sum(shares(P, 0.4, CENTRE)))


def test_one_pole():
    """A small step is at 1 - 1/e after the stated time constant."""
    time = np.linspace(0, 60e-9, 2401)
    v = response(P, 5e-9 * (time > 0), time, 0.4, CENTRE)
    rest, end = v[0], v[-1]
    late = np.interp(1 - np.exp(-1), (v - rest) / (end - rest), time)
    assert late == pytest.approx(P["tau"], rel=0.02)


def test_known_parameters_come_back():
    """Curves made from the shipped parameters, 3 % changed, give these back within their noise."""
    rng = np.random.default_rng(2)
    true = {name: value * (1.03 if name in NAMES else 1) for name, value in P.items()}
    sweep = DATA["load"]
    current = load(true, sweep["v"], sweep["vmode"][:, None, None], sweep["vbias"][:, None])
    noise = 1e-4 * np.abs(current).max(-1, keepdims=True) * rng.standard_normal(current.shape)
    outputs = {**sweep.outputs, "current": current + noise}
    fitted = fit_adder(replace(DATA, sweeps={**DATA.sweeps, "load": replace(sweep, outputs=outputs)}))
    for name in ("log_bias", "v_mode_offset", "v_mode_width", "v_width", "v_growth", "i_knee"):
        assert abs(fitted.parameters[name] - true[name]) < 5 * fitted.deviation[name], name
