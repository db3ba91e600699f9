"""From spikes to dendritic current: release, rise and decay.

``u <- u exp(-h/tau_rise) + S``, ``a <- a exp(-h/tau_decay) + (1 - exp(-h/tau_rise)) u``
where S sums the charges that arrived.  The charge of one spike does not depend on the rise.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.pytree import pytree


def decay_over(seconds: float | jax.Array, tau: float | jax.Array) -> jax.Array:
    """``exp(-seconds / tau)``, and 0 for tau = 0."""
    tau = jnp.asarray(tau, jnp.float32)
    return jnp.where(tau > 0, jnp.exp(-seconds / jnp.maximum(tau, 1e-15)), 0.0)


def _risen(
    law: Dendrite | SpikeSynapse, rise: jax.Array, current: jax.Array, arriving: jax.Array, seconds: float
) -> tuple[jax.Array, jax.Array]:
    rise_decay = decay_over(seconds, law.tau_rise)
    rise = rise * rise_decay + arriving
    return rise, current * decay_over(seconds, law.tau_decay) + (1.0 - rise_decay) * rise


@pytree
class NodeLoad:
    """What loads the nodes besides the conductance that ``tau_decay`` is of; rows are for i, f, o and g.

    Parameters
    ----------
    external, cells : [4, 1] share of a node's voltage that a pulse of a line takes through the column's outputs
    stiffness : [4, k + 1] of a polynomial in the node's voltage over ``largest``, constant first: the load's conductance
        from zero to there over that of ``tau_decay``, less one
    largest : [4, 1] voltage, units, up to which the polynomial is; it stays what it is there
    """

    external: jax.Array
    cells: jax.Array
    stiffness: jax.Array
    largest: jax.Array


@pytree
class Crowd:
    """By how much a pulse of a line divides the charge of every other that passes the column in the same tick, less one."""

    external: float | jax.Array
    cells: float | jax.Array


@pytree
class Dendrite:
    """A dendrite: the column that mirrors its synapses' charge, and the node that sums it.

    Parameters
    ----------
    tau_decay : of the node, s
    tau_rise : lag of the column, s
    gain : charge of a spike over that at the ideal time constant, 1: a full line gives the same mean
    offset : of the node without any charge, units of its gate
    load : what else loads the node, none for an ideal one
    crowd : what pulses that pass the column at once take from each other, likewise
    """

    tau_decay: float | jax.Array
    tau_rise: float | jax.Array = 0.0
    gain: float | jax.Array = 1.0
    offset: float | jax.Array = 0.0
    load: NodeLoad | None = None
    crowd: Crowd | None = None

    def step(
        self, rise: jax.Array, current: jax.Array, arriving: jax.Array, seconds: float
    ) -> tuple[jax.Array, jax.Array]:
        """Rise stage and dendritic current after a tick in which charge ``arriving`` came."""
        return _risen(self, rise, current, arriving, seconds)

    def loaded(
        self, current: jax.Array, before: jax.Array, bias: jax.Array, external: jax.Array, cells: jax.Array,
        seconds: float | jax.Array,
    ) -> jax.Array:  # fmt: skip
        """Dendritic current, [n] as many a row of the load, of a tick that began at ``before``, would end at ``current``.

        So many pulses on external and on cells' lines load the node, on which ``bias`` stands as well, and so does an adder
        that is stiffer away from its rest; it is taken halfway through the tick.
        """
        load = self.load
        if load is None:
            return current
        rows = len(load.largest)
        node = (current + bias).reshape(rows, -1)
        x = jnp.clip((0.5 * (before - current).reshape(rows, -1) + node) / load.largest, -1.0, 1.0)
        stiff = load.stiffness[:, -1:]
        for k in range(load.stiffness.shape[1] - 2, -1, -1):
            stiff = stiff * x + load.stiffness[:, k : k + 1]
        rate = seconds / jnp.broadcast_to(self.tau_decay, current.shape).reshape(rows, -1)
        left = jnp.exp(-(load.external * external + load.cells * cells + rate * stiff))
        return (node * left).reshape(-1) - bias

    def crowded(
        self, external: float | jax.Array, cells: jax.Array
    ) -> tuple[float | jax.Array, float | jax.Array]:
        """Share of their charge that pulses of external and of cells' lines leave each other, so many in a tick."""
        if self.crowd is None:
            return 1.0, 1.0
        load = self.crowd.external * external + self.crowd.cells * cells
        left = [1.0 / (1.0 + jnp.maximum(load - own, 0.0)) for own in (self.crowd.external, self.crowd.cells)]
        return left[0], left[1]


@pytree
class SpikeSynapse:
    """The excitatory synapse that drives a feature neuron: double-exponential, with memory of its own spikes.

    A line that spiked a moment ago releases ``gain (1 + facilitation q)``, q its own spike trace, which decays with
    ``tau_release``.

    Parameters
    ----------
    tau_decay, tau_rise, tau_release : s
    gain : charge of a lone spike over the design charge, 1
    facilitation : gain of a spike that follows another at once, 1
    """

    tau_decay: float | jax.Array
    tau_rise: float | jax.Array = 0.0
    gain: float | jax.Array = 1.0
    facilitation: float | jax.Array = 0.0
    tau_release: float | jax.Array = 0.0

    def release(self, trace: jax.Array) -> jax.Array:
        """Charge of a spike on lines whose spike trace stands at ``trace``."""
        return self.gain * (1.0 + self.facilitation * trace)

    def step(
        self, rise: jax.Array, current: jax.Array, arriving: jax.Array, seconds: float
    ) -> tuple[jax.Array, jax.Array]:
        """Rise stage and current after a tick in which charge ``arriving`` came."""
        return _risen(self, rise, current, arriving, seconds)
