"""What single cells and synapses of a running network see: the inputs and states that a spot check replays in ngspice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import InputError
from neuromorph.fitting.pair import difference
from neuromorph.models.fidelity import BlockSet
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT
from neuromorph.network.simulate import frame_inputs
from neuromorph.network.state import GATES, State, rest
from neuromorph.network.step import Heard, Network, learn, listen, trace_charges
from neuromorph.network.stream import stream_of
from neuromorph.plasticity.eligibility import CellRecord, Traces, charges
from neuromorph.tasks.run import Run

RAIL = 0.4
"""Largest distance of a signal from the reference, V."""
LEAST_SPIKES = 10
TRACED, LEARNED = ("i", "f", "g"), (0, 1, 3)
"""Gates whose weights learn from a trace, and their columns."""
BARE_LINE = 1e-14
"""Seconds an e-fold of psi lines that do not count: what slope units give, as late as these are themselves."""


@dataclass(frozen=True)
class CellSpot:
    """One memory cell and its neuron over a window.

    Parameters
    ----------
    cell : its number in the network
    dendrites : [frames, ticks, 4] i, f, o, g, V from the reference
    rest : [frames, 4] the same as a frame begins, V
    c : [frames, ticks + 1] cell, V from the reference; the last value before the wait
    after : [frames] cell after the wait, V
    spikes : [frames, ticks] bool
    membrane : of the neuron when the window begins, V
    """

    cell: int
    dendrites: np.ndarray
    rest: np.ndarray
    c: np.ndarray
    after: np.ndarray
    spikes: np.ndarray
    membrane: float


@dataclass(frozen=True)
class SynapseSpot:
    """One gate synapse over a window.

    Parameters
    ----------
    cell, gate, line : where it is in the network
    external : whether the line is a note's or a feature's
    spikes : [frames, ticks] pulses of its line, 0 or 1
    added : [frames, ticks] what a pulse would add to the up minus the down trace behind lines that follow at once, trace
        units
    resting : [frames] the same as a frame begins
    forget : [frames, ticks] forget gate of its cell (the leak's), 1
    traces : [frames, 2] up and down after each frame
    signal : [frames] learning signal as a weight change per unit of eligibility share, weight units
    moved : [frames] weight change, weight units
    weight : when the window begins, weight units
    """

    cell: int
    gate: str
    line: int
    external: bool
    spikes: np.ndarray
    added: np.ndarray
    resting: np.ndarray
    forget: np.ndarray
    traces: np.ndarray
    signal: np.ndarray
    moved: np.ndarray
    weight: float


@dataclass(frozen=True)
class Window:
    """Everything of a network in a window, one entry a frame."""

    states: list[State]
    heard: list[Heard]
    traced: list[State]
    waits: list[float]


def record_window(run: Run, piece: np.ndarray, frames: int, rate: float) -> Window:
    """The network learns through ``frames`` frames of ``piece`` [T, notes]; dropout is off.

    A piece begins, so everything but what was learned is at rest.  ``states`` are those before each frame and after the
    last, ``traced`` those after hearing a frame, before learning.

    Raises
    ------
    InputError
        When the piece is shorter.
    """
    config, blocks = run.network.config, run.network.blocks
    stream = stream_of([piece]).part(0, frames)
    if len(stream) < frames:
        raise InputError(
            f"a piece of {len(piece)} frames", remedy=f"a window of {frames} frames needs one more than that"
        )
    noise = jax.random.split(jax.random.key(run.facts.seed), frames)
    inputs = frame_inputs(config, stream, 1.0, rate, 0.0, noise[0], noise)
    hear, teach = jax.jit(listen), jax.jit(learn)
    state = rest(config, blocks, run.state, jnp.asarray(True))
    window = Window([jax.tree.map(np.asarray, state)], [], [], [])
    for k in range(frames):
        now = jax.tree.map(lambda leaf, k=k: leaf[k], inputs)
        traced, heard = hear(run.network, state, now)
        state, _ = teach(run.network, traced, heard, now)
        window.heard.append(jax.tree.map(np.asarray, heard))
        window.traced.append(jax.tree.map(np.asarray, traced))
        window.states.append(jax.tree.map(np.asarray, state))
        window.waits.append(float(blocks.learning.wait(now.plastic)))
    return window


def chosen_cells(window: Window, count: int, draw: np.random.Generator) -> np.ndarray:
    """Cells drawn by their spikes, each with at least ten.

    Raises
    ------
    InputError
        When fewer than ``count`` cells are active enough.
    """
    spikes = sum(heard.cells.spikes.sum(axis=0) for heard in window.heard)
    able = np.where(spikes >= LEAST_SPIKES, spikes, 0).astype(float)
    return _drawn(able, count, draw, f"{LEAST_SPIKES} spikes")


def chosen_synapses(
    network: Network, window: Window, count: int, draw: np.random.Generator
) -> list[tuple[int, int, int]]:
    """Line, gate (index in ``TRACED``) and cell of synapses drawn by how much they moved; their lines fire ten times
    or more.

    Raises
    ------
    InputError
        When fewer than ``count`` synapses learn enough.
    """
    moved = np.abs(_gates(network, window.states[-1]) - _gates(network, window.states[0]))[:, LEARNED]
    fired = sum(line_spikes(*frame).sum(axis=0) for frame in zip(window.states, window.heard, strict=False))
    inside = np.all([_inside(network, state) for state in window.states], axis=0)[:, LEARNED]
    weight = moved * inside * np.append(fired >= LEAST_SPIKES, False)[:, None, None]
    able = np.where(weight > 0.1 * weight.max(), weight, 0)
    picked = _drawn(able.ravel(), count, draw, "a weight that moves, and spikes")
    found = (np.unravel_index(k, able.shape) for k in picked)
    return [(int(line), int(gate), int(cell)) for line, gate, cell in found]


def _drawn(weight: np.ndarray, count: int, draw: np.random.Generator, what: str) -> np.ndarray:
    able = int(np.count_nonzero(weight))
    if able < count:
        raise InputError(
            f"only {able} of {len(weight)} have {what} in the window",
            remedy="take a longer window, fewer spots or a network that is trained",
        )
    return draw.choice(len(weight), size=count, replace=False, p=weight / weight.sum())


def cell_spot(network: Network, window: Window, cell: int) -> CellSpot:
    """What one cell and its neuron saw and did."""
    dendrites, c, spikes = [], [], []
    for heard, traced in zip(window.heard, window.traced, strict=True):
        dendrites.append(_dendrites(network.blocks, heard, cell))
        c.append(TANH_UNIT * np.append(heard.cells.c[:, cell], traced.cells.c[cell]))
        spikes.append(heard.cells.spikes[:, cell] > 0)
    after = np.array([TANH_UNIT * state.cells.c[cell] for state in window.states[1:]])
    membrane = getattr(window.states[0].cells.neuron, "membrane", None)
    return CellSpot(
        cell,
        np.array(dendrites),
        np.array([_resting(network.blocks, heard, cell) for heard in window.heard]),
        np.array(c),
        after,
        np.array(spikes),
        0.0 if membrane is None else float(membrane[cell]),
    )


def _resting(blocks: BlockSet, heard: Heard, cell: int) -> np.ndarray:
    """[4] voltages as a frame begins."""
    gates, g = standing(heard)
    return _voltages(blocks, gates[:, cell], g[cell])


def standing(heard: Heard) -> tuple[np.ndarray, np.ndarray]:
    """Gates i, f (leak), o [3, cells] and candidate [cells] as a frame begins."""
    assert heard.cells.standing is not None
    gates, g = heard.cells.standing
    return np.asarray(gates), np.asarray(g)


def _dendrites(blocks: BlockSet, heard: Heard, cell: int) -> np.ndarray:
    """[ticks, 4] voltages that give the gates and the candidate of a frame."""
    return _voltages(blocks, np.asarray(heard.cells.gates)[:, :, cell], np.asarray(heard.cells.g)[:, cell])


def _voltages(blocks: BlockSet, gates: np.ndarray, g: np.ndarray) -> np.ndarray:
    """[..., 4] voltages that give ``gates`` [..., 3] and candidate ``g`` [...]; a saturated one stops at its rail."""
    gate, tanh = blocks.gate, blocks.tanh
    width, offset, floor, amplitude = (
        np.broadcast_to(np.asarray(getattr(gate, n), float).reshape(-1), 3)
        for n in ("width", "offset", "floor", "amplitude")
    )
    inversion = np.broadcast_to(
        np.asarray(0.0 if gate.inversion is None else gate.inversion, float).reshape(-1), 3
    )
    share = np.clip((np.asarray(gates, float) - floor) / amplitude, 1e-9, 1 - 1e-9)
    z = GATE_UNIT * (offset + difference(2 * share - 1, 2 * width, inversion)) * np.array([1.0, -1.0, 1.0])
    g = np.asarray(g, float)
    g = g / np.where(g > 0, float(tanh.amplitude_up), float(tanh.amplitude_down))
    v_g = TANH_UNIT * (float(tanh.offset) + float(tanh.width) * np.arctanh(np.clip(g, -1 + 1e-9, 1 - 1e-9)))
    return np.clip(np.concatenate([z, np.asarray(v_g)[..., None]], axis=-1), -RAIL, RAIL)


def synapse_spot(network: Network, window: Window, line: int, gate: int, cell: int) -> SynapseSpot:
    """What one synapse saw and did."""
    blocks, name, column = network.blocks, TRACED[gate], LEARNED[gate]
    share = float(trace_charges(network)[line])
    at_once = replace(blocks, eligibility=replace(blocks.eligibility, psi_lag=BARE_LINE))
    spikes, added, resting, forget, traces, signal, moved = [], [], [], [], [], [], []
    for before, heard, traced, after in zip(
        window.states, window.heard, window.traced, window.states[1:], strict=False
    ):
        psi = charges(at_once, _from_standing(heard), network.config.frame.tick_seconds)
        would_add = share * (_of(psi, f"{name}_up") - _of(psi, f"{name}_down"))[:, cell]
        spikes.append(line_spikes(before, heard)[:, line])
        resting.append(would_add[0])
        added.append(would_add[1:])
        forget.append(heard.cells.gates[:, 1, cell])
        traces.append([_of(traced.eligibility, f"{name}_{side}")[line, cell] for side in ("up", "down")])
        change = (_gates(network, after) - _gates(network, traced))[:, column, cell]
        seen = _seen(blocks, traced, name)[:, cell]
        seen_inside = np.where(
            (_inside(network, traced) & _inside(network, after))[:, column, cell], seen, 0.0
        )
        signal.append(float(change @ seen_inside / max(float(seen_inside @ seen_inside), 1e-30)))
        moved.append(change[line])
    external = line < network.config.notes + network.config.features.neurons
    weight = float(_gates(network, window.states[0])[line, column, cell])
    return SynapseSpot(
        cell, name, line, external, np.array(spikes), np.array(added), np.array(resting), np.array(forget),
        np.array(traces), np.array(signal), np.array(moved), weight,
    )  # fmt: skip


def _from_standing(heard: Heard) -> CellRecord:
    """The cells' record with what they stood at as the frame began before its first tick."""
    gates, g = standing(heard)
    cells = heard.cells
    return replace(
        cells,
        gates=jnp.concatenate([jnp.asarray(gates)[None], cells.gates]),
        g=jnp.concatenate([jnp.asarray(g)[None], cells.g]),
        c=jnp.concatenate([cells.c[:1], cells.c]),
    )


def _of(traces: Traces, name: str) -> np.ndarray:
    """A trace by its name; the candidate's gate has one only."""
    return np.asarray(traces.g_up) * 0.0 if name == "g_down" else np.asarray(getattr(traces, name))


def _seen(blocks: BlockSet, state: State, name: str) -> np.ndarray:
    """Share of the learning signal that an update takes over, [lines, cells]."""
    up, down = (jnp.asarray(_of(state.eligibility, f"{name}_{side}")) for side in ("up", "down"))
    synapse = blocks.eligibility
    return np.asarray(synapse.single(up) if name == "g" else synapse.twin(up, down))


def _gates(network: Network, state: State) -> np.ndarray:
    """Gate weights, [lines, 4, cells]."""
    return np.asarray(state.fast.gates).reshape(network.config.lines, GATES, network.config.cells)


def _inside(network: Network, state: State) -> np.ndarray:
    """Which gate weights are not at the end of their range, [lines, 4, cells]."""
    return np.abs(_gates(network, state)) < float(network.blocks.store.bound) - 1e-4


def line_spikes(before: State, heard: Heard) -> np.ndarray:
    """[ticks, lines - 1] spikes on the lines as the traces take them."""
    features = np.concatenate([np.asarray(before.features.last_spikes)[None], heard.feature_spikes[:-1]])
    return np.concatenate([heard.note_spikes, features, heard.cells.arrived.astype(np.float32)], axis=1)
