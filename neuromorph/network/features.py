"""Diehl feature layer for one frame: spikes in, winners' spikes out, weights moved."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp

from neuromorph.models.events import weighted_rows
from neuromorph.models.fidelity import BlockSet
from neuromorph.models.noise import TickNoise
from neuromorph.network.config import NetworkConfig
from neuromorph.network.state import FeatureState
from neuromorph.plasticity.diehl import post_updates


def feature_frame(
    config: NetworkConfig,
    blocks: BlockSet,
    state: FeatureState,
    released: jax.Array,
    traces: jax.Array,
    plastic: jax.Array,
    noise: TickNoise | None = None,
) -> tuple[FeatureState, jax.Array]:
    """Run the layer for a frame.

    The dendrites see the weights as they stood when the part of the frame began; after it the rule moves them spike by
    spike, in the order of the spikes.

    Parameters
    ----------
    released : [ticks, notes] charge released by the note lines
    traces : [ticks, notes] x_pre as the post spikes find it
    plastic : 1 or 0
    noise : draws for the frame, where the blocks are noisy

    Returns
    -------
    state, spikes : spikes are float [ticks, features]
    """
    layer, length = config.features, len(released) // config.features.parts
    draws, fired, spikes = noise.features if noise else None, jnp.zeros(layer.neurons, bool), []
    for begin in range(0, len(released), length):
        now = slice(begin, begin + length)
        state, fired, made = _part(
            config, blocks, state, fired, released[now], None if draws is None else draws[now], plastic
        )
        weights = post_updates(blocks.diehl, state.weights, made, traces[now], layer.x_target, plastic)
        state = replace(state, weights=weights)
        spikes.append(made)
    threshold = state.threshold * (1.0 - plastic * layer.threshold_leak)
    return replace(state, threshold=threshold), jnp.concatenate(spikes).astype(jnp.float32)


def _part(
    config: NetworkConfig,
    blocks: BlockSet,
    state: FeatureState,
    fired: jax.Array,
    released: jax.Array,
    draws: jax.Array | None,
    plastic: jax.Array,
) -> tuple[FeatureState, jax.Array, jax.Array]:
    """Neurons through some ticks at the weights of ``state``; ``fired`` before and after, spikes bool [ticks, features]."""
    frame, layer = config.frame, config.features
    events = released * frame.line_charge(frame.input_spikes)
    arriving = weighted_rows(state.weights.T, events, blocks.diehl.line)

    def tick(
        carry: tuple[FeatureState, jax.Array], inputs: tuple[jax.Array, jax.Array | None]
    ) -> tuple[tuple[FeatureState, jax.Array], jax.Array]:
        (now, fired), (released, draw) = carry, inputs
        rise, current = blocks.feature_synapse.step(now.rise, now.current, released, frame.tick_seconds)
        drive = _drive(config, blocks, now, current, fired)
        noisy = drive if blocks.noise is None or draw is None else blocks.noise.driven(draw, drive)
        neuron, spikes = blocks.feature_neuron.step(now.neuron, noisy)
        spikes = spikes & (fired | _admitted(spikes & ~fired, drive, layer.winners - jnp.sum(fired)))
        threshold = now.threshold + plastic * layer.threshold_step * spikes
        after = FeatureState(state.weights, threshold, neuron, rise, current, spikes.astype(jnp.float32))
        return (after, fired | spikes), spikes

    (after, fired), spikes = jax.lax.scan(tick, (state, fired), (arriving, draws))
    return after, fired, spikes


def _drive(
    config: NetworkConfig, blocks: BlockSet, now: FeatureState, current: jax.Array, fired: jax.Array
) -> jax.Array:
    """Rate above threshold; once k neurons fired in the frame, the others are held (k-WTA)."""
    open_ = fired | (jnp.sum(fired) < config.features.winners)
    above = jnp.clip(config.features.gain * current - now.threshold, 0.0, 1.0)
    return jnp.where(open_, above * jnp.where(fired, 1.0, blocks.latch), 0.0)


def _admitted(newcomers: jax.Array, drive: jax.Array, places: jax.Array) -> jax.Array:
    """The ``places`` newcomers [n] with the strongest drive; the others' spikes are shunted."""

    def strongest() -> jax.Array:
        ahead = newcomers[None, :] & (drive[None, :] > drive[:, None])
        return newcomers & (jnp.sum(ahead, axis=1) < places)

    return jax.lax.cond(jnp.sum(newcomers) > places, strongest, lambda: newcomers)
