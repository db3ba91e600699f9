"""Time in which the cells wait, cut off from their gates: learning, and the sequential decisions of a joint head."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp

from neuromorph.models.fidelity import BlockSet
from neuromorph.network.config import NetworkConfig
from neuromorph.network.state import State


def held(config: NetworkConfig, blocks: BlockSet, state: State, seconds: float | jax.Array) -> State:
    """``state`` after ``seconds`` without input spikes.

    The cells lose what a cut-off one does; dendrites, line filters and traces of spikes decay with their
    own time constants.  The features' membranes are grounded.  The cells' keep, as eligibility traces do: the former leak
    a thousandth of full scale, the latter through a closed line.
    """
    c = blocks.cell.waited(state.cells.c, seconds)
    dendrite, synapse, eligibility = blocks.dendrite, blocks.feature_synapse, blocks.eligibility
    decay = _left(seconds, synapse.tau_decay)
    cells = replace(
        state.cells, c=c, rise=state.cells.rise * _left(seconds, dendrite.tau_rise),
        current=state.cells.current * _left(seconds, dendrite.tau_decay),
        read=state.cells.read * _left(seconds, blocks.note_dendrite.tau_decay),
    )  # fmt: skip
    grounded = blocks.feature_neuron.initial(config.features.neurons)
    neuron = jax.tree.map(lambda new, old: jnp.where(seconds > 0, new, old), grounded, state.features.neuron)
    features = replace(
        state.features, neuron=neuron, rise=state.features.rise * _left(seconds, synapse.tau_rise),
        current=state.features.current * decay,
    )  # fmt: skip
    lines = replace(
        state.lines, recent=state.lines.recent * _left(seconds, synapse.tau_release),
        pre=state.lines.pre * _left(seconds, eligibility.tau_pre),
        output=state.lines.output * _left(seconds, eligibility.tau_output),
        trace=jnp.where(seconds > 0, blocks.diehl.rested(state.lines.trace, seconds), state.lines.trace),
    )  # fmt: skip
    return replace(state, cells=cells, features=features, lines=lines)


def _left(seconds: float | jax.Array, tau: float | jax.Array) -> jax.Array:
    """``exp(-seconds / tau)``; all of it after no time, nothing of a filter without memory."""
    tau = jnp.asarray(tau, jnp.float32)
    return jnp.where(seconds > 0, jnp.where(tau > 0, jnp.exp(-seconds / jnp.maximum(tau, 1e-15)), 0.0), 1.0)
