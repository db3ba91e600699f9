"""Where the fitted models were characterized, in the network's units, and how much of a frame lies outside."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from neuromorph.models.gate import GATE_UNIT, TANH_UNIT, SigmoidGate, TanhGate
from neuromorph.models.pytree import pytree

QUANTITIES = ("gate voltages", "candidate voltages", "cell voltages", "traces")
"""What is watched; neurons' drives and weights are held to their ranges by the step itself."""


@pytree
class Box:
    """Largest magnitudes that SPICE has seen.

    Parameters
    ----------
    gate, candidate : of the dendritic sums, units of their gates
    cell : of c
    trace : of an eligibility trace
    """

    gate: float | jax.Array
    candidate: float | jax.Array
    cell: float | jax.Array
    trace: float | jax.Array

    def outside(
        self, gates: jax.Array, g: jax.Array, c: jax.Array, traces: tuple[jax.Array, ...],
        sigmoid: SigmoidGate, tanh: TanhGate,
    ) -> jax.Array:  # fmt: skip
        """Shares of ticks and instances (traces: of synapses) beyond the box, in the order of :data:`QUANTITIES`.

        Parameters
        ----------
        gates, g, c : [ticks, 3, cells], [ticks, cells], [ticks, cells] as the cells had them
        traces : [lines, cells] each
        """
        gate, candidate = jnp.asarray(self.gate), jnp.asarray(self.candidate)
        beyond = (
            _beyond(gates, sigmoid.value(-gate), sigmoid.value(gate)),
            _beyond(g, tanh.value(-candidate), tanh.value(candidate)),
            jnp.abs(c) > self.cell,
        )
        over = jnp.stack([jnp.mean(trace > self.trace) for trace in traces])
        return jnp.stack([*(jnp.mean(b) for b in beyond), jnp.mean(over)])


def _beyond(values: jax.Array, low: jax.Array, high: jax.Array) -> jax.Array:
    """Where [ticks, ...] values lie outside limits that may be one value an instance."""
    low, high = (jnp.broadcast_to(limit, values.shape[1:])[None] for limit in (low, high))
    return (values < low) | (values > high)


def box_of(boxes: Mapping[str, Mapping[str, tuple[float, float]]]) -> Box:
    """The box of a network.

    Parameters
    ----------
    boxes : mapping
        Validity ranges of ``memory_cell`` and ``eligibility_synapse``, SI.
    """

    def reach(block: str, name: str) -> float:
        low, high = boxes[block][name]
        return min(-low, high)

    return Box(
        gate=reach("memory_cell", "v") / GATE_UNIT,
        candidate=reach("memory_cell", "v") / TANH_UNIT,
        cell=reach("memory_cell", "c") / TANH_UNIT,
        trace=boxes["eligibility_synapse"]["y"][1],
    )
