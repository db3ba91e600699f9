"""A small feature layer, whole in ngspice, beside the network's step: Diehl plasticity, winner-take-all, thresholds.

Every block is at transistor level: a synapse and its weight's update for every line and neuron, a trace a line, adaptive
neurons with the shapers of their updates' pulses, the winners' line.  Sources give supplies, biases, the lines' spikes and
the line that is high between frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.circuit import REFERENCE_OPTIONS, STANDARD_OPTIONS
from neuromorph.fitting.feature_neuron import loaded
from neuromorph.fitting.synapse import releases
from neuromorph.fitting.winner_take_all import UNIT0, trip
from neuromorph.models.diehl import TRACE_UNIT, WEIGHT_UNIT
from neuromorph.models.fidelity import FEATURE_ZERO, BlockSet
from neuromorph.models.filters import before, filtered
from neuromorph.models.frame import Frame
from neuromorph.models.learning_unit import LEARNING_SECONDS
from neuromorph.models.neuron_hardware import full_scale_current
from neuromorph.models.synapse import decay_over
from neuromorph.network.config import FeatureConfig, NetworkConfig
from neuromorph.network.features import feature_frame
from neuromorph.network.state import FeatureState
from neuromorph.spice.engine import Waveforms
from neuromorph.spice.netlist import load_netlist
from neuromorph.spice.waveforms import crossings, integral, pulses, sample, windows
from neuromorph.spice.workers import simulate_whole

SUPPLY = 0.8
WEIGHT_FLOOR = 0.15
"""Weight node at w = 0, V."""
TRACE_REST, TRACE_TARGET = 0.374, 0.42
BLOCKS = (
    "devices/cnfet.lib", "blocks/ota.cir", "blocks/excitatory_synapse.cir", "blocks/stdp_synapse.cir",
    "blocks/axon_hillock.cir", "blocks/adaptive_hillock.cir", "blocks/winner_take_all.cir", "blocks/update_shaper.cir",
)  # fmt: skip
KNOBS = {
    "vnt": 0.28, "vre": 0.55, "vdecay": 0.0, "vwref": WEIGHT_FLOOR + WEIGHT_UNIT * FEATURE_ZERO, "vxrest": TRACE_REST,
    "vxtar": TRACE_TARGET, "vmax": 0.80, "vstep": 0.45, "vtau": 0.29, "vwidth": 0.43, "vref": 0.225, "vleak": 0.15,
    "vgain": 0.43, "vsw": 0.435, "vthr": 0.52, "vslow": 0.235, "vbase": 0.14, "vunit": UNIT0, "vinh": 0.60,
}  # fmt: skip
"""Knobs at their usual values; the synapses' reference sets the zero of a weight."""
SPIKE_LEVEL = 0.4
LEAD = 50e-9
"""Before the first frame, s, in which everything comes to rest."""
NO_POTENTIAL = "cpsp=0.01f"
"""Synapses have no post-synaptic capacitor of their own: the membrane is it, and two more would be as large as itself."""
SLOW_REST = 0.15
"""Slow node of a neuron's threshold at the start, V."""


@dataclass(frozen=True)
class Stimulus:
    """What the layer hears: ``notes`` [frames, lines], 0 or 1; ``weights`` [neurons, lines] at first;
    ``winners`` a frame."""

    notes: np.ndarray
    weights: np.ndarray
    winners: int
    frame: Frame = field(default_factory=Frame)

    @property
    def period(self) -> float:
        """From one frame's start to the next one's, s."""
        return self.frame.seconds + LEARNING_SECONDS

    def spikes(self, line: int) -> np.ndarray:
        """Times of a line's spikes, s: regular ones in the frames where its note sounds, on the step's ticks."""
        ticks = np.flatnonzero(regular(self.frame))
        on = np.flatnonzero(self.notes[:, line] > 0)
        return (self.starts[on][:, None] + ticks * self.frame.tick_seconds).ravel()

    @property
    def starts(self) -> np.ndarray:
        """[frames] when they begin, s."""
        return LEAD + np.arange(len(self.notes)) * self.period


@dataclass(frozen=True)
class Answer:
    """``spikes`` times of each neuron, s; ``weights`` [frames, neurons, lines] after each frame, weight units; ``traces``
    [frames, lines] at the frames' ends, trace units; ``energy`` from the supply and ``rail`` from that of the weights'
    bound, J, from the first frame's start (nan where they are not known)."""

    spikes: list[np.ndarray]
    weights: np.ndarray
    traces: np.ndarray
    energy: float = float("nan")
    rail: float = float("nan")


def regular(frame: Frame) -> np.ndarray:
    """[ticks] where a fully active line spikes."""
    phase = np.arange(1, frame.ticks + 1) * frame.input_spikes / frame.ticks
    return np.diff(np.floor(phase + 1e-9), prepend=0.0) > 0


def configured(
    stimulus: Stimulus, blocks: BlockSet, models: Mapping[str, Mapping[str, float]]
) -> NetworkConfig:
    """Settings under which the step computes this layer.

    Its gain follows from the charge at the usual release, and from what hangs on a neuron's membrane, as in the circuit
    ``feature_neuron``.
    """
    frame, synapse = stimulus.frame, models["excitatory_synapse"]
    full_scale = full_scale_current(models["axon_hillock"], frame.seconds / frame.spikes_per_unit)
    decay = 1.0 - np.exp(-frame.tick_seconds / synapse["tau_decay"])
    area = (
        frame.line_charge(frame.input_spikes)
        * float(blocks.feature_synapse.gain)
        * frame.tick_seconds
        / decay
    )
    neurons, lines = stimulus.weights.shape
    neuron = models["feature_neuron"]
    own = neuron["membrane_charge"] / (neuron["membrane_charge"] + loaded(neuron, lines))
    features = FeatureConfig(
        neurons=neurons,
        winners=stimulus.winners,
        x_target=(TRACE_TARGET - TRACE_REST) / TRACE_UNIT,
        gain=float(own * synapse["weight_charge"] / (full_scale * area)),
        threshold_step=models["adaptive_hillock"]["step_of_full_scale"],
    )
    return NetworkConfig(notes=lines, cells=1, frame=frame, features=features)


def stepped(
    stimulus: Stimulus,
    blocks: BlockSet,
    models: Mapping[str, Mapping[str, float]],
    finer: int = 1,
) -> Answer:
    """The layer in the network's step.

    ``finer``: into how many a tick is cut, ``blocks`` are those of the finer frame.
    """
    frame = replace(stimulus.frame, ticks=finer * stimulus.frame.ticks)
    config = configured(replace(stimulus, frame=frame), blocks, models)
    neurons, lines = stimulus.weights.shape
    zeros = jnp.zeros(neurons, jnp.float32)
    state = FeatureState(
        jnp.asarray(stimulus.weights, jnp.float32),
        zeros,
        blocks.feature_neuron.initial(neurons),
        zeros,
        zeros,
        zeros,
    )
    on = np.zeros((frame.ticks, 1), np.float32)
    on[::finer, 0] = regular(stimulus.frame)
    x, recent = jnp.zeros(lines, jnp.float32), jnp.zeros(lines, jnp.float32)
    synapse, h = blocks.feature_synapse, frame.tick_seconds
    run = jax.jit(feature_frame, static_argnums=0)
    times: list[list[float]] = [[] for _ in range(neurons)]
    weights, traces = [], []
    for k, notes in enumerate(stimulus.notes):
        spikes = jnp.asarray(on * notes[None, :], jnp.float32)
        x_pre, x_end = blocks.diehl.traces(spikes, x, h)
        q = filtered(spikes, recent, h, synapse.tau_release)
        released = spikes * synapse.release(before(q, recent, h, synapse.tau_release))
        state, fired = run(config, blocks, state, released, x_pre, jnp.float32(1.0))
        for tick, neuron in np.argwhere(np.asarray(fired) > 0):
            times[neuron].append(stimulus.starts[k] + (tick + 0.5) * h)
        weights.append(np.asarray(state.weights))
        traces.append(np.asarray(x_end))
        x, recent = (
            blocks.diehl.rested(x_end, LEARNING_SECONDS),
            q[-1] * decay_over(LEARNING_SECONDS, synapse.tau_release),
        )
        left = decay_over(LEARNING_SECONDS, synapse.tau_decay)
        neuron = blocks.feature_neuron.initial(neurons)
        state = replace(state, neuron=neuron, rise=state.rise * 0.0, current=state.current * left)
    return Answer([np.array(t) for t in times], np.stack(weights), np.stack(traces))


def deck(
    stimulus: Stimulus, models: Mapping[str, Mapping[str, float]], netlists: Path, *, reference: bool = False
) -> str:
    """The whole layer as a netlist; it begins at rest."""
    neurons, lines = stimulus.weights.shape
    k = stimulus.winners
    limits = [float(trip(dict(models["winner_take_all"]), n, UNIT0)) for n in (max(k - 1, 0.5), k)]
    knobs = KNOBS | {"vk": 0.5 * sum(limits)}
    cards = [f"v{name} {name} 0 {value:.6g}" for name, value in knobs.items()]
    # high between frames: membranes rest, latches are charged
    waits = [(1e-12, LEAD)] + [
        (start + stimulus.frame.seconds, start + stimulus.period) for start in stimulus.starts
    ]
    cards.append(f"vframe frame 0 {windows(waits)}\nxl count closed vdd vk winner_line")
    cards.append("xfn frameb frame 0 nfet_fast_low\nxfp frameb frame vdd pfet_fast_low")
    for n in range(lines):
        cards.append(f"vap{n} ap{n} 0 {pulses(stimulus.spikes(n) + 1e-12)}")
        cards.append(f"xt{n} ap{n} x{n} vxrest vdd vstep vtau stdp_trace\n.ic v(x{n})={TRACE_REST}")
    for j in range(neurons):
        cards.append(f"xa{j} in{j} axon{j} vdd vwidth vref vleak vgain vthr vslow vbase adaptive_hillock")
        cards.append(f"xw{j} in{j} axon{j} count closed frame frameb vdd vunit vinh winner_cell")
        cards.append(f"xh{j} axon{j} post{j} vdd vsw update_shaper")
        cards.append(
            f".ic v(in{j})=0 v(axon{j})=0 v(xa{j}.slow)={SLOW_REST} v(xw{j}.idle)={SUPPLY} v(xh{j}.x)={SUPPLY}"
        )
        for n in range(lines):
            cards.append(
                f"xs{j}_{n} ap{n} in{j} vdd vnt vre w{j}_{n} vwref vdecay excitatory_synapse {NO_POTENTIAL}"
            )
            cards.append(f"xu{j}_{n} x{n} vxtar post{j} w{j}_{n} vmax vdd stdp_update")
            cards.append(
                f".ic v(w{j}_{n})={WEIGHT_FLOOR + WEIGHT_UNIT * stimulus.weights[j, n]:.6g} v(xs{j}_{n}.cleft)={SUPPLY}"
            )
    saved = [f"v(axon{j})" for j in range(neurons)] + [f"v(x{n})" for n in range(lines)]
    saved += [f"v(w{j}_{n})" for j in range(neurons) for n in range(lines)]
    text = "\n".join(load_netlist(netlists / part) for part in BLOCKS)
    options = REFERENCE_OPTIONS if reference else STANDARD_OPTIONS
    stop = stimulus.starts[-1] + stimulus.period
    return (
        f"* feature layer, {neurons} neurons, {lines} lines\n{text}\nvdd vdd 0 {SUPPLY}\n"
        + "\n".join(cards)
        + f"\n.options {options}\n.save {' '.join(saved)} i(vdd) i(vvmax)\n.tran 0.2n {stop:.9g} 0 0.25n\n.end\n"
    )


def transistors(stimulus: Stimulus) -> int:
    """Of the layer: 17, 11 and 8 a neuron, 13 a line, 7 and 15 a synapse, 7 of the winners' line."""
    neurons, lines = stimulus.weights.shape
    return 36 * neurons + 13 * lines + 22 * neurons * lines + 7


def in_ngspice(stimulus: Stimulus, models: Mapping[str, Mapping[str, float]], netlists: Path, *, reference: bool = False,
               timeout: float = 7200.0) -> Answer:  # fmt: skip
    """The layer in ngspice.

    Raises
    ------
    SimulationFailed, EngineUnavailable
    """
    text = deck(stimulus, models, netlists, reference=reference)
    return from_waves(stimulus, simulate_whole(text, "feature layer", "network", timeout))


def from_waves(stimulus: Stimulus, waves: Waveforms) -> Answer:
    """What the layer did, from the waveforms of its deck."""
    neurons, lines = stimulus.weights.shape
    ends = stimulus.starts + stimulus.frame.seconds
    at = np.append(LEAD - 1e-9, ends + LEARNING_SECONDS - 1e-9)
    nodes = np.stack([
        [sample(waves.time, waves[f"w{j}_{n}"], at) for n in range(lines)] for j in range(neurons)
    ])  # fmt: skip
    moved = np.moveaxis((nodes[..., 1:] - nodes[..., :1]) / WEIGHT_UNIT, -1, 0)
    traces = np.stack([sample(waves.time, waves[f"x{n}"], ends) for n in range(lines)], axis=1)
    return Answer(
        [crossings(waves.time, waves[f"axon{j}"], SPIKE_LEVEL) for j in range(neurons)],
        stimulus.weights + moved,
        (traces - TRACE_REST) / TRACE_UNIT,
        -SUPPLY * float(integral(waves.time, waves["vdd#branch"], LEAD)),
        -KNOBS["vmax"] * float(integral(waves.time, waves["vvmax#branch"], LEAD)),
    )


def expected_energy(stimulus: Stimulus, answer: Answer, models: Mapping[str, Mapping[str, float]]) -> float:
    """Joules from the supply by the models; the rail of the weights' bound is another source, counted in neither.

    A line's spike reads all its synapses, a neuron's updates all of its own; a winner's unit current flows from its first
    spike to the frame's end, within what the winners' line lets pass.
    """
    neurons, lines = stimulus.weights.shape
    synapse = models["excitatory_synapse"]
    trains = [stimulus.spikes(n) for n in range(lines)]
    heard = sum(len(times) for times in trains)
    released = sum(float(np.sum(releases(times, synapse) - 1)) for times in trains)
    fired = sum(len(times) for times in answer.spikes)
    seconds = stimulus.period * len(stimulus.notes)
    stdp = models["stdp_synapse"]
    static = neurons * models["axon_hillock"]["static_power"] + lines * stdp["trace_static_power"]
    return (
        neurons * (heard * synapse["energy_per_spike"] + released * synapse["energy_per_release"])
        + heard * stdp["energy_per_trace_spike"]
        + fired * (models["adaptive_hillock"]["energy_per_spike"] + lines * stdp["energy_per_update"])
        + fired * models["update_shaper"]["energy_unloaded"]
        + _won(stimulus, answer) * models["winner_take_all"]["unit_power"]
        + seconds * static
    )


def _won(stimulus: Stimulus, answer: Answer) -> float:
    """Unit currents of winners over time, s, summed over frames; once the line is closed its sink passes k - 1/2."""
    total, k = 0.0, stimulus.winners
    for start in stimulus.starts:
        end = start + stimulus.frame.seconds
        first = [times[(times >= start) & (times < end)][:1] for times in answer.spikes]
        order = np.sort(np.concatenate(first))
        flowing = np.minimum(np.arange(1, len(order) + 1), k - 0.5 if len(order) >= k else len(order))
        total += float(np.sum(flowing * np.diff(np.append(order, end))))
    return total
