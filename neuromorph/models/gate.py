"""Transconductors of the memory: the sigmoid gate and the tanh amplifier.

Voltages come in design units: ``GATE_UNIT`` of dendritic sum for the sigmoid,
``TANH_UNIT`` for the amplifier, so that the ideal curves are the textbook ones.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.pytree import pytree

GATE_UNIT = 33e-3
"""Volt of dendritic sum per unit of z at the sigmoid gates."""
TANH_UNIT = 65e-3
"""Volt per unit at the tanh amplifier, and of the cell variable c."""


def bent(u: jax.Array, inversion: float | jax.Array | None) -> jax.Array:
    """What a pair makes of its inputs' difference ``u`` (of its width): the law of :mod:`neuromorph.fitting.pair`, whose
    tanh is its balance; ``None`` is weak inversion."""
    if inversion is None:
        return u
    return u - 0.25 * inversion * u * jax.lax.rsqrt(1.0 + u * u)


@pytree
class SigmoidGate:
    """Gate current over its design value: ``s(z) = A (1 + tanh(bent(u))) / 2 + floor``, ``u = (z - z0) / 2w``; without
    inversion ``A / (1 + exp(-(z - z0) / w)) + floor``.

    Parameters
    ----------
    amplitude : A, plateau over the design current, 1
    offset : z0, gate units
    width : w, gate units
    floor : current of the closed gate over the design current, 1
    inversion : how far its tail takes the pair out of weak inversion, 1; None for not at all

    Each is a scalar or one value per instance.
    """

    amplitude: float | jax.Array = 1.0
    offset: float | jax.Array = 0.0
    width: float | jax.Array = 1.0
    floor: float | jax.Array = 0.0
    inversion: float | jax.Array | None = None

    def value(self, z: jax.Array) -> jax.Array:
        """Gate at the dendritic sum ``z`` (gate units)."""
        u = 0.5 * (z - self.offset) / self.width
        return self.amplitude * jax.nn.sigmoid(2.0 * bent(u, self.inversion)) + self.floor

    def slope(self, value: jax.Array) -> jax.Array:
        """``ds/dz`` of a pair in weak inversion, written in the gate's own value, as the bump circuit forms it."""
        share = (value - self.floor) / self.amplitude
        return self.amplitude * share * (1.0 - share) / self.width

    def balance(self, value: jax.Array) -> jax.Array:
        """One side less the other, in parts of both, of a pair in weak inversion beside the gate's own, from its value:
        what a slope unit's pair makes of the same dendrite, to first order in the inversion."""
        own = 2.0 * (value - self.floor) / self.amplitude - 1.0
        return own if self.inversion is None else own * (1.0 + 0.25 * self.inversion * (1.0 - own * own))


@pytree
class TanhGate:
    """Amplifier current over its tail: ``g(z) = A tanh((z - z0) / w)``, A by direction.

    Parameters
    ----------
    amplitude_up, amplitude_down : A for positive and for negative output, 1
    offset : z0, tanh units
    width : w, tanh units
    """

    amplitude_up: float | jax.Array = 1.0
    amplitude_down: float | jax.Array = 1.0
    offset: float | jax.Array = 0.0
    width: float | jax.Array = 1.0

    def value(self, z: jax.Array) -> jax.Array:
        """Amplifier at the input ``z`` (tanh units)."""
        bare = jnp.tanh((z - self.offset) / self.width)
        return bare * jnp.where(bare > 0, self.amplitude_up, self.amplitude_down)

    def slope(self, value: jax.Array) -> jax.Array:
        """``dg/dz`` written in the amplifier's own value."""
        amplitude = jnp.where(value > 0, self.amplitude_up, self.amplitude_down)
        return (amplitude - value * value / amplitude) / self.width

    def balance(self, value: jax.Array) -> jax.Array:
        """One side of the pair less the other, in parts of both, from the amplifier's value."""
        return value / jnp.where(value > 0, self.amplitude_up, self.amplitude_down)
