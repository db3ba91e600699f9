"""Mirrors behind the cell's amplifiers, which follow in the logarithm of their current, as cheap as the step needs them.

The law is that of :mod:`neuromorph.fitting.cell_mirrors`.  A mirror's mean current over a tick is taken from the logarithm
of its own course, so no charge is lost whatever the course; the course within a tick may then be approximate, and a
polynomial stands in the place of the exponential.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.fitting.pair import LEAST_SHARE
from neuromorph.models.pytree import pytree

Currents = tuple[jax.Array, jax.Array, jax.Array, jax.Array]
"""Of tail, sourcing side, sinking side and sinking output of an amplifier, each [cells], in parts of its full current."""
_LOG2 = 0.6931472
_SQRT2 = 1.4142135


def log_of(x: jax.Array) -> jax.Array:
    """Natural logarithm of normal positive float32 numbers, to 1e-7 of 1 or 1 ulp, in half the time of ``jnp.log``."""
    bits = jax.lax.bitcast_convert_type(x, jnp.int32)
    exponent = (bits >> 23) - 127
    mantissa = jax.lax.bitcast_convert_type((bits & 0x7FFFFF) | 0x3F800000, jnp.float32)
    z = (mantissa - _SQRT2) / (mantissa + _SQRT2)
    square = z * z
    series = 2.0 * z * (1.0 + square * (1 / 3 + square * (1 / 5 + square * (1 / 7))))
    return _LOG2 * (exponent.astype(jnp.float32) + 0.5) + series


def shares(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Parts of a tail on the sourcing and the sinking side of a pair whose output is ``x`` of it."""
    return jnp.maximum(0.5 * (1.0 + x), LEAST_SHARE), jnp.maximum(0.5 * (1.0 - x), LEAST_SHARE)


def standing(tail: jax.Array, up: jax.Array, down: jax.Array) -> Currents:
    """Currents of an amplifier whose inputs have not moved for long."""
    return tail, tail * up, tail * down, tail * down


def follow(current: jax.Array, target: jax.Array, pace: float | jax.Array) -> tuple[jax.Array, jax.Array]:
    """Current after a tick of ``pace`` e-folds at full current, with ``target`` at the input, and its mean meanwhile."""
    x = target * pace
    grown = 1.0 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24)))  # (exp(x) - 1) / x
    ratio = (1.0 + x * grown) / (1.0 + current * pace * grown)
    return current * ratio, target - log_of(ratio) / pace


@pytree
class CellMirrors:
    """How late the currents of a cell's two amplifiers, its product and its leak, follow.

    Parameters
    ----------
    tail, side, sink : e-fold times of the product's mirrors at its full current, s
    leak_speed : full current of the leak over that of the product, whose mirrors are the same
    """

    tail: float | jax.Array
    side: float | jax.Array
    sink: float | jax.Array
    leak_speed: float | jax.Array

    def moved(
        self,
        currents: Currents,
        tail: jax.Array,
        up: jax.Array,
        down: jax.Array,
        seconds: float | jax.Array,
    ) -> tuple[Currents, jax.Array, jax.Array]:
        """Currents after ``seconds`` (of the leak: times ``leak_speed``), and those sourced and sunk meanwhile.

        Parameters
        ----------
        tail : current of the amplifier's gate, in parts of its full current
        up, down : :func:`shares` of its pair
        """
        side = seconds / self.side
        tail_after, mean = follow(currents[0], tail, seconds / self.tail)
        up_after, sourced = follow(currents[1], mean * up, side)
        down_after, turned = follow(currents[2], mean * down, side)
        sunk_after, sunk = follow(currents[3], turned, seconds / self.sink)
        return (tail_after, up_after, down_after, sunk_after), sourced, sunk
