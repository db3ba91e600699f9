"""Exponential filters over the ticks of a frame, as triangular matrices.

XLA's cumulative sums are quadratic and slow here; a [ticks, ticks] product is not.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.synapse import decay_over


def filter_matrix(ticks: int, decay: jax.Array) -> jax.Array:
    """[ticks, ticks] ``M[t, t'] = decay^(t - t')`` for t' <= t, else 0."""
    lag = jnp.arange(ticks)[:, None] - jnp.arange(ticks)[None, :]
    return jnp.where(lag >= 0, _power(decay, jnp.maximum(lag, 0)), 0.0)


def start_column(ticks: int, decay: jax.Array) -> jax.Array:
    """[ticks, 1] what is left of a start value at each tick: ``decay^(t + 1)``."""
    return _power(decay, jnp.arange(1, ticks + 1))[:, None]


def filtered(
    events: jax.Array, start: jax.Array, tick_seconds: float | jax.Array, tau: float | jax.Array
) -> jax.Array:
    """Exponential trace of ``events`` [ticks, n] from ``start`` [n]: each event counts from its own tick."""
    ticks = events.shape[0]
    decay = decay_over(tick_seconds, tau)
    return filter_matrix(ticks, decay) @ events + start_column(ticks, decay) * start[None, :]


def before(traces: jax.Array, start: jax.Array, tick_seconds: float, tau: float | jax.Array) -> jax.Array:
    """Traces [ticks, n] as they stand just before each tick's events."""
    previous = jnp.concatenate([start[None, :], traces[:-1]])
    return previous * decay_over(tick_seconds, tau)


def filtered_end(
    events: jax.Array, start: jax.Array, tick_seconds: float, tau: float | jax.Array
) -> jax.Array:
    """Last row of :func:`filtered`, [n]."""
    ticks = events.shape[0]
    decay = decay_over(tick_seconds, tau)
    power = _power(decay, jnp.arange(ticks, -1, -1))
    return power[1:] @ events + power[0] * start


def _power(decay: jax.Array, exponent: jax.Array) -> jax.Array:
    """``decay^exponent`` for whole exponents >= 0 (0^0 = 1); XLA's own power is scalar, ten times slower."""
    return jnp.where(exponent == 0, 1.0, jnp.exp(exponent * jnp.log(decay)))
