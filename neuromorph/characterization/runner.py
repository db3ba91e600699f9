"""Run sweeps in parallel; every finished point is on disk before the next begins.

A journal folder beside the library holds one file a point until the block is
complete, so a run that is killed resumes where it stopped and repeats nothing
but the points in flight.  A block is locked while it is measured: a second process
on the same library waits, and then finds it done.
"""

from __future__ import annotations

import os
import shutil
import sys
import traceback
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from neuromorph.characterization.plan import planned
from neuromorph.circuit import STANDARD_OPTIONS, Circuit, Sweep
from neuromorph.errors import CircuitError, NeuromorphError, SimulationFailed
from neuromorph.library import FAILED, SOLVED, BlockData, Library, SweepData, failed_points, provenance
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
        Blocks whose netlist, sweeps, stimuli and measurements have not changed are left alone.
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
    plans = [planned(circuit) for circuit in circuits]
    _refuse_same_names([plan.circuit.name for plan in plans])
    ran, resumed, unchanged = {}, {}, []
    waiting = [p for p in plans if force or not p.is_done(library)]
    points = sum(p.points for p in waiting)
    pool: WorkerPool | None = None
    bar = tqdm(total=points, unit="point", disable=not progress or not points)
    try:
        for plan in plans:
            name = plan.circuit.name
            if plan not in waiting and not _Journal.exists(library.path, name):
                unchanged.append(name)
                continue
            with library.locked(name, partial(_say_waiting, name)):
                if not force and plan.is_done(library):
                    bar.total -= plan.points if plan in waiting else 0  # another process did it
                    unchanged.append(name)
                    _Journal.clean(library.path, name)
                    continue
                pool = pool or WorkerPool(jobs)
                bar.set_description(name)
                journal = _Journal(library.path, name, f"{plan.digest[:16]}-{pool.version}")
                results = _run(plan.circuit, plan.sweeps, pool, journal, bar)
                resumed[name], ran[name] = journal.found, journal.written
                library.write(assembled(plan.circuit, plan.sweeps, results, plan.digest, pool.version))
                journal.remove()
    finally:
        bar.close()
        if pool:
            pool.close()
    failed = {k: v for plan in plans for k, v in _failures(library.read(plan.circuit.name)).items()}
    return Summary(ran, resumed, tuple(unchanged), failed)


def _refuse_same_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise CircuitError(
                f"two recipes are named {name!r}; one would overwrite the other's curves",
                remedy="give each Circuit a name of its own",
            )


def _say_waiting(name: str) -> None:
    print(f"{name}: another process is measuring it into this library; waiting", file=sys.stderr)


def measure(
    circuit: Circuit, sweeps: Iterable[Sweep], jobs: int | None = None, progress: bool = False
) -> BlockData:
    """Measure sweeps now, without a library (held-out checks, re-measurements)."""
    plan = planned(circuit, sweeps)
    with WorkerPool(jobs) as pool:
        with tqdm(total=plan.points, desc=circuit.name, unit="point", disable=not progress) as bar:
            results = _run(circuit, plan.sweeps, pool, None, bar)
        return assembled(circuit, plan.sweeps, results, plan.digest, pool.version)


def _run(
    circuit: Circuit, sweeps: tuple[Sweep, ...], pool: WorkerPool, journal: _Journal | None, bar: tqdm
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
    if bar.total:  # what the journal holds is not work, and must not shorten the time left
        bar.total -= len(results)
        bar.refresh()
    for job, outcome in pool.run(jobs):
        sweep, point = waiting[job.key]
        results[job.key] = measured(sweep, point, outcome, job)
        if journal:
            journal.write(job.key, results[job.key])
        bar.update()
    return results


def measured(sweep: Sweep, point: Any, outcome: Any, job: Job) -> Result:
    """A point's outputs from its waveforms, checked against what the sweep declares."""
    if isinstance(outcome, SimulationFailed):
        return outcome
    try:
        values = sweep.measure(outcome, point)
        arrays = {name: np.asarray(value, float) for name, value in values.items()}
    except CircuitError as error:
        where = error.where or f"{job.circuit}, sweep {sweep.name}"
        raise CircuitError(error.what, where=where, remedy=error.remedy) from error
    except NeuromorphError:
        raise
    except Exception as error:  # a recipe's own code: whatever it raises is this point's failure
        text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        return SimulationFailed(job.circuit, job.point, "measurement", text + _line_of(sweep, error))
    _check_outputs(sweep, arrays, job.circuit)
    return arrays


def _line_of(sweep: Sweep, error: Exception) -> str:
    """Where in the recipe's file it happened, unless the recipe itself says what is wrong."""
    code = getattr(sweep.measure, "__code__", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if code and f.filename == code.co_filename]
    if isinstance(error, ValueError) or not frames:
        return ""
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"


def _check_outputs(sweep: Sweep, arrays: dict[str, np.ndarray], circuit: str) -> None:
    """Measured must be what the sweep declares: the same names, one value or one an inner point."""
    where = f"{circuit}, sweep {sweep.name}"
    for name in sorted(set(arrays) ^ set(sweep.outputs)):
        verb = "declares the output" if name in sweep.outputs else "measures"
        other = "measure" if name in sweep.outputs else "outputs"
        raise CircuitError(f"it {verb} {name!r}, which {other} does not have", where=where,
                           remedy=f"declared: {', '.join(sweep.outputs)}; measured: {', '.join(arrays)}")  # fmt: skip
    inner = tuple(len(axis.values) for axis in sweep.inner.values())
    for name, values in arrays.items():
        if values.shape not in ((), inner):
            raise CircuitError(
                f"it measures {name!r} with shape {values.shape}, its inner axes have {inner}", where=where,
                remedy="return one number, or one value a point of the inner axes",
            )  # fmt: skip


def assembled(
    circuit: Circuit, sweeps: tuple[Sweep, ...], results: dict[str, Result], plan: str, version: str
) -> BlockData:
    """Curves of a block from its points' results, keyed ``sweep|index``."""
    data = {sweep.name: _sweep_data(circuit, sweep, results) for sweep in sweeps}
    attributes = provenance(circuit.netlist_text(), plan, version, STANDARD_OPTIONS)
    attributes.update({f"default_{knob.name}": knob.default for knob in circuit.knobs})
    attributes |= {"kelvin": circuit.kelvin, "supply": circuit.supply}
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
    return {f"{data.name}/{point}": reason for point, reason in failed_points(data).items()}


class _Journal:
    """Finished points of one plan under one ngspice version, one file each.

    Whoever opens it holds the block's lock, so what a killed process left half written can go.
    """

    def __init__(self, library: Path, block: str, plan: str) -> None:
        self.library, self.block = library, block
        self.folder = self._root(library, block) / plan
        self.found, self.written = 0, 0
        self.folder.mkdir(parents=True, exist_ok=True)
        for unfinished in (*self.folder.glob("*.partial"), *library.glob(f".{block}.h5.*.partial")):
            unfinished.unlink(missing_ok=True)

    @staticmethod
    def _root(library: Path, block: str) -> Path:
        return library / f".{block}.journal"

    def _file(self, key: str) -> Path:
        return self.folder / (key.replace("|", "_").replace(" ", "-") + ".npz")

    def read(self, key: str) -> Result | None:
        """A stored point; ``None`` where there is none or its file is damaged."""
        path = self._file(key)
        try:
            with np.load(path, allow_pickle=False) as stored:
                values = {name: stored[name] for name in stored.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)
            return None
        self.found += 1
        return values

    def write(self, key: str, result: Result) -> None:
        """Keep a solved point; failed ones are asked again by the next run."""
        self.written += 1
        if isinstance(result, SimulationFailed):
            return
        path = self._file(key)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, **result)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)

    def remove(self) -> None:
        """Forget this plan and those of before."""
        self.clean(self.library, self.block)

    @classmethod
    def exists(cls, library: Path, block: str) -> bool:
        """Whether a run of the block was interrupted here."""
        return cls._root(library, block).exists()

    @classmethod
    def clean(cls, library: Path, block: str) -> None:
        """Remove what is left of a finished block's journals."""
        shutil.rmtree(cls._root(library, block), ignore_errors=True)
