"""The neuron's form: exactness, limits, and the stated error against fresh SPICE."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.characterization import load_recipe, measure
from neuromorph.circuit import Axis
from neuromorph.errors import FitFailed
from neuromorph.fitting.neuron import fit_neuron, parameters_of
from neuromorph.fitting.neuron_form import (
    DEAD_TIMES,
    LAG,
    advance,
    dead_time,
    driven,
    follow,
    integrate,
    tonic_interval,
    with_dead_times,
)
from neuromorph.fitting.neuron_knobs import at_knobs, form, leak_line
from neuromorph.library import Library

DATA = Library.shipped().read("axon_hillock")
P = parameters_of(DATA.fit)


def reference(y, current, seconds, steps=20000):
    """The membrane equation by brute force (explicit Euler, fine)."""
    h = seconds / steps
    for _ in range(steps):
        leak = P.leak_current * (1 - np.exp(-y / P.knee)) + P.leak_conductance * y
        y = y + h * (current - leak) / P.capacitance
    return y


@pytest.mark.parametrize("current", [0.0, 5e-10, 2e-9, 5e-8, 8e-7])
@pytest.mark.parametrize("start", [0.0, 0.05, 0.3])
def test_the_step_is_exact_for_constant_input(current, start):
    """The knee is a midpoint rule: it errs by less than 0.15 of the leak's charge, whatever the drive."""
    seconds = 0.5e-9
    expected = reference(start, current, seconds)
    bound = 0.15 * P.leak_current * seconds / P.capacitance + 2e-6
    assert integrate(P, start, current, seconds, np) == pytest.approx(expected, abs=bound)


@settings(deadline=None)
@given(st.floats(0.0, 0.36), st.floats(-2e-7, 9e-7), st.floats(1e-11, 0.5e-9))
def test_steps_compose_and_stay_finite(y, current, seconds):
    whole = integrate(P, y, current, seconds, np)
    half = integrate(P, integrate(P, y, current, seconds / 2, np), current, seconds / 2, np)
    assert np.isfinite(whole)
    # a negative current pulls the membrane below ground, where the leak clamps it: steps agree to 1 mV
    assert half == pytest.approx(whole, abs=1e-3)


@pytest.mark.parametrize("current", [2e-9, 3e-8, 3e-7, 8e-7])
def test_stepping_gives_the_tonic_interval(current):
    y, since, times, step = np.zeros(1), np.full(1, 1.0), [], 0.5e-9
    for k in range(int(6 * tonic_interval(P, current, np) / step)):
        y, since, fired, late = advance(P, y, since, driven(P, np.array([current]), np), step, np)
        if fired[0]:
            times.append((k + 1) * step - late[0])
    assert np.diff(times).mean() == pytest.approx(float(tonic_interval(P, current, np)), rel=2e-3)


def test_a_spike_carries_how_far_its_current_rose():
    """By r (x - X); X goes to x within its time, whatever the steps."""
    cold = P._replace(rise=2e-9, lag=LAG)
    now, before = driven(cold, np.full(2, 4e-7), np), np.array([0.5, 0.8])
    _, since, fired, late = advance(cold, now.threshold - 1e-4, np.full(2, 1.0), now, 0.5e-9, np, before)
    assert fired.all()
    np.testing.assert_allclose(since - late, now.carry - 2e-9 * (now.root - before), rtol=1e-12)
    once = follow(cold, before, now, 2e-9, np)
    np.testing.assert_allclose(once - now.root, (before - now.root) * np.exp(-2e-9 / LAG), rtol=1e-12)
    np.testing.assert_allclose(
        follow(cold, follow(cold, before, now, 1e-9, np), now, 1e-9, np), once, rtol=1e-12
    )
    assert follow(P, None, now, 2e-9, np) is None


def test_below_the_rheobase_it_never_fires():
    rheobase = P.leak_current + P.leak_conductance * P.threshold
    assert np.isinf(tonic_interval(P, np.array([0.98 * rheobase]), np))[0]
    assert np.isfinite(tonic_interval(P, np.array([1.05 * rheobase]), np))[0]


def test_more_current_fires_faster():
    interval = tonic_interval(P, np.geomspace(1.1e-9, 9e-7, 300), np)
    assert np.all(np.diff(interval) < 0)


@given(st.lists(st.floats(0.4, 2.5), min_size=len(DEAD_TIMES), max_size=len(DEAD_TIMES)))
def test_a_dead_time_goes_through_the_values_it_is_given(ratios):
    terms = with_dead_times(P.dead_time, ratios)
    own = P._replace(dead_time=terms)
    for x, ratio in zip(DEAD_TIMES.values(), ratios, strict=True):
        assert dead_time(own, x) == pytest.approx(ratio * dead_time(P, x))
    below = 0.5 * min(DEAD_TIMES.values())
    assert dead_time(own, below) == pytest.approx(ratios[0] * dead_time(P, below))


def test_the_models_values_of_the_dead_time_are_its_polynomials():
    for settings_of in (DATA.fit.parameters, at_knobs(DATA.fit.parameters, vref=0.2)):
        for name, x in DEAD_TIMES.items():
            assert settings_of[name] == pytest.approx(dead_time(form(settings_of), x))


def test_the_leak_is_read_where_the_neuron_does_not_fire():
    """A low threshold fires within the sweep, and its clamp takes a hundred microamperes: that is no leak."""
    membrane = DATA["membrane"]
    row = int(np.argmin(np.abs(membrane["vleak"] - DATA.attributes["default_vleak"])))
    voltage, current = membrane["v_in"], membrane["membrane_current"][row]
    fired = np.where(voltage > 0.33, 1.2e-4, current)
    np.testing.assert_allclose(leak_line(voltage, fired)[1], leak_line(voltage, current)[1], rtol=0.01)


def test_a_membrane_without_leak_is_refused():
    sweep = DATA["membrane"]
    dead = replace(
        sweep, outputs={**sweep.outputs, "membrane_current": 0 * sweep["membrane_current"] - 1e-12}
    )
    with pytest.raises(FitFailed, match="no leak current"):
        fit_neuron(replace(DATA, sweeps={**DATA.sweeps, "membrane": dead}))


@pytest.mark.ngspice
def test_fresh_spice_at_currents_the_fit_never_saw():
    """Tonic interval at random currents between 1.3 times the rheobase and full scale: within 0.5 %."""
    circuit = load_recipe("axon_hillock")
    currents = np.exp(np.random.default_rng(5).uniform(np.log(1.3e-8), np.log(8e-7), 5))
    sweep = replace(circuit.sweep("tonic_check"), axes={"i_in": Axis(tuple(currents), "A")})
    fresh = measure(circuit, [sweep])["tonic_check"]
    error = tonic_interval(P, fresh["i_in"], np) / fresh["interval"] - 1
    assert np.abs(error).max() <= 0.005


@pytest.mark.ngspice
def test_fresh_spice_on_random_input():
    """Next interval on a seed the fit never saw: mean within 0.5 %, 95 % within 1 %."""
    from neuromorph.fitting.neuron import intervals, predict_intervals

    circuit = load_recipe("axon_hillock")
    sweep = circuit.sweep("random_check")
    sweep = replace(sweep, axes={**sweep.axes, "seed": Axis((777,), "")})
    fresh = measure(circuit, [sweep])
    predicted, true = predict_intervals(P, intervals(fresh, "random_check"))
    error = np.abs(predicted / true - 1)
    assert error.mean() <= 0.005
    assert np.percentile(error, 95) <= 0.01
