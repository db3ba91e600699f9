"""Small plastic networks, whole in ngspice at transistor level, beside the network's step.

    python benchmarks/small_networks.py --neurons 4

A feature layer: two lines, adaptive neurons, Diehl's plasticity at every synapse, winner-take-all; notes sound one after
the other and together.  What ngspice answered is kept in a folder by the netlist's hash.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from neuromorph.figures import Figure, record, table
from neuromorph.library import Library
from neuromorph.models.frame import Frame
from neuromorph.models.library_blocks import blocks_for
from neuromorph.spice.netlist import digest
from neuromorph.tasks.feature_network import (
    Answer,
    Stimulus,
    deck,
    expected_energy,
    in_ngspice,
    stepped,
    transistors,
)
from neuromorph.tasks.spots import coincidence

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results" / "small_networks.json"
CHORDS = np.array([[1, 0], [0, 1], [1, 1]])


def stimulus(neurons: int, frames: int, seed: int) -> Stimulus:
    """Two notes in turn and together, weights drawn from the middle of their range, half of the neurons may win."""
    weights = np.random.default_rng(seed).uniform(0.15, 0.5, (neurons, 2))
    return Stimulus(CHORDS[np.arange(frames) % len(CHORDS)], weights, max(1, neurons // 2))


def answered(what: Stimulus, models: dict, folder: Path) -> tuple[Answer, float]:
    """ngspice's answer, kept under the netlist's hash, and the seconds that it took."""
    netlist = deck(what, models, ROOT / "netlists")
    file = folder / f"{digest(netlist)[:16]}.npz"
    if not file.exists():
        began = time.perf_counter()
        found = in_ngspice(what, models, ROOT / "netlists")
        seconds = time.perf_counter() - began
        spikes = {f"spikes{j}": times for j, times in enumerate(found.spikes)}
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        with partial.open("wb") as out:
            np.savez(
                out,
                weights=found.weights,
                traces=found.traces,
                energy=found.energy,
                seconds=seconds,
                **spikes,
            )
        partial.replace(file)
    with np.load(file) as kept:
        spikes = [kept[f"spikes{j}"] for j in range(len(what.weights))]
        answer = Answer(spikes, kept["weights"], kept["traces"], float(kept["energy"]))
        return answer, float(kept["seconds"])


def figures(what: Stimulus, ours: Answer, theirs: Answer, energy: float, seconds: float) -> list[Figure]:
    """Spikes, weights, traces and energy of the step beside ngspice's."""
    name = f"feature layer of {len(what.weights)} neurons, {transistors(what)} transistors"
    counts = [[len(t) for t in answer.spikes] for answer in (ours, theirs)]
    missed = sum(abs(a - b) for a, b in zip(*counts, strict=True))
    window, active = what.frame.tick_seconds, what.frame.seconds * len(what.notes)
    alike = [coincidence(a, b, window, active) for a, b in zip(ours.spikes, theirs.spikes, strict=True)]
    moved = [answer.weights - what.weights for answer in (ours, theirs)]
    trace = np.abs(ours.traces - theirs.traces).max() / np.abs(theirs.traces).max()
    weights = np.abs(moved[0] - moved[1])[-1].sum() / np.abs(moved[1])[-1].sum()
    return [
        Figure(f"{name}: spikes, miscounted", 100 * missed / max(sum(counts[1]), 1), "%",
               details={"step": counts[0], "ngspice": counts[1], "ngspice_seconds": round(seconds)}),
        Figure(f"{name}: coincidence within a tick", float(np.mean(alike)), "1", 0.9, 0.98, "higher"),
        Figure(f"{name}: weight change, summed error of the summed change", float(100 * weights), "%", 5.0, 2.0),
        Figure(f"{name}: traces of the lines, max error of the largest", float(100 * trace), "%"),
        Figure(f"{name}: energy from the supply",
               100 * abs(energy / theirs.energy - 1), "%", 5.0, 2.0,
               details={"step_joule": energy, "ngspice_joule": theirs.energy}),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--neurons", type=int, default=4)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--kept", type=Path, default=Path("out/spice"), help="where ngspice's answers are kept"
    )
    args = parser.parse_args()
    library, frame = Library.shipped(), Frame()
    models, (blocks, _) = library.models(), blocks_for("nominal", frame, library)
    what = stimulus(args.neurons, args.frames, args.seed)
    ours = stepped(what, blocks, models)
    theirs, seconds = answered(what, models, args.kept)
    rows = figures(what, ours, theirs, expected_energy(what, ours, models), seconds)
    print(table(rows))
    record(RESULTS, rows, " ".join(["python benchmarks/small_networks.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
