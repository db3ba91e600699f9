"""Closed loop: prime with a piece, sample the next frame, feed it back.

The joint head decides pitches one after the other, low to high.  Meanwhile the
frame is stretched and the cells are held for ``notes * decision_seconds``: they are
cut off from their gates.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import InputError
from neuromorph.network import head
from neuromorph.network.hold import held
from neuromorph.network.simulate import with_slow_weights
from neuromorph.network.state import State
from neuromorph.network.step import FrameInput, Heard, Network, learn, listen

DECISION_SECONDS = 2e-9
"""Time the head takes to decide one pitch of a joint frame, s (assumed; no circuit yet)."""


def stretched_seconds(network: Network, decision_seconds: float = DECISION_SECONDS) -> float:
    """Circuit time of a generated frame, s: the frame, its pause and the sequential decisions."""
    config = network.config
    pause = float(network.blocks.learning.wait(jnp.float32(0)))
    return config.frame.seconds + pause + (config.notes * decision_seconds if config.joint else 0.0)


def generate(
    network: Network,
    state: State,
    prime: np.ndarray,
    frames: int,
    *,
    seed: int,
    temperature: float = 1.0,
    plastic: bool = False,
    rate: float = 0.0,
    decision_seconds: float = DECISION_SECONDS,
) -> np.ndarray:
    """Continue ``prime`` [frames, notes] by ``frames`` sampled frames: [frames, notes] of 0 and 1.

    Frozen, the slow weights play; ``plastic`` lets the network learn from what it plays.
    """
    prime = np.asarray(prime, np.float32)
    if prime.ndim != 2 or prime.shape[1] != network.config.notes or not len(prime):
        raise InputError(f"the prime has shape {prime.shape}, not [frames >= 1, {network.config.notes}]")
    if temperature <= 0 or frames < 1:
        raise InputError(f"temperature {temperature:g} and {frames} frames must be positive")
    state = state if plastic else with_slow_weights(state)
    gain = jnp.float32(rate if plastic else 0.0)
    key = jax.random.key(seed)
    state, heard = _prime(network, state, jnp.asarray(prime), gain, jax.random.fold_in(key, 1))
    played = _play(network, state, heard, gain, jnp.float32(temperature), key, frames, decision_seconds)
    return np.asarray(played)


@jax.jit
def _prime(
    network: Network, state: State, prime: jax.Array, rate: jax.Array, key: jax.Array
) -> tuple[State, Heard]:
    """Listen to the prime, learning between its frames where rate > 0."""
    keys = jax.random.split(key, len(prime))
    first = _inputs(network, prime[0], prime[0], rate, True, keys[0])

    def hear(
        carry: tuple[State, Heard], now: tuple[jax.Array, jax.Array]
    ) -> tuple[tuple[State, Heard], None]:
        (state, heard), (frame, key) = carry, now
        inputs = _inputs(network, frame, frame, rate, False, key)
        state, _ = learn(network, state, heard, inputs)
        return listen(network, state, inputs), None

    return jax.lax.scan(hear, listen(network, state, first), (prime[1:], keys[1:]))[0]


@partial(jax.jit, static_argnames=("frames", "decision_seconds"))
def _play(
    network: Network,
    state: State,
    heard: Heard,
    rate: jax.Array,
    temperature: jax.Array,
    key: jax.Array,
    frames: int,
    decision_seconds: float,
) -> jax.Array:
    def frame(carry: tuple[State, Heard], key: jax.Array) -> tuple[tuple[State, Heard], jax.Array]:
        state, heard = carry
        played, _ = head.sample(network.config, network.blocks, state.fast, heard.read, temperature, key)
        inputs = _inputs(network, played, played, rate, False, jax.random.fold_in(key, 1))
        state, _ = learn(network, state, heard, inputs)
        if network.config.joint:
            wait = network.config.notes * decision_seconds
            state = held(network.config, network.blocks, state, wait)
        return listen(network, state, inputs), played

    return jax.lax.scan(frame, (state, heard), jax.random.split(key, frames))[1]


def _inputs(
    network: Network, levels: jax.Array, target: jax.Array, rate: jax.Array, reset: bool, noise: jax.Array
) -> FrameInput:
    plastic, mask = (rate > 0).astype(jnp.float32), jnp.ones(network.config.cells, jnp.float32)
    return FrameInput(levels, target, jnp.asarray(reset), plastic, rate, mask, noise)
