"""The gate synapse: a differential weight read out through a pair's tanh."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from neuromorph.models.events import instance
from neuromorph.models.pytree import pytree, static

TOLERANCE = 1e-4
"""Largest error of :func:`bounded_tanh`: far below that of the fitted law; each term counts, as a read-out is most of
what a spike costs."""
ANY = 100.0
"""Limit for arguments that have none worth a polynomial."""
LARGEST = 1.6
"""Limit up to which a polynomial serves: beyond it, terms of either sign lose digits of float32."""


@functools.cache
def tanh_terms(limit: float) -> tuple[float, ...]:
    """Coefficients of ``tanh(x) / x`` in x^2, highest first, for abs(x) up to ``limit``; none beyond :data:`LARGEST`."""
    x = np.linspace(1e-6, limit, 4001)
    degree, error = 1, math.inf
    while limit <= LARGEST and error > 0.7 * TOLERANCE:
        degree += 1
        series = Chebyshev.interpolate(_over_root, degree, domain=[0.0, limit**2])
        error = float(np.abs(x * series(x * x) - np.tanh(x)).max())
    return tuple(float(c) for c in series.convert(kind=Polynomial).coef[::-1]) if degree > 1 else ()


def _over_root(square: np.ndarray) -> np.ndarray:
    x = np.sqrt(np.maximum(square, 1e-12))
    return np.tanh(x) / x


def bounded_tanh(x: jax.Array, limit: float) -> jax.Array:
    """tanh of arguments within +-``limit``, a polynomial: XLA's own, for any argument, takes several times as long.

    Arguments beyond the limit are taken for it.  A limit beyond :data:`LARGEST` is XLA's own.
    """
    terms = tanh_terms(limit)
    if not terms:
        return jnp.tanh(x)
    x = jnp.clip(x, -limit, limit)
    square = x * x
    series = jnp.float32(terms[0])
    for term in terms[1:]:
        series = series * square + jnp.float32(term)
    return x * series


@pytree
class WeightReadout:
    """``a W tanh((w - w0) / W)``: without mismatch of slope 1 at zero, so a small weight reads as itself.

    Parameters
    ----------
    width : W, weight units
    linear : the ideal read-out, ``w``
    largest : of abs(w - w0) / W; weights are bounded
    gain, offset : a and w0 (weight units) of every synapse [lines, columns]; None is 1 and 0
    """

    width: float | jax.Array = 1.0
    linear: bool = static(True)
    largest: float = static(ANY)
    gain: jax.Array | None = None
    offset: jax.Array | None = None

    def value(self, weight: jax.Array) -> jax.Array:
        """The weight as the dendrite sees it."""
        if self.linear:
            return weight
        seen = weight if self.offset is None else weight - self.offset
        read = self.width * bounded_tanh(seen * (1.0 / self.width), self.largest)
        return read if self.gain is None else self.gain * read

    def line(self, weights: jax.Array, k: jax.Array) -> jax.Array:
        """Weights of line ``k`` as their dendrites see them, [columns]."""
        return instance(self, k).value(weights)

    def first(self, weights: jax.Array) -> jax.Array:
        """What to write so that ``weights`` are read: a chip's read-outs are calibrated once, before it learns."""
        return weights if self.offset is None else weights + self.offset
