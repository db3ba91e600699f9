"""Monte Carlo of a block: every transistor drawn anew, its sweeps measured, its model fitted, sample by sample.

What a bench puts around the block, a load or a driver, is as designed: its spread belongs to other blocks.
Draws depend on the seed, the sample's number and the transistor's path alone, so a sample can be made again by itself.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from neuromorph.characterization.samples import KeptSamples, Sample, fitted_sweeps, measure, written
from neuromorph.circuit import Circuit
from neuromorph.devices.cnfet import CnfetParameters
from neuromorph.devices.variation import DeviceStatistics, Tubes, draw, folded
from neuromorph.errors import CircuitError, InputError
from neuromorph.spice.instances import Device, devices
from neuromorph.spice.workers import Pool, WorkerPool

NOMINAL = -1
"""Number of the sample without any spread: the same plan, measured and fitted."""
LAW = 2
"""Version of how a transistor is drawn: part of what samples are kept under."""


@dataclass(frozen=True)
class MonteCarlo:
    """Samples of a block, the nominal one apart.

    Parameters
    ----------
    nominal : of the same plan without spread
    """

    block: str
    nominal: Sample
    samples: tuple[Sample, ...]

    @property
    def good(self) -> tuple[Sample, ...]:
        """Samples that were measured and fitted."""
        return tuple(sample for sample in self.samples if not sample.failure)

    def values(self, name: str) -> np.ndarray:
        """A parameter over the good samples."""
        return np.array([sample.parameters[name] for sample in self.good])


def drawn(
    statistics: DeviceStatistics, seed: int, number: int, device: Device, kind: CnfetParameters
) -> Tubes:
    """The tubes of one transistor of one sample."""
    rng = np.random.default_rng([seed, number + 1, zlib.crc32(device.path.lower().encode())])
    return draw(statistics, kind, 1, rng)


def instance(
    circuit: Circuit, statistics: DeviceStatistics, seed: int, number: int, folder: Path
) -> tuple[Circuit, int]:
    """The circuit with its transistors drawn for one sample, in a netlist of its own; and how many have no channel.

    Raises
    ------
    CircuitError
        When a transistor is no CNFET of the project's form.
    """
    dead = set[str]()
    inside = {device.path for device in devices(circuit.structure(), circuit.subcircuit)}

    def own(device: Device, kind: CnfetParameters) -> dict[str, float]:
        if device.path not in inside:
            return {}
        found = folded(kind, drawn(statistics, seed, number, device, kind))
        if found.dead[0]:
            dead.add(device.path)
        return {name: float(values[0]) for name, values in found.parameters.items()}

    made = written(circuit, own, folder / f"{circuit.name}_{seed}_{number}.cir")
    return made, len(dead)


def monte_carlo(
    circuit: Circuit,
    statistics: DeviceStatistics,
    folder: Path,
    *,
    samples: int,
    seed: int = 0,
    points: int | None = None,
    jobs: int | None = None,
    solver: type[Pool] = WorkerPool,
    progress: bool = True,
) -> MonteCarlo:
    """Measure and fit ``samples`` instances of a block; goes on where an earlier call ended.

    Parameters
    ----------
    circuit : Circuit
        With a fit.
    folder : Path
        Where samples and netlists are kept.
    points : int, optional
        Values an axis at most; all of the recipe's by default.
    jobs : int, optional
        ngspice processes, or groups solved at a time; one a core by default.
    solver : type
        What solves the decks: ngspice, or :class:`neuromorph.transient.pool.BatchPool`.

    Raises
    ------
    CircuitError
        When the recipe has no fit, the coarse plan fits nothing, or more than half of the samples fail.
    InputError
        For a negative seed, fewer than two points an axis, a folder that is a file.
    EngineUnavailable
        When ngspice is missing.
    """
    sweeps = fitted_sweeps(circuit, points)
    if seed < 0:
        raise InputError(f"seed {seed}", remedy="give a whole number of at least 0")
    kept = KeptSamples(folder, circuit, f"{statistics} {seed} {LAW}{solver.law}", sweeps)

    def make(number: int) -> tuple[Circuit, int]:
        spread = DeviceStatistics() if number == NOMINAL else statistics
        return instance(circuit, spread, seed, number, kept.netlists)

    found = measure(kept, [NOMINAL, *range(samples)], make, pool=partial(solver, jobs), progress=progress)
    if found[0].failure:
        raise CircuitError(f"without any spread: {found[0].failure}", where=circuit.name,
                           remedy="take more points an axis")  # fmt: skip
    result = MonteCarlo(circuit.name, found[0], tuple(found[1:]))
    if 2 * len(result.good) < samples:
        first = next(sample for sample in result.samples if sample.failure)
        raise CircuitError(
            f"{samples - len(result.good)} of {samples} samples failed, the first by: {first.failure}", where=circuit.name,
            remedy=f"a smaller spread, or more tubes; all samples are in {kept.file}",
        )  # fmt: skip
    return result
