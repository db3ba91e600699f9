"""Charges of a loaded neuron: spikes that they foretell give them back, and ngspice's kept spikes need them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromorph.errors import FitFailed
from neuromorph.fitting.feature_neuron import (
    BEGIN,
    SPIKES,
    STOP,
    SYNAPSES,
    Bare,
    Drive,
    drives,
    extra_charges,
    fit_feature_neuron,
    loaded,
    predicted,
    spike_times,
)
from neuromorph.library import Library

SHIPPED = Library.shipped().read("feature_neuron")
BARE = Bare(SHIPPED["bare"])
TIME = SHIPPED["drive"]["time"]


def drive(current):
    """Nothing for five nanoseconds, then ``current`` A, as a function of time."""
    return Drive(TIME, np.where(BEGIN + 5e-9 < TIME, current, 0.0))


@pytest.mark.parametrize("current", [2e-7, 5e-7, 8e-7])
def test_charges_are_read_from_the_spikes_that_they_foretell(current):
    """At a constant current an error of the grid, 0.02 ns, is 16 aC at most, and half of it in the mean."""
    given = drive(current)
    first, rest = extra_charges(BARE, given, predicted(BARE, given, 0.3e-15, 0.2e-15, STOP))
    assert first == pytest.approx(0.5e-15, abs=0.02e-9 * current + 5e-18)
    assert rest == pytest.approx(0.3e-15, abs=0.02e-9 * current + 1e-18)


def test_load_and_latch_make_spikes_late():
    given = drive(4e-7)
    bare, slower, latched = (
        predicted(BARE, given, load, latch, STOP) for load, latch in ((0, 0), (3e-16, 0), (3e-16, 2e-16))
    )
    assert np.diff(slower)[0] - np.diff(bare)[0] == pytest.approx(3e-16 / 4e-7, abs=0.03e-9)
    assert latched[0] - slower[0] == pytest.approx(2e-16 / 4e-7, abs=0.03e-9)
    assert np.diff(latched)[0] == pytest.approx(np.diff(slower)[0], abs=0.03e-9)


def test_a_silent_neuron_is_foretold_no_spikes():
    assert len(predicted(BARE, drive(0.0), 3e-16, 2e-16, STOP)) == 0


def test_the_fit_recovers_charges_of_other_circuits():
    """Spikes of twice the load and half of the latch, foretold at the shipped drives: the fit finds both."""
    p = SHIPPED.fit.parameters
    load, latch = 2 * loaded(p, SYNAPSES), 0.5 * p["latch_charge"]
    times = [predicted(BARE, found, load, latch, STOP)[:SPIKES] for found in drives(SHIPPED["drive"])]
    rows = np.array([np.r_[t, np.full(SPIKES - len(t), np.nan)] for t in times])
    spikes = SHIPPED["spikes"]
    other = replace(spikes, outputs={"times": rows.reshape(spikes["times"].shape)})
    fitted = fit_feature_neuron(replace(SHIPPED, sweeps={**SHIPPED.sweeps, "spikes": other})).parameters
    # a time is the grid's, 0.02 ns late at most: 18 aC at the largest drive
    assert loaded(fitted, SYNAPSES) == pytest.approx(load, abs=18e-18)
    assert fitted["latch_charge"] == pytest.approx(latch, abs=18e-18)


def test_a_neuron_that_hardly_fires_determines_nothing():
    spikes = SHIPPED["spikes"]
    times = np.full_like(spikes["times"], np.nan)
    times[..., 0] = 40e-9
    silent = replace(spikes, outputs={"times": times})
    with pytest.raises(FitFailed, match="less than twice"):
        fit_feature_neuron(replace(SHIPPED, sweeps={**SHIPPED.sweeps, "spikes": silent}))


def test_loads_of_the_kept_curves_are_alike():
    """Whatever the weights: the mean of each point within a fifth of the mean of all."""
    pairs = zip(drives(SHIPPED["drive"]), spike_times(SHIPPED["spikes"]), strict=True)
    means = np.array([extra_charges(BARE, given, times)[1].mean() for given, times in pairs])
    assert np.all(np.abs(means / loaded(SHIPPED.fit.parameters, SYNAPSES) - 1) < 0.2)
