"""Spot check: cells, synapses and dendrites of a running network against ngspice on the inputs they had there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.circuit import Circuit
from neuromorph.errors import InputError
from neuromorph.figures import Figure
from neuromorph.fitting.eligibility import WIDEST, order
from neuromorph.fitting.readout import WEIGHT_VOLT
from neuromorph.models.gate import TANH_UNIT
from neuromorph.network.step import Network
from neuromorph.tasks.run import Run
from neuromorph.tasks.spike_trains import coincidence
from neuromorph.tasks.spot_benches import (
    CellReplay,
    Clock,
    SynapseReplay,
    positive_first,
    replay_cell,
    replay_synapse,
)
from neuromorph.tasks.spot_dendrites import DendriteSpot, chosen_dendrites, dendrite_spot, replay_dendrite
from neuromorph.tasks.spot_records import (
    CellSpot,
    SynapseSpot,
    Window,
    cell_spot,
    chosen_cells,
    chosen_synapses,
    record_window,
    standing,
    synapse_spot,
)

TINY = 1e-12
CELL_FULL = 0.15
"""Full scale of a cell, V, as in the block's own figures."""


@dataclass(frozen=True)
class Spots:
    """What was replayed, and the answers; ``oracle`` [cells, frames] V: the model's cell at each frame's end when it
    begins the frame where ngspice ended the one before, less what the model loses in the wait.  A dendrite's answer is its
    z [ticks]."""

    clock: Clock
    cells: Sequence[tuple[CellSpot, CellReplay]]
    synapses: Sequence[tuple[SynapseSpot, SynapseReplay]]
    dendrites: Sequence[tuple[DendriteSpot, np.ndarray]]
    oracle: np.ndarray


def spot_check(
    run: Run,
    piece: np.ndarray,
    circuits: Mapping[str, Circuit],
    models: Mapping[str, Mapping[str, float]],
    *,
    vbo: float,
    count: int = 8,
    frames: int = 6,
    rate: float = 0.03,
    seed: int = 0,
    jobs: int = 2,
) -> Spots:
    """Replay ``count`` spots, half of them cells with neurons and half synapses, and a dendrite for every second cell.

    Parameters
    ----------
    run : on nominal hardware
    piece : [T, notes], T > frames; the network learns while it hears it
    circuits, models : ``memory_cell``, ``axon_hillock``, ``eligibility_synapse``, ``gate_synapse``, ``dendritic_adder`` and
        their fitted parameters
    vbo : bias of the cells' read-out, V
    rate : learning rate in the window
    seed : of the choice, which is weighted by spikes and by weight changes
    jobs : ngspice processes

    Raises
    ------
    InputError
        For a window without enough activity.
    SimulationFailed, EngineUnavailable
    """
    if count < 2:
        raise InputError(f"{count} spot", remedy="take at least two: half are cells, half synapses")
    window, draw = record_window(run, piece, frames, rate), np.random.default_rng(seed)
    frame = run.network.config.frame
    clock = Clock(frame.tick_seconds, frame.ticks, np.array(window.waits))
    cells = [cell_spot(run.network, window, int(n)) for n in chosen_cells(window, count - count // 2, draw)]
    synapses = [
        ordered(synapse_spot(run.network, window, *at), models["eligibility_synapse"])
        for at in chosen_synapses(run.network, window, count // 2, draw)
    ]
    dendrites = [
        dendrite_spot(run.network, window, *at)
        for at in chosen_dendrites([spot.cell for spot in cells], window, (len(cells) + 1) // 2, draw)
    ]
    widest = (
        max(np.abs(spot.signal).max() for spot in synapses)
        * WEIGHT_VOLT
        / models["eligibility_synapse"]["rate"]
    )
    if widest > WIDEST:
        raise InputError(
            f"learning pulses of {1e9 * widest:.3g} ns at rate {rate:g}; they are characterized up to {1e9 * WIDEST:g} ns",
            remedy="lower the rate",
        )
    with ThreadPoolExecutor(jobs) as pool:
        sums = [
            pool.submit(replay_dendrite, s, run.network, circuits["gate_synapse"], circuits["dendritic_adder"], models)
            for s in dendrites
        ]  # fmt: skip
        cell_answers = [
            pool.submit(replay_cell, spot, clock, circuits["memory_cell"], circuits["axon_hillock"], vbo=vbo)
            for spot in cells
        ]
        synapse_answers = [
            pool.submit(replay_synapse, s, clock, circuits["eligibility_synapse"], models["eligibility_synapse"])
            for s in synapses
        ]  # fmt: skip
        replays = [answer.result() for answer in cell_answers]
        moved = [answer.result() for answer in synapse_answers]
        summed = [answer.result() for answer in sums]
    oracle = _oracle(run.network, window, cells, replays)
    return Spots(
        clock,
        list(zip(cells, replays, strict=True)),
        list(zip(synapses, moved, strict=True)),
        list(zip(dendrites, summed, strict=True)),
        oracle,
    )


def _oracle(
    network: Network, window: Window, cells: Sequence[CellSpot], replays: Sequence[CellReplay]
) -> np.ndarray:
    cell, h = network.blocks.cell, network.config.frame.tick_seconds
    chosen = np.array([spot.cell for spot in cells])
    ends = np.empty((len(cells), len(window.heard)))
    for k, heard in enumerate(window.heard):
        begin = [
            spot.c[0, 0] if k == 0 else replay.c[k - 1] + spot.after[k - 1] - spot.c[k - 1, -1]
            for spot, replay in zip(cells, replays, strict=True)
        ]
        gates, g = (jnp.asarray(x) for x in (heard.cells.gates[:, :, chosen], heard.cells.g[:, chosen]))
        stands, candidate = standing(heard)

        def tick(carry: Any, now: tuple[jax.Array, jax.Array]) -> tuple[Any, None]:
            return cell.moved(carry[0], carry[1], now[0], now[1], h), None

        c = jnp.asarray(begin, jnp.float32) / TANH_UNIT
        start = c, cell.standing(c, jnp.asarray(stands[:, chosen]), jnp.asarray(candidate[chosen]))
        ends[:, k] = TANH_UNIT * np.asarray(jax.lax.scan(tick, start, (gates, g))[0][0])
    return ends


def ordered(spot: SynapseSpot, model: Mapping[str, float]) -> SynapseSpot:
    """The spot with what the order of its replay's pulses adds and takes in turn; the network has both orders' mean."""
    up, down = (spot.traces + model["floor"]).T
    turn = order(model, up, down, spot.signal * WEIGHT_VOLT / model["rate"]) / WEIGHT_VOLT
    return replace(spot, moved=spot.moved + turn * np.where(positive_first(np.arange(len(turn))), 1.0, -1.0))


def figures(spots: Spots, what: str) -> list[Figure]:
    """Errors over all spots; ``what`` names the run."""
    name, made = f"spots of {what}", []
    ends = np.array([[spot.c[:, -1], replay.c] for spot, replay in spots.cells])
    free = np.abs(ends[:, 0] - ends[:, 1])
    details = {
        "cells": [spot.cell for spot, _ in spots.cells],
        "by_frame_mV": _rounded(1e3 * free.mean(axis=0)),
    }
    made.append(
        Figure(f"{name}: cell voltage at the frames' ends, free-running, max error of 150 mV",
               float(100 * free.max() / CELL_FULL), "%", 3.0, 1.0, details=details)
    )  # fmt: skip
    oracle = np.abs(spots.oracle - ends[:, 1])
    made.append(
        Figure(f"{name}: cell voltage a frame after ngspice's own, max error of 150 mV",
               float(100 * oracle.max() / CELL_FULL), "%")
    )  # fmt: skip
    made += _spike_figures(spots, name)
    return made + _synapse_figures(spots, name) + _dendrite_figures(spots, name)


def _spike_figures(spots: Spots, name: str) -> list[Figure]:
    times = [spike_times(spot, spots.clock) for spot, _ in spots.cells]
    theirs = [replay.spikes for _, replay in spots.cells]
    missed = sum(abs(len(a) - len(b)) for a, b in zip(times, theirs, strict=True))
    active = spots.clock.tick * spots.clock.ticks * len(spots.clock.waits)
    alike = [coincidence(a, b, spots.clock.tick, active) for a, b in zip(times, theirs, strict=True)]
    counts = {"spikes": [len(t) for t in times], "ngspice": [len(t) for t in theirs]}
    return [
        Figure(f"{name}: spikes of the cells' neurons, miscounted", 100 * missed / max(sum(map(len, theirs)), 1), "%", 5.0,
               1.0, details=counts),
        Figure(f"{name}: coincidence of their spikes within a tick of {1e9 * spots.clock.tick:g} ns",
               float(np.mean(alike)), "1", better="higher", details={"by_cell": _rounded(alike)}),
    ]  # fmt: skip


def _synapse_figures(spots: Spots, name: str) -> list[Figure]:
    traces, moves = [], []
    for spot, replay in spots.synapses:
        ours, theirs = (np.diff(t[:, ::-1], axis=1)[:, 0] for t in (spot.traces, replay.traces))
        traces.append(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), TINY))
        moves.append(
            np.abs(spot.moved * WEIGHT_VOLT - replay.moved).sum() / max(np.abs(replay.moved).sum(), TINY)
        )
    which = [f"{spot.gate} {spot.line} to {spot.cell}" for spot, _ in spots.synapses]
    return [
        Figure(f"{name}: eligibility at the frames' ends, max error of the largest, mean of synapses",
               float(100 * np.mean(traces)), "%", details={"synapses": which, "by_synapse": _rounded(traces)}),
        Figure(f"{name}: weight changes, summed error of the summed change, mean of synapses",
               float(100 * np.mean(moves)), "%", 5.0, 2.0, details={"by_synapse": _rounded(moves)}),
    ]  # fmt: skip


def _dendrite_figures(spots: Spots, name: str) -> list[Figure]:
    """Errors of what the lines add to the bias, over all dendrites."""
    found = spots.dendrites
    ours = np.array([spot.z - spot.bias for spot, _ in found])
    free = np.array([spot.lone - spot.bias for spot, _ in found])
    theirs = np.array([z - spot.bias for spot, z in found])
    details = {
        "dendrites": [f"{spot.gate} of {spot.cell} in frame {spot.frame}" for spot, _ in found],
        "pulses": [int(spot.spikes.sum()) for spot, _ in found],
        "by_dendrite": _rounded(_rms(ours - theirs) / _rms(theirs)),
    }
    return [
        Figure(f"{name}: sum on the dendrites, rms error of the rms sum, mean of dendrites",
               float(100 * np.mean(_rms(ours - theirs) / _rms(theirs))), "%", details=details),
        Figure(f"{name}: baseline, every pulse as if alone, rms error of the rms sum",
               float(100 * np.mean(_rms(free - theirs) / _rms(theirs))), "%"),
        Figure(f"{name}: sum on the dendrites, the step's over ngspice's, by least squares",
               float((ours * theirs).sum() / (theirs**2).sum()), "1"),
    ]  # fmt: skip


def _rms(x: np.ndarray) -> np.ndarray:
    return np.sqrt((x**2).mean(axis=1))


def spike_times(spot: CellSpot, clock: Clock) -> np.ndarray:
    """Spikes of the model, at the middles of their ticks, s."""
    frame, tick = np.nonzero(spot.spikes)
    return clock.starts[frame] + clock.tick * (tick + 0.5)


def _rounded(values: Sequence[float] | np.ndarray) -> list[float]:
    return [round(float(v), 4) for v in values]
