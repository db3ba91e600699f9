"""How long a Monte Carlo of every drawn block takes: by sensitivities, from nothing, and sample by sample.

    python benchmarks/variation_time.py
    python benchmarks/variation_time.py memory_cell error_unit --out out/sensitivity
    python benchmarks/variation_time.py --solver ngspice

A block of n transistors is measured and fitted 2 n + 1 times, twice more an offset or a ratio, and some with all
transistors shifted at random; instances are products of matrices then.  A Monte Carlo takes one of these samples an
instance: what it would take follows from the same run.  Plans are those of the sensitivities that come with the package.
Programs that were compiled before are not used.  Every block, and its samples a minute, is recorded when it has been
measured; once all blocks are, so is their sum.  Wall-clock time: on a busy machine the rows are upper bounds.
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
from neuromorph.characterization.shifts import sensitivity
from neuromorph.commands.variation import solver_of
from neuromorph.figures import Figure, record, table
from neuromorph.models.mismatch import DRAWN
from neuromorph.network.compiler import SWITCH

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
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at a time (one a core)")
    parser.add_argument("--solver", choices=("batch", "ngspice"), default="batch")
    parser.add_argument(
        "--points", type=int, help="values an axis at most; as the shipped sensitivities by default"
    )
    parser.add_argument("--out", type=Path, help="folder in which samples are kept, none of the block before")
    parser.add_argument("--no-row", action="store_true", help="print only")
    args = parser.parse_args()
    command = " ".join(["python benchmarks/variation_time.py", *sys.argv[1:]])
    os.environ[SWITCH] = "0"
    for block in args.blocks:
        row = timed(block, args.instances, args.jobs, args.solver, args.points, args.out)
        rows = [row, rate(block, args.jobs, args.solver, row.details["sample_seconds"])]
        print(table(rows), flush=True)
        if not args.no_row:
            record(RESULTS, rows, command)
    if not args.no_row and (sums := of_all_blocks(args.instances, args.jobs, args.solver)):
        print(table(sums))
        record(RESULTS, sums, command)


def claim(block: str, instances: int, jobs: int, solver: str) -> str:
    """Of a block's row."""
    return f"{instances} instances of {block}, {jobs} at a time, {solver}: by sensitivities, from nothing"


def rate(block: str, jobs: int, solver: str, seconds: float) -> Figure:
    """Samples of a block a minute, measured and fitted."""
    return Figure(f"samples of {block}, {jobs} at a time, {solver}: a minute", round(60 / seconds, 1), "1/min",
                  better="higher")  # fmt: skip


def timed(
    block: str, instances: int, jobs: int, solver: str, points: int | None = None, out: Path | None = None
) -> Figure:
    """Sensitivities of a block and ``instances`` from them.

    Raises
    ------
    SystemExit
        When an instance is not a number, or samples of the block are there already.
    """
    if out and (kept := sorted(out.glob(f"{block}_*.jsonl"))):
        raise SystemExit(f"{kept[0]}: these samples would not be timed; name another folder with --out")
    points = points or json.loads((SHIPPED / f"{block}.json").read_text())["points"]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        where = out or Path(folder)
        known = sensitivity(
            load_recipe(block), where, points=points, jobs=jobs, solver=solver_of(solver), progress=False
        )
        samples = sum(len(file.read_text().splitlines()) for file in where.glob(f"{block}_*.jsonl"))
    measured = time.perf_counter() - began
    draws = np.random.default_rng(0).standard_normal((instances, len(known.devices)))
    if not all(np.isfinite(values).all() for values in known.instances(0.2 * draws).values()):
        raise SystemExit(f"{block}: instances that are no numbers")
    return Figure(claim(block, instances, jobs, solver), round(time.perf_counter() - began, 1), "s",
                  details={"samples": samples, "sample_seconds": round(measured / samples, 2)})  # fmt: skip


def of_all_blocks(instances: int, jobs: int, solver: str) -> list[Figure]:
    """Sums of the recorded rows; none while a block has no row."""
    rows = {row["claim"]: row for row in json.loads(RESULTS.read_text())}
    found = [rows.get(claim(block, instances, jobs, solver)) for block in DRAWN]
    if None in found:
        return []
    blocks = [row for row in found if row is not None]
    each = instances * sum(row["sample_seconds"] for row in blocks)
    limits = (MUST, GOAL) if jobs <= 2 else (None, None)
    what = f"{instances} instances of all {len(DRAWN)} blocks, {jobs} at a time, {solver}"
    return [
        Figure(f"{what}: by sensitivities, from nothing", sum(row["value"] for row in blocks) / 60, "min", *limits),
        Figure(f"{what}: sample by sample, by the time of a sample", each / 60, "min"),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
