"""Monte Carlo of a block: every transistor drawn anew, its sweeps measured, its model fitted, sample by sample.

A sample is a netlist of its own (:mod:`neuromorph.spice.instances`); draws depend on the seed, the sample's number and
the transistor's path alone, so a sample can be made again by itself.  Finished samples are kept in a file of JSON lines
and never measured twice.
"""

from __future__ import annotations

import inspect
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from neuromorph.characterization.plan import planned
from neuromorph.characterization.runner import assembled, measured
from neuromorph.circuit import Axis, Circuit, Sweep
from neuromorph.devices.cnfet import CnfetParameters
from neuromorph.devices.variation import DeviceStatistics, draw, folded
from neuromorph.errors import CircuitError, FitFailed, InputError, NeuromorphError
from neuromorph.library import SOLVED
from neuromorph.spice.instances import Device, devices, individualised
from neuromorph.spice.structure import Structure
from neuromorph.spice.workers import Job, WorkerPool
from neuromorph.units import parse_spice

NOMINAL = -1
"""Number of the sample without any spread: the same plan, measured and fitted."""
LAW = 1
"""Version of how a transistor is drawn: part of what samples are kept under."""
BATCH = 8
"""Samples whose points are measured at a time."""


@dataclass(frozen=True)
class Sample:
    """One instance of a block: its fitted parameters, or why there are none."""

    number: int
    parameters: dict[str, float]
    failure: str = ""
    dead: int = 0


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


def coarse(sweep: Sweep, points: int) -> Sweep:
    """The sweep with at most ``points`` values an axis, 2 or more, its ends among them."""
    axes = {}
    for name, axis in sweep.axes.items():
        count = min(points, len(axis.values))
        chosen = np.unique(np.round(np.linspace(0, len(axis.values) - 1, count)).astype(int))
        axes[name] = Axis(tuple(axis.values[k] for k in chosen), axis.unit)
    return replace(sweep, axes=axes)


def instance(
    circuit: Circuit, statistics: DeviceStatistics, seed: int, number: int, folder: Path
) -> tuple[Circuit, int]:
    """The circuit with its transistors drawn for one sample, in a netlist of its own; and how many have no channel.

    Raises
    ------
    CircuitError
        When a transistor is no CNFET of the project's form.
    """
    structure, dead = circuit.structure(), set[str]()

    def own(device: Device) -> dict[str, float]:
        rng = np.random.default_rng([seed, number + 1, zlib.crc32(device.path.lower().encode())])
        kind = _kind(structure, device, circuit.name)
        found = folded(kind, draw(statistics, kind, 1, rng))
        if found.dead[0]:
            dead.add(device.path)
        return {name: float(values[0]) for name, values in found.parameters.items()}

    text = individualised(circuit.netlist_text(), structure, circuit.subcircuit, own)
    file = folder / f"{circuit.name}_{seed}_{number}.cir"
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(f"* {circuit.name}, sample {number} of seed {seed}\n{text}\n")
    partial.replace(file)
    inside = {device.path for device in devices(structure, circuit.subcircuit)}
    return replace(circuit, netlists=(file,)), len(dead & inside)


def _kind(structure: Structure, device: Device, block: str) -> CnfetParameters:
    """The device's parameters before any draw: its subcircuit's defaults and what its line sets."""
    known = structure.subcircuits.get(device.element.model.lower())
    wanted = set(CnfetParameters().values())
    defaults = dict(known.parameters) if known else {}
    given = {name: text for name, text in {**defaults, **device.given}.items() if name in wanted}
    if not {"dia", "vfb", "tubes", "goff"} <= set(given):
        raise CircuitError(
            f"{device.path} is a {device.element.model}, not a CNFET of the project's form", where=block,
            remedy="mismatch is drawn for subcircuits with the parameters dia, vfb, tubes and goff",
        )  # fmt: skip
    try:
        return CnfetParameters().with_(**{name: parse_spice(text) for name, text in given.items()})
    except InputError as error:
        raise CircuitError(f"{device.path}: {error.what}", where=block, remedy=error.remedy) from error


def monte_carlo(
    circuit: Circuit,
    statistics: DeviceStatistics,
    folder: Path,
    *,
    samples: int,
    seed: int = 0,
    points: int | None = None,
    jobs: int | None = None,
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
        ngspice processes; one a core by default.

    Raises
    ------
    CircuitError
        When the recipe has no fit, the coarse plan fits nothing, or more than half of the samples fail.
    InputError
        For a negative seed, fewer than two points an axis, a folder that is a file.
    EngineUnavailable
        When ngspice is missing.
    """
    if circuit.fit is None:
        raise CircuitError(
            "the recipe has no fit to repeat", where=circuit.name, remedy="give its Circuit a fit"
        )
    if seed < 0:
        raise InputError(f"seed {seed}", remedy="give a whole number of at least 0")
    if points is not None and points < 2:
        raise InputError(f"{points} points an axis", remedy="give 2 or more: the ends of every axis are kept")
    if folder.exists() and not folder.is_dir():
        raise InputError("this is not a folder", where=folder, remedy="give another one with --out")
    sweeps = tuple(coarse(s, points) if points else s for s in circuit.sweeps if not s.held_out)
    kept = _Kept(folder, circuit, statistics, seed, sweeps)
    wanted = [NOMINAL, *range(samples)]
    waiting = [number for number in wanted if number not in kept.samples]
    each = sum(int(np.prod(sweep.shape)) for sweep in sweeps)
    with tqdm(
        total=each * len(waiting), desc=circuit.name, unit="point", disable=not progress or not waiting
    ) as bar:
        if waiting:
            with WorkerPool(jobs) as pool:
                for start in range(0, len(waiting), BATCH):
                    numbers = waiting[start : start + BATCH]
                    for sample in _batch(
                        circuit, statistics, seed, numbers, sweeps, kept.netlists, pool, bar
                    ):
                        kept.add(sample)
    found = [kept.samples[number] for number in wanted]
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


def _batch(
    circuit: Circuit, statistics: DeviceStatistics, seed: int, numbers: list[int], sweeps: tuple[Sweep, ...],
    folder: Path, pool: WorkerPool, bar: tqdm,
) -> Iterator[Sample]:  # fmt: skip
    drawn: dict[int, tuple[Circuit, int]] = {}
    jobs: list[Job] = []
    origin: dict[str, tuple[int, Sweep, str, Any]] = {}
    for number in numbers:
        spread = DeviceStatistics() if number == NOMINAL else statistics
        drawn[number] = instance(circuit, spread, seed, number, folder)
        for sweep in sweeps:
            for index, point in sweep.points():
                key = f"{sweep.name}|{' '.join(map(str, index))}"
                label = f"sample {number}, {sweep.name} " + " ".join(f"{k}={v:.4g}" for k, v in point.items())
                jobs.append(Job(f"{number}|{key}", drawn[number][0].deck(sweep, point), circuit.name, label))
                origin[jobs[-1].key] = (number, sweep, key, point)
    results: dict[int, dict[str, Any]] = {number: {} for number in numbers}
    for job, outcome in pool.run(jobs):
        number, sweep, key, point = origin[job.key]
        results[number][key] = measured(sweep, point, outcome, job)
        bar.update()
        if len(results[number]) == len(jobs) // len(numbers):
            yield _fitted(*drawn[number], number, sweeps, results.pop(number), pool.version)


def _fitted(
    circuit: Circuit, dead: int, number: int, sweeps: tuple[Sweep, ...], results: dict[str, Any], version: str
) -> Sample:
    assert circuit.fit is not None
    try:
        data = assembled(circuit, sweeps, results, "", version)
        failed = sum(int(np.sum(sweep.status != SOLVED)) for sweep in data.sweeps.values())
        if failed:
            raise FitFailed(f"{failed} points have no result")
        parameters = circuit.fit(data).parameters
    except NeuromorphError as error:
        return Sample(number, {}, str(error).splitlines()[0], dead)
    except Exception as error:  # a recipe's own code: whatever it raises is this sample's failure
        return Sample(number, {}, f"{type(error).__name__}: {error}".splitlines()[0], dead)
    bad = [name for name, value in parameters.items() if not np.isfinite(value)]
    if bad:
        return Sample(number, {}, f"fitted {', '.join(bad)} is not finite", dead)
    return Sample(number, {name: float(value) for name, value in parameters.items()}, "", dead)


def _identity(fit: Callable[..., Any] | None) -> str:
    """A fit's name and the text of its file: another law, other samples."""
    plain: Any = getattr(fit, "func", fit)  # of a partial
    try:
        text = Path(inspect.getfile(plain)).read_bytes()
    except (TypeError, OSError):
        text = b""
    return f"{getattr(plain, '__qualname__', plain)} {zlib.crc32(text):08x}"


class _Kept:
    """Finished samples on disk: one JSON line each, under a name that says what they are of."""

    def __init__(
        self, folder: Path, circuit: Circuit, statistics: DeviceStatistics, seed: int, sweeps: Iterable[Sweep]
    ) -> None:
        what = f"{planned(circuit, sweeps).digest} {_identity(circuit.fit)} {statistics} {seed} {LAW}"
        name = f"{circuit.name}_{zlib.crc32(what.encode()):08x}"
        self.file, self.netlists = folder / f"{name}.jsonl", folder / name
        self.samples: dict[int, Sample] = {}
        text = self.file.read_text() if self.file.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # a kill may leave half a line
        for line in whole.splitlines():
            sample = Sample(**json.loads(line))
            self.samples[sample.number] = sample
        folder.mkdir(parents=True, exist_ok=True)
        if whole != text:
            partial = self.file.with_suffix(".partial")
            partial.write_text(whole)
            partial.replace(self.file)

    def add(self, sample: Sample) -> None:
        """Keep a sample; on disk when this returns."""
        self.samples[sample.number] = sample
        with self.file.open("a") as out:
            out.write(json.dumps(sample.__dict__) + "\n")
            out.flush()
            os.fsync(out.fileno())
