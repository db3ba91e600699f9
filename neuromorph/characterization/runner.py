"""Run sweeps in parallel; every finished point is on disk before the next begins.

A journal folder beside the library holds one file a point until the block is
complete, so a run that is killed resumes where it stopped and repeats nothing
but the points in flight.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from neuromorph.circuit import STANDARD_OPTIONS, Circuit, Sweep
from neuromorph.errors import CircuitError, SimulationFailed
from neuromorph.library import FAILED, SOLVED, BlockData, Library, SweepData, provenance
from neuromorph.spice.netlist import digest
from neuromorph.spice.workers import Job, WorkerPool

Result = dict[str, Any] | SimulationFailed


@dataclass(frozen=True)
class Summary:
    """What ``characterize`` did: points run, resumed and failed by block."""

    ran: dict[str, int] = field(default_factory=dict)
    resumed: dict[str, int] = field(default_factory=dict)
    unchanged: tuple[str, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)


def characterize(
    circuits: Iterable[Circuit],
    library: Library,
    jobs: int | None = None,
    force: bool = False,
    progress: bool = True,
) -> Summary:
    """Measure every fit sweep of the circuits and store the curves.

    Parameters
    ----------
    circuits : iterable of Circuit
    library : Library
        Blocks whose netlist, plan and options have not changed are left alone.
    jobs : int, optional
        ngspice processes; one a core by default.
    force : bool
        Measure again even where nothing changed.

    Raises
    ------
    EngineUnavailable
        When libngspice is missing.
    CircuitError
        When every point of a sweep fails: the circuit, not the point, is wrong.
    """
    ran, resumed, failed, unchanged = {}, {}, {}, []
    pool: WorkerPool | None = None
    try:
        for circuit in circuits:
            sweeps = tuple(s for s in circuit.sweeps if not s.held_out)
            plan = _plan_digest(circuit, sweeps)
            if not force and library.attributes(circuit.name).get("plan_sha256") == plan:
                unchanged.append(circuit.name)
                continue
            pool = pool or WorkerPool(jobs)
            journal = _Journal(library.path / f".{circuit.name}.journal" / plan[:16])
            results = _run(circuit, sweeps, pool, journal, progress)
            resumed[circuit.name], ran[circuit.name] = journal.found, journal.written
            data = _assemble(circuit, sweeps, results, plan, pool.version)
            library.write(data)
            journal.remove()
            failed.update(_failures(data))
    finally:
        if pool:
            pool.close()
    return Summary(ran, resumed, tuple(unchanged), failed)


def measure(
    circuit: Circuit, sweeps: Iterable[Sweep], jobs: int | None = None, progress: bool = False
) -> BlockData:
    """Measure sweeps now, without a library (held-out checks, re-measurements)."""
    sweeps = tuple(sweeps)
    with WorkerPool(jobs) as pool:
        results = _run(circuit, sweeps, pool, None, progress)
        return _assemble(circuit, sweeps, results, _plan_digest(circuit, sweeps), pool.version)


def _plan_digest(circuit: Circuit, sweeps: Iterable[Sweep]) -> str:
    decks = [sweep.bench(circuit, point) for sweep in sweeps for _, point in sweep.points()]
    outputs = [f"{sweep.name}:{sorted(sweep.outputs)}" for sweep in sweeps]
    return digest(circuit.netlist_text(), *decks, *outputs)


def _run(
    circuit: Circuit, sweeps: tuple[Sweep, ...], pool: WorkerPool, journal: _Journal | None, progress: bool
) -> dict[str, Result]:
    """Results by ``sweep|index``, from the journal or from ngspice."""
    results: dict[str, Result] = {}
    waiting: dict[str, tuple[Sweep, Any]] = {}
    jobs = []
    for sweep in sweeps:
        for index, point in sweep.points():
            key = f"{sweep.name}|{' '.join(map(str, index))}"
            stored = journal.read(key) if journal else None
            if stored is not None:
                results[key] = stored
                continue
            waiting[key] = (sweep, point)
            label = f"{sweep.name} " + " ".join(f"{k}={v:.4g}" for k, v in point.items())
            jobs.append(Job(key, circuit.deck(sweep, point), circuit.name, label))
    bar = tqdm(total=len(jobs), desc=circuit.name, unit="point", disable=not progress or not jobs)
    with bar:
        for job, outcome in pool.run(jobs):
            sweep, point = waiting[job.key]
            results[job.key] = _measured(sweep, point, outcome, job)
            if journal:
                journal.write(job.key, results[job.key])
            bar.update()
    return results


def _measured(sweep: Sweep, point: Any, outcome: Any, job: Job) -> Result:
    if isinstance(outcome, SimulationFailed):
        return outcome
    try:
        values = sweep.measure(outcome, point)
    except (KeyError, IndexError, ValueError) as error:
        return SimulationFailed(job.circuit, job.point, "measurement", f"{type(error).__name__}: {error}")
    return {name: np.asarray(values[name], float) for name in sweep.outputs}


def _assemble(
    circuit: Circuit, sweeps: tuple[Sweep, ...], results: dict[str, Result], plan: str, version: str
) -> BlockData:
    data = {sweep.name: _sweep_data(circuit, sweep, results) for sweep in sweeps}
    attributes = provenance(circuit.netlist_text(), plan, version, STANDARD_OPTIONS)
    attributes.update({f"default_{knob.name}": knob.default for knob in circuit.knobs})
    return BlockData(circuit.name, attributes, data)


def _sweep_data(circuit: Circuit, sweep: Sweep, results: dict[str, Result]) -> SweepData:
    inner = tuple(len(axis.values) for axis in sweep.inner.values())
    outputs: dict[str, np.ndarray] = {}
    status = np.full(sweep.shape, FAILED, np.int8)
    reasons: dict[tuple[int, ...], str] = {}
    for index, _ in sweep.points():
        result = results[f"{sweep.name}|{' '.join(map(str, index))}"]
        if isinstance(result, SimulationFailed):
            reasons[index] = " / ".join((result.reason, *result.log_tail[-2:]))
            continue
        status[index] = SOLVED
        for name, value in result.items():
            shape = sweep.shape + (inner if value.ndim else ())
            outputs.setdefault(name, np.full(shape, np.nan))[index] = value
    if not outputs:
        first = next(iter(reasons.values()), "no points")
        raise CircuitError(f"every point of sweep {sweep.name!r} failed: {first}", where=circuit.name)
    units = {name: axis.unit for name, axis in (*sweep.axes.items(), *sweep.inner.items())}
    return SweepData(
        {name: np.array(axis.values) for name, axis in sweep.axes.items()},
        {name: np.array(axis.values) for name, axis in sweep.inner.items()},
        outputs, {**units, **sweep.outputs}, status, reasons,
    )  # fmt: skip


def _failures(data: BlockData) -> dict[str, str]:
    from neuromorph.library import failed_points

    return {f"{data.name}/{point}": reason for point, reason in failed_points(data).items()}


class _Journal:
    """Finished points of one plan, one file each."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.found, self.written = folder, 0, 0
        folder.mkdir(parents=True, exist_ok=True)

    def _file(self, key: str) -> Path:
        return self.folder / (key.replace("|", "_").replace(" ", "-") + ".npz")

    def read(self, key: str) -> Result | None:
        path = self._file(key)
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as stored:
            self.found += 1
            return {name: stored[name] for name in stored.files}

    def write(self, key: str, result: Result) -> None:
        """Keep a solved point; failed ones are asked again by the next run."""
        self.written += 1
        if isinstance(result, SimulationFailed):
            return
        path = self._file(key)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, **result)
        os.replace(partial, path)

    def remove(self) -> None:
        shutil.rmtree(self.folder.parent, ignore_errors=True)
