"""neuromorph's own solver, many instances side by side, beside ngspice: the same instances, their fitted parameters, time.

    python benchmarks/side_by_side.py
    python benchmarks/side_by_side.py gate_synapse --samples 16

Instances of 20 % mismatch of every drawn block are measured and fitted by both, one process each, by the plan of the
sensitivities that come with the package.  Stated are the largest difference of a drawn parameter over its own spread at
that mismatch, samples a minute of the solver (programs compiled before), and how many times ngspice's that is in the same
run.  Fits count in both.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from neuromorph.characterization import load_recipe
from neuromorph.characterization.montecarlo import MonteCarlo, monte_carlo
from neuromorph.characterization.sensitivity import Sensitivity
from neuromorph.circuit import Circuit
from neuromorph.commands.variation import solver_of
from neuromorph.devices.variation import DeviceStatistics
from neuromorph.figures import Figure, record, table
from neuromorph.models.mismatch import DRAWN, read_variation

RESULTS = Path(__file__).parent / "results" / "variation.json"
SHIPPED = Path(__file__).resolve().parent.parent / "neuromorph" / "data" / "variation"
STATISTICS = DeviceStatistics(mismatch=0.2)
WARM, SIDE_BY_SIDE = 1, 32
"""Seed of a first call, in which programs are compiled, and samples of the one that is timed."""


def timed(
    circuit: Circuit, solver: str, samples: int, points: int, seed: int = 0
) -> tuple[MonteCarlo, float]:
    """Samples from nothing, and the seconds that they took."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = monte_carlo(
            circuit, STATISTICS, Path(folder), samples=samples, seed=seed, points=points, jobs=1,
            solver=solver_of(solver), progress=False,
        )  # fmt: skip
    return found, time.perf_counter() - began


def figures_of(block: str, samples: int, known: Sensitivity) -> list[Figure]:
    circuit, points = load_recipe(block), json.loads((SHIPPED / f"{block}.json").read_text())["points"]
    theirs, slow = timed(circuit, "ngspice", samples, points)
    timed(circuit, "batch", SIDE_BY_SIDE, points, WARM)
    ours, fast = timed(circuit, "batch", SIDE_BY_SIDE, points)
    spread, pairs = known.spread(STATISTICS.mismatch), list(zip(theirs.samples, ours.samples, strict=False))
    both = [(a.parameters, b.parameters) for a, b in pairs if not (a.failure or b.failure)]
    differences = {}
    for name in DRAWN[block]:
        a, b = (np.array([values[name] for values in side]) for side in zip(*both, strict=True))
        width = spread[name] * (abs(known.nominal[name]) if name in known.scales else 1.0)
        differences[name] = round(float(np.abs(a - b).max() / width), 5)
    # the nominal sample is one of them
    ngspice, side_by_side = 60 * (samples + 1) / slow, 60 * (SIDE_BY_SIDE + 1) / fast
    what, more = f"side by side, {block}, 20 % mismatch", {"seeds": (0,)}
    return [
        Figure(f"{what}: drawn parameters, largest difference from ngspice over their spread", max(differences.values()),
               "1", 0.1, None,
               details={"by_parameter": differences, "samples": len(both), "failed": [sum(bool(p[k].failure) for p in pairs)
                                                                                      for k in (0, 1)]}, **more),
        Figure(f"{what}: samples a minute, one process", side_by_side, "1/min", better="higher", **more),
        Figure(f"{what}: samples a minute, of ngspice's", side_by_side / ngspice, "x", better="higher", **more),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("blocks", nargs="*", default=list(DRAWN), metavar="block", help="all by default")
    parser.add_argument("--samples", type=int, default=4, help="that ngspice measures (%(default)s)")
    parser.add_argument("--no-row", action="store_true", help="print only")
    args = parser.parse_args()
    variation = read_variation()
    for block in args.blocks:
        figures = figures_of(block, args.samples, variation[block])
        print(table(figures), flush=True)
        if not args.no_row:
            record(RESULTS, figures, " ".join(["python benchmarks/side_by_side.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
