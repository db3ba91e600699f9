"""How much a signal moves each weight: a synapse's one tail makes both signs, so mismatch leaves it a rate of its own, and
twin traces that are not seen alike, but nothing that moves it without a signal."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.pytree import pytree


@pytree
class UpdateRates:
    """Rates of the synapses of a matrix, over the design's; without values they are all one.

    Parameters
    ----------
    rate : one value a synapse [lines, columns]
    twin : by how much the positive trace counts more and the negative one less, a factor; of three-factor updates
    """

    rate: jax.Array | None = None
    twin: jax.Array | None = None

    def part(self, k: int, columns: int) -> UpdateRates:
        """Those of the ``k``-th so many columns of a line."""
        return jax.tree.map(
            lambda leaf: leaf[k * columns : (k + 1) * columns] if jnp.ndim(leaf) == 1 else leaf, self
        )

    def moved(self, signal: jax.Array) -> jax.Array:
        """What a ``signal`` amounts to, of the rank of the values: [columns], or [1, columns] for all lines."""
        return signal if self.rate is None else self.rate * signal
