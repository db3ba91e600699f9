"""Picture of a spot check: every cell, synapse and dendrite beside ngspice's answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.fitting.readout import WEIGHT_VOLT
from neuromorph.tasks.spots import Spots, spike_times

_NANO = 1e9


def plot_spots(spots: Spots, path: Path) -> Path:
    """A row a spot: cells with spikes, synapses with eligibility and weight, dendrites in a frame; returns ``path``."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = max(len(spots.cells), len(spots.synapses))
    rows = max(rows, len(spots.dendrites))
    figure, axes = plt.subplots(rows, 4, figsize=(17, 0.8 + 1.7 * rows), sharex="col", squeeze=False)
    for axis, cell in zip(axes[:, 0], spots.cells, strict=False):
        _cell(axis, spots, *cell)
    for trace, weight, synapse in zip(axes[:, 1], axes[:, 2], spots.synapses, strict=False):
        _synapse(trace, weight, spots, *synapse)
    for axis, dendrite in zip(axes[:, 3], spots.dendrites, strict=False):
        _dendrite(axis, spots, *dendrite)
    for axis in axes.flat:
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_visible(axis.has_data())
    for column in axes.T:
        last = [axis for axis in column if axis.has_data()][-1:]
        for axis in last:
            axis.set_xlabel("time (ns)", fontsize=8)
            axis.tick_params(labelbottom=True)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path


def _cell(axis: Any, spots: Spots, spot: Any, replay: Any) -> None:
    clock = spots.clock
    times = clock.starts[:, None] + clock.tick * np.arange(clock.ticks + 1)
    axis.plot(_NANO * times.ravel(), 1e3 * spot.c.ravel(), lw=0.9, label="model")
    axis.plot(_NANO * clock.ends, 1e3 * replay.c, "o", ms=4, mfc="none", label="ngspice")
    top = max(1e3 * spot.c.max(), 5.0)
    for spikes, height, color in ((spike_times(spot, clock), 1.3, "C0"), (replay.spikes, 1.15, "C1")):
        axis.plot(_NANO * spikes, np.full(len(spikes), height * top), "|", ms=7, color=color)
    axis.set_ylabel(f"cell {spot.cell} (mV)", fontsize=8)
    axis.legend(fontsize=6, frameon=False, loc="lower right")


def _synapse(trace: Any, weight: Any, spots: Spots, spot: Any, replay: Any) -> None:
    ends, clock = _NANO * spots.clock.ends, spots.clock
    difference = [(t[:, 0] - t[:, 1]) for t in (spot.traces, replay.traces)]
    moved = [1e3 * np.cumsum(m) for m in (spot.moved * WEIGHT_VOLT, replay.moved)]
    for style, eligibility, w in zip(("-", "o"), difference, moved, strict=True):
        trace.plot(ends, eligibility, style, ms=4, mfc="none", label="model" if style == "-" else "ngspice")
        weight.plot(ends + _NANO * clock.waits, w, style, ms=4, mfc="none")
    trace.set_ylabel(f"eligibility\n{spot.gate} {spot.line} to {spot.cell}", fontsize=8)
    weight.set_ylabel("weight change (mV)", fontsize=8)
    trace.legend(fontsize=6, frameon=False)


def _dendrite(axis: Any, spots: Spots, spot: Any, replay: Any) -> None:
    times = _NANO * spots.clock.tick * (1 + np.arange(spots.clock.ticks))
    axis.plot(times, spot.lone, ":", lw=0.9, color="C7", label="model, every pulse as if alone")
    axis.plot(times, spot.z, lw=0.9, label="model")
    axis.plot(times, replay, "o", ms=2.5, mfc="none", label="ngspice")
    axis.set_ylabel(f"z_{spot.gate} of cell {spot.cell}\nframe {spot.frame}", fontsize=8)
    axis.legend(fontsize=6, frameon=False, loc="lower right")
