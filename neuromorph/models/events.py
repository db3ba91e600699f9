"""Event-driven propagation: only the rows of lines that spiked are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

T = TypeVar("T")
WORD = 32


def pack(spikes: jax.Array) -> jax.Array:
    """Spikes, bool [n], as uint32 words [ceil(n / 32)].

    Spike ``b * words + j`` is bit b of word j: the reduction runs over the major axis.
    """
    bits = jnp.pad(spikes, (0, -len(spikes) % WORD)).reshape(WORD, -1).astype(jnp.uint32)
    return jnp.sum(bits << jnp.arange(WORD, dtype=jnp.uint32)[:, None], axis=0, dtype=jnp.uint32)


def unpacked(words: np.ndarray, n: int) -> np.ndarray:
    """Inverse of :func:`pack`, on the host: bool [..., n] of words [..., ceil(n / 32)]."""
    bits = (words[..., None, :] >> np.arange(WORD, dtype=np.uint32)[:, None]) & 1
    return bits.reshape(*words.shape[:-1], -1)[..., :n].astype(bool)


def walk(spikes: jax.Array, visit: Callable[[jax.Array, T], T], start: T) -> T:
    """Fold ``visit(index, value)`` over the indices of true ``spikes`` [n] (any n)."""
    return walk_ticks(spikes[None, :], lambda _, index, value: visit(index, value), start)


def walk_ticks(spikes: jax.Array, visit: Callable[[jax.Array, jax.Array, T], T], start: T) -> T:
    """Fold ``visit(tick, index, value)`` over true ``spikes`` [ticks, n], tick by tick."""
    words = jax.vmap(pack)(spikes)
    stride = words.shape[1]

    def of_tick(place: jax.Array, bit: jax.Array, value: T) -> T:
        return visit(place // stride, bit * stride + place % stride, value)

    return _walk_words(words.reshape(-1), of_tick, start)


def walk_packed(words: jax.Array, visit: Callable[[jax.Array, T], T], start: T) -> T:
    """Fold ``visit(index, value)`` over spikes that :func:`pack` has packed."""
    stride = words.shape[0]
    return _walk_words(words, lambda place, bit, value: visit(bit * stride + place, value), start)


def _walk_words(words: jax.Array, visit: Callable[[jax.Array, jax.Array, T], T], start: T) -> T:
    def some(carry: tuple[jax.Array, T]) -> jax.Array:
        return jnp.any(carry[0] != 0)

    def next_spike(carry: tuple[jax.Array, T]) -> tuple[jax.Array, T]:
        words, value = carry
        place = jnp.argmax(words != 0).astype(jnp.int32)
        word = words[place]
        lowest = word & (~word + jnp.uint32(1))
        bit = jax.lax.population_count(lowest - jnp.uint32(1)).astype(jnp.int32)
        return words.at[place].set(word ^ lowest), visit(place, bit, value)

    return jax.lax.while_loop(some, next_spike, (words, start))[1]


def add_rows(weights: jax.Array, spikes: jax.Array, charge: jax.Array, into: jax.Array) -> jax.Array:
    """``into`` [m] plus ``charge[k] * weights[k]`` over the lines k of ``spikes`` [n]; weights [n, m]."""

    def visit(k: jax.Array, total: jax.Array) -> jax.Array:
        row = jax.lax.dynamic_index_in_dim(weights, k, keepdims=False)
        return total + charge[k] * row

    return walk(spikes, visit, into)
