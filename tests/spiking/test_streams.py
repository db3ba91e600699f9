"""Many copies of a network, each with its own spikes."""

import numpy as np
import pytest

from neuromorph.errors import InputError
from neuromorph.spiking import LIF, Dense, PostTriggered, SpikeList, SpikingNetwork

DRAW = np.random.default_rng(4)
STREAMS = [{"in": SpikeList(DRAW.integers(0, 200, 600), DRAW.integers(0, 30, 600))} for _ in range(5)]


def network():
    net = SpikingNetwork(dt=1e-3)
    net.source("in", 30)
    net.population("N", 20, LIF(tau=20e-3, threshold=1.0, refractory=2e-3))
    weights = np.random.default_rng(5).uniform(0, 1.2, (30, 20))
    net.project("in", "N", Dense(weights, PostTriggered(rate=0.05, target=0.2, mu=1.0)))
    return net


@pytest.mark.parametrize("backend", ["jax", "auto"])
def test_each_copy_is_as_if_it_ran_alone(backend):
    net = network()
    many = net.run_streams(0.2, STREAMS, workers=3, backend=backend)
    for inputs, run in zip(STREAMS, many, strict=True):
        alone = net.run(0.2, inputs, backend=backend)
        assert run.counts["N"].sum() > 20
        assert np.array_equal(run.counts["N"], alone.counts["N"])
        assert np.array_equal(run.weights("in->N"), alone.weights("in->N"))
    assert not np.array_equal(many[0].weights("in->N"), many[1].weights("in->N"))


def test_copies_go_on_from_their_own_states():
    net = network()
    states = [run.state for run in net.run_streams(0.1, STREAMS[:2])]
    more = net.run_streams(0.1, STREAMS[:2], states=states, workers=2)
    assert all(
        np.array_equal(run.counts["N"], net.run(0.1, inputs, state=state).counts["N"])
        for run, inputs, state in zip(more, STREAMS, states, strict=False)
    )


def test_what_does_not_fit_is_named():
    with pytest.raises(InputError, match="0 workers"):
        network().run_streams(0.1, STREAMS, workers=0)
    with pytest.raises(InputError, match="1 states for 5 streams"):
        network().run_streams(0.1, STREAMS, states=[None])
