"""Neurons against their equations, records, and what a user does wrong."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.errors import InputError, SimulationDiverged
from neuromorph.fitting.neuron_form import tonic_interval
from neuromorph.library import Library
from neuromorph.models.events import pack, unpacked
from neuromorph.spiking import (
    LIF,
    AllButOne,
    AxonHillock,
    Dense,
    OneToOne,
    PairSTDP,
    Sparse,
    SpikeList,
    SpikingNetwork,
    axon_hillock,
)
from neuromorph.spiking.projections import padded_columns
from tests.spiking.conftest import needs_engine

BOTH = ["jax", pytest.param("native", marks=needs_engine)]


def one_neuron(neuron, weight, dt=1e-4, port="exc"):
    net = SpikingNetwork(dt=dt)
    net.source("in", 1)
    net.population("N", 1, neuron)
    net.project("in", "N", Dense(np.array([[weight]]), port=port))
    return net


@pytest.mark.parametrize("backend", BOTH)
def test_exact_currents_follow_the_solution(backend):
    """v after one spike of an exponential current is a difference of exponentials."""
    tau, tau_s, w = 20e-3, 5e-3, 0.7
    net = one_neuron(LIF(tau=tau, threshold=9.0, tau_exc=tau_s, exact=True), w)
    run = net.run(0.05, {"in": SpikeList(np.array([0]), np.array([0]))}, watch=("N.v",), backend=backend)
    t = np.arange(500) * net.dt
    expected = w * tau_s / (tau - tau_s) * (np.exp(-t / tau) - np.exp(-t / tau_s))
    np.testing.assert_allclose(run.watched["N.v"][:, 0], expected, atol=2e-6)


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("refractory", [0.0, 1e-3, 5e-3])
def test_refractory_time_bounds_the_rate(backend, refractory):
    """A neuron driven far over threshold fires once in its refractory time, or at every step."""
    net = SpikingNetwork(dt=1e-3)
    net.population("N", 3, LIF(tau=1e-3, rest=5.0, threshold=1.0, refractory=refractory, start=0.0))
    run = net.run(0.1, raster=("N",), backend=backend)
    gaps = np.diff(np.flatnonzero(run.raster("N")[:, 0]))
    assert set(gaps) == {max(round(refractory / 1e-3), 1)}


@pytest.mark.parametrize("backend", BOTH)
def test_all_but_one_spares_the_one_that_fired(backend):
    net = SpikingNetwork(dt=1e-3)
    net.population(
        "N",
        3,
        LIF(tau=1.0, threshold=np.array([0.5, 9, 9], np.float32), start=np.array([1.0, 0, 0], np.float32)),
    )
    net.project("N", "N", AllButOne(0.25))
    net.project("N", "N", OneToOne(-2.0, port="exc"), name="self")
    run = net.run(1e-3, watch=("N.exc", "N.inh"), backend=backend)
    np.testing.assert_allclose(run.watched["N.inh"], [[0, 0.25, 0.25]])
    np.testing.assert_allclose(run.watched["N.exc"], [[-2, 0, 0]])


@pytest.mark.parametrize("share", [0.05, 0.2, 0.6])
def test_the_circuits_neuron_fires_at_its_fitted_interval(share):
    model = Library.shipped().models()["axon_hillock"]
    dt = 1e-9
    neuron = axon_hillock(model, dt, tau_exc=1.0)  # one second: a constant current for this run
    current = share * 1e-9 * float(neuron.hardware.full_scale)
    net = one_neuron(neuron, current, dt)
    run = net.run(4e-6, {"in": SpikeList(np.array([0]), np.array([0]))}, raster=("N",))
    spikes = np.flatnonzero(run.raster("N")[:, 0])
    expected = float(tonic_interval(neuron.hardware.parameters, np.float32(current * 1e9), np))
    assert np.diff(spikes).mean() * dt * 1e9 == pytest.approx(expected, rel=0.002)


@given(st.integers(1, 200), st.data())
@settings(max_examples=25, deadline=None)
def test_packed_spikes_come_back(n, data):
    spikes = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    np.testing.assert_array_equal(unpacked(np.asarray(pack(spikes)), n), spikes)


@given(st.integers(1, 5000))
def test_rows_are_whole_vectors_and_never_a_kib(n):
    length = padded_columns(n)
    assert length >= n
    assert length % 16 == 0
    assert length % 256 != 0
    assert length - n < 32


def test_recording_every_nth_step_and_over_pieces(monkeypatch):
    monkeypatch.setattr("neuromorph.spiking.run.LONGEST_PIECE", 16)
    net = SpikingNetwork(dt=1e-3)
    net.population("N", 2, LIF(tau=20e-3, rest=0.5, threshold=1.0, start=0.0))
    full, third = (net.run(0.05, watch=("N.v",), every=k) for k in (1, 3))
    np.testing.assert_array_equal(third.watched["N.v"], full.watched["N.v"][::3])


def test_another_weight_seed_or_length_is_the_same_program():
    from neuromorph.spiking.run import run_piece

    run_piece.clear_cache()
    for weight, seconds in ((0.5, 0.02), (0.7, 0.05)):
        net = one_neuron(LIF(tau=weight, threshold=weight), weight)
        net.run(
            seconds,
            {"in": SpikeList(np.arange(int(weight * 10)), np.zeros(int(weight * 10), int))},
            backend="jax",
        )
    assert run_piece._cache_size() == 1


@pytest.mark.parametrize("backend", BOTH)
def test_a_run_that_diverges_says_where_and_keeps_what_it_had(backend, monkeypatch):
    monkeypatch.setattr("neuromorph.spiking.run.LONGEST_PIECE", 16)
    net = one_neuron(LIF(tau=1e-3, threshold=1e30, conductance=True), 3e38)
    spikes = SpikeList(np.full(5, 40), np.zeros(5, int))
    with pytest.raises(
        SimulationDiverged, match=r"'N' is not finite between 0\.0032 and 0\.0048 s"
    ) as caught:
        net.run(0.01, {"in": spikes}, watch=("N.v",), backend=backend)
    assert len(caught.value.recorded.watched["N.v"]) == 48
    assert np.isfinite(caught.value.recorded.watched["N.v"][:40]).all()


def network():
    net = SpikingNetwork(dt=1e-3)
    net.source("in", 3)
    net.population("N", 2, LIF(tau=0.02, threshold=1.0))
    return net


MISTAKES = {
    "no population 'M'|source 'M'": lambda net: net.project("in", "M", Dense(np.zeros((3, 2)))),
    "shape \\(2, 3\\).*\\(3, 2\\)": lambda net: net.project("in", "N", Dense(np.zeros((2, 3)))),
    "no port 'gaba'": lambda net: net.project("in", "N", Dense(np.zeros((3, 2)), port="gaba")),
    "'in' is a source": lambda net: net.project("N", "in", Dense(np.zeros((2, 3)))),
    "already": lambda net: net.population("in", 4, LIF(tau=1.0, threshold=1.0)),
    "size 0": lambda net: net.population("M", 0, LIF(tau=1.0, threshold=1.0)),
    "for populations, not for sources": lambda net: net.project("in", "N", Dense(np.zeros((3, 2)), PairSTDP(0.1, 0.1))),
    "OneToOne is for populations": lambda net: net.project("in", "N", OneToOne(1.0)),
    "a target of 7": lambda net: Sparse.from_lists(np.array([0, 1]), np.array([7]), 1.0, 2),
    "lists that end at 5": lambda net: Sparse.from_lists(np.array([0, 5]), np.array([1]), 1.0, 2),
    "shape \\(5,\\) for 2 neurons": lambda net: net.population("M", 2, LIF(tau=1.0, threshold=np.ones(5))),
    "weights of shape \\(2,\\) for 3 lines": lambda net: net.project(
        "in", "N", Sparse(np.zeros((3, 1), np.uint16), np.zeros(2), 2)),
    "end with 2": lambda net: net.project("in", "N", Sparse(np.full((3, 1), 7, np.uint16), np.zeros(3), 2)),
    "lists of 0 ... 1 that": lambda net: net.project(
        "in", "N", Sparse(np.array([[2, 0]] * 3, np.uint16), np.zeros(3), 2)),
    "not of this network": lambda net: net.run(0.01, {"in": SpikeList([], [])}, state=one_neuron(
        LIF(tau=0.02, threshold=1.0), 1.0).run(0.01, {"in": SpikeList([], [])}).state),
    "exact is for currents": lambda net: net.population(
        "M", 2, LIF(tau=0.02, threshold=1.0, exact=True, conductance=True)),
    "time constants of synapse and membrane that differ": lambda net: net.population(
        "M", 2, LIF(tau=0.005, threshold=1.0, exact=True)),
    "dt = 0": lambda net: SpikingNetwork(dt=0),
    "cannot record \\['M'\\]": lambda net: net.run(1.0, {"in": SpikeList([], [])}, raster=("M",)),
    "cannot record \\['N.u'\\]": lambda net: net.run(1.0, {"in": SpikeList([], [])}, watch=("N.u",)),
    "sources are \\['in'\\]": lambda net: net.run(1.0),
    "0 steps": lambda net: net.run(0.0, {"in": SpikeList([], [])}),
    "3 is not a step or a channel": lambda net: net.run(1.0, {"in": SpikeList(np.array([1]), np.array([3]))}),
    "not integers": lambda net: net.run(1.0, {"in": SpikeList(np.array([0.5]), np.array([1]))}),
    "steps have shape \\(2,\\)": lambda net: net.run(1.0, {"in": SpikeList(np.array([1, 2]), np.array([1]))}),
    "backend 'gpu'": lambda net: net.run(1.0, {"in": SpikeList([], [])}, backend="gpu"),
}  # fmt: skip


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_named(message):
    with pytest.raises(InputError, match=message):
        MISTAKES[message](network())


def test_more_than_memory_is_refused_before_it_is_taken():
    net, n = SpikingNetwork(dt=1e-3), 3_000_000
    net.population("N", n, LIF(tau=0.02, threshold=1.0))
    with pytest.raises(InputError, match=r"weights of 'N->N' take 33527\.6 GiB, .* GiB are free"):
        net.project("N", "N", Dense(np.broadcast_to(np.float32(0), (n, n))))


def test_what_was_not_recorded_is_not_there():
    run = network().run(0.01, {"in": SpikeList([], [])})
    with pytest.raises(InputError, match="no raster of 'N'"):
        run.raster("N")
    with pytest.raises(InputError, match="no weights of 'x'"):
        run.weights("x")


def test_the_engine_refuses_what_it_does_not_know():
    model = Library.shipped().models()["axon_hillock"]
    net = SpikingNetwork(dt=1e-9)
    net.population("N", 2, axon_hillock(model, 1e-9))
    assert isinstance(net.populations["N"].neuron, AxonHillock)
    other = network()
    other.project("N", "N", OneToOne(np.array([0.1, 0.2], np.float32)))
    with pytest.raises(InputError, match="'N->N' has a parameter that is not one number"):
        other.run(0.01, {"in": SpikeList([], [])}, backend="native")
    with pytest.raises(InputError, match="'N' is of AxonHillock"):
        net.run(1e-7, backend="native")
    assert net.run(1e-7).counts["N"].sum() == 0


@pytest.mark.parametrize("variables", [{"NEUROMORPH_NATIVE": "0"}, {"CXX": "no-such-compiler"}])
def test_without_a_compiler_jax_runs_alone(variables, tmp_path):
    code = (
        "from neuromorph.spiking import *; from neuromorph.spiking.native import engine;"
        "net = SpikingNetwork(dt=1e-3); net.population('N', 2, LIF(tau=1e-3, rest=5.0, threshold=1.0, start=0.0));"
        "print(net.run(0.01).counts['N'].sum(), engine()[1])"
    )
    import os

    env = os.environ | {"XDG_CACHE_HOME": str(tmp_path)} | variables
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    count, reason = done.stdout.strip().split(" ", 1)
    assert int(count) > 0
    assert next(iter(variables.values())).strip("0") in reason
