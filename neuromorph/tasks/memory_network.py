"""A small memory network, whole in ngspice, beside the network's step: lines, gate synapses, dendrites, cells, neurons.

Every block is at transistor level: a spike shaper a line, a gate synapse for every line, cell and gate, columns and
adders, the memory cells with their neurons, whose spikes come back on lines of their own.  Sources give supplies, biases,
the notes' spikes and the bias line's constant currents.  Weights do not move: it is the forward path, which synapses
learn beside (``neuromorph verify RUN --spots``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.circuit import REFERENCE_OPTIONS, STANDARD_OPTIONS
from neuromorph.fitting.cell_knobs import KNOBS as CELL_KNOBS
from neuromorph.fitting.cell_knobs import read_bias
from neuromorph.fitting.dendrite_design import conductance
from neuromorph.fitting.lines import SHAPER_LOAD
from neuromorph.fitting.memory_cell import FRAME
from neuromorph.fitting.readout import PULSE_CENTRE, V_LINE, WEIGHT_VOLT, pulse_charge, read_offset
from neuromorph.models.fidelity import BlockSet, gate_dendrites
from neuromorph.models.frame import Frame
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT
from neuromorph.models.neuron_hardware import full_scale_current
from neuromorph.music.encoding import RegularSpikeEncoder
from neuromorph.network.config import FeatureConfig, NetworkConfig
from neuromorph.network.simulate import build_network
from neuromorph.network.state import GATES, State
from neuromorph.network.step import FrameInput, Network, listen
from neuromorph.spice.netlist import load_netlist
from neuromorph.spice.waveforms import crossings, integral, pulses, sample, windows
from neuromorph.spice.workers import simulate_whole

SUPPLY, REFERENCE, WEIGHT_MEAN, COLUMN_REST = 0.8, 0.4, 0.6, 0.52
NAMES = ("i", "f", "o", "g")
BLOCKS = (
    "devices/cnfet.lib", "blocks/ota.cir", "blocks/gate.cir", "blocks/memory_cell.cir", "blocks/axon_hillock.cir",
    "blocks/spike_shaper.cir", "blocks/gate_synapse.cir", "blocks/dendrite_column.cir", "blocks/dendritic_adder.cir",
)  # fmt: skip
HOLDING = {"hold": 0.0, "holdb": SUPPLY}
KNOBS = {
    "vref": REFERENCE, "vsw": 0.40, "vq": 0.25, "vmode": 0.40, "vwidth": 0.43, "vrefr": 0.225,
    "vleak": 0.15, "vload": 0.43, "vbi": CELL_KNOBS["vbi"][2], "vbf": CELL_KNOBS["vbf"][2],
}  # fmt: skip
LINE_LOAD, PULSE_LOAD, COLUMN_LOAD = "150f", "5f", "20f"
"""Wires of a line, of its pulse, and of a side of a column, as on the blocks' own benches."""


@dataclass(frozen=True)
class Stimulus:
    """What the network hears: ``notes`` [frames, lines], 0 or 1; ``weights`` [lines + cells + 1, 4, cells], units: rows of
    notes, of cells, and the bias line's; ``wait`` between frames, s."""

    notes: np.ndarray
    weights: np.ndarray
    frame: Frame = field(default_factory=Frame)
    wait: float = 0.0

    @property
    def cells(self) -> int:
        """Memory cells."""
        return self.weights.shape[2]

    @property
    def period(self) -> float:
        """From one frame's start to the next one's, s."""
        return self.frame.seconds + self.wait

    @property
    def seconds(self) -> float:
        """Of all frames, s."""
        return len(self.notes) * self.period

    @property
    def tick_ends(self) -> np.ndarray:
        """Ends of all ticks, s."""
        ticks = self.frame.tick_seconds * np.arange(1, self.frame.ticks + 1)
        return (self.period * np.arange(len(self.notes))[:, None] + ticks).ravel()

    def spikes(self, line: int) -> np.ndarray:
        """Times of a note's spikes, s, on the step's ticks: each note has its own."""
        frame = self.frame
        ticks = np.flatnonzero(_thresholds(frame, self.notes.shape[1])[:, line] < 1.0)
        on = np.flatnonzero(self.notes[:, line] > 0)
        return (on[:, None] * self.period + ticks * frame.tick_seconds).ravel()


@dataclass(frozen=True)
class Answer:
    """``c`` [ticks, cells] at the ticks' ends, V from the reference; ``spikes`` times of each cell, s; ``energy`` from the
    supply, J (nan where it is not known)."""

    c: np.ndarray
    spikes: list[np.ndarray]
    energy: float = float("nan")


def _thresholds(frame: Frame, notes: int) -> np.ndarray:
    return RegularSpikeEncoder(frame.input_spikes, frame.ticks, notes).thresholds()


def resting(models: Mapping[str, Mapping[str, float]], frame: Frame) -> np.ndarray:
    """What the columns draw from the dendrites without spikes, [4] units of i, f, o, g."""
    design, adder = gate_dendrites(models, frame), models["dendritic_adder"]
    gate, candidate = (
        conductance(adder, bias, unit) * unit
        for bias, unit in ((design.gate_bias, GATE_UNIT), (design.candidate_bias, TANH_UNIT))
    )
    return models["gate_synapse"]["column_rest_current"] / np.array([gate, gate, gate, candidate])


def begun(
    stimulus: Stimulus, blocks: BlockSet, models: Mapping[str, Mapping[str, float]], finer: int = 1
) -> tuple[Network, State]:
    """The network before its first frame; what the columns draw at rest counts with the bias line."""
    notes = stimulus.notes.shape[1]
    frame = replace(stimulus.frame, ticks=finer * stimulus.frame.ticks)
    thresholds = np.full((frame.ticks, notes), 2.0, np.float32)  # no level reaches it
    thresholds[::finer] = _thresholds(stimulus.frame, notes)
    config = NetworkConfig(
        notes=notes, cells=stimulus.cells, frame=frame, features=FeatureConfig(neurons=1, gain=0.0)
    )
    network, state = build_network(
        config, blocks, seed=0, log_odds=np.zeros(notes, np.float32), thresholds=thresholds
    )
    rows = [stimulus.weights[:notes], np.zeros((1, *stimulus.weights.shape[1:])), stimulus.weights[notes:]]
    weights = np.concatenate(rows)
    weights[-1] += resting(models, frame)[:, None]
    gates = jnp.asarray(weights.reshape(config.lines, GATES * config.cells), jnp.float32)
    state = replace(state, fast=replace(state.fast, gates=gates))
    return network, state


def heard_frame(levels: np.ndarray, cells: int) -> FrameInput:
    """A frame of ``levels`` [lines]; nothing is learned from it."""
    zero, now = jnp.float32(0.0), jnp.asarray(levels, jnp.float32)
    return FrameInput(
        now, now, jnp.asarray(False), zero, zero, jnp.ones(cells, jnp.float32), jax.random.key(0)
    )


def stepped(
    stimulus: Stimulus,
    blocks: BlockSet,
    models: Mapping[str, Mapping[str, float]],
    begins: np.ndarray | None = None,
    finer: int = 1,
) -> Answer:
    """The network in the step.

    ``begins`` [frames, cells], V from the reference: where the cells are put as a frame begins; by default they stay where
    the frame before has left them.  ``finer``: into how many steps a tick is cut; ``blocks`` are those of the finer frame.
    """
    network, state = begun(stimulus, blocks, models, finer)
    config, h = network.config, network.config.frame.tick_seconds
    hear = jax.jit(listen)
    c, spikes = [], []
    for k, levels in enumerate(stimulus.notes):
        if begins is not None:
            put = jnp.asarray(begins[k] / TANH_UNIT, jnp.float32)
            state = replace(state, cells=replace(state.cells, c=put))
        state, heard = hear(network, state, heard_frame(levels, config.cells))
        c.append(np.concatenate([np.asarray(heard.cells.c)[1:], np.asarray(state.cells.c)[None]]))
        spikes.append(np.asarray(heard.cells.spikes))
    fired = np.concatenate(spikes)
    times = [(np.flatnonzero(fired[:, k]) + 0.5) * h for k in range(config.cells)]
    return Answer(np.concatenate(c)[finer - 1 :: finer] * TANH_UNIT, times)


def deck(
    stimulus: Stimulus, models: Mapping[str, Mapping[str, float]], netlists: Path, *, reference: bool = False
) -> str:
    """The whole network as a netlist."""
    lines = stimulus.notes.shape[1]
    saved = " ".join(
        f"v(c{k}) v(axon{k}) " + " ".join(f"v({gate}{k})" for gate in NAMES) for k in range(stimulus.cells)
    )
    title = f"memory network, {stimulus.cells} cells, {lines} lines"
    return written(
        title,
        BLOCKS,
        cards(stimulus, models),
        f"{saved} i(vdd)",
        stimulus.seconds,
        netlists,
        reference=reference,
    )


def written(
    title: str, blocks: Sequence[str], cards: Sequence[str], saved: str, seconds: float, netlists: Path, *, reference: bool
) -> str:  # fmt: skip
    """A netlist of ``blocks`` (files under ``netlists``) that runs for a little more than ``seconds``."""
    text = "\n".join(load_netlist(netlists / part) for part in blocks)
    options = REFERENCE_OPTIONS if reference else STANDARD_OPTIONS
    return (
        f"* {title}\n{text}\nvdd vdd 0 {SUPPLY}\n"
        + "\n".join(cards)
        + f"\n.options {options}\n.save {saved}\n.tran 0.2n {seconds + 4e-9:.9g} 0 0.25n\n.end\n"
    )


def cards(
    stimulus: Stimulus, models: Mapping[str, Mapping[str, float]], learned: Collection[str] = ()
) -> list[str]:
    """Lines, synapses, dendrites, cells and neurons; the weights of ``learned`` gates are capacitors p.., m.., which only
    begin where the stimulus says."""
    frame, lines = stimulus.frame, stimulus.notes.shape[1]
    design, adder = gate_dendrites(models, frame), models["dendritic_adder"]
    full_scale = full_scale_current(models["axon_hillock"], frame.seconds / frame.spikes_per_unit)
    waiting = {} if stimulus.wait else HOLDING
    knobs = waiting | KNOBS | {
        "vgext": design.external_height, "vgcell": design.cell_height, "vbgate": design.gate_bias,
        "vbcand": design.candidate_bias, "vbo": read_bias(models["memory_cell"], full_scale),
    }  # fmt: skip
    cards = [f"v{name} {name} 0 {value:.6g}" for name, value in knobs.items()]
    if stimulus.wait:
        # frames end when their last pulse is half over, where they are read
        begins = PULSE_CENTRE + stimulus.period * np.arange(len(stimulus.notes))
        waits = [(begin + frame.seconds, begin + stimulus.period) for begin in begins]
        cards.append(f"vhold hold 0 {windows(waits)}\nvholdb holdb 0 {windows(waits, high=0.0, low=SUPPLY)}")
    # weights count from where the read-out reads nothing, as a network's first weights are written
    offsets = [read_offset(models["gate_synapse"], knobs[name]) for name in ("vgext", "vgcell")]
    spiking = [f"note{n}" for n in range(lines)] + [f"axon{k}" for k in range(stimulus.cells)]
    for n in range(lines):
        cards.append(f"vn{n} note{n} 0 {pulses(stimulus.spikes(n) + 1e-12)}")
    for m, source in enumerate(spiking):
        height = "vgext" if m < lines else "vgcell"
        cards.append(f"xs{m} {source} pulse{m} line{m} vdd vsw {height} spike_shaper")
        cards.append(f"cl{m} line{m} 0 {LINE_LOAD}\ncp{m} pulse{m} 0 {PULSE_LOAD}")
        cards.append(f".ic v(xs{m}.x)={SUPPLY} v(pulse{m})=0 v(xs{m}.pulseb)={SUPPLY} v(line{m})=0")
    for k in range(stimulus.cells):
        for a, gate in enumerate(NAMES):
            wide, bias, unit = (
                (1.0, "vbcand", TANH_UNIT) if gate == "g" else (design.widening, "vbgate", GATE_UNIT)
            )
            d = f"{gate}{k}"
            for m in range(len(spiking)):
                half = 0.5 * (WEIGHT_VOLT * stimulus.weights[m, a, k] + float(offsets[m >= lines]))
                if gate in learned:
                    cards.append(
                        f".ic v(p{d}_{m})={WEIGHT_MEAN + half:.6g} v(m{d}_{m})={WEIGHT_MEAN - half:.6g}"
                    )
                else:
                    cards.append(f"vp{d}_{m} p{d}_{m} 0 {WEIGHT_MEAN + half:.6g}")
                    cards.append(f"vm{d}_{m} m{d}_{m} 0 {WEIGHT_MEAN - half:.6g}")
                cards.append(f"xr{d}_{m} line{m} p{d}_{m} m{d}_{m} up{d} down{d} gate_synapse")
            cards.append(f"xc{d} up{d} down{d} {d} vref vdd vq dendrite_column")
            cards.append(f"cu{d} up{d} 0 {COLUMN_LOAD}\ncd{d} down{d} 0 {COLUMN_LOAD}")
            cards.append(f".nodeset v(up{d})={COLUMN_REST} v(down{d})={COLUMN_REST}")
            cards.append(f"xd{d} {d} vref vdd vmode {bias} dendritic_adder cdend={30 * wide:.6g}f")
            constant = conductance(adder, knobs[bias], unit) * unit * stimulus.weights[-1, a, k]
            cards.append(f"ib{d} 0 {d} {constant:.6g}\n.nodeset v({d})={REFERENCE}")
        cards.append(f"xm{k} i{k} f{k} o{k} g{k} vref c{k} in{k} vdd hold holdb vbi vbf vbo memory_cell")
        cards.append(f"xa{k} in{k} axon{k} vdd vwidth vrefr vleak vload axon_hillock")
        cards.append(f".ic v(c{k})={REFERENCE} v(in{k})=0 v(axon{k})=0 v(xa{k}.ref)=0")
        cards.append(f".ic v(xa{k}.x)={SUPPLY} v(xa{k}.axonb)={SUPPLY} v(xa{k}.w)=0")
    return cards


def transistors(stimulus: Stimulus) -> int:
    """Of the network: 8 a line, 3 a synapse, 41 a dendrite, 51 and 11 a cell."""
    cells, lines = stimulus.cells, stimulus.notes.shape[1] + stimulus.cells
    return 8 * lines + GATES * cells * (3 * lines + 41) + 62 * cells


def in_ngspice(
    stimulus: Stimulus, models: Mapping[str, Mapping[str, float]], netlists: Path, *, reference: bool = False,
    timeout: float = 6 * 3600.0,
) -> Answer:  # fmt: skip
    """The network in ngspice; times count from when a note's pulse is half over, as the step's ticks do.

    Raises
    ------
    SimulationFailed, EngineUnavailable
    """
    waves = simulate_whole(
        deck(stimulus, models, netlists, reference=reference), "memory network", "network", timeout
    )
    ends = stimulus.tick_ends + PULSE_CENTRE
    c = [sample(waves.time, waves[f"c{k}"], ends) - REFERENCE for k in range(stimulus.cells)]
    spikes = [
        crossings(waves.time, waves[f"axon{k}"], 0.5 * SUPPLY) - PULSE_CENTRE for k in range(stimulus.cells)
    ]
    return Answer(np.stack(c, axis=1), spikes, -SUPPLY * float(integral(waves.time, waves["vdd#branch"])))


def expected_energy(stimulus: Stimulus, answer: Answer, models: Mapping[str, Mapping[str, float]]) -> float:
    """Joules from the supply by the models, as :func:`neuromorph.network.energy.energy_per_frame` counts them.

    The rails that give the lines' pulses their heights are other sources, counted in neither; of a shaper's energy theirs
    is what charges its bench's line to the usual height.
    """
    design, read = gate_dendrites(models, stimulus.frame), models["gate_synapse"]
    heard = sum(len(stimulus.spikes(n)) for n in range(stimulus.notes.shape[1]))
    fired = sum(len(times) for times in answer.spikes)
    shaper = models["spike_shaper"]["energy_per_spike"] - SHAPER_LOAD * V_LINE**2
    charge = heard * float(pulse_charge(read, design.external_height, 1.0))
    charge += fired * float(pulse_charge(read, design.cell_height, 1.0))
    dendrite = read["column_static_power"] + models["dendritic_adder"]["static_power"]
    cell = models["memory_cell"]["energy_per_frame"] / FRAME + models["axon_hillock"]["static_power"]
    seconds = stimulus.period * len(stimulus.notes)
    return (
        (heard + fired) * shaper
        + GATES * stimulus.cells * 2 * SUPPLY * charge
        + fired * models["axon_hillock"]["energy_per_spike"]
        + seconds * stimulus.cells * (GATES * dendrite + cell)
    )
