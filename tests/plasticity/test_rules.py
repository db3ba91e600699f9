"""Diehl's post-triggered rule, three-factor products, and no gradient anywhere."""

import jax.numpy as jnp
import numpy as np

from neuromorph.models.diehl import DiehlSynapse
from neuromorph.models.eligibility_synapse import EligibilitySynapse
from neuromorph.models.pytree import as_float32
from neuromorph.plasticity.diehl import post_updates
from neuromorph.plasticity.eligibility import TRACES, Traces
from neuromorph.plasticity.three_factor import delta_update, gate_update


def test_weights_follow_the_rule_spike_by_spike():
    draw = np.random.default_rng(0)
    weights = draw.random((40, 12)).astype(np.float32)
    spikes, traces = draw.random((5, 40)) < 0.2, draw.random((5, 12)).astype(np.float32)
    rule = as_float32(DiehlSynapse(rate_up=0.1, rate_down=0.1, mu_up=1.5, mu_down=1.5))
    got = post_updates(rule, *map(jnp.asarray, (weights, spikes, traces)), 0.4, jnp.float32(1.0))
    for fired, trace in zip(spikes, traces, strict=True):
        change = 0.1 * (trace - 0.4)[None] * (1 - weights) ** 1.5
        weights = np.where(fired[:, None], np.maximum(weights + change, 0), weights)
    assert np.allclose(got, weights, atol=1e-5)


def test_plasticity_off_moves_nothing():
    weights = jnp.full((32, 4), 0.5)
    spikes, traces = jnp.ones((3, 32), bool), jnp.ones((3, 4))
    got = post_updates(DiehlSynapse(), weights, spikes, traces, 0.4, jnp.float32(0.0))
    assert np.array_equal(got, weights)


def test_gate_update_multiplies_signal_and_trace():
    y = np.random.default_rng(0).random((TRACES, 2)).astype(np.float32)
    traces = Traces(*map(jnp.asarray, y))
    signal, output = np.float32([2.0, -1.0]), jnp.float32([0.5, 0.25])
    down = gate_update(EligibilitySynapse(1.0), traces, jnp.asarray(signal), output, jnp.float32(3.0))
    parts = [(y[0] - y[1]) * signal, (y[2] - y[3]) * signal, 3.0 * np.asarray(output), y[4] * signal]
    assert np.allclose(down, parts, atol=1e-6)


def test_delta_update_is_an_outer_product():
    assert np.allclose(delta_update(jnp.float32([1, -2]), jnp.float32([3, 0])), [[3, -6], [0, 0]])
