"""Eligibility traces as products of factors of lines and of cells: what ``eligibility.py`` compares the exact ones with."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from neuromorph.models.pytree import pytree
from neuromorph.plasticity.eligibility import TRACES, LineActivity, Traces


@pytree
class Factors:
    """Factors of the traces.

    Parameters
    ----------
    lines : [lines] sums of their activity, weighted by what would be left of it
    weight : the sum of the weights
    cells : sums of psi, [cells] each
    """

    lines: jax.Array
    weight: jax.Array
    cells: Traces

    @classmethod
    def zeros(cls, lines: int, cells: int) -> Factors:
        """Nothing remembered."""
        nothing = Traces(*(jnp.zeros(cells, jnp.float32) for _ in range(TRACES)))
        return cls(jnp.zeros(lines, jnp.float32), jnp.float32(0.0), nothing)

    def row(self, k: jax.Array) -> Traces:
        """Traces of line ``k``, [cells] each."""
        share = self.lines[k] / jnp.maximum(self.weight, 1e-9)
        return jax.tree.map(lambda p: share * p, self.cells)


def _left(leak: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What is left at the frame's end of a trace that rose at each tick, and of one before the frame."""
    until = jnp.cumsum(leak, axis=0)
    return jnp.exp(until - until[-1:]), jnp.exp(-until[-1])


def factorised_update(
    synapse: Any, factors: Factors, lines: LineActivity, psi: Traces, leak: jax.Array, keep: jax.Array
) -> Factors:
    """Factors after a frame, in the place of :func:`~neuromorph.plasticity.eligibility.frame_update`."""
    left, whole = _left(leak)
    mean, mean_whole = _left(jnp.mean(leak, axis=1))
    before = keep * mean_whole
    return Factors(
        before * factors.lines + mean @ lines.filtered(synapse.tau_pre),
        before * factors.weight + jnp.sum(mean),
        jax.tree.map(lambda p, new: keep * whole * p + jnp.sum(left * new, axis=0), factors.cells, psi),
    )
