"""Small networks, whole in ngspice at transistor level, beside the network's step.

    python benchmarks/small_networks.py --network features --neurons 4
    python benchmarks/small_networks.py --network memory

A feature layer: two lines, adaptive neurons, Diehl's plasticity at every synapse, winner-take-all.  A memory: two lines,
a memory cell with its dendrites, its neuron and the line that its spikes come back on.  Notes sound one after the other
and together.  What ngspice answered is kept in a folder by the netlist's hash.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.figures import Figure, record, table
from neuromorph.library import Library
from neuromorph.models.frame import Frame
from neuromorph.models.library_blocks import blocks_for
from neuromorph.spice.netlist import digest
from neuromorph.tasks import feature_network, memory_network
from neuromorph.tasks.spots import coincidence

ROOT = Path(__file__).resolve().parent.parent
NETLISTS = ROOT / "netlists"
RESULTS = Path(__file__).parent / "results" / "small_networks.json"
CHORDS = np.array([[1, 0], [0, 1], [1, 1]])
FULL_SCALE = 0.15
"""Of a cell, V: what its error is stated of."""


def kept(
    netlist: str, run: Callable[[], dict[str, np.ndarray]], folder: Path
) -> tuple[dict[str, np.ndarray], float]:
    """What ngspice answered, kept under the netlist's hash, and the CPU seconds that it took."""
    file = folder / f"{digest(netlist)[:16]}.npz"
    if not file.exists():
        began = children_seconds()
        found = run()
        found["seconds"] = np.array(children_seconds() - began)
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        with partial.open("wb") as out:
            np.savez(out, **found)
        partial.replace(file)
    with np.load(file) as data:
        arrays = dict(data)
    return arrays, float(arrays.pop("seconds"))


def children_seconds() -> float:
    """CPU seconds of ended child processes."""
    times = os.times()
    return times.children_user + times.children_system


def timed(step: Callable[[], Any]) -> tuple[Any, float]:
    """What the step answered, and the CPU seconds of a second call, compiled."""
    step()
    began = time.process_time()
    return step(), time.process_time() - began


def spike_arrays(spikes: list[np.ndarray]) -> dict[str, np.ndarray]:
    """One array a neuron, by name."""
    return {f"spikes{j}": times for j, times in enumerate(spikes)}


def spike_lists(arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Inverse of :func:`spike_arrays`."""
    return [arrays[f"spikes{j}"] for j in range(sum(name.startswith("spikes") for name in arrays))]


def common_figures(
    name: str, ours: list[np.ndarray], theirs: list[np.ndarray], window: float, active: float,
    seconds: tuple[float, float],
) -> list[Figure]:  # fmt: skip
    """Speed, spikes miscounted, and coincidence."""
    counts = [[len(times) for times in spikes] for spikes in (ours, theirs)]
    missed = sum(abs(a - b) for a, b in zip(*counts, strict=True))
    alike = [coincidence(a, b, window, active) for a, b in zip(ours, theirs, strict=True)]
    return [
        Figure(f"{name}: spikes, miscounted", 100 * missed / max(sum(counts[1]), 1), "%", 5.0, 2.0,
               details={"step": counts[0], "ngspice": counts[1]}),
        Figure(f"{name}: coincidence within a tick", float(np.mean(alike)), "1", 0.9, 0.98, "higher"),
        Figure(f"{name}: ngspice over the step, CPU seconds", seconds[1] / seconds[0], "x", 1e3, 1e5, "higher",
               details={"step_seconds": seconds[0], "ngspice_seconds": seconds[1]}),
    ]  # fmt: skip


def features(args: argparse.Namespace, models: dict, blocks: object) -> list[Figure]:
    """Weights drawn from the middle of their range; half of the neurons may win."""
    weights = np.random.default_rng(args.seed).uniform(0.15, 0.5, (args.neurons, 2))
    notes = CHORDS[np.arange(args.frames) % len(CHORDS)]
    what = feature_network.Stimulus(notes, weights, max(1, args.neurons // 2))
    name = f"feature layer of {args.neurons} neurons, {feature_network.transistors(what)} transistors"

    def run() -> dict[str, np.ndarray]:
        found = feature_network.in_ngspice(what, models, NETLISTS)
        return {"weights": found.weights, "traces": found.traces, "energy": np.array(found.energy),
                "rail": np.array(found.rail), **spike_arrays(found.spikes)}  # fmt: skip

    ours, own = timed(lambda: feature_network.stepped(what, blocks, models))
    theirs, seconds = kept(feature_network.deck(what, models, NETLISTS), run, args.kept)
    energy, measured = feature_network.expected_energy(what, ours, models), float(theirs["energy"])
    moved = [now - what.weights for now in (ours.weights, theirs["weights"])]
    trace = np.abs(ours.traces - theirs["traces"]).max() / np.abs(theirs["traces"]).max()
    change = np.abs(moved[0] - moved[1])[-1].sum() / np.abs(moved[1])[-1].sum()
    active = what.frame.seconds * args.frames
    return [
        *common_figures(name, ours.spikes, spike_lists(theirs), what.frame.tick_seconds, active, (own, seconds)),
        Figure(f"{name}: weight change, summed error of the summed change", float(100 * change), "%", 5.0, 2.0),
        Figure(f"{name}: traces of the lines, max error of the largest", float(100 * trace), "%"),
        Figure(f"{name}: energy from the supply", 100 * abs(energy / measured - 1), "%", 5.0, 2.0,
               details={"step_joule": energy, "ngspice_joule": measured}),
    ]  # fmt: skip


def memory(args: argparse.Namespace, models: dict, blocks: object) -> list[Figure]:
    """One note opens the cell, the other closes it; its own line feeds back."""
    weights = np.zeros((4, 4, 1))
    weights[:, :, 0] = [
        [1.5, 0.5, 1.0, 1.2],
        [-1.0, -1.5, 0.5, -0.8],
        [0.3, 0.3, -0.4, 0.2],
        [0.5, 1.0, 0.5, 0.5],
    ]
    what = memory_network.Stimulus(CHORDS[[0, 2, 1]][np.arange(args.frames) % 3], weights)
    name = f"memory of a cell, {memory_network.transistors(what)} transistors"

    def run() -> dict[str, np.ndarray]:
        found = memory_network.in_ngspice(what, models, NETLISTS)
        return {"c": found.c, "energy": np.array(found.energy), **spike_arrays(found.spikes)}

    ours, own = timed(lambda: memory_network.stepped(what, blocks, models))
    theirs, seconds = kept(memory_network.deck(what, models, NETLISTS), run, args.kept)
    away = np.sqrt(np.mean((ours.c - theirs["c"]) ** 2)) / FULL_SCALE
    end = np.abs(ours.c[-1] - theirs["c"][-1]).max() / FULL_SCALE
    window = what.frame.tick_seconds
    return [
        *common_figures(name, ours.spikes, spike_lists(theirs), window, what.seconds, (own, seconds)),
        Figure(f"{name}: cell, rms error of 150 mV", float(100 * away), "%", 3.0, 1.0),
        Figure(f"{name}: cell at the end, error of 150 mV", float(100 * end), "%"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=("features", "memory"), default="features")
    parser.add_argument("--neurons", type=int, default=4, help="of the feature layer")
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="of the feature layer's weights")
    parser.add_argument(
        "--kept", type=Path, default=Path("out/spice"), help="where ngspice's answers are kept"
    )
    args = parser.parse_args()
    library = Library.shipped()
    models, (blocks, _) = library.models(), blocks_for("nominal", Frame(), library)
    rows = {"features": features, "memory": memory}[args.network](args, models, blocks)
    print(table(rows))
    record(RESULTS, rows, " ".join(["python benchmarks/small_networks.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
