"""Two-timescale weights: a fast capacitor that learns, a slow copy that keeps.

Every few dozen frames the slow value follows the fast one,
``w_s <- Q(w_s + eps (w - w_s))``, Q a stochastic rounding to ``bits`` over the
range; the charge that carries it pulls the fast one back a little, ``w <- w - pull (w - w_s)``.
Meanwhile the pair of fast capacitors leaks towards zero and, with mismatch, drifts.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.pytree import pytree, static
from neuromorph.models.random_words import uniforms


@pytree
class WeightStore:
    """Range, resolution and drift of one weight.

    Parameters
    ----------
    follow : eps, share of the difference taken over at each transfer, 1
    bound : weights stay within +-bound, weight units
    drift : sd over synapses of the capacitor's drift, weight units per frame
    leak : share of a fast weight lost per frame through the pair's off-conductance, 1
    pull : share of the difference that a transfer takes from the fast weight, 1
    bits : resolution of the slow copy (0: continuous)
    """

    follow: float | jax.Array = 0.032
    bound: float | jax.Array = 1e9
    drift: float | jax.Array = 0.0
    leak: float | jax.Array = 0.0
    pull: float | jax.Array = 0.0
    bits: int = static(0)

    def clip(self, fast: jax.Array) -> jax.Array:
        """The fast weight after the rails."""
        return jnp.clip(fast, -self.bound, self.bound)

    def written(self, weights: jax.Array) -> jax.Array:
        """Weights from elsewhere as the store takes them: its nearest levels within its range."""
        if not self.bits:
            return self.clip(weights)
        return self.clip(self.step * jnp.round(weights / self.step))

    @property
    def step(self) -> float | jax.Array:
        """Distance of two levels of the slow copy, weight units."""
        return 2.0 * self.bound / 2**self.bits

    def transfer(self, fast: jax.Array, slow: jax.Array, share: jax.Array, key: jax.Array) -> jax.Array:
        """Slow weight after one transfer; ``share`` (0 or 1) switches it off."""
        moved = slow + share * self.follow * (fast - slow)
        return self._round(moved, slow, key) if self.bits else moved

    def _round(self, moved: jax.Array, slow: jax.Array, key: jax.Array) -> jax.Array:
        low = jnp.floor(moved / self.step)
        up = uniforms(key, slow.shape) < moved / self.step - low
        return self.step * (low + up)

    def age(self, fast: jax.Array, drift: jax.Array, frames: jax.Array | float) -> jax.Array:
        """The fast weight after ``frames`` frames of leak and of its own ``drift`` per frame."""
        return self.clip(fast * (1.0 - self.leak * frames) + frames * drift)

    def return_charge(self, fast: jax.Array, slow: jax.Array) -> jax.Array:
        """The fast weight after a transfer from it, ``slow`` as stored before."""
        return self.clip(fast - self.pull * (fast - slow))
