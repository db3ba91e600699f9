"""Event walks and tick filters against plain loops."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.models.events import add_rows, walk
from neuromorph.models.filters import before, filtered


@given(st.lists(st.booleans(), min_size=70, max_size=70))
@settings(max_examples=15, deadline=None)
def test_walk_visits_every_spike_once(spikes):
    start = jnp.zeros(70, jnp.int32)
    visits = walk(jnp.asarray(spikes), lambda k, seen: seen.at[k].add(1), start)
    assert np.array_equal(np.asarray(visits), np.asarray(spikes, int))


def test_rows_add_up_to_the_dense_product():
    draw = np.random.default_rng(0)
    weights = draw.normal(size=(128, 24)).astype(np.float32)
    spikes, charge = draw.random(128) < 0.2, draw.random(128).astype(np.float32)
    into = draw.normal(size=24).astype(np.float32)
    got = add_rows(jnp.asarray(weights), jnp.asarray(spikes), jnp.asarray(charge), jnp.asarray(into))
    assert np.allclose(got, into + (spikes * charge) @ weights, atol=1e-5)


def test_filter_matrix_is_the_tick_recursion():
    draw = np.random.default_rng(1)
    events, start = draw.random((20, 3)).astype(np.float32), draw.random(3).astype(np.float32)
    decay, trace, after, prior = np.exp(-2e-9 / 10e-9), start, [], []
    for event in events:
        prior.append(trace * decay)
        trace = trace * decay + event
        after.append(trace)
    got = filtered(jnp.asarray(events), jnp.asarray(start), 2e-9, 10e-9)
    assert np.allclose(got, after, rtol=1e-5)
    assert np.allclose(before(got, jnp.asarray(start), 2e-9, 10e-9), prior, rtol=1e-5)


def test_no_filter_leaves_raw_spikes():
    events = jnp.asarray(np.eye(5, dtype=np.float32))
    assert np.array_equal(filtered(events, jnp.ones(5), 2e-9, 0.0), np.eye(5))
