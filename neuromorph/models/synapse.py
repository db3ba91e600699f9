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
class Shunt:
    """Share of a node's voltage, [4, 1] for i, f, o and g, that a pulse of a line takes through the column's outputs."""

    external: jax.Array
    cells: jax.Array


@pytree
class Dendrite:
    """A dendrite of a memory cell: the column that mirrors its synapses' charge, and the node that sums it.

    Parameters
    ----------
    tau_decay : of the node, s
    tau_rise : lag of the column, s
    gain : charge of a spike over that at the ideal time constant, 1: a full line gives the same mean
    offset : of the node without any charge, units of its gate
    shunt : what pulses take from the node through the column, none for an ideal one
    """

    tau_decay: float | jax.Array
    tau_rise: float | jax.Array = 0.0
    gain: float | jax.Array = 1.0
    offset: float | jax.Array = 0.0
    shunt: Shunt | None = None

    def step(
        self, rise: jax.Array, current: jax.Array, arriving: jax.Array, seconds: float
    ) -> tuple[jax.Array, jax.Array]:
        """Rise stage and dendritic current after a tick in which charge ``arriving`` came."""
        return _risen(self, rise, current, arriving, seconds)

    def shunted(
        self, current: jax.Array, bias: jax.Array, external: jax.Array, cells: jax.Array
    ) -> jax.Array:
        """Dendritic current [4 * cells] after so many pulses on the lines of notes and features and on those of cells.

        The pulses load the node, on which ``bias`` stands as well.
        """
        if self.shunt is None:
            return current
        left = jnp.exp(-(self.shunt.external * external + self.shunt.cells * cells))
        node = (current + bias).reshape(len(left), -1) * left
        return node.reshape(-1) - bias


@pytree
class SpikeSynapse:
    """The excitatory synapse that drives a feature neuron: double-exponential, with memory of its own spikes.

    A line that spiked a moment ago releases ``gain (1 + facilitation q) / (1 + saturation q)``, q its own spike trace.

    Parameters
    ----------
    tau_decay, tau_rise : s
    gain : charge of a lone spike over the design charge, 1
    facilitation, saturation : gain and loss of a spike that follows another at once, 1
    """

    tau_decay: float | jax.Array
    tau_rise: float | jax.Array = 0.0
    gain: float | jax.Array = 1.0
    facilitation: float | jax.Array = 0.0
    saturation: float | jax.Array = 0.0

    def release(self, trace: jax.Array) -> jax.Array:
        """Charge of a spike on lines whose spike trace stands at ``trace``."""
        return self.gain * (1.0 + self.facilitation * trace) / (1.0 + self.saturation * trace)

    def step(
        self, rise: jax.Array, current: jax.Array, arriving: jax.Array, seconds: float
    ) -> tuple[jax.Array, jax.Array]:
        """Rise stage and current after a tick in which charge ``arriving`` came."""
        return _risen(self, rise, current, arriving, seconds)
