"""A block measured and fitted at every corner of temperature and supply."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from neuromorph.characterization.corner_table import CornerTable
from neuromorph.characterization.corners import (
    COLD,
    HIGH_SUPPLY,
    HOT,
    LOW_SUPPLY,
    Corner,
    at_corner,
    at_supply,
)
from neuromorph.characterization.plan import planned
from neuromorph.characterization.samples import KeptSamples, fitted_sweeps, measure
from neuromorph.circuit import USUAL_KELVIN, USUAL_SUPPLY, Circuit
from neuromorph.errors import CircuitError
from neuromorph.spice.workers import WorkerPool

KELVIN = (COLD, USUAL_KELVIN, 328.15, HOT)
SUPPLY = (LOW_SUPPLY, USUAL_SUPPLY, HIGH_SUPPLY)
CORNERS = tuple(Corner(*pair) for pair in itertools.product(KELVIN, SUPPLY))
MOST_FAILED = 0.4
"""Share of a corner's points that may have no result: a hot neuron leaks more than it is given at its lowest currents."""


def corner_table(
    circuit: Circuit,
    folder: Path,
    *,
    points: int | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> CornerTable:
    """Measure and fit a block at every corner; goes on where an earlier call ended.

    Parameters
    ----------
    circuit : Circuit
        With a fit.
    folder : Path
        Where samples and netlists are kept.
    points : int, optional
        Values an axis at most; all of the recipe's by default.
    jobs : int, optional
        ngspice processes; one a core by default.

    Raises
    ------
    CircuitError
        When the recipe has no fit, or a corner cannot be measured or fitted.
    InputError
        For fewer than two points an axis, a folder that is a file.
    EngineUnavailable
        When ngspice is missing.
    """
    sweeps = fitted_sweeps(circuit, points, also=circuit.corner_sweeps)
    # what moves with the rail decides what was measured
    low = planned(at_supply(replace(circuit, sweeps=sweeps, corner_sweeps=()), LOW_SUPPLY)).digest
    kept = KeptSamples(folder, circuit, f"corners {KELVIN} {SUPPLY} {low}", sweeps)

    def make(number: int) -> tuple[Circuit, int]:
        return at_corner(circuit, CORNERS[number], kept.netlists / f"{circuit.name}_corner_{number}.cir"), 0

    pool = partial(WorkerPool, jobs)
    found = measure(kept, range(len(CORNERS)), make, pool=pool, progress=progress, most_failed=MOST_FAILED)
    for sample, corner in zip(found, CORNERS, strict=True):
        if sample.failure:
            raise CircuitError(
                f"at {corner}: {sample.failure}", where=circuit.name,
                remedy="take more points an axis" if points else "its own plan does not suit its fit",
            )  # fmt: skip
    shape = len(KELVIN), len(SUPPLY)
    values = {
        name: np.array([sample.parameters.get(name, 0.0) for sample in found]).reshape(shape)
        for name in found[0].parameters
    }
    return CornerTable(circuit.name, KELVIN, SUPPLY, values)
