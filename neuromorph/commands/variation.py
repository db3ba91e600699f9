"""Commands about spread between instances, temperatures and supplies: montecarlo, sensitivity, corners."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.characterization.corner_samples import corner_table
from neuromorph.characterization.corner_table import CornerTable
from neuromorph.characterization.corners import ZERO_CELSIUS, Corner
from neuromorph.characterization.montecarlo import MonteCarlo, monte_carlo
from neuromorph.characterization.sensitivity import Sensitivity
from neuromorph.characterization.shifts import sensitivity
from neuromorph.circuit import Circuit
from neuromorph.commands.hardware import chosen
from neuromorph.devices.variation import REFERENCE_TUBES, DeviceStatistics
from neuromorph.errors import CircuitError
from neuromorph.figures import stamp, write_json
from neuromorph.library import Library
from neuromorph.spice.workers import Pool, WorkerPool


def run_montecarlo(args: argparse.Namespace) -> int:
    """Draw every transistor, measure and fit, and say how far the fitted parameters spread."""
    statistics = DeviceStatistics(args.mismatch, args.diameter, args.threshold, args.missing, args.metallic)
    if statistics == DeviceStatistics():
        raise CircuitError(
            "nothing varies", remedy="give --mismatch 0.2, --diameter 0.1, --metallic 1e-3 ..."
        )
    folder = Path(args.out)
    for circuit in chosen(args.recipes):
        found = monte_carlo(
            circuit, statistics, folder, samples=args.samples, seed=args.seed, points=args.points, jobs=args.jobs,
            solver=solver_of(args.solver), progress=not args.quiet,
        )  # fmt: skip
        _report(circuit, found, statistics, args, folder)
    return 0


def solver_of(name: str) -> type[Pool]:
    """What solves decks, by its name on the command line."""
    if name == "ngspice":
        return WorkerPool
    from neuromorph.network.compiler import keep_compiled
    from neuromorph.transient.pool import BatchPool

    keep_compiled()
    return BatchPool


def _report(
    circuit: Circuit, found: MonteCarlo, statistics: DeviceStatistics, args: argparse.Namespace, folder: Path
) -> None:
    import matplotlib.pyplot as plt

    from neuromorph.reporting.spread import plot_spread

    rows = [_row(found, name) for name in found.nominal.parameters]
    print(f"{circuit.name}: {len(found.good)} of {len(found.samples)} samples, "
          f"{sum(s.dead for s in found.samples)} transistors without a channel")  # fmt: skip
    _warn_of_plan(circuit.name, found.nominal.parameters)
    for failure in sorted({s.failure for s in found.samples if s.failure}):
        print(f"  failed: {failure}")
    print(f"  {'parameter':24s} {'nominal':>12s} {'median':>12s} {'5 %':>12s} {'95 %':>12s} {'spread':>12s}")
    for row in rows:
        numbers = " ".join(f"{row[k]:12.4g}" for k in ("nominal", "median", "low", "high", "spread"))
        print(f"  {row['parameter']:24s} {numbers}")
    write_json(folder / f"{circuit.name}.json", {
        "block": circuit.name, "statistics": statistics.__dict__, "seed": args.seed, "points": args.points,
        "samples": len(found.samples), "good": len(found.good), "parameters": rows, **stamp(),
    })  # fmt: skip
    figure = plot_spread(found)
    figure.savefig(folder / f"{circuit.name}.png", dpi=110)
    plt.close(figure)
    print(f"  {folder / circuit.name}.json, .png")


FAR, SIGMAS = 0.25, 5.0
"""Of a parameter of the library's fit, and of its standard deviation there: beyond both a coarse plan has missed it."""


def far_from_library(block: str, nominal: Mapping[str, float]) -> list[str]:
    """Parameters without spread that the shipped library's own fit does not have, each with both values."""
    library = Library.shipped()
    fit = library.read(block).fit if block in library.blocks() else None
    if fit is None:
        return []
    told = []
    for name, value in nominal.items():
        usual = fit.parameters.get(name)
        if usual is None or abs(value - usual) <= max(
            FAR * abs(usual), SIGMAS * fit.deviation.get(name, 0.0)
        ):
            continue
        told.append(f"{name} {value:.4g} ({usual:.4g})")
    return told


def _warn_of_plan(block: str, nominal: Mapping[str, float]) -> None:
    far = far_from_library(block, nominal)
    if far:
        print(
            f"  far from the library's fit (in brackets), by the plan or by what was changed: {', '.join(far)}"
        )


def _row(found: MonteCarlo, name: str) -> dict[str, Any]:
    """A parameter's nominal value, quantiles, and spread: half of the middle 68 %, a standard deviation if normal."""
    values = found.values(name)
    low, below, median, above, high = (float(v) for v in np.quantile(values, [0.05, 0.159, 0.5, 0.841, 0.95]))
    nominal = found.nominal.parameters[name]
    return {"parameter": name, "nominal": nominal, "median": median, "low": low, "high": high,
            "spread": 0.5 * (above - below)}  # fmt: skip


def run_sensitivity(args: argparse.Namespace) -> int:
    """Shift one transistor after the other, measure and fit, and say which of them a parameter's spread comes from."""
    folder = Path(args.out)
    for circuit in chosen(args.recipes):
        found = sensitivity(
            circuit, folder, points=args.points, jobs=args.jobs, solver=solver_of(args.solver),
            progress=not args.quiet,
        )  # fmt: skip
        _tell(found, args.mismatch)
        _warn_of_plan(circuit.name, found.nominal)
        write_json(folder / f"{circuit.name}.json", {**found.to_dict(), "points": args.points, **stamp()})
        print(f"  {folder / circuit.name}.json")
    return 0


def run_corners(args: argparse.Namespace) -> int:
    """Measure and fit blocks at every corner of temperature and supply, and say what their parameters are there."""
    folder = Path(args.out)
    for circuit in chosen(args.recipes):
        found = corner_table(circuit, folder, points=args.points, jobs=args.jobs, progress=not args.quiet)
        _tell_corners(found)
        write_json(folder / f"{circuit.name}.json", {**found.to_dict(), "points": args.points, **stamp()})
        print(f"  {folder / circuit.name}.json")
    return 0


def _tell_corners(found: CornerTable) -> None:
    """Every parameter as designed, at the temperatures and the usual supply, and at the other supplies."""
    usual = Corner()
    at = {f"{kelvin - ZERO_CELSIUS:g} C": Corner(kelvin, usual.supply) for kelvin in found.kelvin}
    at |= {f"{volt:g} V": Corner(usual.kelvin, volt) for volt in found.supply if volt != usual.supply}
    print(f"{found.block}: {len(found.kelvin)} temperatures by {len(found.supply)} supplies")
    print(f"  {'parameter':24s}" + "".join(f" {name:>11s}" for name in at))
    for name, values in found.values.items():
        row = [values[found.kelvin.index(c.kelvin), found.supply.index(c.supply)] for c in at.values()]
        print(f"  {name:24s}" + "".join(f" {value:11.4g}" for value in row))


def _tell(found: Sensitivity, mismatch: float) -> None:
    print(f"{found.block}: {len(found.devices)} transistors; spread at a mismatch of {mismatch:g}")
    print(f"  {'parameter':24s} {'nominal':>12s} {'spread':>12s}    most of it from")
    weights = np.sqrt(REFERENCE_TUBES / found.tubes)
    for name, spread in found.spread(mismatch).items():
        share = (weights * found.slopes[name]) ** 2
        most = np.argsort(-share)[:3]
        parts = ", ".join(
            f"{found.devices[k]} {100 * share[k] / share.sum():.0f} %"
            for k in most
            if share[k] > 0.05 * share.sum()
        )
        text = f"{100 * spread:.3g} %" if name in found.scales else f"{spread:.3g}"
        print(f"  {name:24s} {found.nominal[name]:12.4g} {text:>12s}    {parts}")
    if lacking := [name for name in found.offsets() if name not in found.bending]:
        print(f"  of first order alone, no fit follows: {', '.join(lacking)}")
