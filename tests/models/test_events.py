"""Event walks and tick filters against plain loops."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.models.events import pack_ticks, walk, walk_packed_ticks, weighted_rows
from neuromorph.models.filters import before, filtered


@given(st.lists(st.booleans(), min_size=70, max_size=70))
@settings(max_examples=15, deadline=None)
def test_walk_visits_every_spike_once(spikes):
    start = jnp.zeros(70, jnp.int32)
    visits = walk(jnp.asarray(spikes), lambda k, seen: seen.at[k].add(1), start)
    assert np.array_equal(np.asarray(visits), np.asarray(spikes, int))


@given(st.integers(0, 2**16), st.sampled_from([1, 32, 33, 70]), st.integers(1, 9))
@settings(max_examples=6, deadline=None)
def test_ticks_of_a_line_are_visited_in_order(seed, ticks, lines):
    spikes = np.random.default_rng(seed).random((ticks, lines)) < 0.4
    words, start = pack_ticks(jnp.asarray(spikes)), (jnp.zeros(ticks, jnp.int32), jnp.int32(1))
    for line in range(lines):
        seen, count = walk_packed_ticks(
            words, line, lambda t, carry: (carry[0].at[t].set(carry[1]), carry[1] + 1), start
        )
        assert np.array_equal(seen, np.cumsum(spikes[:, line]) * spikes[:, line])
        assert count == 1 + spikes[:, line].sum()


def test_weighted_rows_are_the_dense_product():
    draw = np.random.default_rng(0)
    matrix = draw.normal(size=(130, 24)).astype(np.float32)
    events = (draw.random((50, 128)) * (draw.random((50, 128)) < 0.1)).astype(np.float32)
    got = weighted_rows(jnp.asarray(matrix), jnp.asarray(events), lambda row, k: jnp.tanh(row))
    assert np.allclose(got, events @ np.tanh(matrix[:128]), atol=1e-5)


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
