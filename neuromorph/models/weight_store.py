"""Two-timescale weights: a fast capacitor that learns, a slow copy that keeps.

Every few dozen frames the slow value follows the fast one,
``w_s <- Q(w_s + eps (w - w_s))``, Q a stochastic rounding to ``bits`` over the
range; a fast weight found within ``latch`` of its stored value is reset to it.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.pytree import pytree, static


@pytree
class WeightStore:
    """Range, resolution and drift of one weight.

    Parameters
    ----------
    follow : eps, share of the difference taken over at each transfer, 1
    bound : weights stay within +-bound, weight units
    drift : sd over synapses of the capacitor's drift, weight units per frame
    latch : half-width of the refresh window, weight units (0: no refresh)
    bits : resolution of the slow copy (0: continuous)
    """

    follow: float | jax.Array = 0.032
    bound: float | jax.Array = 1e9
    drift: float | jax.Array = 0.0
    latch: float | jax.Array = 0.0
    bits: int = static(0)

    def clip(self, fast: jax.Array) -> jax.Array:
        """The fast weight after the rails."""
        return jnp.clip(fast, -self.bound, self.bound)

    def transfer(self, fast: jax.Array, slow: jax.Array, share: jax.Array, key: jax.Array) -> jax.Array:
        """Slow weight after one transfer; ``share`` (0 or 1) switches it off."""
        moved = slow + share * self.follow * (fast - slow)
        return self._round(moved, slow, key) if self.bits else moved

    def _round(self, moved: jax.Array, slow: jax.Array, key: jax.Array) -> jax.Array:
        step = 2.0 * self.bound / 2**self.bits
        low = jnp.floor(moved / step)
        up = jax.random.uniform(key, slow.shape, jnp.float32) < moved / step - low
        return step * (low + up)

    def refresh(self, fast: jax.Array, slow: jax.Array) -> jax.Array:
        """Latched refresh: fast weights close to their stored value return to it."""
        return jnp.where(jnp.abs(fast - slow) < self.latch, slow, fast)
