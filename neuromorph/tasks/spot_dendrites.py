"""Dendrites of a running network with all their synapses, in ngspice: what a column of many lines adds to the blocks.

A dendrite's bench has a gate synapse for every line that fires in the frame, their column and the adder; the lines'
pulses are a shaper's own, the weights stand where they stood.  It begins at rest, as after the wait of a learning frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from neuromorph.circuit import REFERENCE_OPTIONS, STANDARD_OPTIONS, Circuit
from neuromorph.fitting.adder import CENTRE_MODE, load
from neuromorph.fitting.dendrite_design import conductance
from neuromorph.fitting.readout import PULSE_CENTRE, WEIGHT_VOLT, read_offset
from neuromorph.models.fidelity import gate_dendrites
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT
from neuromorph.network.state import GATES
from neuromorph.network.step import Network, line_charges
from neuromorph.spice.netlist import load_netlist
from neuromorph.spice.waveforms import pulses, sample
from neuromorph.spice.workers import simulate
from neuromorph.tasks.memory_network import (
    COLUMN_LOAD,
    COLUMN_REST,
    LINE_LOAD,
    NAMES,
    PULSE_LOAD,
    REFERENCE,
    SUPPLY,
    WEIGHT_MEAN,
)
from neuromorph.tasks.spot_benches import REPLAY_SECONDS
from neuromorph.tasks.spot_records import Window, line_spikes

SPIKE, PULSE_STOP, PULSE_STEP = 2e-9, 8e-9, 0.05e-9
"""Of the shaper's bench: when it spikes, how long it is looked at, and between the corners of its pulse, s."""
QUIET = 1e-3
"""Share of its height below which a pulse is over."""


@dataclass(frozen=True)
class DendriteSpot:
    """One dendrite over a frame.

    Parameters
    ----------
    cell, gate, frame : where and when it is
    spikes : [ticks, lines] of the lines that fire
    external : [lines] whether a line is a note's or a feature's
    weights : [lines] units, and ``bias`` that of the bias line, as it reads
    z : [ticks] of the step at the ticks' ends, units
    lone : [ticks] the same as if every pulse were alone: none loads the node or takes charge from others
    """

    cell: int
    gate: str
    frame: int
    spikes: np.ndarray
    external: np.ndarray
    weights: np.ndarray
    bias: float
    z: np.ndarray
    lone: np.ndarray


def chosen_dendrites(
    cells: Sequence[int], window: Window, count: int, draw: np.random.Generator
) -> list[tuple[int, int, int]]:
    """Frame, gate and cell of dendrites: cells in their order, every gate once in four, frames drawn by their pulses."""
    busy = np.array([line_spikes(*frame).sum() for frame in zip(window.states, window.heard, strict=False)])
    gates = draw.permutation(GATES)
    frames = draw.choice(len(busy), size=count, p=busy / busy.sum())
    return [(int(frame), int(gates[k % GATES]), int(cells[k % len(cells)])) for k, frame in enumerate(frames)]


def dendrite_spot(network: Network, window: Window, frame: int, gate: int, cell: int) -> DendriteSpot:
    """What one dendrite received and, in the step, did."""
    config, blocks = network.config, network.blocks
    h, outside = config.frame.tick_seconds, config.notes + config.features.neurons
    spikes = line_spikes(window.states[frame], window.heard[frame])
    gates = jnp.asarray(window.states[frame].fast.gates)
    weights = gates.reshape(config.lines, GATES, config.cells)[..., cell]
    external = np.arange(config.lines - 1) < outside
    read = jnp.where(
        external[:, None],
        blocks.external_readout.value(weights[:-1]),
        blocks.cell_readout.value(weights[:-1]),
    )
    charge = spikes * np.asarray(line_charges(config) * blocks.dendrite.gain)
    parts = np.array([charge[:, m] @ np.asarray(read)[m] for m in (external, ~external)])
    bias = blocks.cell_readout.value(weights[-1])
    z = np.empty((2, len(spikes)))
    for k, together in enumerate((1.0, 0.0)):
        rise, current = jnp.zeros(GATES), jnp.zeros(GATES)
        for t, arriving in enumerate(parts.swapaxes(0, 1)):
            count = (
                jnp.asarray([spikes[t, :outside].sum(), spikes[t, outside:].sum()], jnp.float32) * together
            )
            left = jnp.stack(jnp.broadcast_arrays(*blocks.dendrite.crowded(*count)))
            arrived = left @ jnp.asarray(arriving, jnp.float32)
            rise, moved = blocks.dendrite.step(rise, current, arrived, h)
            current = blocks.dendrite.loaded(moved, current, bias, count[0], count[1], h)
            z[k, t] = float(current[gate] + bias[gate])
    fires = np.flatnonzero(spikes.any(axis=0))
    return DendriteSpot(
        cell,
        NAMES[gate],
        frame,
        spikes[:, fires],
        external[fires],
        np.asarray(weights)[fires, gate],
        float(bias[gate]),
        *z,
    )


def replay_dendrite(
    spot: DendriteSpot, network: Network, synapse: Circuit, adder: Circuit, models: Mapping[str, Mapping[str, float]],
    *, reference: bool = False,
) -> np.ndarray:  # fmt: skip
    """The dendrite in ngspice: z at the ticks' ends, units [ticks].

    Parameters
    ----------
    synapse, adder : circuits ``gate_synapse`` and ``dendritic_adder``; ``models`` has their fitted parameters
    reference : with ten times tighter tolerances

    What column and adder draw at rest is made up for, as bias weights learn to do.  Times count from when a line's pulse is
    half over, as the step's ticks do.

    Raises
    ------
    SimulationFailed, EngineUnavailable
    """
    frame = network.config.frame
    design = gate_dendrites(models, frame)
    candidate = spot.gate == "g"
    unit, vbias, wide = (
        (TANH_UNIT, design.candidate_bias, 1.0)
        if candidate
        else (GATE_UNIT, design.gate_bias, design.widening)
    )
    text = "\n".join(load_netlist(path) for path in dict.fromkeys((*synapse.netlists, *adder.netlists)))
    heights = (design.cell_height, design.external_height)
    shapes = [_line_pulse(text, height) for height in heights]
    cards = []
    for m, external in enumerate(spot.external):
        at = frame.tick_seconds * np.flatnonzero(spot.spikes[:, m])
        offset = float(read_offset(models["gate_synapse"], heights[int(external)]))
        half = 0.5 * (WEIGHT_VOLT * spot.weights[m] + offset)
        cards.append(f"vl{m} l{m} 0 {_train(at, *shapes[int(external)])}")
        cards.append(f"vp{m} p{m} 0 {WEIGHT_MEAN + half:.9g}\nvm{m} m{m} 0 {WEIGHT_MEAN - half:.9g}")
        cards.append(f"xr{m} l{m} p{m} m{m} up down gate_synapse")
    bias = conductance(models["dendritic_adder"], vbias, unit) * unit * spot.bias
    rest = load(models["dendritic_adder"], 0.0, CENTRE_MODE, vbias)
    bias += float(rest) - models["gate_synapse"]["column_rest_current"]
    deck = "\n".join([
        "* a dendrite with its synapses", text, f"vdd vdd 0 {SUPPLY}\nvref vref 0 {REFERENCE}\nvq vq 0 0.25",
        f"vmode vmode 0 {CENTRE_MODE}\nvbias vbias 0 {vbias:.9g}", *cards,
        f"xc up down d vref vdd vq dendrite_column\ncu up 0 {COLUMN_LOAD}\ncd down 0 {COLUMN_LOAD}",
        f"xd d vref vdd vmode vbias dendritic_adder cdend={30 * wide:.9g}f\nib 0 d {bias:.9g}",
        f".nodeset v(d)={REFERENCE + unit * spot.bias:.6g} v(up)={COLUMN_REST} v(down)={COLUMN_REST}",
        f".options {REFERENCE_OPTIONS if reference else STANDARD_OPTIONS}\n.save v(d)",
        f".tran 0.2n {frame.seconds + 4e-9:.9g} 0 0.25n\n.end\n",
    ])  # fmt: skip
    waves = simulate(deck, f"dendrite {spot.gate} of cell {spot.cell}", "replay", REPLAY_SECONDS)
    ends = frame.tick_seconds * (1 + np.arange(frame.ticks)) + PULSE_CENTRE
    return (sample(waves.time, waves["d"], ends) - REFERENCE) / unit


def _line_pulse(text: str, height: float) -> tuple[np.ndarray, np.ndarray]:
    """A shaper's pulse on its loaded line: times after the spike, s, and volts."""
    deck = "\n".join([
        "* a line's pulse", text, f"vdd vdd 0 {SUPPLY}\nvsw vsw 0 0.4\nvgain vgain 0 {height:.9g}",
        f"vs spike 0 {pulses((SPIKE,))}\nxs spike pulse line vdd vsw vgain spike_shaper",
        f"cl line 0 {LINE_LOAD}\ncp pulse 0 {PULSE_LOAD}",
        f".options {STANDARD_OPTIONS}\n.save v(line)\n.tran 0.02n {PULSE_STOP:g} 0 0.02n\n.end\n",
    ])  # fmt: skip
    waves = simulate(deck, "a line's pulse", "replay", REPLAY_SECONDS)
    times = np.arange(SPIKE, PULSE_STOP, PULSE_STEP)
    volts = sample(waves.time, waves["line"], times)
    on = np.flatnonzero(volts > QUIET * height)
    seen = slice(on[0] - 1, on[-1] + 2)
    volts = volts[seen].copy()
    volts[[0, -1]] = 0.0
    return times[seen] - SPIKE, volts


def _train(at: np.ndarray, times: np.ndarray, volts: np.ndarray) -> str:
    """A source with that pulse after each spike."""
    moments, levels = (at[:, None] + times).ravel(), np.tile(volts, len(at))
    corners = [f"{t:.9g} {v:.6g}" for t, v in zip(moments, levels, strict=True)]
    return "pwl(0 0\n+ " + "\n+ ".join(corners) + ")"
