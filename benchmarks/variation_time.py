"""How long a Monte Carlo of every drawn block takes: by sensitivities, from nothing, and sample by sample.

    python benchmarks/variation_time.py

A block of n transistors is measured and fitted n + 1 times; instances are a product of matrices then.  A Monte Carlo in
ngspice takes one of these samples an instance: what it would take follows from the same run.  Plans are those of the
sensitivities that come with the package, without other temperatures and supplies.  Wall-clock time, one ngspice process a
core: on a busy machine the rows are upper bounds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from neuromorph.characterization import load_recipe
from neuromorph.characterization.sensitivity import sensitivity
from neuromorph.figures import Figure, record, table
from neuromorph.models.mismatch import DRAWN

RESULTS = Path(__file__).parent / "results" / "variation.json"
SHIPPED = Path(__file__).resolve().parent.parent / "neuromorph" / "data" / "variation"
MUST, GOAL = 90.0, 10.0
"""Minutes for 256 instances of all blocks on two cores."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("blocks", nargs="*", default=list(DRAWN), metavar="block", help="all by default")
    parser.add_argument("--instances", type=int, default=256)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="ngspice processes (one a core)")
    parser.add_argument("--no-row", action="store_true", help="print only")
    args = parser.parse_args()
    seconds, each = {}, {}
    for block in args.blocks:
        points = json.loads((SHIPPED / f"{block}.json").read_text())["points"]
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            known = sensitivity(
                load_recipe(block), Path(folder), points=points, jobs=args.jobs, progress=False
            )
        measured = time.perf_counter() - began
        draws = np.random.default_rng(0).standard_normal((args.instances, len(known.devices)))
        made = known.instances(0.2 * draws)
        if not all(np.isfinite(values).all() for values in made.values()):
            raise SystemExit(f"{block}: instances that are no numbers")
        seconds[block] = time.perf_counter() - began
        each[block] = measured / (len(known.devices) + 1)
        print(f"  {block}: {seconds[block]:.0f} s, a sample {each[block]:.2f} s", flush=True)
    details = {
        "seconds": {block: round(value, 1) for block, value in seconds.items()},
        "samples_a_minute": {block: round(60 / value, 1) for block, value in each.items()},
        "jobs": args.jobs,
    }
    whole = args.blocks == list(DRAWN) and args.jobs <= 2
    limits = (MUST, GOAL) if whole else (None, None)
    what = f"{args.instances} instances of {len(args.blocks)} blocks, {args.jobs} processes"
    rows = [
        Figure(f"{what}: by sensitivities, from nothing", sum(seconds.values()) / 60, "min", *limits, details=details),
        Figure(f"{what}: sample by sample in ngspice, by the time of a sample",
               args.instances * sum(each.values()) / 60, "min"),
    ]  # fmt: skip
    print(table(rows))
    if not args.no_row:
        record(RESULTS, rows, " ".join(["python benchmarks/variation_time.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
