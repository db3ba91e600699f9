"""A small memory network that learns by three factors, whole in ngspice, beside the network's step.

The network of :mod:`neuromorph.tasks.memory_network`, and beside it what its gates learn by: slope units make psi currents
of gates, candidate and cell, buffered lines carry them and the forget current to an eligibility synapse for every line and
gate (i, f, g), and pulses move its weight between the frames.  Sources give those pulses: the learning signal is the
stimulus'.  The forget current is that of a gate like the cell's own, of so many more tubes; its line is closed between
frames by one transistor.  A shaper behind every line's own makes the pulses of its traces, twice as wide for a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import OutOfRange
from neuromorph.fitting.cell_knobs import KNOBS as CELL_KNOBS
from neuromorph.fitting.eligibility import E_REF, LEAK_FULL, PSI_RAIL, TRACE_WIDTH, WIDEST
from neuromorph.fitting.gate import at_knobs, sigmoid
from neuromorph.fitting.lines import TRACE_SHAPER_RANGE, pulse_width
from neuromorph.fitting.pulse_pairs import VSIGN, frame_windows
from neuromorph.fitting.readout import PULSE_CENTRE, WEIGHT_VOLT
from neuromorph.fitting.slope import BIAS_RANGE
from neuromorph.models.eligibility_synapse import TRACE_RANGE
from neuromorph.models.fidelity import CELL_PULSE, PULSE_RATIO, BlockSet, psi_currents, psi_rates
from neuromorph.models.learning_unit import LEARNING_SECONDS
from neuromorph.models.slope_unit import biases as unit_biases
from neuromorph.network.hold import held
from neuromorph.network.state import State
from neuromorph.network.step import Network, listen
from neuromorph.spice.waveforms import crossings, sample, windows
from neuromorph.spice.workers import simulate_whole
from neuromorph.tasks import memory_network as memory
from neuromorph.tasks.spot_benches import GATE_HEIGHT, GATES_LEARN
from neuromorph.tasks.spot_records import LEARNED, TRACED

BLOCKS = (
    *memory.BLOCKS, "blocks/slope_unit.cir", "blocks/gate_line.cir", "blocks/eligibility_synapse.cir",
    "blocks/trace_shaper.cir",
)  # fmt: skip
FLOOR_RAIL = 0.25
"""Sources of the traces' leaks, V."""
KNOBS = {"psirail": PSI_RAIL, "floor": FLOOR_RAIL, "vbp": 0.54, "vbn": 0.26, "eref": E_REF, "vinj": 0.6}
PSI_LINES = ("iu", "id", "fu", "fd", "gu")
"""Lines of a cell: psi of a gate's up and down trace; the candidate's has an up trace only."""
TUBES = 8
"""Of a transistor of the cell's gates."""
LAST_PULSE = 6e-9
"""After a frame's end, s: by then the pulses of its last spikes have charged the traces."""
PSI_LOAD, FORGET_LOAD = "50f", "100f"
"""Wire and gates of a line, as on the synapse's own bench."""


@dataclass(frozen=True)
class Stimulus(memory.Stimulus):
    """What the network hears, and how it is taught: ``signals`` [frames, cells], weight units a unit of eligibility."""

    wait: float = LEARNING_SECONDS
    signals: np.ndarray | None = None

    def signal(self, frame: int) -> np.ndarray:
        """[cells] of a frame."""
        return np.zeros(self.cells) if self.signals is None else np.asarray(self.signals, float)[frame]


@dataclass(frozen=True)
class Answer:
    """``c`` [ticks, cells] at the ticks' ends, V from the reference; ``spikes`` times of each cell, s; ``traces`` up minus
    down at the frames' ends and ``weights`` after each wait, units, [frames, gates i f g, lines, cells]."""

    c: np.ndarray
    spikes: list[np.ndarray]
    traces: np.ndarray
    weights: np.ndarray


def stepped(stimulus: Stimulus, blocks: BlockSet, models: Mapping[str, Mapping[str, float]]) -> Answer:
    """The network in the step; only the weights of notes and cells learn."""
    network, state = memory.begun(stimulus, blocks, models)
    config, frame = network.config, network.config.frame
    rows = np.delete(np.arange(config.lines - 1), config.notes)  # the silent feature has no line here
    hear = jax.jit(listen)
    spikes: list[list[float]] = [[] for _ in range(config.cells)]
    c, traces, weights = [], [], []
    for k, levels in enumerate(stimulus.notes):
        state, heard = hear(network, state, memory.heard_frame(levels, config.cells))
        c.append(np.concatenate([np.asarray(heard.cells.c)[1:], np.asarray(state.cells.c)[None]]))
        for tick, cell in np.argwhere(np.asarray(heard.cells.spikes) > 0):
            spikes[cell].append(k * stimulus.period + (tick + 0.5) * frame.tick_seconds)
        y = state.eligibility
        pairs = [(y.i_up, y.i_down), (y.f_up, y.f_down), (y.g_up, jnp.zeros_like(y.g_up))]
        traces.append(np.stack([np.asarray(up - down)[rows] for up, down in pairs]))
        state = _learned(network, state, pairs, rows, stimulus.signal(k))
        weights.append(_weights(network, state)[:, rows])
        state = held(config, blocks, state, stimulus.wait)
    volts = np.concatenate(c) * memory.TANH_UNIT
    return Answer(volts, [np.array(t) for t in spikes], np.stack(traces), np.stack(weights))


def _learned(
    network: Network,
    state: State,
    pairs: list[tuple[jax.Array, jax.Array]],
    rows: np.ndarray,
    signal: np.ndarray,
) -> State:
    cells, synapse = network.config.cells, network.blocks.eligibility
    gates = np.array(state.fast.gates).reshape(-1, 4, cells)
    for gate, (up, down) in zip(LEARNED, pairs, strict=True):
        gates[rows, gate] += signal * np.asarray(synapse.twin(up, down))[rows]
    clipped = network.blocks.store.clip(jnp.asarray(gates.reshape(-1, 4 * cells)))
    return replace(state, fast=replace(state.fast, gates=clipped))


def _weights(network: Network, state: State) -> np.ndarray:
    """[gates i f g, lines, cells]."""
    gates = np.asarray(state.fast.gates).reshape(-1, 4, network.config.cells)
    return np.moveaxis(gates[:, list(LEARNED)], 1, 0)


def slope_biases(
    stimulus: Stimulus, blocks: BlockSet, models: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Biases of the slope units of i, f and g that charge the traces as the step does where a gate stands half open, V.

    Raises
    ------
    OutOfRange
        Where the slope unit's knob does not reach it.
    """
    biases = unit_biases(models["slope_unit"], psi_currents(models, stimulus.frame, psi_rates(blocks)))
    for gate, bias in biases.items():
        if not BIAS_RANGE[0] <= bias <= BIAS_RANGE[1]:
            raise OutOfRange(
                f"a slope unit's bias of {bias:.3g} V", where=f"gate {gate}",
                remedy=f"it goes from {BIAS_RANGE[0]:g} to {BIAS_RANGE[1]:g} V",
            )  # fmt: skip
    return biases


def deck(
    stimulus: Stimulus,
    blocks: BlockSet,
    models: Mapping[str, Mapping[str, float]],
    netlists: Path,
    *,
    reference: bool = False,
) -> str:
    """The whole network as a netlist."""
    cards = memory.cards(stimulus, models, TRACED)
    biases = slope_biases(stimulus, blocks, models)
    knobs = KNOBS | {f"vs{gate}": bias for gate, bias in biases.items()}
    cards += [f"v{name} {name} 0 {value:.6g}" for name, value in knobs.items()]
    lines = stimulus.notes.shape[1] + stimulus.cells
    for m in range(lines):
        cards += trace_pulse_cards(m, stimulus.notes.shape[1], models)
    for k in range(stimulus.cells):
        cards += _cell_cards(k, models)
        cards += _pulse_cards(stimulus, k, models)
        for gate in TRACED:
            for m in range(lines):
                cards += _synapse_cards(gate, k, m)
    saved = [f"v(c{k}) v(axon{k})" for k in range(stimulus.cells)]
    saved += [
        f"v({node}{gate}{k}_{m})"
        for node in ("ep", "en", "p", "m")
        for gate in TRACED
        for k in range(stimulus.cells)
        for m in range(lines)
    ]
    title = f"memory network that learns, {stimulus.cells} cells, {stimulus.notes.shape[1]} lines"
    return memory.written(
        title, BLOCKS, cards, " ".join(saved), stimulus.seconds, netlists, reference=reference
    )


def trace_pulse_cards(m: int, notes: int, models: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Shaper of the pulses that line ``m`` puts onto its traces when its own pulse ends."""
    width = CELL_PULSE * (PULSE_RATIO if m < notes else 1.0)
    high = " ".join(f"v(xt{m}.{node})={memory.SUPPLY}" for node in ("ended", "x", "squareb"))
    return [
        f"vt{m} tw{m} 0 {shaper_knob(models['trace_shaper'], width):.6g}",
        f"xt{m} pulse{m} trace{m} vdd tw{m} trace_shaper\nct{m} trace{m} 0 {memory.LINE_LOAD}",
        f".ic {high} v(xt{m}.late)=0 v(xt{m}.square)=0 v(trace{m})=0",
    ]


def shaper_knob(model: Mapping[str, float], width: float) -> float:
    """Knob ``vwidth`` of a trace shaper at which its pulse is ``width`` s (within 1 % at the ends of its range), V.

    Raises
    ------
    OutOfRange
        When it is not characterized there.
    """
    knobs = np.linspace(*TRACE_SHAPER_RANGE, 81)
    widths = pulse_width(dict(model), knobs)
    knob = float(np.interp(width, widths, knobs))
    if not 0.99 * widths[0] <= width <= 1.01 * widths[-1]:
        raise OutOfRange(
            f"a trace's pulse of {1e9 * width:.3g} ns", where="trace_shaper, vwidth",
            remedy=f"it is characterized from {1e9 * widths[0]:.3g} to {1e9 * widths[-1]:.3g} ns",
        )  # fmt: skip
    return knob


def _cell_cards(k: int, models: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Slope units, psi lines and the forget line of a cell."""
    tubes = forget_tubes(models)
    cards = [
        f"xsi{k} i{k} g{k} vref jiu{k} jid{k} vdd vsi slope_unit",
        f"xsf{k} f{k} c{k} vref jfu{k} jfd{k} vdd vsf slope_unit",
        f"xsg{k} i{k} g{k} vref jgu{k} vdd vsg slope_unit_unsigned",
        # the forget gate of the traces: inputs swapped, a high vf closes it
        f"xq{k}t qt{k} vbf 0 nfet_low_leakage tubes={tubes}",
        f"xq{k}v qd{k} vref qt{k} nfet_analog tubes={tubes}",
        f"xq{k}r vdd f{k} qt{k} nfet_analog tubes={tubes}",
        f"xq{k}p qd{k} qd{k} vdd pfet_low_leakage tubes={tubes}",
        f"xq{k}o jf{k} qd{k} vdd pfet_low_leakage tubes={tubes}",
        f"xq{k}h jf{k} hold floor nfet_fast_low tubes=64",
        f"xlf{k} jf{k} lf{k} floor vdd vbp vbn gate_line",
        f"clf{k} lf{k} 0 {FORGET_LOAD}",
        f".nodeset v(jf{k})=0.4 v(lf{k})=0.4",
    ]
    for line in PSI_LINES:
        cards += [
            f"xl{line}{k} j{line}{k} l{line}{k} psirail vdd vbp vbn gate_line",
            f"cl{line}{k} l{line}{k} 0 {PSI_LOAD}",
            f".nodeset v(j{line}{k})=0.45 v(l{line}{k})=0.45",
        ]
    return cards


def _pulse_cards(stimulus: Stimulus, k: int, models: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A cell's learning pulses and sign lines, which come first in turn."""
    rate = models["eligibility_synapse"]["rate"]
    widths = [stimulus.signal(n)[k] * WEIGHT_VOLT / rate for n in range(len(stimulus.notes))]
    if np.abs(widths).max() > WIDEST:
        raise OutOfRange(
            f"learning pulses that differ by {1e9 * np.abs(widths).max():.3g} ns", where=f"cell {k}",
            remedy=f"they are characterized up to {1e9 * WIDEST:g} ns: lower the signals",
        )  # fmt: skip
    starts = stimulus.period * np.arange(len(widths)) + stimulus.frame.seconds + GATES_LEARN * stimulus.wait
    learning = [
        frame_windows(float(start), float(width), n % 2 == 0)
        for n, (start, width) in enumerate(zip(starts, widths, strict=True))
    ]
    return [
        f"vlearn{k} learn{k} 0 {windows([pulse for both, *_ in learning for pulse in both], GATE_HEIGHT)}",
        f"vraise{k} raise{k} 0 {windows([raising for _, raising, _ in learning], VSIGN)}",
        f"vlower{k} lower{k} 0 {windows([lowering for *_, lowering in learning], VSIGN)}",
    ]


def _synapse_cards(gate: str, k: int, m: int) -> list[str]:
    """Eligibility synapse of line ``m`` on a gate of cell ``k``."""
    d = f"{gate}{k}_{m}"
    down = f"l{gate}d{k}" if f"{gate}d" in PSI_LINES else "psirail"
    rest = E_REF + TRACE_WIDTH * np.log(TRACE_RANGE[0])
    return [
        f"xe{d} trace{m} l{gate}u{k} {down} lf{k} ep{d} en{d} learn{k} lower{k} raise{k} p{d} m{d} vdd eref vinj floor "
        "eligibility_synapse",
        f".ic v(ep{d})={rest:.6g} v(en{d})={rest:.6g}",
        f".nodeset v(xe{d}.xu.c1)=0.75 v(xe{d}.xu.c2)=0.75",
    ]


def forget_tubes(models: Mapping[str, Mapping[str, float]]) -> int:
    """Of each transistor of the gate that makes the forget current: where the cell's leak is half open, so is it."""
    cell, gate = models["memory_cell"], at_knobs(models["gate"], vb=CELL_KNOBS["vbf"][2])
    leak = 1 / (1 + np.exp(cell["f_offset"] / cell["f_width"]))
    own = gate["i_bias"] * float(sigmoid(0.0, *(gate[n] for n in ("gain", "v_offset", "v_width", "floor"))))
    return round(TUBES * LEAK_FULL * leak / own)


def transistors(stimulus: Stimulus) -> int:
    """Of the network: the memory's, 18 a learning synapse, 13 a line's trace shaper, and a cell's slope units (67), lines
    (42), forget gate (6)."""
    cells, lines = stimulus.cells, stimulus.notes.shape[1] + stimulus.cells
    return memory.transistors(stimulus) + 13 * lines + cells * (len(TRACED) * 18 * lines + 67 + 42 + 6)


def in_ngspice(
    stimulus: Stimulus, blocks: BlockSet, models: Mapping[str, Mapping[str, float]], netlists: Path, *,
    timeout: float = 6 * 3600.0,
) -> Answer:  # fmt: skip
    """The network in ngspice; times count from when a note's pulse is half over, as the step's ticks do.

    Raises
    ------
    SimulationFailed, EngineUnavailable
    """
    netlist = deck(stimulus, blocks, models, netlists)
    waves = simulate_whole(netlist, "memory network that learns", "network", timeout)
    cells, lines = stimulus.cells, stimulus.notes.shape[1] + stimulus.cells
    frames = stimulus.period * np.arange(len(stimulus.notes))

    def read(name: str, at: np.ndarray) -> np.ndarray:
        """[frames, gates, lines, cells]."""
        columns = [
            [
                [sample(waves.time, waves[f"{name}{gate}{k}_{m}"], at) for k in range(cells)]
                for m in range(lines)
            ]
            for gate in TRACED
        ]
        return np.moveaxis(np.array(columns), -1, 0)

    ends = frames + stimulus.frame.seconds + LAST_PULSE
    up, down = (np.exp((read(f"e{side}", ends) - E_REF) / TRACE_WIDTH) for side in "pn")
    after = frames + stimulus.period - 1e-9
    moved = read("p", after) - read("m", after) - (read("p", frames[:1]) - read("m", frames[:1]))
    first = np.moveaxis(stimulus.weights[:lines, list(LEARNED)], 1, 0)
    ticks = stimulus.tick_ends + PULSE_CENTRE
    c = [sample(waves.time, waves[f"c{k}"], ticks) - memory.REFERENCE for k in range(cells)]
    spikes = [
        crossings(waves.time, waves[f"axon{k}"], 0.5 * memory.SUPPLY) - PULSE_CENTRE for k in range(cells)
    ]
    return Answer(np.stack(c, axis=1), spikes, up - down, first + moved / WEIGHT_VOLT)
