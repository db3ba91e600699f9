"""Small networks, whole in ngspice at transistor level, beside the network's step.

    python benchmarks/small_networks.py --network features --neurons 4
    python benchmarks/small_networks.py --network memory
    python benchmarks/small_networks.py --network memory --cells 3 --frames 4
    python benchmarks/small_networks.py --network learning --frames 2

A feature layer: two lines, adaptive neurons, Diehl's plasticity at every synapse, winner-take-all.  A memory: two lines,
memory cells with their dendrites, their neurons and the lines that their spikes come back on; the notes drive the first
cell, every other one the cell before it.  How errors compound with time and depth: the step free-running, and each frame
begun where ngspice began it.  Learning: the memory, and the slope units, lines and eligibility synapses by which its
gates learn; the learning signals alternate in sign.  Notes sound one after the other and together.  What ngspice answered
is kept in a folder by the netlist's hash.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.figures import Figure, record, table
from neuromorph.library import Library
from neuromorph.models.fidelity import BlockSet
from neuromorph.models.frame import Frame
from neuromorph.models.library_blocks import blocks_for
from neuromorph.spice.netlist import digest
from neuromorph.tasks import feature_network, learning_network, memory_network
from neuromorph.tasks.spike_trains import windowed_coincidence
from neuromorph.tasks.spot_records import LEARNED

ROOT = Path(__file__).resolve().parent.parent
NETLISTS = ROOT / "netlists"
RESULTS = Path(__file__).parent / "results" / "small_networks.json"
CHORDS = np.array([[1, 0], [0, 1], [1, 1]])
SIGNALS = (0.18, -0.15)
"""Learning signals of one frame after the other, weight units a unit of eligibility."""
FULL_SCALE = 0.15
"""Of a cell, V: what its error is stated of."""
FINER = 8
"""Steps a tick for the coincidence of spikes within a twentieth of an interval, 0.3 to 0.5 ns: two times within unknown
parts of a step differ by up to a step."""


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


def finer_blocks() -> BlockSet:
    """Nominal blocks of a frame of so many more ticks."""
    frame = Frame()
    return blocks_for("nominal", replace(frame, ticks=FINER * frame.ticks), Library.shipped())[0]


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
    name: str,
    ours: list[np.ndarray],
    theirs: list[np.ndarray],
    seconds: tuple[float, float],
    end: float = np.inf,
) -> list[Figure]:
    """Speed, and spikes miscounted, those before the ``end`` of the last frame and the wait after it, s."""
    counts = [[int(np.sum(times < end)) for times in spikes] for spikes in (ours, theirs)]
    missed = sum(abs(a - b) for a, b in zip(*counts, strict=True))
    return [
        Figure(f"{name}: spikes, miscounted", 100 * missed / max(sum(counts[1]), 1), "%", 5.0, 2.0,
               details={"step": counts[0], "ngspice": counts[1]}),
        Figure(f"{name}: ngspice over the step, CPU seconds", seconds[1] / seconds[0], "x", 1e3, 1e5, "higher",
               details={"step_seconds": seconds[0], "ngspice_seconds": seconds[1]}),
    ]  # fmt: skip


def coincidence_figures(
    name: str, finer: list[np.ndarray], theirs: list[np.ndarray], exact: list[np.ndarray]
) -> list[Figure]:
    """Coincidence of the ``finer`` step, as a share of ngspice's with its ``exact`` self."""
    alike, floor = (
        float(np.mean([windowed_coincidence(a, b) for a, b in zip(spikes, exact, strict=True)]))
        for spikes in (finer, theirs)
    )
    details = {
        "step": alike,
        "ngspice": floor,
        "spikes": [[len(s) for s in spikes] for spikes in (finer, exact)],
    }
    claim = f"{name}: coincidence within a twentieth of an interval, of ngspice's own"
    return [Figure(claim, alike / floor, "1", 0.9, 0.98, "higher", details=details)]


def features(args: argparse.Namespace, models: dict, blocks: object) -> list[Figure]:
    """Weights drawn from the middle of their range; half of the neurons may win."""
    weights = np.random.default_rng(args.seed).uniform(0.15, 0.5, (args.neurons, 2))
    notes = CHORDS[np.arange(args.frames) % len(CHORDS)]
    what = feature_network.Stimulus(notes, weights, max(1, args.neurons // 2))
    name = f"feature layer of {args.neurons} neurons, {feature_network.transistors(what)} transistors"

    def run(reference: bool = False) -> dict[str, np.ndarray]:
        found = feature_network.in_ngspice(what, models, NETLISTS, reference=reference)
        return {"weights": found.weights, "traces": found.traces, "energy": np.array(found.energy),
                "rail": np.array(found.rail), **spike_arrays(found.spikes)}  # fmt: skip

    theirs, seconds = kept(feature_network.deck(what, models, NETLISTS), run, args.kept)
    ours, own = timed(lambda: feature_network.stepped(what, blocks, models))
    energy, measured = feature_network.expected_energy(what, ours, models), float(theirs["energy"])
    change = weight_error(ours.weights - what.weights, theirs["weights"] - what.weights)
    trace = np.abs(ours.traces - theirs["traces"]).max() / np.abs(theirs["traces"]).max()
    rows = [
        *common_figures(name, ours.spikes, spike_lists(theirs), (own, seconds)),
        Figure(f"{name}: weight change, summed error of the summed change", change, "%", 5.0, 2.0),
        Figure(f"{name}: traces of the lines, max error of the largest", float(100 * trace), "%"),
        Figure(f"{name}: energy from the supply", 100 * abs(energy / measured - 1), "%", 5.0, 2.0,
               details={"step_joule": energy, "ngspice_joule": measured}),
    ]  # fmt: skip
    if args.reference:
        exact, _ = kept(
            feature_network.deck(what, models, NETLISTS, reference=True),
            lambda: run(reference=True),
            args.kept,
        )
        finer = feature_network.stepped(what, finer_blocks(), models, FINER)
        rows += coincidence_figures(name, finer.spikes, spike_lists(theirs), spike_lists(exact))
        rows += floor_figures(name, theirs, exact, what.weights)
    return rows


def weight_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Summed error of what weights have moved by at the end, of what they moved by in all, %."""
    return float(100 * np.abs(ours[-1] - theirs[-1]).sum() / np.abs(theirs[-1]).sum())


def floor_figures(
    name: str, usual: dict[str, np.ndarray], exact: dict[str, np.ndarray], begun: np.ndarray
) -> list[Figure]:
    """By how much ngspice at its usual tolerances misses its ``exact`` self."""
    counts = [[len(times) for times in spike_lists(found)] for found in (usual, exact)]
    missed = sum(abs(a - b) for a, b in zip(*counts, strict=True))
    name = f"{name}: ngspice's own floor, tolerances ten times tighter"
    return [
        Figure(f"{name}, spikes", 100 * missed / max(sum(counts[1]), 1), "%",
               details={"usual": counts[0], "exact": counts[1]}),
        Figure(f"{name}, weight change", weight_error(usual["weights"] - begun, exact["weights"] - begun), "%"),
        Figure(f"{name}, energy", float(100 * abs(usual["energy"] / exact["energy"] - 1)), "%"),
    ]  # fmt: skip


def memory_weights(cells: int) -> np.ndarray:
    """One note opens the first cell, the other closes it, and its own line feeds back; a cell opens the next one."""
    weights = np.zeros((2 + cells + 1, 4, cells))
    weights[[0, 1, 2, -1], :, 0] = [
        [1.5, 0.5, 1.0, 1.2],
        [-1.0, -1.5, 0.5, -0.8],
        [0.3, 0.3, -0.4, 0.2],
        [0.5, 1.0, 0.5, 0.5],
    ]
    for k in range(1, cells):
        weights[[1, 1 + k, -1], :, k] = [
            [-0.5, -0.5, 0.0, -0.3],
            [3.0, 1.0, 3.0, 3.0],
            [1.0, 1.5, 2.0, 0.15],
        ]
    return weights


def memory(args: argparse.Namespace, models: dict, blocks: object) -> list[Figure]:
    """Cells one after the other."""
    order = [0, 2, 1] if args.cells == 1 else [0, 0, 2, 1]
    notes = CHORDS[order][np.arange(args.frames) % len(order)]
    what = memory_network.Stimulus(notes, memory_weights(args.cells))
    of = "a cell" if args.cells == 1 else f"{args.cells} cells, one after the other"
    name = f"memory of {of}, {memory_network.transistors(what)} transistors"

    def run(reference: bool = False) -> dict[str, np.ndarray]:
        found = memory_network.in_ngspice(what, models, NETLISTS, reference=reference)
        return {"c": found.c, "energy": np.array(found.energy), **spike_arrays(found.spikes)}

    ours, own = timed(lambda: memory_network.stepped(what, blocks, models))
    theirs, seconds = kept(memory_network.deck(what, models, NETLISTS), run, args.kept)
    away = np.sqrt(np.mean((ours.c - theirs["c"]) ** 2)) / FULL_SCALE
    end = np.abs(ours.c[-1] - theirs["c"][-1]).max() / FULL_SCALE
    ticks = what.frame.ticks
    begins = np.concatenate([np.zeros((1, args.cells)), theirs["c"][ticks - 1 : -1 : ticks]])
    told = memory_network.stepped(what, blocks, models, begins)
    errors = {
        mode: 100 * np.abs(answer.c - theirs["c"])[ticks - 1 :: ticks] / FULL_SCALE
        for mode, answer in (("free-running", ours), ("each frame begun as ngspice's", told))
    }
    counts = {
        mode: [[int(np.sum((t >= k * what.frame.seconds) & (t < (k + 1) * what.frame.seconds))) for t in spikes]
               for k in range(args.frames)]
        for mode, spikes in (("free-running", ours.spikes), ("each frame begun as ngspice's", told.spikes),
                             ("ngspice", spike_lists(theirs)))
    }  # fmt: skip
    energy, measured = memory_network.expected_energy(what, ours, models), float(theirs["energy"])
    if args.plot:
        plot_compounding(errors, counts, name, args.plot)
    compounding = [
        Figure(f"{name}: cell at the frames' ends, {mode}, mean error of 150 mV", float(found.mean()), "%",
               details={"by_frame_and_cell": np.round(found, 3).tolist(), "spikes": counts[mode],
                        "spikes_ngspice": counts["ngspice"]})
        for mode, found in errors.items()
    ]  # fmt: skip
    rows = [
        *compounding,
        *common_figures(name, ours.spikes, spike_lists(theirs), (own, seconds), what.seconds),
        Figure(f"{name}: cell, rms error of 150 mV", float(100 * away), "%", 3.0, 1.0),
        Figure(f"{name}: cell at the end, error of 150 mV", float(100 * end), "%"),
        Figure(
            f"{name}: energy from the supply",
            100 * abs(energy / measured - 1),
            "%",
            5.0,
            2.0,
            details={"step_joule": energy, "ngspice_joule": measured},
        ),
    ]
    if args.reference:
        exact, _ = kept(
            memory_network.deck(what, models, NETLISTS, reference=True),
            lambda: run(reference=True),
            args.kept,
        )
        finer = memory_network.stepped(what, finer_blocks(), models, finer=FINER)
        rows += coincidence_figures(name, finer.spikes, spike_lists(theirs), spike_lists(exact))
    return rows


def learning(args: argparse.Namespace, models: dict, blocks: BlockSet) -> list[Figure]:
    """The memory of one cell or more, whose gates learn between the frames."""
    notes = CHORDS[[0, 2, 1]][np.arange(args.frames) % 3]
    signals = np.resize(SIGNALS, args.frames)[:, None] * np.ones(args.cells)
    what = learning_network.Stimulus(notes, memory_weights(args.cells), signals=signals)
    name = f"memory that learns, {learning_network.transistors(what)} transistors"

    def run() -> dict[str, np.ndarray]:
        found = learning_network.in_ngspice(what, blocks, models, NETLISTS)
        return {"c": found.c, "traces": found.traces, "weights": found.weights, **spike_arrays(found.spikes)}

    ours, own = timed(lambda: learning_network.stepped(what, blocks, models))
    theirs, seconds = kept(learning_network.deck(what, blocks, models, NETLISTS), run, args.kept)
    lines = what.notes.shape[1] + what.cells
    first = np.moveaxis(what.weights[:lines, list(LEARNED)], 1, 0)
    moved = [np.diff(np.concatenate([first[None], w]), axis=0) for w in (ours.weights, theirs["weights"])]
    change = np.abs(moved[0] - moved[1]).sum() / np.abs(moved[1]).sum()
    trace = np.abs(ours.traces - theirs["traces"]).max() / np.abs(theirs["traces"]).max()
    away = np.sqrt(np.mean((ours.c - theirs["c"]) ** 2)) / FULL_SCALE
    return [
        *common_figures(name, ours.spikes, spike_lists(theirs), (own, seconds), what.seconds),
        Figure(
            f"{name}: weight changes, summed error of the summed change", float(100 * change), "%", 5.0, 2.0
        ),
        Figure(f"{name}: eligibility, max error of the largest", float(100 * trace), "%"),
        Figure(f"{name}: cell, rms error of 150 mV", float(100 * away), "%", 3.0, 1.0),
    ]


def plot_compounding(errors: dict, counts: dict, name: str, path: Path) -> None:
    """Errors of the cells and numbers of spikes, by frame (time) and by cell (depth)."""
    import matplotlib.pyplot as plt

    frames, cells = next(iter(errors.values())).shape
    figure, axes = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
    for (mode, found), style in zip(errors.items(), ("o-", "s--"), strict=True):
        axes[0, 0].plot(range(1, frames + 1), found.mean(axis=1), style, label=mode)
        axes[0, 1].plot(range(1, cells + 1), found.mean(axis=0), style, label=mode)
    for (mode, found), style in zip(counts.items(), ("o-", "s--", "k+:"), strict=True):
        axes[1, 0].plot(range(1, frames + 1), np.sum(found, axis=1), style, label=mode)
        axes[1, 1].plot(range(1, cells + 1), np.sum(found, axis=0), style, label=mode)
    for column, axis in enumerate(("frame", "cell, from the notes")):
        axes[0, column].set(ylabel="error of the cells, % of 150 mV", ylim=(0, None))
        axes[1, column].set(xlabel=axis, ylabel="spikes", ylim=(0, None))
    for ax in axes.ravel():
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].legend(fontsize=8)
    axes[1, 0].legend(fontsize=8)
    figure.suptitle(name, fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=("features", "memory", "learning"), default="features")
    parser.add_argument("--neurons", type=int, default=4, help="of the feature layer")
    parser.add_argument("--cells", type=int, default=1, help="of a memory")
    parser.add_argument("--plot", type=Path, help="picture of how a memory's errors compound (PNG)")
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--reference", action="store_true",
                        help="ngspice at ten times tighter tolerances, too: coincidence of spikes")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the feature layer's weights")
    parser.add_argument(
        "--kept", type=Path, default=Path("out/spice"), help="where ngspice's answers are kept"
    )
    parser.add_argument("--no-row", action="store_true", help="print only")
    args = parser.parse_args()
    if args.reference and args.network == "learning":
        parser.error(
            "--reference with --network learning: coincidence is that of the memory, take --network memory"
        )
    library = Library.shipped()
    models, (blocks, _) = library.models(), blocks_for("nominal", Frame(), library)
    rows = {"features": features, "memory": memory, "learning": learning}[args.network](args, models, blocks)
    print(table(rows))
    if not args.no_row:
        record(RESULTS, rows, " ".join(["python benchmarks/small_networks.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
