"""Diehl's post-triggered update, event-driven: one row of weights per post spike."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.diehl import DiehlSynapse
from neuromorph.models.events import walk_ticks


def post_updates(
    synapse: DiehlSynapse,
    weights: jax.Array,
    spikes: jax.Array,
    traces: jax.Array,
    x_target: float,
    plastic: jax.Array,
) -> jax.Array:
    """Weights [post, pre] after the post spikes (bool [ticks, post]) of a frame, in their order.

    ``traces`` [ticks, pre] is x_pre at each tick, one trace a line; weights stay
    >= 0; ``plastic`` scales every change (0: plasticity off).
    """

    def event(tick: jax.Array, neuron: jax.Array, w: jax.Array) -> jax.Array:
        row = jax.lax.dynamic_index_in_dim(w, neuron, keepdims=False)
        trace = jax.lax.dynamic_index_in_dim(traces, tick, keepdims=False)
        change = plastic * synapse.change(row, trace, x_target)
        return jax.lax.dynamic_update_index_in_dim(w, jnp.maximum(row + change, 0.0), neuron, 0)

    return walk_ticks(spikes, event, weights)
