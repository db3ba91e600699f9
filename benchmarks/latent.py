"""Are drawn instances what SPICE would draw: a block's fitted parameters from sensitivities, beside fresh Monte Carlo.

    python benchmarks/latent.py gate gate_synapse --mismatch 0.2 --samples 256

Both come from the same plan; ``--solver batch`` measures the fresh samples side by side, without ngspice.  Stated are the
largest Kolmogorov-Smirnov distance of a parameter that the network draws, the smallest p with Holm's correction over the
parameters, the largest difference of a correlation between two parameters, and, since the transistors of the Monte Carlo
are known one by one, how well the sensitivities predict its very samples: the smallest correlation, and again the largest
difference of one.  Between other transistors a correlation scatters, most where a parameter goes with the square of an
offset: what the model itself would show at as many samples stands beside it, and it takes 1,024 of them for that to be less
than the limit in 19 of 20 draws.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from scipy import stats

from neuromorph.characterization import load_recipe
from neuromorph.characterization.montecarlo import MonteCarlo, drawn, monte_carlo
from neuromorph.characterization.samples import device_parameters
from neuromorph.characterization.sensitivity import Sensitivity
from neuromorph.circuit import Circuit
from neuromorph.commands.variation import solver_of
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.devices.variation import REFERENCE_TUBES, DeviceStatistics
from neuromorph.figures import Figure, record, table
from neuromorph.models.mismatch import DRAWN, read_variation
from neuromorph.spice.instances import devices

RESULTS = Path(__file__).parent / "results" / "variation.json"
SHIPPED = Path(__file__).resolve().parent.parent / "neuromorph" / "data" / "variation"
INSTANCES = 20_000
STEP = 0.01
"""Of a parameter's spread: values nearer than that are alike."""
ENOUGH = 256
"""Samples from which on the limits are those of the distance, not of its own scatter."""


def shifts(circuit: Circuit, found: MonteCarlo, statistics: DeviceStatistics, seed: int) -> np.ndarray:
    """Shifts of every transistor of the good samples, as :meth:`Sensitivity.instances` takes them."""
    structure = circuit.structure()
    inside = devices(structure, circuit.subcircuit)
    rows = np.empty((len(found.good), len(inside)))
    for k, device in enumerate(inside):
        kind = device_parameters(structure, device, circuit.name)
        swing = float(evaluate_geometry(kind.values(), np)["nv"])
        for row, sample in zip(rows, found.good, strict=True):
            shift = float(drawn(statistics, seed, sample.number, device, kind).shift[0])
            row[k] = shift / swing / np.sqrt(REFERENCE_TUBES / kind.tubes)
    return rows


def in_steps(made: np.ndarray, fresh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in whole :data:`STEP`: what a fit puts at a billionth beside nought, where the model has nought, is the same."""
    step = STEP * float(np.std(fresh))
    return np.round(made / step), np.round(fresh / step)


def correlation_scatter(made: np.ndarray, samples: int, seed: int, draws: int = 400) -> float:
    """Largest difference of a correlation that 95 % of draws of so many ``samples`` stay below, of ``made``
    [parameters, instances]."""
    rng, whole = np.random.default_rng(seed), np.corrcoef(made)
    chosen = (made[:, rng.integers(0, made.shape[1], samples)] for _ in range(draws))
    return float(np.quantile([np.abs(np.corrcoef(part) - whole).max() for part in chosen], 0.95))


def figures_of(
    circuit: Circuit, known: Sensitivity, found: MonteCarlo, statistics: DeviceStatistics, seed: int
) -> list[Figure]:
    names = [name for name in DRAWN[circuit.name] if np.ptp(found.values(name)) > 0]
    fresh = np.array([found.values(name) for name in names])
    draw = np.random.default_rng(seed).standard_normal((INSTANCES, len(known.devices)))
    made = known.moved(found.nominal.parameters, statistics.mismatch * draw)
    same = known.moved(found.nominal.parameters, shifts(circuit, found, statistics, seed))
    tests = [stats.ks_2samp(*in_steps(made[name], values)) for name, values in zip(names, fresh, strict=True)]
    distance = {name: round(float(test.statistic), 4) for name, test in zip(names, tests, strict=True)}
    ordered = np.sort([test.pvalue for test in tests])
    holm = min(1.0, float(np.min(ordered * np.arange(len(ordered), 0, -1))))
    others, between = (
        float(np.abs(np.corrcoef(np.array([answer[name] for name in names])) - np.corrcoef(fresh)).max())
        for answer in (made, same)
    )
    itself = correlation_scatter(np.array([made[name] for name in names]), fresh.shape[1], seed)
    paired = {
        name: round(float(np.corrcoef(same[name], values)[0, 1]), 4)
        for name, values in zip(names, fresh, strict=True)
    }
    spread = {
        name: round(float(np.std(made[name]) / np.std(values)), 3)
        for name, values in zip(names, fresh, strict=True)
    }
    what = (
        f"latent model of {circuit.name}, {len(names)} parameters, {100 * statistics.mismatch:g} % mismatch, "
        f"{len(found.good)} samples"
    )
    more = {"seeds": (seed,)}
    failed, enough = len(found.samples) - len(found.good), len(found.good) >= ENOUGH
    limits = {"distance": (0.10, 0.05), "p": (0.01, None), "correlation": (0.15, None)} if enough else {}
    none = (None, None)
    return [
        Figure(f"{what}: KS distance, largest", max(distance.values()), "1",
               *limits.get("distance", none),
               details={"by_parameter": distance, "spreads": spread, "failed": failed}, **more),
        Figure(f"{what}: smallest p, Holm", holm, "1", *limits.get("p", none), better="higher", **more),
        Figure(f"{what}: largest difference of a correlation", round(others, 4), "1",
               *limits.get("correlation", none), **more),
        Figure(f"{what}: largest difference of a correlation, same transistors", round(between, 4), "1", **more),
        Figure(f"{what}: largest difference of a correlation, model from itself in 95 % of draws", round(itself, 4), "1",
               **more),
        Figure(f"{what}: smallest correlation of the prediction, same transistors", min(paired.values()), "1",
               better="higher", details={"by_parameter": paired}, **more),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("blocks", nargs="*", default=list(DRAWN), metavar="block", help="all by default")
    parser.add_argument("--mismatch", type=float, default=0.2)
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--points", type=int, help="values an axis at most; as the sensitivities' by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, help="ngspice processes; one a core by default")
    parser.add_argument(
        "--solver", choices=("ngspice", "batch"), default="ngspice", help="of the fresh samples"
    )
    parser.add_argument("--out", type=Path, default=Path("out/montecarlo"), help="where samples are kept")
    parser.add_argument("--no-row", action="store_true", help="print only")
    args = parser.parse_args()
    variation, statistics = read_variation(), DeviceStatistics(mismatch=args.mismatch)
    for block in args.blocks:
        circuit = load_recipe(block)
        found = monte_carlo(
            circuit,
            statistics,
            args.out,
            samples=args.samples,
            seed=args.seed,
            points=args.points or json.loads((SHIPPED / f"{block}.json").read_text())["points"],
            jobs=args.jobs,
            solver=solver_of(args.solver),
        )
        figures = figures_of(circuit, variation[block], found, statistics, args.seed)
        print(table(figures))
        if not args.no_row:
            record(RESULTS, figures, " ".join(["python benchmarks/latent.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
