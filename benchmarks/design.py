"""Design by gradient: random wanted behaviour, knob settings from the models, residual in ngspice.

    python benchmarks/design.py [--trials 6]

A trial draws knobs evenly from their ranges (seeds that no fit has seen), asks the model what they give, and designs
for that: a target that is known to be reachable, found without the knobs.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from neuromorph.characterization import load_recipe
from neuromorph.errors import OutOfRange
from neuromorph.figures import Figure, record, table
from neuromorph.fitting.design import BLOCKS, confirmed, design
from neuromorph.library import Library

RESULTS = Path(__file__).parent / "results" / "design.json"
SEED = 9201
ASKED = {
    "axon_hillock": ("refractory_period", "fi_slope"), "memory_cell": ("forget_factor", "rate_current"),
    "gate": ("bias_current",), "eligibility_synapse": ("learning_rate",),
}  # fmt: skip


def drawn(block: str, rng: np.random.Generator) -> dict[str, float]:
    """Parameters at a random setting of the middle nine tenths of every knob."""
    known = BLOCKS[block]
    parameters = Library.shipped().models(block)[block]
    while True:
        knobs = {
            n: float(low + (high - low) * rng.uniform(0.05, 0.95))
            for n, (low, high, _) in known.ranges.items()
        }
        try:
            return known.at_knobs(parameters, **knobs)
        except OutOfRange:
            continue


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=6)
    args = parser.parse_args()
    figures, began = [], time.time()
    for block, names in ASKED.items():
        rng = np.random.default_rng(SEED)
        quantities, parameters = BLOCKS[block].quantities, Library.shipped().models(block)[block]
        first, last, seconds = [], [], []
        for _ in range(args.trials):
            wanted = drawn(block, rng)
            targets = {name: quantities[name].model(wanted) for name in names}
            start = time.perf_counter()
            design(block, parameters, targets)
            seconds.append(time.perf_counter() - start)
            found = confirmed(block, parameters, targets, load_recipe(block))
            first.append(max(map(abs, found.residuals(0).values())))
            last.append(max(map(abs, found.residuals().values())))
            print(f"{block} {targets}: {100 * first[-1]:.2f} % -> {100 * last[-1]:.2f} %", flush=True)
        details = {"trials": args.trials, "seed": SEED, "model_seconds": round(float(np.median(seconds)), 2)}
        subject = f"design of {' and '.join(names).replace('_', ' ')} ({block})"
        figures += [
            Figure(f"{subject}: residual in ngspice after at most two corrections, max of {args.trials}",
                   round(100 * max(last), 3), "%", 3.0, 1.0, details=details),
            Figure(f"{subject}: residual in ngspice of the model's own answer, max of {args.trials}",
                   round(100 * max(first), 3), "%", details=details),
        ]  # fmt: skip
    record(RESULTS, figures, "python benchmarks/design.py " + " ".join(sys.argv[1:]))
    print(table(figures), f"\n{time.time() - began:.0f} s")
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
