"""Weights and states of the network, as pytrees, and how they start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.models.fidelity import BlockSet
from neuromorph.models.pytree import pytree
from neuromorph.network.config import NetworkConfig
from neuromorph.plasticity.eligibility import Traces

GATES = 4
"""Gates of a cell, in the order of the weight columns: i, f, o, g."""


@pytree
class Weights:
    """Three-factor weights.

    Parameters
    ----------
    gates : [lines, 4 * cells], one row a line (notes, features, cells, bias)
    readout : [cells, notes]
    bias : [notes]
    lateral : [notes, notes], row lower pitch -> column higher pitch
    """

    gates: jax.Array
    readout: jax.Array
    bias: jax.Array
    lateral: jax.Array


@pytree
class FeatureState:
    """Diehl layer: weights [features, notes], thresholds, neurons, dendrites, traces."""

    weights: jax.Array
    threshold: jax.Array
    neuron: Any
    rise: jax.Array
    current: jax.Array
    last_spikes: jax.Array


@pytree
class LineState:
    """Spike traces of the lines, kept across frames.

    ``recent`` [notes]: release trace of the feature layer's synapses; ``pre`` [lines - 1]: filtered
    spikes for the eligibility; ``output`` [lines - 1]: the same for the output
    gate; ``trace`` [notes]: Diehl's x_pre; ``heard`` bool [lines - 1]: has spiked since the piece began (all traces of
    the others are zero).
    """

    recent: jax.Array
    pre: jax.Array
    output: jax.Array
    trace: jax.Array
    heard: jax.Array


@pytree
class CellState:
    """Memory cells: c, dendrites [4 * cells], neurons, spikes on their way, read-out filter."""

    c: jax.Array
    rise: jax.Array
    current: jax.Array
    neuron: Any
    last_spikes: jax.Array
    read: jax.Array


@pytree
class State:
    """All that changes while the network runs."""

    fast: Weights
    slow: Weights
    feedback: jax.Array
    features: FeatureState
    lines: LineState
    cells: CellState
    eligibility: Traces


def initial_weights(config: NetworkConfig, seed: int, log_odds: np.ndarray) -> Weights:
    """Random gates and read-out; bias = log-odds of each pitch (music study, section 5)."""
    draw = np.random.default_rng([seed, 1])
    notes, cells, lines = config.notes, config.cells, config.lines
    spread = 1.0 / np.sqrt(notes + cells)
    gates = draw.normal(0.0, spread, (lines, GATES, cells))
    gates[:notes] *= 1.5 / (spread * np.sqrt(notes))
    gates[-1] = 0.0
    gates[-1, 1] = 1.5 + draw.uniform(-1.0, 2.0, cells)
    return Weights(
        gates=jnp.asarray(gates.reshape(lines, GATES * cells), jnp.float32),
        readout=jnp.asarray(draw.normal(0.0, 0.02, (cells, notes)), jnp.float32),
        bias=jnp.asarray(log_odds, jnp.float32),
        lateral=jnp.zeros((notes, notes), jnp.float32),
    )


def initial_state(config: NetworkConfig, blocks: BlockSet, seed: int, log_odds: np.ndarray) -> State:
    """State before the first frame; slow weights start equal to the fast ones."""
    draw = np.random.default_rng([seed, 2])
    drawn = draw.normal(0.0, config.learning.feedback_sd, (config.cells, config.notes))
    weights = initial_weights(config, seed, log_odds)
    fast, feedback = calibrated(config, blocks, weights, jnp.asarray(drawn, jnp.float32))
    return State(
        fast=fast,
        slow=jax.tree.map(jnp.copy, fast),
        feedback=feedback,
        features=_initial_features(config, blocks, seed),
        lines=_initial_lines(config),
        cells=_initial_cells(config, blocks),
        eligibility=Traces.zeros(config.lines, config.cells),
    )


def calibrated(
    config: NetworkConfig, blocks: BlockSet, weights: Weights, feedback: jax.Array
) -> tuple[Weights, jax.Array]:
    """Weights and feedback [cells, notes] as they are written once, against the offsets of their read-outs, within the
    store's range."""
    outside, clip = config.lines - config.cells - 1, blocks.store.clip
    gates = [
        blocks.external_readout.first(weights.gates[:outside]),
        blocks.cell_readout.first(weights.gates[outside:]),
    ]
    lateral = blocks.lateral_readout.first(weights.lateral)
    written = replace(
        weights, gates=clip(jnp.concatenate(gates)), readout=clip(blocks.head_readout.first(weights.readout)),
        lateral=clip(jnp.triu(lateral, 1)),
    )  # fmt: skip
    return written, clip(blocks.feedback_readout.first(feedback))


def _initial_features(config: NetworkConfig, blocks: BlockSet, seed: int) -> FeatureState:
    n = config.features.neurons
    weights = np.random.default_rng([seed, 3]).uniform(0.1, 0.4, (n, config.notes))
    return FeatureState(
        weights=jnp.asarray(weights, jnp.float32),
        threshold=jnp.zeros(n, jnp.float32),
        neuron=blocks.feature_neuron.initial(n),
        rise=jnp.zeros(n, jnp.float32),
        current=jnp.zeros(n, jnp.float32),
        last_spikes=jnp.zeros(n, jnp.float32),
    )


def _initial_lines(config: NetworkConfig) -> LineState:
    return LineState(
        recent=jnp.zeros(config.notes, jnp.float32),
        pre=jnp.zeros(config.lines - 1, jnp.float32),
        output=jnp.zeros(config.lines - 1, jnp.float32),
        trace=jnp.zeros(config.notes, jnp.float32),
        heard=jnp.zeros(config.lines - 1, bool),
    )


def _initial_cells(config: NetworkConfig, blocks: BlockSet) -> CellState:
    n = config.cells
    return CellState(
        c=jnp.zeros(n, jnp.float32),
        rise=jnp.zeros(GATES * n, jnp.float32),
        current=jnp.zeros(GATES * n, jnp.float32),
        neuron=blocks.cell_neuron.initial(n),
        last_spikes=jnp.zeros(n, bool),
        read=jnp.zeros(n, jnp.float32),
    )


def rest(config: NetworkConfig, blocks: BlockSet, state: State, reset: jax.Array) -> State:
    """``state`` with everything but weights and thresholds at rest where ``reset`` (bool) is true.

    The eligibility is left to the trace update, which passes over it anyway, and so is which lines have any.
    """
    features = _initial_features_at_rest(config, blocks, state.features)
    lines = replace(_initial_lines(config), heard=state.lines.heard)
    fresh = (features, lines, _initial_cells(config, blocks))
    kept = (state.features, state.lines, state.cells)
    features, lines, cells = jax.tree.map(lambda new, old: jnp.where(reset, new, old), fresh, kept)
    return replace(state, features=features, lines=lines, cells=cells)


def _initial_features_at_rest(config: NetworkConfig, blocks: BlockSet, now: FeatureState) -> FeatureState:
    n = config.features.neurons
    zeros = jnp.zeros(n, jnp.float32)
    return FeatureState(now.weights, now.threshold, blocks.feature_neuron.initial(n), zeros, zeros, zeros)
