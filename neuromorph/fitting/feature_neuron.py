"""Charge that a feature neuron takes beyond a bare axon hillock.

From spike to spike the interval is that of the bare neuron, and what the load's charge takes at the drive I that comes once
the refractory clamp lets go::

    T = T_bare(I) + q_load / I

The frame's first spike takes the bare one's charge from rest, that of the load, and that of the winner's latch, whose
transistor lies open on the membrane until it.  The drive is that of the synapses into a membrane that is clamped.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from neuromorph.errors import FitFailed
from neuromorph.figures import Figure
from neuromorph.library import BlockData, FittedModel, SweepData

BEGIN = 10e-9
"""Of the frame, s."""
STOP = 118e-9
SPIKES = 24
"""Times that are kept, nan where there are fewer."""
CLAMPED = 2.4e-9
"""After a spike, s: what the synapses give until then is drained.  Extra charges scatter least over weights with it."""
RISE = 2e-9
"""Before a first spike, s: the drive by which a bare one's charge is looked up, since it rises all the while."""


def train(interval: float) -> np.ndarray:
    """Spikes of a line that sounds for a frame, s."""
    times = BEGIN + 6e-9 + interval * np.arange(16)
    return times[times < BEGIN + 100e-9]


class Bare:
    """A bare axon hillock at constant currents, interpolated over their logarithm."""

    def __init__(self, sweep: SweepData) -> None:
        self.range = (float(sweep["i_in"].min()), float(sweep["i_in"].max()))
        self.logs = np.log(sweep["i_in"])
        self.charge = np.ravel(sweep["interval"] * sweep["i_in"])
        self.first = np.ravel(sweep["first"] * sweep["i_in"])

    def interval(self, current: np.ndarray) -> np.ndarray:
        """From spike to spike, s."""
        return np.interp(np.log(current), self.logs, self.charge) / current

    def first_charge(self, current: np.ndarray) -> np.ndarray:
        """Of the first spike from rest, C."""
        return np.interp(np.log(current), self.logs, self.first)


class Drive:
    """Current of the synapses into a clamped membrane, as its integral over time, C."""

    def __init__(self, time: np.ndarray, current: np.ndarray) -> None:
        # before the lines sound the clamp sees the membrane's leaks, which the bare neuron has, too
        current = current - current[0]
        self.time = time
        self.charge = np.concatenate([[0.0], np.cumsum((current[1:] + current[:-1]) / 2 * np.diff(time))])

    def until(self, time: np.ndarray | float) -> np.ndarray:
        """C from the frame's begin."""
        return np.interp(time, self.time, self.charge)

    def mean(self, begin: np.ndarray | float, end: np.ndarray) -> np.ndarray:
        """Current between two times, A."""
        return (self.until(end) - self.until(begin)) / (end - begin)


def drives(sweep: SweepData) -> list[Drive]:
    """One a point, outer axes flattened."""
    return [Drive(sweep["time"], row) for row in sweep["current"].reshape(-1, len(sweep["time"]))]


def spike_times(sweep: SweepData) -> list[np.ndarray]:
    """One a point, s."""
    return [row[np.isfinite(row)] for row in sweep["times"].reshape(-1, SPIKES)]


def extra_charges(bare: Bare, drive: Drive, times: np.ndarray) -> tuple[float, np.ndarray]:
    """C beyond a bare neuron's: of the first spike, and of each next interval whose drive the bare one was asked at."""
    late = drive.mean(times[0] - RISE, times[0])
    first = float(drive.until(times[0]) - bare.first_charge(late))
    spans = np.array([(drive.mean(a + CLAMPED, b), b - a) for a, b in pairwise(times)])
    current, span = spans[spans[:, 0] < bare.range[1]].T
    return first, (span - bare.interval(current)) * current


def predicted(bare: Bare, drive: Drive, load: float, latch: float, end: float) -> np.ndarray:
    """Times of spikes until ``end``, s."""
    grid = np.arange(BEGIN, end, 0.02e-9)
    late = np.clip(drive.mean(grid - RISE, grid), *bare.range)
    over = np.flatnonzero(drive.until(grid) >= bare.first_charge(late) + load + latch)
    found: list[float] = []
    while len(over):
        found.append(float(grid[over[0]]))
        grid = grid[grid > found[-1] + CLAMPED]
        current = np.clip(drive.mean(found[-1] + CLAMPED, grid), *bare.range)
        over = np.flatnonzero(grid - found[-1] >= bare.interval(current) + load / current)
    return np.array(found)


SYNAPSES = 2
"""Of the circuit."""


def loaded(p: Mapping[str, float], synapses: int) -> float:
    """Charge that everything on the membrane takes an interval, C."""
    return p["load_charge"] + synapses * p["synapse_charge"]


def _of_a_synapse(bare: Bare, data: BlockData) -> np.ndarray:
    """[points] charge that a silent synapse more takes an interval, C."""
    wider = data["wider"]
    axes = list(data["drive"].axes)
    at = tuple(int(np.flatnonzero(data["drive"][name] == wider[name][0])[0]) for name in axes)
    place = int(np.ravel_multi_index(at, [len(data["drive"][name]) for name in axes]))
    drive, usual = drives(data["drive"])[place], spike_times(data["spikes"])[place]
    without = extra_charges(bare, drive, usual)[1].mean()
    means = np.array([extra_charges(bare, drive, times)[1].mean() for times in spike_times(wider)])
    return (means - without) / wider["more"]


def fit_feature_neuron(data: BlockData) -> FittedModel:
    """Charge of a first spike on a bare membrane, its mean over currents; loads and latch, over weights and spikes."""
    trains = spike_times(data["spikes"])
    if min(len(times) for times in [*trains, *spike_times(data["wider"])]) < 2:
        raise FitFailed(
            f"{data.name}: at some weights the neuron fires less than twice in a frame; raise them, or lower vnt"
        )
    bare = Bare(data["bare"])
    synapse = _of_a_synapse(bare, data)
    pairs = zip(drives(data["drive"]), trains, strict=True)
    found = [extra_charges(bare, drive, times) for drive, times in pairs]
    loads = np.concatenate([more for _, more in found])
    samples = {
        "membrane_charge": bare.first,
        "load_charge": loads - SYNAPSES * synapse.mean(),
        "synapse_charge": synapse,
        "latch_charge": np.array([first for first, _ in found]) - loads.mean(),
    }
    weights = data["drive"]["v_weight_1"]
    return FittedModel(
        "loaded_hillock",
        {name: float(values.mean()) for name, values in samples.items()},
        dict.fromkeys(samples, "C"),
        {name: float(values.std() / np.sqrt(len(values))) for name, values in samples.items()},
        {f"{name}_spread_coulomb": float(values.std()) for name, values in samples.items()},
        {"current": bare.range, "v_weight": (float(weights.min()), float(weights.max()))},
    )


def score_feature_neuron(model: FittedModel, data: BlockData) -> list[Figure]:
    """Held-out weights and intervals: next intervals and first spikes, with the load and without."""
    bare, p = Bare(data["bare"]), model.parameters
    pairs = list(zip(drives(data["drive_check"]), spike_times(data["spikes_check"]), strict=True))

    def errors(load: float, latch: float) -> tuple[float, float]:
        first, intervals = [], []
        for drive, times in pairs:
            ours = predicted(bare, drive, load, latch, times[-1] + 10e-9)
            n = min(len(ours), len(times))
            first.append(1e9 * float(abs(ours[0] - times[0])))
            intervals.append(100 * float(abs((ours[n - 1] - ours[0]) / (times[n - 1] - times[0]) - 1)))
        return max(first), max(intervals)

    title = "feature neuron, held-out weights"
    first, intervals = errors(loaded(p, SYNAPSES), p["latch_charge"])
    bare_first, bare_intervals = errors(0.0, 0.0)
    return [
        Figure(f"{title}: mean interval of a frame, max error", intervals, "%", 2.0, 1.0),
        Figure(f"{title}: first spike of a frame, max error", first, "ns", 0.5, 0.2),
        Figure(f"{title}: baseline, nothing hangs on it, mean interval, max error", bare_intervals, "%"),
        Figure(f"{title}: baseline, nothing hangs on it, first spike, max error", bare_first, "ns"),
    ]
