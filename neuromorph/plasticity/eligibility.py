"""Eligibility traces that decay with their own cell's forget leak.

Per synapse k -> j and tick h: ``y <- y exp(-lambda_j) + psi_j x_k`` with

    psi_i = +-g s'(z_i) k_in h,  psi_f = +-lambda (ds/dz / s) S(c - c0),  psi_g = i g'(z_g) k_in h

(twin traces hold the positive and the negative part).  Because the decay belongs to the cell, a frame's worth of ticks
is one matrix product: exact, lazy.  The residual charge of a frame's pulses is taken from the trace at its beginning.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.eligibility_synapse import EligibilitySynapse
from neuromorph.models.fidelity import BlockSet
from neuromorph.models.pytree import pytree

TRACES = 5
"""Eligibility traces of a synapse."""


@pytree
class Traces:
    """One array a kind of trace: separate arrays stay in the cache while a frame is added to them.

    Parameters
    ----------
    i_up, i_down, f_up, f_down : twin traces of the input and forget gates
    g_up : the input amplifier's single trace
    """

    i_up: jax.Array
    i_down: jax.Array
    f_up: jax.Array
    f_down: jax.Array
    g_up: jax.Array

    @classmethod
    def zeros(cls, lines: int, cells: int) -> Traces:
        """Empty traces [lines, cells]."""
        return cls(*(jnp.zeros((lines, cells), jnp.float32) for _ in range(TRACES)))


@pytree
class CellRecord:
    """What the cells did at each tick: [ticks, cells] each (``gates`` [ticks, 3, cells] i, leak, o)."""

    arrived: jax.Array
    gates: jax.Array
    g: jax.Array
    c: jax.Array
    spikes: jax.Array


def charges(blocks: BlockSet, record: CellRecord, tick_seconds: float) -> Traces:
    """psi of the traces, [ticks, cells] each."""
    gain = tick_seconds * blocks.cell.charge_rate
    slope = jax.vmap(blocks.gate.slope)(record.gates)
    psi_i = gain * record.g * slope[:, 0]
    psi_f = tick_seconds * blocks.cell.leak_rate * slope[:, 1] * blocks.cell.away(record.c)
    psi_g = gain * record.gates[:, 0] * jax.vmap(blocks.tanh.slope)(record.g)
    return Traces(
        jnp.maximum(psi_i, 0), jnp.maximum(-psi_i, 0), jnp.maximum(psi_f, 0), jnp.maximum(-psi_f, 0), psi_g
    )


def remaining(leak: jax.Array) -> jax.Array:
    """[ticks, cells] what is left at the frame's end of a trace charged at each tick."""
    ticks = leak.shape[0]
    later = jnp.triu(jnp.ones((ticks, ticks), jnp.float32), 1)
    return jnp.exp(-(later @ leak))


def frame_update(
    synapse: EligibilitySynapse,
    eligibility: Traces,
    pre: jax.Array,
    psi: Traces,
    leak: jax.Array,
    pulses: jax.Array,
    keep: jax.Array,
) -> Traces:
    """Traces [lines, cells] after a frame: one decay, one product (exact but for the residual charge, see above).

    Parameters
    ----------
    eligibility : traces before the frame
    pre : [ticks, lines] spike activity that charges them
    psi : [ticks, cells] from :func:`charges`
    leak : [ticks, cells] lambda
    pulses : [lines] spikes of the frame
    keep : 0 where a new piece begins with this frame, else 1
    """
    left, whole, arriving = remaining(leak), keep * jnp.exp(-jnp.sum(leak, axis=0)), pre.T
    return jax.tree.map(
        lambda y, charge: synapse.pulsed(y, pulses[:, None]) * whole[None, :] + arriving @ (charge * left),
        eligibility, psi,
    )  # fmt: skip


def tick_update(
    synapse: EligibilitySynapse,
    eligibility: Traces,
    pre: jax.Array,
    psi: Traces,
    leak: jax.Array,
    pulses: jax.Array,
    keep: jax.Array,
) -> Traces:
    """The same, tick by tick: the reference for :func:`frame_update`."""

    def tick(traces: Traces, inputs: tuple[jax.Array, Traces, jax.Array]) -> tuple[Traces, None]:
        x, charge, lam = inputs
        kept = jnp.exp(-lam)[None, :]
        return jax.tree.map(lambda y, psi: y * kept + x[:, None] * psi[None, :], traces, charge), None

    began = jax.tree.map(lambda y: keep * synapse.pulsed(y, pulses[:, None]), eligibility)
    return jax.lax.scan(tick, began, (pre, psi, leak))[0]
