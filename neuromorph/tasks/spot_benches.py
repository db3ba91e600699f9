"""Netlists that replay what a cell or a synapse of a running network saw, and what ngspice answers.

A cell's bench is its memory cell with the read-out neuron, 62 transistors, its four dendrites driven by sources; a
synapse's is the eligibility synapse with three gate lines, its psi and forget lines driven by current sources, its line
and its learning signal by pulses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuromorph.circuit import REFERENCE_OPTIONS, STANDARD_OPTIONS, Circuit
from neuromorph.fitting.eligibility import (
    E_REF,
    LEAK_FULL,
    LEAST_LEAK,
    LINES,
    PSI_FULL,
    TRACE_WIDTH,
    WEIGHT_MEAN,
)
from neuromorph.fitting.pulse_pairs import VSIGN, frame_windows
from neuromorph.fitting.readout import WEIGHT_VOLT
from neuromorph.fitting.update_knobs import GATE_KNOBS
from neuromorph.models.fidelity import CELL_PULSE, GAIN_PULSE, PULSE_RATIO
from neuromorph.spice.netlist import load_netlist
from neuromorph.spice.waveforms import crossings, pulses, sample, straight, windows
from neuromorph.spice.workers import simulate
from neuromorph.tasks.spot_records import CellSpot, SynapseSpot

REFERENCE = 0.4
"""Zero of all signals, V."""
SPIKE_LEVEL = 0.4
LEAST_CURRENT = 1e-12
"""What a closed line carries, A."""
FLOOR = 0.007
"""Trace units at which a trace rests."""
REPLAY_SECONDS = 3600.0
"""A replay that takes longer is given up; others beside it must not be lost for a busy machine."""
GATE_HEIGHT = GATE_KNOBS["height"][2]
"""Of the gates' learning pulses, V."""
CUT = 0.1e-9
"""Time in which a line is cut off from its gate as a frame ends, s."""
GATES_LEARN = 0.5
"""Share of the wait after which the gates' weights move: the notes' errors come first."""


@dataclass(frozen=True)
class Clock:
    """When frames and ticks are: ``waits`` [frames] s follow frames of ``ticks`` times ``tick`` s."""

    tick: float
    ticks: int
    waits: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """[frames] s."""
        return np.concatenate([[0.0], np.cumsum(self.ticks * self.tick + self.waits)])[:-1]

    @property
    def ends(self) -> np.ndarray:
        """[frames] ends of the frames, s."""
        return self.starts + self.ticks * self.tick

    @property
    def stop(self) -> float:
        """s."""
        return float(self.ends[-1] + self.waits[-1])

    def source(self, values: np.ndarray, waiting: float | np.ndarray) -> str:
        """A source that passes through ``values`` [frames, ticks] at the ticks' middles and waits at ``waiting``, one value
        or [frames] those that it stands at as a frame begins.

        Straight between them, as smooth as a dendrite's own capacitance makes a voltage.
        """
        before = np.broadcast_to(waiting, len(values))
        rest = np.append(before[1:], before[-1])
        middles = self.starts[:, None] + self.tick * (0.5 + np.arange(self.ticks))
        rests = np.stack([self.ends + self.tick, self.ends + self.waits - self.tick], axis=1)
        begins = self.starts[:, None] + 1e-12  # a source's own first corner is at zero
        times = np.concatenate([begins, middles, rests], axis=1).ravel()
        levels = np.concatenate([before[:, None], values, rest[:, None], rest[:, None]], axis=1).ravel()
        return straight(times, levels)

    def gated(self, values: np.ndarray, waiting: float) -> str:
        """The same of a line that is cut off while it waits at ``waiting``, within :data:`CUT`."""
        middles = self.starts[:, None] + self.tick * (0.5 + np.arange(self.ticks))
        begins = self.starts[:, None] + np.array([1e-12, CUT])
        ends = self.ends[:, None] + np.array([0.0, CUT])
        times = np.concatenate([begins, middles, ends], axis=1).ravel()
        closed = np.full((len(values), 1), waiting)
        return straight(
            times, np.concatenate([closed, values[:, :1], values, values[:, -1:], closed], axis=1).ravel()
        )


@dataclass(frozen=True)
class CellReplay:
    """ngspice's answer: ``c`` and ``after`` [frames], V from the reference, at the frames' and the waits' ends;
    ``spikes`` times, s; ``read`` rate current at each tick's middle, A [frames, ticks]."""

    c: np.ndarray
    after: np.ndarray
    spikes: np.ndarray
    read: np.ndarray


@dataclass(frozen=True)
class SynapseReplay:
    """``traces`` [frames, 2] up and down at the frames' ends, trace units; ``moved`` [frames] weight changes, V."""

    traces: np.ndarray
    moved: np.ndarray


def _deck(circuits: tuple[Circuit, ...], cards: str, save: str, stop: float, options: str) -> str:
    netlists = dict.fromkeys(path for circuit in circuits for path in circuit.netlists)
    text = "\n".join(load_netlist(path) for path in netlists)
    return (
        f"* spot\n{text}\nvdd vdd 0 {circuits[0].supply}\n{cards}\n.options {options}\n.save {save}\n"
        f".tran 0.2n {stop:.9g} 0 0.25n\n.end\n"
    )


def _instance(circuit: Circuit, name: str, nodes: Mapping[str, str], **knobs: float) -> str:
    """An instance with sources at its knobs; pins are nodes of their own name unless ``nodes`` says otherwise."""
    values = circuit.knob_values(knobs)
    nodes = {knob: f"{name}_{knob}" for knob in values} | dict(nodes)
    pins = [nodes.get(port, port) for port in circuit.ports()]
    sources = [f"v{name}{knob} {nodes[knob]} 0 {value:.9g}" for knob, value in values.items()]
    return "\n".join([*sources, f"x{name} {' '.join(pins)} {circuit.subcircuit}"])


def replay_cell(
    spot: CellSpot, clock: Clock, cell: Circuit, neuron: Circuit, *, vbo: float, reference: bool = False
) -> CellReplay:
    """The cell and its neuron in ngspice on what they saw in the network.

    Parameters
    ----------
    cell, neuron : circuits ``memory_cell`` and ``axon_hillock``
    vbo : bias of the read-out, V
    reference : with ten times tighter tolerances

    Raises
    ------
    SimulationFailed, EngineUnavailable
    """
    sources = [
        f"v{pin} {pin} 0 {clock.source(REFERENCE + spot.dendrites[..., k], REFERENCE + spot.rest[:, k])}"
        for k, pin in enumerate(("vi", "vf", "vo", "vg"))
    ]
    waits = list(zip(clock.ends, clock.ends + clock.waits, strict=True))
    cards = "\n".join([
        f"vhold hold 0 {windows(waits)}\nvholdb holdb 0 {windows(waits, high=0.0, low=cell.supply)}",
        f"vref vref 0 {REFERENCE}", *sources, _instance(cell, "cell", {}, vbo=vbo), "vio io in 0",
        _instance(neuron, "neuron", {}), "cload axon 0 1f",
        f".ic v(c)={REFERENCE + spot.c[0, 0]:.9g} v(in)={spot.membrane:.9g} v(axon)=0",
        f".ic v(xneuron.x)={cell.supply} v(xneuron.axonb)={cell.supply} v(xneuron.w)=0 v(xneuron.ref)=0",
    ])  # fmt: skip
    options = REFERENCE_OPTIONS if reference else STANDARD_OPTIONS
    deck = _deck((cell, neuron), cards, "v(c) v(axon) i(vio)", clock.stop, options)
    waves = simulate(deck, f"cell {spot.cell}", "replay", REPLAY_SECONDS)
    middles = clock.starts[:, None] + clock.tick * (0.5 + np.arange(clock.ticks))
    return CellReplay(
        sample(waves.time, waves["c"], clock.ends) - REFERENCE,
        sample(waves.time, waves["c"], clock.ends + clock.waits - 0.5e-9) - REFERENCE,
        crossings(waves.time, waves["axon"], SPIKE_LEVEL),
        sample(waves.time, waves["vio#branch"], middles.ravel()).reshape(middles.shape),
    )


def positive_first(frame: Any) -> Any:
    """Whether the positive pulse of a replay's frame comes first: in turn."""
    return frame % 2 == 0


def replay_synapse(
    spot: SynapseSpot, clock: Clock, synapse: Circuit, model: Mapping[str, float], *, reference: bool = False
) -> SynapseReplay:
    """The synapse in ngspice: psi and forget currents, pulses and learning pulses as the network gave them.

    Parameters
    ----------
    synapse : circuit ``eligibility_synapse``
    model : its fitted parameters, which say what current adds how much to a trace

    Raises
    ------
    SimulationFailed, EngineUnavailable
    """

    width = CELL_PULSE * (PULSE_RATIO if spot.external else 1.0)

    def current(added: np.ndarray) -> np.ndarray:
        share = np.maximum(added, 0.0) / (model["gain"] * width / GAIN_PULSE)
        return PSI_FULL * share ** (1 / model["psi_power"]) + LEAST_CURRENT

    def psi(sign: int) -> str:
        return clock.source(current(sign * spot.added), current(sign * spot.resting))

    frame, tick = np.nonzero(spot.spikes > 0)
    widths = spot.signal * WEIGHT_VOLT / model["rate"]
    begin = clock.ends + GATES_LEARN * clock.waits
    learning = [
        frame_windows(float(start), float(width), bool(positive_first(k)))
        for k, (start, width) in enumerate(zip(begin, widths, strict=True))
    ]
    half = 0.5 * spot.weight * WEIGHT_VOLT
    floor = E_REF + TRACE_WIDTH * np.log(FLOOR)
    cards = "\n".join([
        LINES, f"vline line 0 {pulses(clock.starts[frame] + clock.tick * tick, width=width)}",
        f"iup 0 psip {psi(1)}", f"idn 0 psin {psi(-1)}",
        f"ifg 0 forget {clock.gated(LEAK_FULL * spot.forget, LEAST_LEAK)}",
        f"vpulse pulse 0 {windows([pulse for both, *_ in learning for pulse in both], GATE_HEIGHT)}",
        f"vraise raise 0 {windows([positive for _, positive, _ in learning], VSIGN)}",
        f"vlower lower 0 {windows([negative for *_, negative in learning], VSIGN)}",
        _instance(synapse, "syn", {"vs": "vs"}),
        f".ic v(wp)={WEIGHT_MEAN + half:.9g} v(wn)={WEIGHT_MEAN - half:.9g} v(ep)={floor:.9g} v(en)={floor:.9g}",
    ])  # fmt: skip
    options = REFERENCE_OPTIONS if reference else STANDARD_OPTIONS
    deck = _deck((synapse,), cards, "v(ep) v(en) v(wp) v(wn)", clock.stop, options)
    waves = simulate(deck, f"synapse {spot.line} to {spot.cell}", "replay", REPLAY_SECONDS)
    traces = np.stack([
        np.exp((sample(waves.time, waves[node], clock.ends) - E_REF) / TRACE_WIDTH) for node in ("ep", "en")
    ], axis=1)  # fmt: skip
    weight = waves["wp"] - waves["wn"]
    at = np.append(0.0, clock.ends + clock.waits - 0.5e-9)
    return SynapseReplay(traces, np.diff(sample(waves.time, weight, at)))
