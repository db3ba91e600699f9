"""The two tails by which a weight moves: their rate, how far they differ, and what that makes of pulses without a signal.

Both pulses of an update have a base width in common; with tails that differ by a share b a signal S moves a weight by
``a (S + b (S_0 + abs(S) / 2))``, S_0 the base width in units of the signal (:mod:`neuromorph.fitting.tails`).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.pytree import pytree


@pytree
class UpdateTails:
    """Tails of the synapses of a matrix; without values they are alike, and a signal moves a weight by itself.

    Parameters
    ----------
    rate, balance : a and b, one value a synapse [lines, columns]
    base : S_0, a number, or one value a column
    """

    rate: jax.Array | None = None
    balance: jax.Array | None = None
    base: float | jax.Array = 0.0

    def part(self, k: int, columns: int) -> UpdateTails:
        """Those of the ``k``-th so many columns of a line."""
        return jax.tree.map(
            lambda leaf: leaf[k * columns : (k + 1) * columns] if jnp.ndim(leaf) == 1 else leaf, self
        )

    def moved(self, signal: jax.Array) -> jax.Array:
        """What a ``signal`` amounts to, of the rank of the values: [columns], or [1, columns] for all lines."""
        if self.rate is None or self.balance is None:
            return signal
        common = jnp.broadcast_to(self.base, signal.shape) + 0.5 * jnp.abs(signal)
        return self.rate * (signal + self.balance * common)
