"""Diehl's post-triggered update, event-driven: one row of weights per post spike."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.diehl import DiehlSynapse
from neuromorph.models.events import instance, pack_ticks, row_of, walk_packed_ticks, with_row


def post_updates(
    synapse: DiehlSynapse,
    weights: jax.Array,
    spikes: jax.Array,
    traces: jax.Array,
    x_target: float,
    plastic: jax.Array,
) -> jax.Array:
    """Weights [post, pre] after the post spikes (bool [ticks, post]) of a frame; a neuron's own in their order.

    ``traces`` [ticks, pre] is x_pre at each tick, one trace a line; weights
    stay above the synapse's ground; ``plastic`` scales every change (0: plasticity off).
    """

    words = pack_ticks(spikes)

    def neuron(k: jax.Array, weights: jax.Array) -> jax.Array:
        own = instance(synapse, k)

        def event(tick: jax.Array, row: jax.Array) -> jax.Array:
            change = plastic * own.change(row, row_of(traces, tick), x_target)
            return own.moved(row, change)

        def moved(weights: jax.Array) -> jax.Array:
            return with_row(weights, walk_packed_ticks(words, k, event, row_of(weights, k)), k)

        return jax.lax.cond(jnp.any(words[:, k] != 0), moved, lambda weights: weights, weights)

    return jax.lax.fori_loop(0, len(weights), neuron, weights)
