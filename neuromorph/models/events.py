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
    return walk_packed(pack(spikes), visit, start)


def walk_packed(words: jax.Array, visit: Callable[[jax.Array, T], T], start: T) -> T:
    """Fold ``visit(index, value)`` over spikes that :func:`pack` has packed."""
    stride = words.shape[0]
    return _walk_words(words, lambda place, bit, value: visit(bit * stride + place, value), start)


def pack_ticks(spikes: jax.Array) -> jax.Array:
    """Spikes, bool [ticks, n], as uint32 words [ceil(ticks / 32), n]: spike of tick t is bit t % 32 of word t // 32."""
    ticks, n = spikes.shape
    bits = jnp.pad(spikes, ((0, -ticks % WORD), (0, 0))).reshape(-1, WORD, n).astype(jnp.uint32)
    words = bits[:, 0]
    for tick in range(1, WORD):  # a sum over this axis would not be vectorized
        words = words | (bits[:, tick] << jnp.uint32(tick))
    return words


def walk_packed_ticks(words: jax.Array, line: jax.Array, visit: Callable[[jax.Array, T], T], start: T) -> T:
    """Fold ``visit(tick, value)`` over the spikes of one ``line`` that :func:`pack_ticks` has packed."""
    value = start
    for place in range(words.shape[0]):

        def next_spike(carry: tuple[jax.Array, T], first: int = WORD * place) -> tuple[jax.Array, T]:
            rest, bit = _lowest(carry[0])
            return rest, visit(first + bit, carry[1])

        value = jax.lax.while_loop(lambda carry: carry[0] != 0, next_spike, (words[place, line], value))[1]
    return value


def _lowest(word: jax.Array) -> tuple[jax.Array, jax.Array]:
    """``word`` without its lowest bit, and that bit's place."""
    lowest = word & (~word + jnp.uint32(1))
    return word ^ lowest, jax.lax.population_count(lowest - jnp.uint32(1)).astype(jnp.int32)


def _walk_words(words: jax.Array, visit: Callable[[jax.Array, jax.Array, T], T], start: T) -> T:
    def some(carry: tuple[jax.Array, T]) -> jax.Array:
        return jnp.any(carry[0] != 0)

    def next_spike(carry: tuple[jax.Array, T]) -> tuple[jax.Array, T]:
        words, value = carry
        place = jnp.argmax(words != 0).astype(jnp.int32)
        rest, bit = _lowest(words[place])
        return words.at[place].set(rest), visit(place, bit, value)

    return jax.lax.while_loop(some, next_spike, (words, start))[1]


def row_of(matrix: jax.Array, k: jax.Array) -> jax.Array:
    """Row ``k`` [m] of a matrix [n, m]."""
    return jax.lax.dynamic_index_in_dim(matrix, k, keepdims=False)


def with_row(matrices: T, rows: T, k: jax.Array) -> T:
    """Matrices [n, m] with row ``k`` of each replaced by ``rows`` [m]; any tree of them."""
    return jax.tree.map(
        lambda matrix, row: jax.lax.dynamic_update_index_in_dim(matrix, row, k, 0), matrices, rows
    )


def instance(tree: T, k: jax.Array) -> T:
    """Parameters of line ``k``: row ``k`` of those leaves that are matrices [lines, ...], the others as they are."""
    return jax.tree.map(lambda leaf: row_of(leaf, k) if jnp.ndim(leaf) == 2 else leaf, tree)


def weighted_rows(
    matrix: jax.Array,
    events: jax.Array,
    read: Callable[[jax.Array, jax.Array], jax.Array] = lambda row, k: row,
) -> jax.Array:
    """``events @ read(matrix)``, [ticks, m], for events [ticks, n] of few lines; rows that nothing reads are not touched.

    ``matrix`` [n or more, m]; ``read`` maps a row, given with its line's number.
    """
    words = pack_ticks(events != 0)

    def line(k: jax.Array, total: jax.Array) -> jax.Array:
        row = read(row_of(matrix, k), k)

        def event(tick: jax.Array, total: jax.Array) -> jax.Array:
            return with_row(total, row_of(total, tick) + events[tick, k] * row, tick)

        return walk_packed_ticks(words, k, event, total)

    def where_active(k: jax.Array, total: jax.Array) -> jax.Array:
        return jax.lax.cond(jnp.any(words[:, k] != 0), line, lambda _, total: total, k, total)

    nothing = jnp.zeros((events.shape[0], matrix.shape[1]), matrix.dtype)
    return jax.lax.fori_loop(0, events.shape[1], where_active, nothing)
