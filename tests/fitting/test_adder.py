"""Dendritic adder: modes by their curvature, superposition, and known parameters back from their curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromorph.fitting.adder import (
    CENTRE,
    CENTRE_MODE,
    NAMES,
    UNIT,
    fit_adder,
    load,
    response,
    shares,
    voltage,
)
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


def test_an_instances_node_is_read_off_its_curves():
    """What the form misses of a curve is in its own parameters, and not in the node's: here a form that is twice off."""
    true = {**P, "capacitance": 2.7e-14}
    sweep, steps = DATA["load"], DATA["step"]
    grid = sweep["v"], sweep["vmode"][:, None, None], sweep["vbias"][:, None]
    odd = 20e-9 * np.sin(sweep["v"] / 0.03)  # no load has this: 20 nA of 800
    current = load(true, *grid) + odd + 3e-9
    moved = replace(sweep, outputs={**sweep.outputs, "current": current})
    held = current[list(sweep["vmode"]).index(CENTRE_MODE), list(sweep["vbias"]).index(CENTRE)]
    voltages = steps["voltage"].copy()
    middle = list(steps["vmode"]).index(CENTRE_MODE)
    for k, drive in enumerate(steps["drive"][middle]):
        voltages[middle, k] = exact_course(drive, steps["time"], sweep["v"], held, true["capacitance"])
    reduced = {"load": moved, "step": replace(steps, outputs={**steps.outputs, "voltage": voltages})}
    fitted = fit_adder(replace(DATA, sweeps=reduced)).parameters
    slope = np.interp(1e-4, sweep["v"], held) - np.interp(-1e-4, sweep["v"], held)
    # five voltages of a curve that turns over 60 mV: a cubic is within 3 % of its slope
    assert fitted["conductance"] == pytest.approx(slope / 2e-4, rel=0.03)
    assert fitted["v_rest"] == pytest.approx(np.interp(0.0, held, sweep["v"]), abs=5e-5)
    assert fitted["capacitance"] == pytest.approx(true["capacitance"], rel=0.01)


def exact_course(drive, time, v, held, capacitance):
    """The node in steps a hundred times as fine."""
    fine = np.linspace(time[0], time[-1], 100 * (len(time) - 1) + 1)
    given, found = np.interp(fine, time, drive), np.empty_like(fine)
    found[0] = np.interp(drive[0], held, v)
    for k, h in enumerate(np.diff(fine)):
        found[k + 1] = found[k] + h * (given[k] - np.interp(found[k], v, held)) / capacitance
    return found[::100]
