"""The compiled loop, the native engine and plain loops in NumPy give the same spikes."""

from __future__ import annotations

import numpy as np
import pytest

from neuromorph.spiking import LIF, Dense, PairSTDP, PostTriggered, Sparse, SpikeList, SpikingNetwork
from tests.spiking import plain
from tests.spiking.conftest import needs_engine

# until rounding (fused multiply-adds, powers) has grown to a spike: from then on a chaotic network is another one
ALIKE = {"w1": 1500, "w2": 1300}
POPULATIONS = {"w1": ("E", "I"), "w2": ("A", "R")}


@pytest.fixture(scope="module", params=["w1", "w2"])
def work(request, workloads):
    return request.param, workloads.MAKE[request.param](seconds=2.0)


def ran(networks, name, work, backend, steps=None):
    net, inputs = networks.NETWORKS[name](work)
    steps = steps or int(work["steps"])
    known = {k: SpikeList(v.steps[v.steps < steps], v.channels[v.steps < steps]) for k, v in inputs.items()}
    return net.run(steps * net.dt, known, raster=POPULATIONS[name], backend=backend)


@pytest.mark.parametrize("backend", ["jax", pytest.param("native", marks=needs_engine)])
def test_a_workload_spikes_as_plain_loops_do(networks, work, backend):
    name, arrays = work
    expected = getattr(plain, name)(arrays, ALIKE[name])
    found = ran(networks, name, arrays, backend, ALIKE[name])
    for population, spikes in zip(POPULATIONS[name], expected[:2], strict=True):
        assert spikes.sum() > 400
        np.testing.assert_array_equal(found.raster(population), spikes)
    dense = {"w1": ["input->E"], "w2": ["input->A", "plastic"]}[name]
    for link, weights in zip(dense, expected[2:], strict=True):
        assert np.abs(weights - arrays["w" if link.startswith("input") else "r"]).max() > 0.01
        np.testing.assert_allclose(found.weights(link), weights, atol=2e-6)


@needs_engine
def test_engine_and_loop_agree_spike_for_spike(networks, work):
    """W1, and the layer of W2 that nothing chaotic reaches, over the whole run."""
    name, arrays = work
    one, other = (ran(networks, name, arrays, backend) for backend in ("jax", "native"))
    first, second = POPULATIONS[name]
    np.testing.assert_array_equal(one.raster(first), other.raster(first))
    assert one.counts[second].sum() == pytest.approx(other.counts[second].sum(), rel=0.02)
    np.testing.assert_array_equal(one.raster(first).sum(axis=0), one.counts[first])


def random_network(seed, n=37):
    """Both rules, both kinds of lists, parameters of every neuron's own."""
    draw = np.random.default_rng(seed)
    net = SpikingNetwork(dt=1e-3)
    net.source("in", 11)
    own = draw.uniform(0.9, 1.1, n).astype(np.float32)
    net.population("A", n, LIF(tau=0.02, threshold=own, adapt=0.05, tau_adapt=0.1, refractory=2e-3))
    net.population("B", 65, LIF(tau=0.02, threshold=1.0, refractory=3e-3, exact=True, start=0.1))
    net.project("in", "A", Dense(draw.uniform(0.0, 2.0, (11, n)), PostTriggered(0.05, 0.4, 0.3, w_max=2.0)))
    net.project("A", "A", Dense(draw.uniform(0.0, 0.2, (n, n)) * (1 - np.eye(n)), PairSTDP(0.01, 0.012, 0.3), loops=False),
                name="plastic")  # fmt: skip
    fan = draw.random((n, 65)) < 0.3
    start = np.concatenate([[0], np.cumsum(fan.sum(axis=1))])
    net.project("A", "B", Sparse.from_lists(start, np.nonzero(fan)[1], draw.uniform(0.2, 0.6, n), 65))
    net.project("B", "A", Dense(draw.uniform(-0.3, 0.0, (65, n)), port="inh"))
    steps = np.sort(draw.integers(0, 300, 900))
    return net, {"in": SpikeList(steps, draw.integers(0, 11, 900))}


@needs_engine
@pytest.mark.parametrize("seed", range(4))
def test_random_networks_agree(seed):
    net, inputs = random_network(seed)
    one, other = (
        net.run(0.3, inputs, raster=("A", "B"), watch=("A.v", "B.exc"), backend=b) for b in ("jax", "native")
    )
    differ = (one.raster("A") != other.raster("A")).any(axis=1) | (one.raster("B") != other.raster("B")).any(
        axis=1
    )
    alike = int(np.argmax(differ)) if differ.any() else len(differ)
    assert one.raster("A")[:alike].sum() > 50
    assert one.raster("B")[:alike].sum() > 20
    for name in ("A.v", "B.exc"):
        np.testing.assert_allclose(one.watched[name][:alike], other.watched[name][:alike], atol=1e-4)
    if alike == len(differ):
        np.testing.assert_allclose(one.weights("plastic"), other.weights("plastic"), atol=1e-5)


@pytest.mark.parametrize("backend", ["jax", pytest.param("native", marks=needs_engine)])
def test_pieces_and_continued_runs_are_one_run(backend, monkeypatch):
    """Plasticity that waits for the next step must not be lost, nor done twice, where a piece or a run ends."""
    net, inputs = random_network(1)
    whole = net.run(0.3, inputs, raster=("A", "B"), backend=backend)
    first = {
        "in": SpikeList(*(a[inputs["in"].steps < 111] for a in (inputs["in"].steps, inputs["in"].channels)))
    }
    later = inputs["in"].steps >= 111
    second = {"in": SpikeList(inputs["in"].steps[later] - 111, inputs["in"].channels[later])}
    half = net.run(0.111, first, raster=("A", "B"), backend=backend)
    rest = net.run(0.189, second, raster=("A", "B"), backend=backend, state=half.state)
    monkeypatch.setattr("neuromorph.spiking.run.LONGEST_PIECE", 64)
    pieces = net.run(0.3, inputs, raster=("A", "B"), backend=backend)
    for name in ("A", "B"):
        np.testing.assert_array_equal(
            np.concatenate([half.raster(name), rest.raster(name)]), whole.raster(name)
        )
        np.testing.assert_array_equal(pieces.raster(name), whole.raster(name))
    np.testing.assert_array_equal(rest.weights("plastic"), whole.weights("plastic"))
    np.testing.assert_array_equal(pieces.weights("plastic"), whole.weights("plastic"))


@needs_engine
def test_a_sparse_network_is_the_same_in_engine_and_loop_and_in_the_mean_as_plain_loops(networks, workloads):
    """W3 with 1,000 neurons: chaotic, so that the plain loops' double precision moves spikes but not their number."""
    work = workloads.w3(1000, 0.5)
    net, _ = networks.NETWORKS["w3"](work)
    steps = int(work["steps"])
    one, other = (net.run(0.5, backend=backend, raster=("E", "I")) for backend in ("jax", "native"))
    found = np.concatenate([one.raster("E"), one.raster("I")], axis=1)
    for population in ("E", "I"):
        np.testing.assert_array_equal(one.raster(population), other.raster(population))
    expected = plain.w3(work, steps)
    assert np.array_equal(found[:1200], expected[:1200])  # before rounding reaches a spike
    assert expected[:1200].sum() > 500
    # the sum of some 2,500 spikes in bursts: shares of a tenth are several of its standard deviations
    assert found.sum() == pytest.approx(expected.sum(), rel=0.1)
