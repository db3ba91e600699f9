"""Astrocyte: spikes add and decay, the line has a threshold and a ceiling, parameters come back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromorph.fitting.astrocyte import (
    SUPPLY,
    calcium,
    fit_astrocyte,
    followed,
    line_shift,
    node,
    of_knob,
    predicted_nodes,
)
from neuromorph.library import Library

DATA = Library.shipped().read("astrocyte")
P = DATA.fit.parameters
KNOBS = {"vup": np.array([0.38]), "vtau": np.array([0.62])}


def after(p, spikes, seconds):
    """Calcium some time after the last of the spikes."""
    time = np.array([spikes[-1] + seconds])
    return float(calcium(p, node(p, [np.array(spikes)], time, **KNOBS))[0, 0])


def test_spikes_add_the_same_whatever_the_calcium():
    """The hundredth spike adds what the model calls uptake, and so does the twentieth.

    Without the residue; the switch takes (a / k) / y of it, below 8 % at a calcium above 3.5 a / k.
    """
    p = {**P, "residue": 0.0, "decay_rate": 1e-3}
    for count in (20, 100):
        spikes = 50e-9 + 10e-9 * np.arange(count)
        step = after(p, spikes, 5e-9) - after(p, spikes[:-1], 5e-9)
        assert step == pytest.approx(p["uptake"], rel=0.08)
        assert after(p, spikes, 5e-9) > 3.5 * p["uptake"] / p["switch_widths"]


def test_calcium_decays_over_microseconds():
    """Exponential with w / d far from rest, between 1 and 7 us over the knob's range."""
    tau = P["v_width"] / of_knob(P, "decay_rate", "vtau", np.array([0.59, 0.62, 0.65]))
    assert np.all(np.diff(tau) > 0)
    assert 0.8e-6 < tau[0] < 1.2e-6
    assert 5e-6 < tau[2] < 9e-6
    spikes = 50e-9 + 20e-9 * np.arange(100)
    one, two = after(P, spikes, 10e-9), after(P, spikes, 10e-9 + tau[1])
    assert two / one == pytest.approx(np.exp(-1), rel=0.1)


def test_spice_decays_as_the_knob_says():
    """SPICE's own curves after the burst: e-fold per 33 mV of the knob, within 10 %."""
    decay = DATA["decay"]
    late = (decay["time"] > 3.2e-6) & (decay["time"] < 4.5e-6)
    rate = [-np.polyfit(decay["time"][late], row[late], 1)[0] for row in decay["calcium"]]
    slope = np.polyfit(decay["vtau"] / 33e-3, np.log(rate), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)


def test_the_line_has_a_threshold_and_a_ceiling():
    """Below the threshold SPICE's line stays within 1 % of its range; a higher knob moves it up."""
    static = DATA["static"]
    onset = []
    for shift in static["shift"][:, 2]:
        assert np.all(np.diff(shift) < 1e-5)
        assert abs(shift[-20:]).max() < 0.01 * shift.max()
        onset.append(SUPPLY - static["v_ca"][np.argmax(shift < 1e-3)])
    assert np.all(np.diff(onset) > 5e-3)
    y = np.geomspace(1e-3, 1e3, 50)
    lines = [line_shift(P, y, 0.19, vceil) for vceil in (0.53, 0.55)]
    assert np.all(np.diff(lines[0]) >= 0)
    assert lines[0][-1] > lines[1][-1] > 10e-3


def test_rate_raises_calcium_and_line():
    """A line that fires more often leaves more calcium and a lower line, in SPICE."""
    rate = DATA["rate"]
    for name in ("calcium", "shift"):
        assert np.all(np.diff(rate[name].max(-1)) < 0), name


def test_known_parameters_come_back():
    """Curves of changed parameters with 0.3 mV and 0.05 mV of noise give them back within their noise."""
    rng = np.random.default_rng(6)
    true = {
        **P,
        "decay_rate": 1.0e4,
        "uptake": 0.3,
        "residue": 8e-5,
        "ceiling": 0.6,
        "threshold": 0.08,
        "line_lag": 6e-8,
    }
    sweeps = dict(DATA.sweeps)
    for name in ("uptake", "decay", "rate"):
        u = predicted_nodes(true, DATA, sweeps[name])
        noisy = u + 3e-4 * rng.standard_normal(u.shape)
        line = followed(true, line_shift(true, calcium(true, u), 0.19, 0.535), sweeps[name]["time"])
        line = line + 5e-5 * rng.standard_normal(line.shape)
        outputs = {**sweeps[name].outputs, "calcium": noisy, "shift": line}
        sweeps[name] = replace(sweeps[name], outputs=outputs)
    static = sweeps["static"]
    y = calcium(true, SUPPLY - static["v_ca"])
    shift = line_shift(true, y, static["vthr"][:, None, None], static["vceil"][:, None])
    noisy = shift + 5e-5 * rng.standard_normal(shift.shape)
    sweeps["static"] = replace(static, outputs={"shift": noisy})
    fitted = fit_astrocyte(replace(DATA, sweeps=sweeps))
    for name in ("decay_rate", "uptake", "v_width", "residue", "ceiling", "threshold", "line_lag"):
        assert abs(fitted.parameters[name] - true[name]) < 5 * fitted.deviation[name], name
