"""Predictive head: the next frame from the cells' spikes and, jointly, from lower pitches."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.fidelity import BlockSet
from neuromorph.network.config import NetworkConfig
from neuromorph.network.state import Weights


def logits(
    config: NetworkConfig, blocks: BlockSet, weights: Weights, read: jax.Array, target: jax.Array
) -> jax.Array:
    """``3 (W_o z + V t) + b`` [notes]; ``target`` supplies the lower pitches of a joint head."""
    drive = read @ blocks.head_readout.value(weights.readout)
    if config.joint:
        drive = drive + target @ lateral(config, blocks, weights)
    return config.learning.head_gain * drive + (weights.bias - blocks.learning.logit_offset)


def lateral(config: NetworkConfig, blocks: BlockSet, weights: Weights) -> jax.Array:
    """What a pitch adds to the higher ones, [notes, notes]; there is no synapse to the lower ones."""
    weight = blocks.lateral_readout.value(weights.lateral)
    if blocks.lateral_readout.offset is None:
        return weight
    return weight * lateral_mask(config.notes)  # else what is not there would read as its offset


def nll(y: jax.Array, target: jax.Array) -> jax.Array:
    """Negative log likelihood of a frame, nats."""
    return jnp.sum(jnp.logaddexp(0.0, y) - target * y)


def lateral_mask(notes: int) -> jax.Array:
    """[notes, notes], 1 where the row's pitch is lower than the column's."""
    return jnp.triu(jnp.ones((notes, notes), jnp.float32), 1)


def sample(
    config: NetworkConfig,
    blocks: BlockSet,
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
    gain = config.learning.head_gain
    base = gain * (read @ blocks.head_readout.value(weights.readout))
    base = base + (weights.bias - blocks.learning.logit_offset)
    draws = jax.random.uniform(key, (config.notes,), jnp.float32)

    def decide(lower: jax.Array, inputs: tuple[jax.Array, jax.Array, jax.Array]):
        k, row, draw = inputs
        p = jax.nn.sigmoid((base[k] + lower[k]) / temperature)
        sounds = (draw < p).astype(jnp.float32)
        return lower + sounds * row, (sounds, p)

    start = jnp.zeros(config.notes, jnp.float32)
    rows = (jnp.arange(config.notes), gain * float(config.joint) * lateral(config, blocks, weights), draws)
    return jax.lax.scan(decide, start, rows)[1]
