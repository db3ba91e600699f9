"""The delta rule's synapse: how much of an error an update takes over, by the trace of its line.

The circuit moves a weight by ``r (T_neg - T_pos) f(y)``, ``f(y) = y^p / (1 + kappa y^p)``, with y the line's trace on
top of its floor, so that a silent line's weights move a little, too.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.eligibility_synapse import powered, rational_power
from neuromorph.models.pytree import pytree, static

USUAL_READ = 0.2
"""Read-out of an active cell, at which the circuit's rate is that of the ideal rule."""


@pytree
class DeltaSynapse:
    """What an update takes over of the error.

    Parameters
    ----------
    unit : trace at unit read-out
    floor : what a trace at rest shows
    compression : kappa
    power : of the trace, as :func:`~neuromorph.models.eligibility_synapse.rational_power` gives it
    scale : share at :data:`USUAL_READ` over it
    linear : the ideal rule, the read-out itself
    """

    unit: float | jax.Array = 1.0
    floor: float | jax.Array = 0.0
    compression: float | jax.Array = 0.0
    power: tuple[float | jax.Array, ...] = (1.0, 0.0, 0.0, 0.0, 0.0)
    scale: float | jax.Array = 1.0
    linear: bool = static(True)

    def share(self, read: jax.Array) -> jax.Array:
        """Factor of the error, by the read-out of the line's cell."""
        if self.linear:
            return read
        y = powered(self.unit * read + self.floor, self.power)
        return self.scale * y / (1.0 + self.compression * y)


def delta_synapse(power: float, compression: float, unit: float, floor: float) -> DeltaSynapse:
    """The circuit with fitted ``power`` and ``compression``; a trace of ``unit`` at unit read-out above its ``floor``."""
    law = rational_power(power)
    plain = DeltaSynapse(unit, floor, compression, law, 1.0, linear=False)
    scale = USUAL_READ / float(plain.share(jnp.float32(USUAL_READ)))
    return DeltaSynapse(unit, floor, compression, law, scale, linear=False)
