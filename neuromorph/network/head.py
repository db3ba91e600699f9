"""Predictive head: the next frame from the cells' spikes and, jointly, from lower pitches."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.weight_readout import WeightReadout
from neuromorph.network.config import NetworkConfig
from neuromorph.network.state import Weights


def logits(
    config: NetworkConfig, readout: WeightReadout, weights: Weights, read: jax.Array, target: jax.Array
) -> jax.Array:
    """``3 (W_o z + V t) + b`` [notes]; ``target`` supplies the lower pitches of a joint head."""
    drive = read @ readout.value(weights.readout)
    if config.joint:
        drive = drive + target @ readout.value(weights.lateral)
    return config.learning.head_gain * drive + weights.bias


def nll(y: jax.Array, target: jax.Array) -> jax.Array:
    """Negative log likelihood of a frame, nats."""
    return jnp.sum(jnp.logaddexp(0.0, y) - target * y)


def lateral_mask(notes: int) -> jax.Array:
    """[notes, notes], 1 where the row's pitch is lower than the column's."""
    return jnp.triu(jnp.ones((notes, notes), jnp.float32), 1)


def sample(
    config: NetworkConfig,
    readout: WeightReadout,
    weights: Weights,
    read: jax.Array,
    temperature: jax.Array,
    key: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Draw the next frame, low to high; exact for the joint head.

    Returns
    -------
    frame, probability : [notes] of 0 and 1, and p of each pitch as it was decided
    """
    base = config.learning.head_gain * (read @ readout.value(weights.readout)) + weights.bias
    draws = jax.random.uniform(key, (config.notes,), jnp.float32)

    def decide(lower: jax.Array, inputs: tuple[jax.Array, jax.Array, jax.Array]):
        k, row, draw = inputs
        p = jax.nn.sigmoid((base[k] + lower[k]) / temperature)
        sounds = (draw < p).astype(jnp.float32)
        return lower + sounds * row, (sounds, p)

    lateral = config.learning.head_gain * float(config.joint) * readout.value(weights.lateral)
    start = jnp.zeros(config.notes, jnp.float32)
    return jax.lax.scan(decide, start, (jnp.arange(config.notes), lateral, draws))[1]
