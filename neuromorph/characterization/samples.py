"""Copies of a block whose transistors are their own: written, measured, fitted, and kept one by one.

A sample is a netlist of its own (:mod:`neuromorph.spice.instances`).  Finished samples are kept in a file of JSON lines and
never measured twice.
"""

from __future__ import annotations

import inspect
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from neuromorph.characterization.plan import planned
from neuromorph.characterization.runner import assembled, measured
from neuromorph.circuit import Axis, Circuit, Sweep
from neuromorph.devices.cnfet import CnfetParameters
from neuromorph.errors import CircuitError, FitFailed, InputError, NeuromorphError
from neuromorph.library import failed_points
from neuromorph.spice.instances import Device, individualised
from neuromorph.spice.structure import Structure
from neuromorph.spice.workers import Job, Pool
from neuromorph.units import parse_spice

FEW_FAILED, MOST_FAILED = 2, 0.1
"""Points of a sample that may have no result, and share of them: currents below a leaky neuron's rheobase are such."""


@dataclass(frozen=True)
class Sample:
    """One instance of a block: its fitted parameters and the fit's stated errors, or why there are none."""

    number: int
    parameters: dict[str, float]
    failure: str = ""
    dead: int = 0
    errors: dict[str, float] = field(default_factory=dict)


def coarse(sweep: Sweep, points: int, usual: Mapping[str, float]) -> Sweep:
    """The sweep with at most ``points`` values an axis, 2 or more: its ends and, in one value's place or beside two, the
    ``usual`` value of a knob, which fits look for."""
    axes = {}
    for name, axis in sweep.axes.items():
        last = len(axis.values) - 1
        chosen = set(np.round(np.linspace(0, last, min(points, last + 1))).astype(int).tolist())
        if usual.get(name) in axis.values:
            default = axis.values.index(usual[name])
            inner = chosen - {0, last}
            if inner and default not in chosen:
                chosen.remove(min(inner, key=lambda k: abs(k - default)))
            chosen.add(default)
        axes[name] = Axis(tuple(axis.values[k] for k in sorted(chosen)), axis.unit)
    return replace(sweep, axes=axes)


def fitted_sweeps(
    circuit: Circuit, points: int | None, also: Iterable[str] | None = None
) -> tuple[Sweep, ...]:
    """The sweeps that a fit reads; with ``points`` they are coarse, and those that it can do without are left out.

    ``also``: they are left out whatever the points, but for those named here.

    Raises
    ------
    CircuitError
        When the recipe has no fit.
    InputError
        For fewer than two points an axis.
    """
    if circuit.fit is None:
        raise CircuitError(
            "the recipe has no fit to repeat", where=circuit.name, remedy="give its Circuit a fit"
        )
    if points is not None and points < 2:
        raise InputError(f"{points} points an axis", remedy="give 2 or more: the ends of every axis are kept")
    usual = {knob.name: knob.default for knob in circuit.knobs}
    read = [sweep for sweep in circuit.sweeps if not sweep.held_out]
    if points or also is not None:
        read = [sweep for sweep in read if not sweep.optional or sweep.name in (also or ())]
    return tuple(coarse(sweep, points, usual) if points else sweep for sweep in read)


def written(
    circuit: Circuit, own: Callable[[Device, CnfetParameters], Mapping[str, float]], file: Path
) -> Circuit:
    """The circuit with transistors of its own, in a netlist ``file``.

    Parameters
    ----------
    own : callable
        What to write on a transistor's line, by device and its parameters before.

    Raises
    ------
    CircuitError
        When a transistor is no CNFET of the project's form.
    """
    structure = circuit.structure()
    text = individualised(
        circuit.netlist_text(), structure, circuit.subcircuit,
        lambda device: own(device, device_parameters(structure, device, circuit.name)),
    )  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(f"* {circuit.name}, {file.stem}\n{text}\n")
    partial.replace(file)
    return replace(circuit, netlists=(file,))


def device_parameters(structure: Structure, device: Device, block: str) -> CnfetParameters:
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


def measure(
    kept: KeptSamples, wanted: Iterable[int], make: Callable[[int], tuple[Circuit, int]], *, pool: Callable[[], Pool],
    progress: bool = True, most_failed: float = MOST_FAILED,
) -> list[Sample]:  # fmt: skip
    """All ``wanted`` samples; those that are not kept yet are made, measured and fitted.

    Parameters
    ----------
    make : callable
        The circuit of a sample, and how many of its transistors are dead, by number.
    pool : callable
        What solves their decks, made when there are any.
    most_failed : float
        Share of a sample's points that may have no result.

    Raises
    ------
    EngineUnavailable
        When ngspice is missing.
    """
    wanted = list(wanted)
    waiting = [number for number in wanted if number not in kept.samples]
    each = sum(int(np.prod(sweep.shape)) for sweep in kept.sweeps)
    with tqdm(
        total=each * len(waiting), desc=kept.block, unit="point", disable=not progress or not waiting
    ) as bar:
        if waiting:
            with pool() as solving:
                for start in range(0, len(waiting), solving.batch):
                    made = {number: make(number) for number in waiting[start : start + solving.batch]}
                    for sample in _batch(made, kept.sweeps, solving, bar, most_failed):
                        kept.add(sample)
    return [kept.samples[number] for number in wanted]


def _batch(
    made: Mapping[int, tuple[Circuit, int]],
    sweeps: tuple[Sweep, ...],
    pool: Pool,
    bar: tqdm,
    most_failed: float,
) -> Iterator[Sample]:
    jobs: list[Job] = []
    origin: dict[str, tuple[int, Sweep, str, Any]] = {}
    for number, (circuit, _) in made.items():
        for sweep in sweeps:
            # the points are those of the plan, the bench is the sample's own
            own = replace(sweep, bench=circuit.sweep(sweep.name).bench)
            for index, point in sweep.points():
                key = f"{sweep.name}|{' '.join(map(str, index))}"
                label = f"sample {number}, {sweep.name} " + " ".join(f"{k}={v:.4g}" for k, v in point.items())
                jobs.append(Job(f"{number}|{key}", circuit.deck(own, point), circuit.name, label))
                origin[jobs[-1].key] = (number, sweep, key, point)
    results: dict[int, dict[str, Any]] = {number: {} for number in made}
    for job, outcome in pool.run(jobs):
        number, sweep, key, point = origin[job.key]
        results[number][key] = measured(sweep, point, outcome, job)
        bar.update()
        if len(results[number]) == len(jobs) // len(made):
            yield _fitted(*made[number], number, sweeps, results.pop(number), pool.version, most_failed)


def _fitted(
    circuit: Circuit, dead: int, number: int, sweeps: tuple[Sweep, ...], results: dict[str, Any], version: str,
    most_failed: float,
) -> Sample:  # fmt: skip
    assert circuit.fit is not None
    try:
        data = assembled(circuit, sweeps, results, "", version)
        failed = failed_points(data)
        # a current at which a hot neuron does not fire, a point that is not solved: fits pass over a few
        points = sum(sweep.status.size for sweep in data.sweeps.values())
        if len(failed) > max(FEW_FAILED, most_failed * points):
            where, why = next(iter(failed.items()))
            raise FitFailed(f"{len(failed)} points have no result, {where}: {why}")
        model = circuit.fit(data)
    except NeuromorphError as error:
        return Sample(number, {}, str(error).splitlines()[0], dead)
    except Exception as error:  # a recipe's own code: whatever it raises is this sample's failure
        return Sample(number, {}, f"{type(error).__name__}: {error}".splitlines()[0], dead)
    bad = [name for name, value in model.parameters.items() if not np.isfinite(value)]
    if bad:
        return Sample(number, {}, f"fitted {', '.join(bad)} is not finite", dead)
    parameters, errors = (
        {name: float(value) for name, value in values.items()} for values in (model.parameters, model.errors)
    )
    return Sample(number, parameters, "", dead, errors)


def _identity(fit: Callable[..., Any] | None) -> str:
    """A fit's name and the text of its file: another law, other samples."""
    plain: Any = getattr(fit, "func", fit)  # of a partial
    try:
        text = Path(inspect.getfile(plain)).read_bytes()
    except (TypeError, OSError):
        text = b""
    return f"{getattr(plain, '__qualname__', plain)} {zlib.crc32(text):08x}"


class KeptSamples:
    """Finished samples on disk: one JSON line each, under a name that says what they are of.

    Parameters
    ----------
    law : how the samples differ
    sweeps : what is measured of each
    """

    def __init__(self, folder: Path, circuit: Circuit, law: str, sweeps: tuple[Sweep, ...]) -> None:
        if folder.exists() and not folder.is_dir():
            raise InputError("this is not a folder", where=folder, remedy="give another one with --out")
        self.block, self.sweeps = circuit.name, sweeps
        what = f"{planned(circuit, sweeps).digest} {_identity(circuit.fit)} {law}"
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
