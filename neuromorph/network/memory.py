"""Gated memory for one frame: the tick loop in which the cells live."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.models.cell_mirrors import Currents
from neuromorph.models.events import row_of, walk
from neuromorph.models.fidelity import BlockSet
from neuromorph.models.noise import TickNoise
from neuromorph.models.synapse import decay_over
from neuromorph.models.weight_readout import WeightReadout
from neuromorph.network.config import NetworkConfig
from neuromorph.network.state import GATES, CellState
from neuromorph.plasticity.eligibility import CellRecord

LEAK_SIGN = np.array([[1.0], [-1.0], [1.0]], np.float32)
"""The leak is driven by the complementary output of the forget gate, s(-z_f)."""


Carried = tuple[CellState, tuple[Currents, Currents] | None]
"""From tick to tick: the cells, and the currents of their products and leaks where these follow late."""


def memory_frame(
    config: NetworkConfig,
    blocks: BlockSet,
    gates: jax.Array,
    state: CellState,
    arriving: jax.Array,
    pulses: jax.Array,
    noise: TickNoise | None = None,
) -> tuple[CellState, CellRecord]:
    """Run the cells for a frame.

    Parameters
    ----------
    gates : [lines, 4 * cells] weights; the last ones are those of the cells' lines and of the bias line
    arriving : [ticks, 4 * cells] charge from notes and features
    pulses : [ticks] spikes on their lines
    noise : draws for the frame, where the blocks are noisy
    """
    bias = blocks.cell_readout.line(gates[-1], jnp.int32(config.cells)) + blocks.dendrite.offset
    frame, h = config.frame, config.frame.tick_seconds
    line_charge = frame.line_charge(frame.spikes_per_unit) * float(config.memory) * blocks.dendrite.gain
    nothing, read_decay = jnp.zeros(config.cells), decay_over(h, blocks.note_dendrite.tau_decay)

    def opened(node: jax.Array) -> tuple[jax.Array, jax.Array]:
        z = node.reshape(GATES, config.cells)
        return blocks.gate.value(z[:3] * LEAK_SIGN), blocks.tanh.value(z[3])

    def tick(
        carry: Carried,
        inputs: tuple[jax.Array, jax.Array, TickNoise | None],
    ) -> tuple[Carried, CellRecord]:
        (now, currents), (external, outside, draw) = carry, inputs
        own = float(config.memory) * jnp.sum(now.last_spikes)
        left, own_left = blocks.dendrite.crowded(outside, own)
        charge = jnp.broadcast_to(line_charge * own_left, (config.cells,))
        total = with_recurrent(blocks.cell_readout, gates, now.last_spikes, charge, external * left)
        rise, current = blocks.dendrite.step(now.rise, now.current, total, h)
        current = blocks.dendrite.loaded(current, now.current, bias, outside, own, h)
        if blocks.noise is not None and draw is not None:
            current = current + blocks.noise.kick(draw.dendrites, h, blocks.dendrite.tau_decay)
        gate, g = opened(current + bias)
        c, currents = blocks.cell.moved(now.c, currents, gate, g, h)
        drive = jnp.clip(gate[2] * blocks.cell.read(c, gate[2]), 0.0, 1.0)
        if blocks.noise is not None and draw is not None:
            c = c + blocks.noise.charge(draw.cells, gate[0], gate[1])
            drive = blocks.noise.driven(draw.neurons, drive)
        neuron, spikes = blocks.cell_neuron.step(now.neuron, drive)
        count = jnp.sum(spikes)
        read = now.read * read_decay
        read = blocks.note_dendrite.loaded(read, read, nothing, jnp.float32(0.0), count, h)
        after = CellState(
            c=c,
            rise=rise,
            current=current,
            neuron=neuron,
            last_spikes=spikes,
            read=read + frame.read_charge * blocks.note_dendrite.crowded(0.0, count)[1] * spikes,
        )
        return (after, currents), CellRecord(now.last_spikes, gate, g, now.c, spikes)

    # before a frame the cell is cut off for long enough that its mirrors stand where the gates do
    standing = opened(state.current + bias)
    begun = (state, blocks.cell.standing(state.c, *standing))
    (state, _), record = jax.lax.scan(tick, begun, (arriving, pulses, noise))
    return state, replace(record, standing=standing)


def with_recurrent(
    readout: WeightReadout, gates: jax.Array, spikes: jax.Array, charge: jax.Array, external: jax.Array
) -> jax.Array:
    """``external`` [4 * cells] and the ``charge`` of the cells that spiked, bool [cells], through their lines' weights."""
    first = gates.shape[0] - 1 - spikes.shape[0]

    def arrive(cell: jax.Array, total: jax.Array) -> jax.Array:
        return total + charge[cell] * readout.line(row_of(gates, first + cell), cell)

    return walk(spikes, arrive, external)
