"""The gate synapse: a differential weight read out through a pair's tanh."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.pytree import pytree, static


@pytree
class WeightReadout:
    """``W tanh(w / W)``: slope 1 at zero, so a small weight reads as itself.

    Parameters
    ----------
    width : W, weight units
    linear : the ideal read-out, ``w``
    """

    width: float | jax.Array = 1.0
    linear: bool = static(True)

    def value(self, weight: jax.Array) -> jax.Array:
        """The weight as the dendrite sees it."""
        return weight if self.linear else self.width * jnp.tanh(weight / self.width)
